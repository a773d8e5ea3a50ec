"""The courier: delivers each webhook's events in the order of the log, each at least once.

A receiver that is slow, fails or hangs is waited for on its own, and delays no other. How far each has come is
written down after each delivery; what was delivered and not yet written down when a process ended comes again
under the same id. Of several servers one delivers to a receiver, as long as it says within a minute that it is there.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import structlog

from api.delivering.addresses import NEVER_SENT
from api.delivering.posting import DELIVERED, GONE, Poster
from api.delivering.progress import Hold, Progress, Standing, Try
from api.delivering.reading import reader_of
from api.delivering.schedule import Schedule, has_come
from api.delivering.signing import delivery_id, signed_headers
from api.http.cloudevents import STRUCTURED
from api.identity import Identity
from api.readings import family_of, note_entries, readable
from domain.errors import CanNot, LedgerError, MayNot
from domain.event import State
from domain.moments import from_text, later
from domain.rosters import WEBHOOKS
from domain.webhook import DisableWebhook, selects, signing_secrets
from ledger.entry import Entry
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.reveal import ERASED, reveal
from ledger.view import SYSTEM

LOOK_SECONDS: Final = 0.25
HOLD: Final = timedelta(seconds=60)
"""Longer than one request may take, so that who delivers can say in time that it still does."""
LEFT_ALONE: Final = timedelta(minutes=10)
"""A webhook that the policy does not let the system disable is looked at again so much later."""
PAGE_ENTRIES: Final = 100
FRESH_SECONDS: Final = 5.0
"""How long what the owner may read, and where it goes, is taken from one look."""
AT_ONCE: Final = 100
BOOKKEEPERS: Final = 4
RESOLVERS: Final = 64

UNSENT: Final = NEVER_SENT | {"secret-lost"}
_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Work:
    """A page of what is to be delivered to one receiver. `tries`: of its first event, so far."""

    receiver: str
    version: int
    url: str
    secrets: tuple[bytes, ...]
    reader: Identity
    chosen: tuple[Entry, ...]
    last: int
    standing: Standing
    ends: float


@dataclass(slots=True)
class Courier:
    """One for each process that serves; any number may run at once. `draw`: random numbers from 0 to 1."""

    ledger: Ledger
    progress: Progress
    poster: Poster
    draw: Callable[[], float]
    holder: str
    schedule: Schedule = field(default_factory=Schedule)
    told: Callable[[str], None] = lambda _outcome: None
    """Of each try, what came of it."""
    failure: str | None = None
    """The code of what kept the courier itself from working; None: nothing."""
    _books: ThreadPoolExecutor = field(init=False)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _left_alone: dict[str, str] = field(default_factory=dict)
    """Receiver → until when."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. What fails is told, and tried again."""
        # A name that is never answered keeps its thread: bookkeeping has threads of its own.
        try:
            with ThreadPoolExecutor(BOOKKEEPERS, "deliveries") as self._books:
                asyncio.run(self._run(stop))
        finally:
            if not stop.is_set():
                self.failure = "deliveries-stopped"  # by a fault of ours; nothing else would tell

    async def _run(self, stop: threading.Event) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(RESOLVERS, "resolving"))
        try:
            while not stop.is_set():
                await self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            try:
                await self._apart(lambda: self.progress.release(self.holder))
            except LedgerError as error:
                _log.warning("hold-not-released", code=error.code)

    async def _look(self) -> None:
        """Begin with each receiver that something is due for, and take note of how the others ended."""
        failure: str | None = None
        succeeded = not self._running
        try:
            for receiver in await self._apart(self._due):
                if receiver not in self._running and len(self._running) < AT_ONCE:
                    self._running[receiver] = asyncio.create_task(self._serve(receiver))
        except LedgerError as error:
            failure = error.code
        await asyncio.sleep(0)
        for receiver, task in list(self._running.items()):
            if task.done():
                del self._running[receiver]
                try:
                    task.result()
                    succeeded = True
                except LedgerError as error:
                    failure = error.code
        if failure is not None and failure != self.failure:
            _log.error("deliveries-failed", code=failure)
        if failure is not None or succeeded:
            self.failure = failure

    async def _serve(self, receiver: str) -> None:
        """Until nothing is left, or it is somebody else's turn."""
        while (work := await self._apart(lambda: self._take(receiver))) is not None:
            for entry in work.chosen:
                if not await self._deliver(work, entry):
                    return
            hold = self._hold()
            if not await self._apart(lambda: self.progress.passed(receiver, hold, work.last)):  # noqa: B023 - called before the loop goes on
                return

    async def _deliver(self, work: _Work, entry: Entry) -> bool:
        """May the next one follow at once?"""
        if not await self._apart(lambda: self._still_stands(work)):
            return False
        at = self.ledger.now()
        headers = signed_headers(
            delivery_id(work.receiver, entry.position),
            int(from_text(at).timestamp()),
            entry.raw,
            work.secrets,
        )
        outcome = "secret-lost"
        if work.secrets:
            headers["Content-Type"] = STRUCTURED
            outcome = await self.poster.post(work.url, headers, entry.raw)
        number = work.standing.tries + 1 if entry is work.chosen[0] else 1
        tried = Try(work.receiver, entry.position, number, at, outcome)
        self.told(outcome)
        return await self._apart(lambda: self._settle(work, tried, entry))

    async def _apart(self, work: Callable[[], T]) -> T:
        """What waits for a database is done by a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._books, work)

    # What follows waits for databases.

    def _due(self) -> list[str]:
        now, size = self.ledger.now(), self.ledger.head().size
        receivers = self.ledger.roster(WEBHOOKS).members
        standings = self.progress.standings() if receivers else {}
        return [
            receiver
            for receiver in receivers
            if self._left_alone.get(receiver, "") <= now
            and standings.get(receiver, Standing(receiver)).position < size
            and self._is_due(self.ledger.load(receiver).state, standings.get(receiver), now)
        ]

    def _is_due(self, state: State, standing: Standing | None, now: str) -> bool:
        if state.get("status") != "active":
            return False
        if standing is None or standing.run != state["begins"]["run"]:
            return True
        is_time = has_come(standing.next_try, now, self.schedule.longest)
        return is_time or _was_enabled(standing, state)

    def _take(self, receiver: str) -> _Work | None:
        """The next page, held by us; None: nothing to do, or somebody else does it."""
        loaded, now = self.ledger.load(receiver), self.ledger.now()
        state, hold = loaded.state, self._hold()
        if state.get("status") != "active" or "url" not in state:
            return None
        standing = self.progress.claim(receiver, hold, now)
        if standing is None:
            return None
        standing = self._brought_up(standing, state, hold)
        page = self.ledger.entries(standing.position, PAGE_ENTRIES)
        if not page or not has_come(standing.next_try, now, self.schedule.longest):
            return None
        reader = reader_of(self.ledger, state)
        url = str(reveal(self.ledger, receiver, state.get("url", ERASED), allowed=True))
        if reader is None or url == ERASED:
            self._disable(receiver, "owner-not-registered" if reader is None else "erased", None)
            return None
        kept = (self.ledger.vault.secret(secret) for secret in signing_secrets(state, now))
        return _Work(
            receiver,
            loaded.version,
            url,
            tuple(secret for secret in kept if secret is not None),
            reader,
            tuple(
                entry
                for entry in readable(page, reader)
                if selects(state["events"], entry.type, family_of(entry))
            ),
            page[-1].position,
            standing,
            time.monotonic() + FRESH_SECONDS,
        )

    def _brought_up(self, standing: Standing, state: State, hold: Hold) -> Standing:
        """Where it stands once a replay that was ordered, or its being enabled again, is heeded."""
        begins = state["begins"]
        if standing.run != begins["run"]:
            after, run = int(begins["after"]), str(begins["run"])
            self.progress.begin(standing.receiver, hold, run=run, after=after)
            return Standing(standing.receiver, run, after)
        if _was_enabled(standing, state):
            self.progress.resume(standing.receiver, hold)
            return Standing(standing.receiver, standing.run, standing.position)
        return standing

    def _still_stands(self, work: _Work) -> bool:
        """What was looked up is fresh enough to deliver by it: a right that was revoked counts for seconds, no longer."""
        return (
            time.monotonic() < work.ends and self.ledger.load(work.receiver).version == work.version
        )

    def _settle(self, work: _Work, tried: Try, entry: Entry) -> bool:
        hold = self._hold()
        if tried.outcome not in UNSENT:
            # Whoever answers that they did not take it may have read it all the same.
            note_entries(self.ledger, work.reader, [entry])
        if tried.outcome == DELIVERED:
            return self.progress.delivered(hold, tried)
        is_first = entry is work.chosen[0]  # before any other one was delivered
        since = (work.standing.failing_since if is_first else None) or tried.at
        is_gone = tried.outcome == GONE
        next_try = (
            tried.at if is_gone else self.schedule.next_try(tried.number, tried.at, self.draw())
        )
        if self.progress.failed(hold, tried, next_try=next_try) and (
            is_gone or self.schedule.is_over(since, tried.at)
        ):
            self._disable(work.receiver, "gone" if is_gone else "failing", since)
        return False

    def _disable(self, receiver: str, because: str, failing_since: str | None) -> None:
        command = DisableWebhook(because=because, failing_since=failing_since)
        try:
            self.ledger.execute(Order(command, Actor(SYSTEM, "system"), receiver))
            _log.warning("webhook-disabled", webhook=receiver, because=because)
        except CanNot:
            pass  # somebody ended or disabled it meanwhile
        except MayNot:
            # Each refusal is recorded, and this one would be asked for at each look.
            self._left_alone[receiver] = later(self.ledger.now(), LEFT_ALONE)
            _log.warning("webhook-not-disabled", webhook=receiver, because=because)

    def _hold(self) -> Hold:
        return Hold(self.holder, later(self.ledger.now(), HOLD))


def _was_enabled(standing: Standing, state: State) -> bool:
    """Since it failed last."""
    return standing.failing_since is not None and (standing.last_try or "") < str(
        state.get("enabled_at", "")
    )
