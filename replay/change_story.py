"""A change as its entries tell it: when it was approved, authorized, begun and done, and when asked about afterwards.

What a source observed may leave out anything, and come in any order: then the story says less, never otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from domain.change_authorization import ApprovalsInvalidated, ChangeAuthorized, ChangePreAuthorized
from domain.change_implementation import (
    BreakGlassInvoked,
    ChangeRolledBack,
    EmergencyImplementationStarted,
    ImplementationCompleted,
    ImplementationStarted,
)
from domain.change_retro_approval import (
    RetroApprovalDenied,
    RetroApprovalGranted,
    RetroApprovalLapsed,
    RetroApprovalRequested,
)
from domain.change_review import UnauthorizedChangeDetected
from domain.event import Event, Json, State
from ledger.database import Database
from ledger.past import entries_of_family
from replay.before import Step, steps_of

AUTHORIZES: Final = frozenset({ChangeAuthorized.type_name, ChangePreAuthorized.type_name})
VOIDS: Final = ApprovalsInvalidated.type_name
BREAKS_GLASS: Final = BreakGlassInvoked.type_name
_BEGINS: Final[Mapping[str, str]] = {
    ImplementationStarted.type_name: "started_at",
    EmergencyImplementationStarted.type_name: "started_at",
    BREAKS_GLASS: "started_at",
}
_BEGUN_BY_THEN: Final[Mapping[str, str]] = {
    ImplementationCompleted.type_name: "implemented_at",
    ChangeRolledBack.type_name: "rolled_back_at",
    UnauthorizedChangeDetected.type_name: "detected_at",
}
"""What can only happen once it has begun, where nobody said when that was."""
_ENDS: Final = (ImplementationCompleted, ChangeRolledBack)
RetroOutcome = Literal["granted", "granted-late", "denied", "lapsed", "open", "overdue"]
_RETRO_DECIDES: Final[Mapping[str, RetroOutcome]] = {
    RetroApprovalGranted.type_name: "granted",
    RetroApprovalDenied.type_name: "denied",
    RetroApprovalLapsed.type_name: "lapsed",
}


@dataclass(frozen=True, slots=True)
class Said:
    """An approval as it stands now, with the entry that stated it first."""

    id: str
    step: Step
    approval: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Beginning:
    """`at`: when the implementation began; by then at the latest, where `is_exact` is False."""

    step: Step
    at: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class RetroRound:
    """A retro-approval that was requested, and how it was decided. `request` None: decided, asked for by nobody."""

    request: Step | None
    decision: Step | None
    due_at: str | None

    @property
    def decided_at(self) -> str | None:
        if self.decision is None:
            return None
        return str(self.decision.said.data.get("retro_decided_at") or self.decision.said.time)

    def outcome(self, now: str) -> RetroOutcome:
        """A round that nobody decided is overdue once its time has come, whether or not a timer has run."""
        if self.decision is None:
            return "overdue" if self.due_at is not None and self.due_at < now else "open"
        decided = _RETRO_DECIDES[self.decision.said.type]
        late = self.due_at is not None and (self.decided_at or "") > self.due_at
        return "granted-late" if decided == "granted" and late else decided


@dataclass(frozen=True)
class Story:
    """`steps`: all entries of the change, of which there is at least one."""

    subject: str
    steps: Sequence[Step]

    @property
    def state(self) -> State:
        return self.steps[-1].after

    @property
    def last(self) -> Step:
        return self.steps[-1]

    def of(self, *events: type[Event]) -> list[Step]:
        names = {event.type_name for event in events}
        return [step for step in self.steps if step.said.type in names]

    @cached_property
    def approvals(self) -> list[Said]:
        """Granted or denied, in the order in which they were recorded."""
        found: dict[str, Said] = {}
        stands: Mapping[str, Mapping[str, Json]] = self.state.get("approvals") or {}
        for step in self.steps:
            for name in step.said.data.get("approvals") or {}:
                if name in stands and name not in found and name not in _stated(step.before):
                    found[name] = Said(name, step, stands[name])
        return list(found.values())

    @cached_property
    def authorizations(self) -> list[Step]:
        return [step for step in self.steps if step.said.type in AUTHORIZES]

    @cached_property
    def began(self) -> Beginning | None:
        """The first word that its implementation began. None: nothing says that it has."""
        for names, is_exact in ((_BEGINS, True), (_BEGUN_BY_THEN, False)):
            for step in self.steps:
                if step.said.type in names:
                    return Beginning(step, self._moment(step, names[step.said.type]), is_exact)
        return None

    @cached_property
    def ended_at(self) -> str | None:
        """When it was implemented, or the last time that it was rolled back."""
        ended = self.of(*_ENDS)
        if not ended:
            return None
        return self._moment(ended[-1], _BEGUN_BY_THEN[ended[-1].said.type])

    @cached_property
    def broken_glass(self) -> Step | None:
        return next((step for step in self.steps if step.said.type == BREAKS_GLASS), None)

    @cached_property
    def retro_rounds(self) -> list[RetroRound]:
        rounds: list[RetroRound] = []
        for step in self.steps:
            if step.said.type == RetroApprovalRequested.type_name:
                rounds.append(RetroRound(step, None, step.after.get("retro_due_at")))
            elif step.said.type in _RETRO_DECIDES:
                asked = rounds.pop() if rounds and rounds[-1].decision is None else None
                request = asked.request if asked else None
                rounds.append(RetroRound(request, step, step.after.get("retro_due_at")))
        return rounds

    def _moment(self, step: Step, member: str) -> str:
        """As it stands now, corrected where it was; else as the entry says, else when the entry happened."""
        if self.of_type(step.said.type) == [step] and self.state.get(member):
            return str(self.state[member])
        return str(step.said.data.get(member) or step.said.time)

    def of_type(self, type_name: str) -> list[Step]:
        return [step for step in self.steps if step.said.type == type_name]


def stories(database: Database, size: int) -> Iterator[Story]:
    """Every change, as its entries among the first `size` tell it; in the order in which they began."""
    rows: dict[str, list[tuple[int, bytes]]] = {}
    for one in entries_of_family(database, "change", size):
        rows.setdefault(one.subject, []).append((one.position, one.raw))
    for subject, of_it in rows.items():
        yield Story(subject, steps_of(of_it))


def _stated(state: State) -> Iterable[str]:
    approvals: Mapping[str, Json] = state.get("approvals") or {}
    return approvals
