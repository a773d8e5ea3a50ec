"""Given these events, when this order is given, then those events, or a refusal by that rule.

    given(reported, assigned).when(StartIncidentWork(), actor=BEN).then(IncidentWorkStarted(assigned_to=BEN))
    given(resolved_by_ben).when(CloseIncident(), actor=BEN).refused("closer-is-not-resolver")

An order passes the shipped policy (may), in which the persons below hold every role, and then its decision
(can), as in the ledger; with `may=`, it passes that instead, and nobody holds any role that is not given.
It sees the rosters that all subjects stand on, in the order in which they were given. Ids count up: 1, 2, 3 …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from domain.by_policy import by_policy
from domain.command import Case, Command, On, decide
from domain.errors import CanNot
from domain.event import Event, Json, State
from domain.fold import fold
from domain.may import DecisionRequest, May
from tests.open_door import open_door
from tests.world import StatesCensus, rosters_in, with_every_role

ADA = "principal/PRN0000001"
BEN = "principal/PRN0000002"
CLEO = "principal/PRN0000003"
DAN = "principal/PRN0000004"
SYSTEM = "principal/PRN0000009"
SOURCE = "principal/PRN0000010"
NAMED = "principal/PRN0000011"
GONE = "principal/PRN0000012"
STRANGER = "principal/PRN0000099"

PRINCIPALS: Mapping[str, State] = {
    ADA: {"status": "registered", "kind": "person", "mode": "govern"},
    BEN: {"status": "registered", "kind": "person", "mode": "govern"},
    CLEO: {"status": "registered", "kind": "person", "mode": "govern"},
    DAN: {"status": "registered", "kind": "person", "mode": "govern"},
    SYSTEM: {"status": "registered", "kind": "system", "mode": "govern"},
    SOURCE: {"status": "registered", "kind": "source", "mode": "observe"},
    NAMED: {"status": "referenced", "kind": "person"},
    GONE: {"status": "deactivated", "kind": "person", "mode": "govern"},
}

EVERY_ROLE: Mapping[str, State] = with_every_role((ADA, BEN, CLEO, DAN))

NOW = "2026-03-02T12:00:00.000000Z"


@dataclass(frozen=True)
class Outcome:
    """What came of an order: events, or the rules that refused it."""

    events: Sequence[Event]
    refusals: tuple[str, ...]
    state: State
    vacuous: tuple[str, ...]
    elsewhere: Sequence[On] = ()
    """Events of other subjects."""

    def then(self, *expected: Event) -> Outcome:
        assert not self.refusals, f"refused by {self.refusals}"
        assert _told(self.events) == _told(expected)
        return self

    def refused(self, *rules: str) -> None:
        assert self.refusals == rules, f"got {self.refusals or _told(self.events)}"

    def vacuously(self, *guards: str) -> Outcome:
        """Exactly these guards could not be asked."""
        assert not self.refusals, f"refused by {self.refusals}"
        assert self.vacuous == guards
        return self


@dataclass(frozen=True)
class Given:
    subject: str
    state: State
    others: Mapping[str, State] = field(default_factory=dict)
    first_id: int = 1
    may: May | None = None
    """None: the shipped policy."""

    def case(
        self,
        *,
        actor: str = ADA,
        now: str = NOW,
        on_behalf_of: str | None = None,
        besides: Mapping[str, State] | None = None,
    ) -> Case:
        """What a decision about the subject may look at."""
        states = {**PRINCIPALS, **(besides or {}), **self.others}
        if self.state:
            states[self.subject] = self.state
        ids = count(self.first_id)
        return Case(
            self.subject,
            self.state,
            states,
            actor,
            now,
            lambda: str(next(ids)),
            rosters_in(states),
            on_behalf_of=on_behalf_of,
            census=StatesCensus(states),
        )

    def words(
        self,
        command: Command,
        *,
        actor: str = ADA,
        now: str = NOW,
        on_behalf_of: str | None = None,
    ) -> set[str]:
        """The circumstances that a policy could ask about."""
        case = self.case(actor=actor, now=now, on_behalf_of=on_behalf_of)
        return set(command.circumstances(case))

    def when(
        self,
        command: Command,
        *,
        actor: str = ADA,
        now: str = NOW,
        on_behalf_of: str | None = None,
        may: May | None = None,
    ) -> Outcome:
        may = may or self.may
        besides = EVERY_ROLE if may is None else {}
        case = self.case(actor=actor, now=now, on_behalf_of=on_behalf_of, besides=besides)
        verdict = (may or by_policy)(
            DecisionRequest(f"{command.family.name}:{command.verb}", command, case)
        )
        if not verdict.permit:
            return Outcome([], verdict.rules, self.state, ())
        try:
            decided = decide(command, case)
        except CanNot as refusal:
            return Outcome([], refusal.rules, self.state, ())
        events = [event for event in decided if isinstance(event, Event)]
        after = fold_from(self.state, events)
        elsewhere = [event for event in decided if isinstance(event, On)]
        return Outcome(events, (), after, command.vacuous_guards(case), elsewhere)


def given(
    *events: Event,
    subject: str = "incident/INC0010001",
    others: Mapping[str, State] | None = None,
    may: May | None = None,
) -> Given:
    """A subject with this history, in a ledger where `others` exist beside the principals above."""
    return Given(subject, fold_from({}, events), others or {}, may=may)


def standing(
    subject: str, state: State, others: Mapping[str, State] | None = None, first_id: int = 1
) -> Given:
    """A subject in this state, where whoever is registered may do anything: for what *can* be done."""
    return Given(subject, state, others or {}, first_id, open_door)


def fold_from(state: State, events: Sequence[Event]) -> dict[str, Json]:
    """With what the ledger states along in events that derive something."""
    folded = dict(state)
    for event in events:
        folded = fold([folded, event.data()])
        if event.derives:
            folded = fold([folded, dict(event.derived(folded))])
    return folded


def _told(events: Sequence[Event]) -> list[tuple[str, dict[str, Json]]]:
    return [(event.type_name, event.data()) for event in events]
