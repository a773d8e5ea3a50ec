"""The scheduler: it gives the system's orders whose time has come, each once, in the order in which they were due.

The read model of timers tells where to look, the log tells what is due, and each order is decided under the lock:
that another process gave it first, or that somebody stopped the clock meanwhile, refuses it there and is no fault.
An order is recorded as of the moment when it was due, however long nobody was there to give it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Final

import structlog

from domain.errors import CanNot, LedgerError
from domain.moments import later
from domain.timers import Timer
from ledger.govern import due_timers, timer_order
from ledger.ledger import Ledger
from projections.errors import ViewNotReady
from projections.timers import due_by
from projections.views import Views

TICK_SECONDS: Final = 0.5
"""How long after it was due an order is given at most, beside the lag of the read model."""
GROUP_ORDERS: Final = 500
RETRY: Final = timedelta(minutes=10)
"""A policy that refuses the system is asked again so much later: each refusal is recorded."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Timekeeper:
    """One for each process that serves; any number may run at once."""

    ledger: Ledger
    views: Views
    failure: str | None = None
    """The code of what went wrong with the last look; None: nothing."""
    _given: dict[str, int] = field(default_factory=dict)
    """Subject → the position at which its orders were given: until the read model is there it tells old news."""
    _refused: dict[tuple[str, str], str] = field(default_factory=dict)
    """(subject, due) → when to ask again."""

    def run(self, stop: Event) -> None:
        """Until `stop` is set. What fails is told, and tried again."""
        while not stop.wait(TICK_SECONDS):
            try:
                while self.give_due() == GROUP_ORDERS and not stop.is_set():
                    pass
                self.failure = None
            except ViewNotReady:
                continue  # it is being built
            except LedgerError as error:
                if self.failure != error.code:
                    _log.error("timers-failed", code=error.code, detail=error.message)
                self.failure = error.code

    def give_due(self) -> int:
        """How many orders were found due, at most GROUP_ORDERS. Raises what the writer raises, and ViewNotReady."""
        now = self.ledger.now()
        due = self._due(now)[:GROUP_ORDERS]
        proposals = [self.ledger.undecided(timer_order(subject, timer)) for timer, subject in due]
        outcomes = self.ledger.writer.submit(proposals) if proposals else []
        position = self.ledger.head().size
        for (timer, subject), outcome in zip(due, outcomes, strict=True):
            self._given[subject] = position
            if isinstance(outcome, LedgerError) and not isinstance(outcome, CanNot):
                self._refused[subject, timer.due] = later(now, RETRY)
                _log.warning("timer-refused", subject=subject, code=outcome.code)
        return len(due)

    def _due(self, now: str) -> list[tuple[Timer, str]]:
        position, rows = due_by(self.views, now, GROUP_ORDERS + len(self._refused))
        self._given = {one: at for one, at in self._given.items() if at > position}
        self._refused = {one: at for one, at in self._refused.items() if at > now}
        waiting = [row.subject for row in rows if self._is_to_be_asked(row.subject, row.due)]
        found = [
            (timer, subject)
            for subject in waiting
            for timer in due_timers(subject, self.ledger.load(subject), now)
        ]
        return sorted(found, key=lambda one: (one[0].due, one[1]))

    def _is_to_be_asked(self, subject: str, due: str) -> bool:
        return subject not in self._given and (subject, due) not in self._refused
