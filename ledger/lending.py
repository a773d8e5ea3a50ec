"""Connections lent out to one user at a time, and closed only when nobody uses them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ledger.errors import StorageFailed


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Lender(Generic[C]):
    """Safe from any number of threads. Lends at most `most` at once, the one used last first.

    The libraries' pools queue, measure and check; for a short question that takes longer than the question.
    """

    def __init__(self, connect: Callable[[], C], *, most: int, wait_seconds: float) -> None:
        """`wait_seconds`: how long a borrower waits for one, and `close` for those that are lent."""
        self._connect, self._most, self._wait_seconds = connect, most, wait_seconds
        self._gate = threading.Condition(threading.Lock())
        self._idle: list[C] = []
        self._lent = 0
        self._closed = False

    def lend(self) -> C:
        """Nobody else uses it until `take_back`. Raises StorageFailed, or what connecting raises."""
        with self._gate:
            if self._lent >= self._most:
                self._gate.wait_for(self._may_lend, self._wait_seconds)
            if self._closed:
                raise StorageFailed("the ledger is closed")
            if self._lent >= self._most:
                raise StorageFailed(f"all {self._most} connections to the database are in use")
            self._lent += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._connect()
        except BaseException:
            self.take_back(None)
            raise

    def _may_lend(self) -> bool:
        return self._closed or self._lent < self._most

    def take_back(self, connection: C | None) -> None:
        """None: it broke, and was closed."""
        with self._gate:
            self._lent -= 1
            if connection is not None:
                self._idle.append(connection)
            self._gate.notify_all()

    def forget_idle(self) -> None:
        """One of them turned out to be broken: the others are as old."""
        with self._gate:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """SQLite crashes the process when a connection is closed under a running statement: those are waited for."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: self._lent == 0, self._wait_seconds)
        self.forget_idle()
