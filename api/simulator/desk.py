"""The desk: gives the orders of the simulation to the ledger, by the same path as everybody else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.simulator.clock import SimulatedClock, next_opening, working_time_after
from api.simulator.company import EVERYBODY, MONITORING, MONITORING_URI
from domain.command import Command
from domain.errors import Refused
from domain.event import Event, Json, State
from domain.moments import to_text
from domain.principal import RegisterPrincipal
from ledger.genesis import OPERATOR
from ledger.govern import Actor, Order
from ledger.ledger import Ledger, recorded
from ledger.observe import Observation, ObserveProposal
from ledger.view import SYSTEM, Receipt


@dataclass(slots=True)
class Desk:
    """`chance` and `clock` are handed in: the same seed and start give the same quarter."""

    ledger: Ledger
    clock: SimulatedClock
    chance: random.Random
    people: dict[str, str] = field(default_factory=dict)
    incidents: list[str] = field(default_factory=list)
    evenings: set[tuple[str, datetime]] = field(default_factory=set)
    """(service, evening) that a change has been planned for."""
    refused: int = 0
    _observed: int = 0

    def register_everybody(self) -> None:
        for name in EVERYBODY:
            self._register(RegisterPrincipal(kind="person", name=name))
        self._register(
            RegisterPrincipal(
                kind="source", name=MONITORING, mode="observe", source_uri=MONITORING_URI
            )
        )

    def order(self, who: str, command: Command, subject: str | None = None) -> Receipt:
        """The last receipt. `who`: a name of the company, `system` or `operator`. Raises LedgerError."""
        actor = {"system": Actor(SYSTEM, "system"), "operator": Actor(OPERATOR, "system")}.get(who)
        order = Order(command, actor or Actor(self.people[who]), subject)
        return self.ledger.execute(order).receipts[-1]

    def try_order(self, who: str, command: Command, subject: str) -> tuple[str, ...]:
        """The rules that refuse it. Something has to, or the story is not the one that is told."""
        try:
            self.order(who, command, subject)
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
        happened: datetime | None = None,
    ) -> Receipt:
        """A fact that the monitoring states, at the time it says or else now."""
        self._observed += 1
        fact = Observation(
            event,
            subject,
            members,
            to_text(happened or self.clock.now()),
            f"monitoring-{self._observed:06d}",
            MONITORING_URI,
        )
        proposal = ObserveProposal([fact], self.people[MONITORING])
        return recorded(self.ledger.observe([proposal])[0]).receipts[-1]

    def state(self, subject: str) -> State:
        return self.ledger.subject(subject).state

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

    def _register(self, command: RegisterPrincipal) -> None:
        self.people[command.name] = self.order("operator", command).subject
