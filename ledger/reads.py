"""Readings of audit data on their way into the log. Who reads notes it and goes on: nobody who reads waits for an
append, nor fails because one does.

Each reader has one record of each kind of reading in `LONGEST_SECONDS`, which says how many there were.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from domain.acts import LEDGER
from domain.families import is_subject_id
from domain.reading import MOST_NAMED, LedgerRead, ReadingKind
from ledger.entry import Draft
from ledger.ids import new_uuid7
from ledger.owed import LONGEST_SECONDS, Count, Owed, told_by_the_ledger
from ledger.view import View

MOST_READERS: Final = 10_000
_Key = tuple[str, ReadingKind]


class Shown(NamedTuple):
    """What one kind of reading showed to one reader, until it is recorded."""

    entries: int
    about: tuple[str, ...]
    first_at: str
    last_at: str

    def followed_by(self, more: Shown) -> Shown:
        about = tuple(dict.fromkeys((*self.about, *more.about)))[:MOST_NAMED]
        return Shown(self.entries + more.entries, about, self.first_at, more.last_at)


class Reads(Owed[_Key, Shown]):
    """`note`, `pending` and `is_late` are anybody's, from any thread; the rest is the writer's, under the log's lock."""

    def __init__(self, monotonic_seconds: Callable[[], float]) -> None:
        super().__init__(monotonic_seconds, MOST_READERS)
        self._mutex = threading.Lock()
        self._arrived: dict[_Key, Count[Shown]] = {}
        self._pending = 0

    @property
    def pending(self) -> int:
        """Requests that no entry tells of yet."""
        return self._pending

    @property
    def is_late(self) -> bool:
        """Has anything waited for as long as it may?"""
        with self._mutex:
            waiting = [*self._arrived.values(), *self._counts.values()]
        now = self._seconds()
        return any(one.owed and now - one.since >= LONGEST_SECONDS for one in waiting)

    def note(
        self, by: str, what: ReadingKind, at: str, *, entries: int, about: Iterable[str]
    ) -> None:
        """`by` was shown so many entries, or rows of an answer. In memory: returns at once."""
        # Who asks may name anything. What no subject can be called must not keep the others from being recorded.
        named = tuple(filter(is_subject_id, about))[:MOST_NAMED]
        one = Count(self._seconds(), 1, 1, Shown(entries, named, at, at))
        with self._mutex:
            self._pending += 1
            self._arrived[by, what] = _together(self._arrived.get((by, what)), one)

    def due(self, view: View, *, all_of_them: bool = False) -> list[Draft]:
        with self._mutex:
            arrived, self._arrived = self._arrived, {}
            for key, count in arrived.items():
                # Not by `_put`: what has come stays, whatever becomes of this commit.
                self._counts[key] = _together(self._counts.get(key), count)
        return super().due(view, all_of_them=all_of_them)

    def keep(self) -> None:
        recorded = sum(before.owed for before in self._before.values() if before is not None)
        with self._mutex:
            self._pending -= recorded
            super().keep()

    def _drafts(self, key: _Key, count: Count[Shown], view: View) -> list[Draft]:
        (by, what), shown = key, count.seen
        event = LedgerRead(
            reading={
                "by": by,
                "what": what,
                "requests": count.owed,
                "entries": shown.entries,
                "about": sorted(shown.about),
                "first_at": shown.first_at,
                "last_at": shown.last_at,
            }
        )
        said, at = told_by_the_ledger(), view.recordedtime
        return [Draft(LEDGER, LedgerRead, event.data(), at, new_uuid7(), view.source, said)]


def _together(earlier: Count[Shown] | None, later: Count[Shown]) -> Count[Shown]:
    if earlier is None or not earlier.owed:
        return later
    owed = earlier.owed + later.owed
    return Count(earlier.since, owed, owed, earlier.seen.followed_by(later.seen))
