"""A service desk's log in memory: entries in the stored form, written by the ledger's own hand.

The runner asks a log for no more than this, so most promises of the read models need no ledger behind them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import domain.catalogue  # noqa: F401 - the registry of event types is complete once it is imported
from domain.event import Event, Json
from domain.incident import (
    IncidentAssigned,
    IncidentClosed,
    IncidentReported,
    IncidentResolved,
    IncidentWorkStarted,
)
from ledger.entry import Draft, Entry, write_entry
from ledger.log import Head
from projections.feed import AppendSignal
from projections.runner import Runner

ADA = "principal/PRN0000001"
BEN = "principal/PRN0000002"
NOW = "2026-04-01T00:00:00.000000Z"
LIFE: tuple[tuple[type[Event], dict[str, Json]], ...] = (
    (IncidentReported, {"priority": 2, "service": "mail", "reported_by": ADA, "reopen_count": 0}),
    (IncidentAssigned, {"assignment_group": "messaging", "assigned_to": BEN}),
    (IncidentWorkStarted, {"assigned_to": BEN}),
    (IncidentResolved, {"resolution_code": "restarted", "resolved_by": BEN}),
    (IncidentClosed, {"closed_by": ADA}),
)


class Silence:
    """Notifications are all lost: whoever waits, waits."""

    def wait_for_append(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class Desk:
    origin: str = "desk.example.com/one"
    written: list[Entry] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    database: AppendSignal = field(default_factory=Silence)

    def tell(
        self,
        event: type[Event],
        subject: str,
        data: Mapping[str, Json] | None = None,
        *,
        day: int = 2,
        actor: str = ADA,
    ) -> Entry:
        """Record that it happened on that day of March 2026."""
        position = len(self.written) + 1
        moment = f"2026-03-{day:02d}T09:00:00.{position % 1_000_000:06d}Z"
        draft = Draft(
            subject, event, {}, moment, str(position), f"/ledgers/{self.origin}", {"authid": actor}
        )
        self.versions[subject] = self.versions.get(subject, 0) + 1
        raw = write_entry(
            draft,
            {**event.asserts, **(data or {})},
            draft.said,
            position=position,
            version=self.versions[subject],
            recordedtime=NOW,
        )
        self.written.append(Entry(position, raw))
        return self.written[-1]

    def live_through(self, incidents: int, *, first: int = 1) -> None:
        """So many incidents from report to closure, one after the other, a stage a day."""
        for number in range(first, first + incidents):
            for day, (event, data) in enumerate(LIFE, 1):
                actor = ADA if event is IncidentReported else BEN
                self.tell(event, f"incident/INC{number:07d}", data, day=day, actor=actor)

    # What the runner asks of a log

    def entries(self, after: int, limit: int, up_to: int | None = None) -> list[Entry]:
        last = after + limit if up_to is None else min(after + limit, up_to)
        # Bytes come anew from a database each time, so nothing parsed is shared between readings.
        return [Entry(entry.position, entry.raw) for entry in self.written[after:last]]

    def head(self) -> Head:
        return Head(len(self.written), NOW, b"")

    def now(self) -> str:
        return NOW


@contextmanager
def running(runner: Runner, stop_seconds: float = 5) -> Iterator[None]:
    """The runner follows its log in a thread, which has ended once this is left, whatever failed."""
    stop = threading.Event()
    thread = threading.Thread(target=runner.run_forever, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(stop_seconds)
        assert not thread.is_alive(), "the runner does not stop"


def wait_until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not come to hold in time"
        time.sleep(0.01)
