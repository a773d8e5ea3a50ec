"""When a delivery that failed is tried again, when it is given up, and when the receiver is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from domain.moments import later


@dataclass(frozen=True, slots=True)
class Schedule:
    """Each wait is `factor` times the one before, up to the longest, and in part random, so that receivers that
    failed together are not tried together. By default 5 s, 20 s, 80 s … 2 h; ten tries in about eight hours.
    """

    first_seconds: float = 5.0
    factor: float = 4.0
    longest_seconds: float = 7_200.0
    tries: int = 10
    disable_after: timedelta = timedelta(days=3)
    """Without a single success."""

    def next_try(self, number: int, at: str, draw: float) -> str | None:
        """When to try again after the try `number` failed at `at`; None: give up. `draw`: from 0 to 1."""
        if number >= self.tries:
            return None
        wait = min(self.longest_seconds, self.first_seconds * self.factor ** (number - 1))
        return later(at, timedelta(seconds=wait * (0.5 + draw / 2)))

    def is_over(self, failing_since: str, at: str) -> bool:
        """Has it failed for so long that nobody seems to be there?"""
        return later(failing_since, self.disable_after) <= at
