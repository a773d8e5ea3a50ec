"""The desk: gives the orders of the simulation to the ledger, by the same path as everybody else."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.examining import Examiner
from api.simulator.clock import SimulatedClock, next_opening, working_time_after
from api.simulator.company import MONITORING, SOURCES
from domain.command import Command
from domain.errors import Refused
from domain.event import Event, Json, State
from domain.moments import to_text
from domain.rosters import POLICIES
from domain.thresholds import Thresholds, thresholds_in_force
from domain.timers import has_timers, timers_of
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order, timer_order
from ledger.ledger import Ledger, recorded
from ledger.observe import Observation, ObserveProposal
from ledger.view import SYSTEM, Receipt

FIRST = "first person"
ACTORS = {
    "system": Actor(SYSTEM, "system"),
    "operator": Actor(OPERATOR, "system"),
    FIRST: Actor(FIRST_PERSON),
}


@dataclass(slots=True)
class Desk:
    """`chance` and `clock` are handed in: the same seed and start give the same quarter."""

    ledger: Ledger
    examiner: Examiner
    clock: SimulatedClock
    chance: random.Random
    people: dict[str, str] = field(default_factory=dict)
    grants: dict[tuple[str, str], str] = field(default_factory=dict)
    """(name, role) → the grant that was given last."""
    incidents: list[str] = field(default_factory=list)
    major: str = ""
    """The major incident of the first morning."""
    evenings: set[tuple[str, datetime]] = field(default_factory=set)
    """(service, evening) that a change has been planned for, or that a freeze is over."""
    models: dict[str, int] = field(default_factory=dict)
    """Standard change models that are in use → their version."""
    away: set[str] = field(default_factory=set)
    """Who is on holiday."""
    announced: Thresholds = field(default_factory=Thresholds)
    """Of a policy that everybody knows will come."""
    refused: int = 0
    deployed: int = 0
    _examined: int = 0
    _observed: int = 0
    _due: list[tuple[str, str]] = field(default_factory=list)
    """(when, subject) of timers that may be due then."""

    def order(
        self, who: str, command: Command, subject: str | None = None, *, for_: str | None = None
    ) -> Receipt:
        """The last receipt. `who`: a name of the company, `system`, `operator` or the first person; `for_`: the
        name of who delegated. Raises LedgerError.
        """
        acting = ACTORS.get(who) or Actor(self.people[who])
        if for_ is not None:
            acting = Actor(acting.principal, on_behalf_of=self.people[for_])
        receipts = self.ledger.execute(Order(command, acting, subject)).receipts
        for moved in {receipt.subject for receipt in receipts}:
            self._wind(moved)
        return receipts[-1]

    def give_due(self, moment: datetime) -> None:
        """The system's orders that are due by then, each in its minute: as the scheduler of a server gives them."""
        until = to_text(moment)
        while self._due and self._due[0][0] <= until:
            due, subject = heapq.heappop(self._due)
            for timer in timers_of(subject, self.state(subject)):
                if timer.due == due:
                    self.clock.move_to(datetime.fromisoformat(due))
                    self.ledger.execute(timer_order(subject, timer))
                    self.examine()
            self._wind(subject)

    def examine(self) -> None:
        """What was recorded since is looked at now, and what it shows is raised: as a server does, within a second."""
        if self.ledger.head().size > self._examined:
            self.examiner.run_until()
            self._examined = self.ledger.head().size

    def _wind(self, subject: str) -> None:
        if has_timers(subject.partition("/")[0]):
            for timer in timers_of(subject, self.state(subject)):
                if (timer.due, subject) not in self._due:
                    heapq.heappush(self._due, (timer.due, subject))

    def last_position(self, subject: str) -> int:
        """Of the entry that brought the subject to where it stands."""
        return self.ledger.entries_of(subject)[-1].position

    def try_order(
        self, who: str, command: Command, subject: str, *, for_: str | None = None
    ) -> tuple[str, ...]:
        """The rules that refuse it. Something has to, or the story is not the one that is told."""
        try:
            self.order(who, command, subject, for_=for_)
        except Refused as refusal:
            self.refused += 1
            return refusal.rules
        raise AssertionError(f"{command.verb} on {subject} was expected to be refused")

    def observe(
        self,
        event: type[Event],
        subject: str,
        members: Mapping[str, Json],
        *,
        source: str = MONITORING,
        actor: str | None = None,
        happened: datetime | None = None,
    ) -> Receipt:
        """A fact that a source states, at the time it says or else now. `actor`: who did it, if it says so."""
        self._observed += 1
        fact = Observation(
            event,
            subject,
            members,
            to_text(happened or self.clock.now()),
            f"observed-{self._observed:06d}",
            SOURCES[source],
            actor=self.people[actor] if actor else None,
        )
        proposal = ObserveProposal([fact], self.people[source])
        return recorded(self.ledger.observe([proposal])[0]).receipts[-1]

    def state(self, subject: str) -> State:
        return self.ledger.subject(subject).state

    def thresholds(self) -> Thresholds:
        """Of the policy in force."""
        (policy,) = self.ledger.roster(POLICIES).members
        return thresholds_in_force(self.state(policy)["thresholds"])

    def now_text(self) -> str:
        return to_text(self.clock.now())

    def after(self, low_minutes: float, high_minutes: float) -> datetime:
        """Some working time from now."""
        minutes = self.chance.uniform(low_minutes, high_minutes)
        return working_time_after(self.clock.now(), timedelta(minutes=minutes))

    def soon(self, low_minutes: float, high_minutes: float) -> datetime:
        """Some time from now, at night as well: where somebody is on call."""
        minutes = self.chance.uniform(low_minutes, high_minutes)
        return self.clock.now() + timedelta(minutes=minutes)

    def day(self, days: int, hour: int = 9, minute: int = 0) -> datetime:
        """That time on the next working day from `days` ahead of today on."""
        at = self.clock.now() + timedelta(days=days)
        opening = next_opening(at.replace(hour=8, minute=0, second=0, microsecond=0))
        return opening.replace(hour=hour, minute=minute, second=0, microsecond=0)
