"""When a delivery that failed is tried again, when it is given up, and when the receiver is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.moments import later

SKEW: Final = timedelta(minutes=1)
"""How far the clocks of servers may be apart."""


def has_come(when: str | None, now: str, longest: timedelta) -> bool:
    """None has always come. What lies farther ahead than the longest wait was set by a clock that was ahead, and was
    set right since: nobody waits for it.
    """
    return when is None or when <= now or when > later(now, longest + SKEW)


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

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=self.longest_seconds)

    def next_try(self, number: int, at: str, draw: float) -> str | None:
        """When to try again after the try `number` failed at `at`; None: give up. `draw`: from 0 to 1."""
        if number >= self.tries:
            return None
        return later(at, self.wait(number, draw))

    def wait(self, number: int, draw: float) -> timedelta:
        """After the try `number`, however many there were."""
        grown = self.first_seconds * self.factor ** min(number - 1, 64)
        return timedelta(seconds=min(self.longest_seconds, grown) * (0.5 + draw / 2))

    def is_over(self, failing_since: str, at: str) -> bool:
        """Has it failed for so long that nobody seems to be there?"""
        return later(failing_since, self.disable_after) <= at
