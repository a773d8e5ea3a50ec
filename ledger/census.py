"""Counting the live grants as they were at a position: what an access review is about.

A count is told by its bounds and by what lies below a position, so it never changes, and the last few are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from domain.event import Json
from domain.fold import merge_patch
from domain.population import Bounds, counted
from ledger.database import Transaction
from ledger.past import Of, facts_of, family_in

KEPT_COUNTS: Final = 16
"""Reviews that are worked on at once, as long as nobody opens more of them. Ten thousand grants take 0.7 MiB."""


class Counts:
    """The last counts. Safe from any number of threads: two may count the same, and come to the same."""

    def __init__(self) -> None:
        self._kept: dict[Bounds, tuple[str, ...]] = {}

    def get(self, bounds: Bounds) -> tuple[str, ...] | None:
        return self._kept.get(bounds)

    def put(self, bounds: Bounds, grants: tuple[str, ...]) -> None:
        # Made anew: another thread may be looking at the one that is there.
        kept = [*self._kept.items(), (bounds, grants)]
        self._kept = dict(kept[-KEPT_COUNTS:])


@dataclass(frozen=True, slots=True)
class LogCensus:
    """Counts in the log, up to `position` at most; `when_uncounted` gives what is not kept."""

    position: int
    counts: Counts
    when_uncounted: Callable[[Bounds], tuple[str, ...]]

    def live_grants(self, bounds: Bounds) -> tuple[str, ...]:
        """Raises CorruptEntry."""
        found = self.counts.get(bounds)
        if found is None:
            found = self.when_uncounted(bounds)
            self.counts.put(bounds, found)
        return found


def count_grants(transaction: Transaction, bounds: Bounds) -> tuple[str, ...]:
    """By every entry of every grant up to the bounds' position. Raises CorruptEntry."""
    return counted(_folded(family_in(transaction, "grant", bounds.position)), bounds)


def _folded(entries: Iterable[Of]) -> Iterable[tuple[str, dict[str, Json]]]:
    states: dict[str, dict[str, Json]] = {}
    for one in entries:
        (fact,) = facts_of([(one.position, one.raw)])
        states[one.subject] = merge_patch(states.get(one.subject, {}), fact.data)
    return states.items()
