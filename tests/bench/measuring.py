"""How a figure is taken: both sides in one run, alternating, the median of several rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ours` and `theirs` in `unit`; `target` is what the ratio must reach.

    `at_most`: the ratio is to stay below the target instead.
    """

    what: str
    database: str
    ours: float
    theirs: float
    unit: str
    target: float | None = None
    at_most: bool = False
    notes: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        if self.target is None:
            return True
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


@dataclass(slots=True)
class Sides:
    """Rounds of two sides, one after the other, so that a slow spell of the machine meets both."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def rounds(self, count: int, ours: Callable[[], float], theirs: Callable[[], float]) -> Sides:
        for _ in range(count):
            self.theirs.append(theirs())
            self.ours.append(ours())
        return self

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.ours), statistics.median(self.theirs)


def rate(count: int, work: Callable[[], object]) -> float:
    """`work` does `count` things: how many a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_threads(writers: int, each: int, work: Callable[[int, int], object]) -> float:
    """`work(writer, n)` is done `each` times by each of `writers` threads: how many a second in all."""

    def writer(number: int) -> None:
        for n in range(each):
            work(number, n)

    with ThreadPoolExecutor(writers) as pool:
        return rate(writers * each, lambda: list(pool.map(writer, range(writers))))
