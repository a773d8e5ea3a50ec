"""Durations and what is told of them: whole seconds, rounded down, by nearest rank."""

from __future__ import annotations

from array import array
from typing import Final

from replay.process.steps import MICROSECONDS

PERCENT: Final = 100


class Durations:
    """Microseconds. Eight bytes for each, since an exact median takes them all."""

    def __init__(self) -> None:
        self._all = array("q")

    def __len__(self) -> int:
        return len(self._all)

    def add(self, start: int, end: int) -> None:
        """A clock that ran backwards took no time."""
        self._all.append(max(0, end - start))

    def told(self) -> dict[str, int | None]:
        """`median_seconds` and `p90_seconds` are durations that occurred. None where nothing did."""
        if not self._all:
            return dict.fromkeys(MEMBERS) | {"total_seconds": 0}
        ordered = sorted(self._all)
        total = sum(ordered)
        return {
            "total_seconds": total // MICROSECONDS,
            "mean_seconds": total // len(ordered) // MICROSECONDS,
            "median_seconds": _rank(ordered, 50) // MICROSECONDS,
            "p90_seconds": _rank(ordered, 90) // MICROSECONDS,
            "max_seconds": ordered[-1] // MICROSECONDS,
        }


MEMBERS: Final = ("total_seconds", "mean_seconds", "median_seconds", "p90_seconds", "max_seconds")


def _rank(ordered: list[int], percent: int) -> int:
    """The smallest value that at least `percent` of all do not exceed (nearest rank)."""
    return ordered[-(-len(ordered) * percent // PERCENT) - 1]
