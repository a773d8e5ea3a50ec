"""Where the changes of an estate are found by what a deployment tells: marks, and the service at a moment.

It holds a few words for each change that was ever authorized, its text and its approvals not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from domain.change import services_of
from domain.event import State
from domain.reconciliation import claim_of, marks_of_change
from domain.windows import Window


@dataclass(slots=True)
class ChangeIndex:
    """`states`: where the state of a change is looked up; as `reconciled` asks for it (`Changes`)."""

    states: Mapping[str, State]
    _by_mark: dict[str, set[str]] = field(default_factory=dict)
    _on_service: dict[str, dict[str, Window]] = field(default_factory=dict)

    def state(self, subject: str) -> State:
        return self.states[subject]

    def marked(self, mark: str) -> Iterable[str]:
        return self._by_mark.get(mark, ())

    def on_service(self, service: str, moment: str) -> Iterator[str]:
        for subject, claim in self._on_service.get(service, {}).items():
            if claim["start"] <= moment <= claim["end"]:
                yield subject

    def moved(self, subject: str, before: State, after: State) -> None:
        """A change has another state."""
        old, new = _marks(before), _marks(after)
        for mark in old - new:
            self._by_mark[mark].discard(subject)
            if not self._by_mark[mark]:
                del self._by_mark[mark]
        for mark in new - old:
            self._by_mark.setdefault(mark, set()).add(subject)
        claim = claim_of(after)
        claimed = services_of(after) if claim else frozenset()
        for service in services_of(before) - claimed:
            self._on_service.get(service, {}).pop(subject, None)
        if claim is not None:
            for service in claimed:
                self._on_service.setdefault(service, {})[subject] = claim


def _marks(change: State) -> frozenset[str]:
    """None before it is authorized: nothing deployed can be its."""
    is_authorized = bool(change.get("authorized_at") or change.get("break_glass_at"))
    return frozenset(marks_of_change(change)) if is_authorized else frozenset()
