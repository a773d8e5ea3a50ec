"""What runs beside the requests: checkpoints while the log grows, the projections, and the timers."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from api.compose import House
from api.delivering.courier import Courier
from api.delivering.mailing import Mailer
from api.http.metrics import Metrics
from api.timekeeper import Timekeeper
from domain.errors import LedgerError
from ledger.ledger import Ledger
from projections.runner import Runner

READS_LOOK_SECONDS: Final = 1.0
"""How much longer than a minute a reading may be owed."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Vitals:
    """How the background work fares; `None` where nothing is wrong. Codes of the error tree."""

    checkpoint_failure: str | None = None
    projection_failure: str | None = None
    checkpoint_published: float | None = None
    """Monotonic seconds of the newest publication by this process."""


class Publisher:
    """Publishes a checkpoint about every `checkpoint_seconds` in which the log has grown.

    A failure is told by `/readyz` and tried again; appends go on, for a checkpoint only proves them.
    """

    def __init__(self, house: House, vitals: Vitals) -> None:
        self._house, self._vitals = house, vitals
        self._published_size = -1

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then once more, so that what was appended last is proven too."""
        while not stop.is_set():
            await asyncio.to_thread(self.publish)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._house.settings.checkpoint_seconds)
        await asyncio.to_thread(self.publish)

    def publish(self) -> None:
        try:
            size = self._house.ledger.head().size
            if size != self._published_size:
                self._house.checkpoint()
                self._published_size = size
                self._vitals.checkpoint_published = time.monotonic()
            self._vitals.checkpoint_failure = None
        except LedgerError as error:
            if self._vitals.checkpoint_failure != error.code:
                _log.error("checkpoint-failed", code=error.code, detail=error.message)
            self._vitals.checkpoint_failure = error.code


class TimerThread:
    """Gives the system's orders when they are due."""

    def __init__(self, timekeeper: Timekeeper) -> None:
        self._timekeeper = timekeeper
        self._stop = threading.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        running = asyncio.create_task(asyncio.to_thread(self._timekeeper.run, self._stop))
        try:
            await stop.wait()
        finally:  # also when the server fails: nobody could end the thread afterwards, and it would keep the process
            self._stop.set()
        await running


class DeliveryThread:
    """Delivers to webhooks, or sends mails."""

    def __init__(self, carrier: Courier | Mailer) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=carrier.run, args=(self._stop,), name="deliveries")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; deliveries under way are then given up, and come again."""
        self._thread.start()
        try:
            await stop.wait()
        finally:
            self._stop.set()
        await asyncio.to_thread(self._thread.join)


class ReadRecorder:
    """Records, beside the requests, who read audit data. What could not be recorded is told by metrics and tried again."""

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._ledger, self._metrics = ledger, metrics
        self._failure: str | None = None
        ledger.when_unrecorded = self._failed
        metrics.reading(lambda: ledger.reads.pending)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            if self._ledger.reads.is_late:
                await asyncio.to_thread(self._ledger.record_reads)
            else:
                self._failure = None
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), READS_LOOK_SECONDS)

    async def finish(self) -> None:
        """Whatever is owed."""
        await asyncio.to_thread(self._ledger.record_reads, all_of_them=True)

    def _failed(self, requests: int, error: LedgerError) -> None:
        self._metrics.readings_not_recorded()
        if self._failure != error.code:
            _log.error("readings-not-recorded", code=error.code, requests=requests)
        self._failure = error.code


class ProjectionThread:
    """Keeps the read models at the head of the log. Findings are raised by a server's own process (`projecting.py`)."""

    def __init__(self, runner: Runner, vitals: Vitals) -> None:
        self._runner, self._vitals = runner, vitals
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        self._thread.start()
        try:
            await stop.wait()
        finally:
            self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            self._runner.run_forever(self._stop)
        except LedgerError as error:
            # A ForeignLog, say: the log is sound and is served; what the registers say is not.
            _log.error("projections-stopped", code=error.code, detail=error.message)
            self._vitals.projection_failure = error.code
