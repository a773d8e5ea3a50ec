"""From the event loop to the log and back: one thread commits what all requests have queued.

While a group is being committed the next one gathers, so that 32 waiting clients share one fsync.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import Busy
from ledger.proposal import Proposal
from ledger.writer import Outcome, Writer

WAITING_LIMIT = 50_000
"""Proposals that may wait for their commit; what comes beyond is told to come again."""


@dataclass(slots=True)
class _Waiter:
    future: asyncio.Future[list[Outcome]]
    proposals: int
    job: Any = None


class Dispatcher:
    """Start it inside the running loop; `close` answers what is queued, then ends the thread."""

    def __init__(
        self, writer: Writer, *, when_answered: Callable[[Sequence[Outcome]], None]
    ) -> None:
        """`when_answered` is told, in the loop, what one commit came to."""
        self._writer = writer
        self._when_answered = when_answered
        self._wake = threading.Event()
        self._closing = False
        self._done: deque[_Waiter] = deque()
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(
            target=self._commit_until_closed, name="committer", daemon=True
        )

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def submit(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """One outcome for each, in order; what is Recorded survives a crash. Raises as Writer.submit, and Busy.

        A caller that is cancelled does not take its proposals back: they may be recorded.
        """
        assert self._loop is not None, "the dispatcher was not started"
        if self._waiting + len(proposals) > WAITING_LIMIT or self._closing:
            raise Busy(f"{self._waiting} events are waiting to be recorded", waiting=self._waiting)
        waiter = _Waiter(self._loop.create_future(), len(proposals))
        self._waiting += len(proposals)
        waiter.job = self._writer.enqueue(proposals, lambda: self._settled(waiter))
        self._wake.set()
        return await waiter.future

    def _settled(self, waiter: _Waiter) -> None:
        """Called by whoever committed. The loop is woken once for a group, not once for a job."""
        assert self._loop is not None
        self._done.append(waiter)
        if len(self._done) == 1:
            self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        answered: list[Outcome] = []
        while self._done:
            waiter = self._done.popleft()
            self._waiting -= waiter.proposals
            answered += waiter.job.outcomes
            if waiter.future.cancelled():
                continue
            if waiter.job.failure is not None:
                waiter.future.set_exception(waiter.job.failure)
            else:
                waiter.future.set_result(waiter.job.outcomes)
        if answered:
            self._when_answered(answered)

    def _commit_until_closed(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            self._writer.drain()
        self._writer.drain()

    async def close(self) -> None:
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join)
        # Answers that were handed to the loop just now still have to be given.
        await asyncio.sleep(0)
        self._answer()
