"""How a case of the table is written down.

    Case("the fulfiller", on="request:close", roles="service-desk", parts="requester+fulfiller")

In each of `on`, `roles`, `parts` and `when` a space means "or", and each alternative is a case of its own; a
plus means "and".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from domain.cedar import Question

ANYBODY = "principal/PRN0000007"


@dataclass(frozen=True)
class Case:
    """`who`: a sentence's worth of who asks, or what is the matter.

    `parts`: those of who asks; `filled`: those that others have played; `when`: circumstances.
    `is_fence`: no shipped rule would permit it anyway. The rule names the refusal, and stands against
    whatever a later rule permits.
    """

    who: str
    on: str
    roles: str = ""
    parts: str = ""
    filled: str = ""
    when: str = ""
    kind: str = "person"
    status: str = "registered"
    mode: str = "govern"
    is_fence: bool = False

    @property
    def actions(self) -> frozenset[str]:
        return frozenset(self.on.split())

    @property
    def named_roles(self) -> frozenset[str]:
        return frozenset(self.roles.replace("+", " ").split())

    def questions(self) -> Iterator[Question]:
        ways = [_alternatives(told) for told in (self.on, self.roles, self.parts, self.when)]
        for (action,), roles, parts, when in product(*ways):
            yield Question(
                principal=ANYBODY,
                kind=self.kind,
                status=self.status,
                mode=self.mode,
                roles=roles,
                action=action,
                resource=f"{action.partition(':')[0]}/X1",
                state={},
                parts=parts,
                filled=(*parts, *self.filled.split()),
                circumstances=when,
            )


def _alternatives(told: str) -> list[tuple[str, ...]]:
    return [tuple(one.split("+")) for one in told.split()] or [()]
