"""A long history of decisions: lives that were really ordered, and copies of them that are only recorded.

Deciding a million orders takes longer than asking them again. A copy has another subject; people, roles, times
and rules are those of the life it copies. Personal text is left out, which the policy does not ask about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, zip_longest
from typing import Any, NamedTuple

from domain.change import change_content_hash
from domain.event import Event, event_class
from domain.fold import merge_patch
from ledger.entry import Draft, Entry
from ledger.ids import new_uuid7
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import View
from tests.bench.company import Company
from tests.bench.lives import lives
from tests.bench.measuring import in_threads

WRITERS = 64
ORDERS_EACH = 150
AT_ONCE = 64
"""Lives that go on at the same time. No two of them plan for the same service."""
WAVES = 4
"""How many times as many go into one commit."""


class Act(NamedTuple):
    """One event of a life, without the subject."""

    event: type[Event]
    data: dict[str, Any]
    said: dict[str, str | int]


Life = tuple[Act, ...]
_SAID = ("decidedat", "authtype", "authid", "recordedby", "policy", "decision", "rules", "grants")


def decided(ledger: Ledger, company: Company, count: int) -> None:
    """Let at least so many decisions happen."""
    before = ledger.head().size
    acts = [lives(ledger, company, writer) for writer in range(WRITERS)]
    in_threads(WRITERS, ORDERS_EACH, lambda writer, _: next(acts[writer]))
    endless = cycle(_lived(ledger, before))
    while ledger.head().size - before < count:
        waves = [_Copied([next(endless) for _ in range(AT_ONCE)]) for _ in range(WAVES)]
        for outcome in ledger.writer.submit(waves):
            recorded(outcome)


def _lived(ledger: Ledger, after: int) -> list[Life]:
    """The lives behind that position that have come to their end."""
    by_subject: dict[str, list[Entry]] = {}
    for entry in ledger.entries(after, ledger.head().size - after):
        by_subject.setdefault(entry.subject, []).append(entry)
    return [
        _life(entries) for entries in by_subject.values() if entries[-1].type.endswith(".closed.v1")
    ]


def _life(entries: Sequence[Entry]) -> Life:
    acts: list[Act] = []
    state: dict[str, Any] = {}
    for entry in entries:
        event = event_class(entry.type)
        told = {name: value for name, value in entry.data.items() if name not in event.personal}
        for approval in told.get("approvals", {}).values():
            approval["content_hash"] = change_content_hash(state)
        if "authorized_hash" in told:
            told["authorized_hash"] = change_content_hash(state)
        state = merge_patch(state, told)
        said = {name: entry.attributes[name] for name in _SAID if name in entry.attributes}
        acts.append(Act(event, told, said))
    return tuple(acts)


@dataclass(slots=True)
class _Copied(Unordered):
    lives: Sequence[Life]

    def settle(self, view: View) -> Sequence[Draft]:
        subjects = []
        for life in self.lives:
            subjects.append(view.next_number(life[0].event.family.name))
            view.take_number(subjects[-1])
        return list(self._drafts(view, subjects))

    def _drafts(self, view: View, subjects: Sequence[str]) -> Iterator[Draft]:
        for acts in zip_longest(*self.lives):
            for subject, act in zip(subjects, acts, strict=True):
                if act is not None:
                    yield Draft(
                        subject,
                        act.event,
                        act.data,
                        view.recordedtime,
                        new_uuid7(),
                        view.source,
                        act.said,
                        derives=act.event.derives,
                    )
