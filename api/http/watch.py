"""How far the log has grown, for whoever waits for more: one look for all streams."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ledger.ledger import Ledger

LOOK_SECONDS = 0.2
"""How long an entry of another process may go unnoticed; this process's own wake at once."""


class HeadWatch:
    """`run` looks while somebody waits. Once closed, nobody waits any more."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._moved = asyncio.Event()
        self._waiting = 0
        self.closed = False

    def moved(self) -> None:
        """Something may have been appended. Called in the loop."""
        if self._waiting:
            self._moved.set()

    async def wait(self, seconds: float) -> bool:
        """True when something may have been appended, False after `seconds` or when closed."""
        moved = self._moved
        self._waiting += 1
        try:
            await asyncio.wait_for(moved.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if self._moved is moved and moved.is_set() and not self.closed:
                # All who waited for this one are awake; later ones wait for the next.
                self._moved = asyncio.Event()
        return not self.closed

    async def run(self, stop: asyncio.Event) -> None:
        """Look for other processes' entries until `stop` is set."""
        seen = -1
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
            if not self._waiting:
                continue
            size = (await asyncio.to_thread(self._ledger.head)).size
            if size != seen:
                seen = size
                self.moved()

    def close(self) -> None:
        """End every wait, now and from now on."""
        self.closed = True
        self._moved.set()
