"""Time, handed in. A clock that jumps stops appends instead of poisoning the record."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.moments import from_text, to_text
from ledger.errors import ClockJumped

_EVEN_ASLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", None)
"""Linux: its monotonic clock stands while the machine is suspended."""
TOLERANCE_SECONDS = 2.0
DRIFT = 0.001
"""Share by which two honest clocks may part: NTP slews at most 500 ppm."""


class Clock(Protocol):
    def now(self) -> datetime: ...

    def monotonic_seconds(self) -> float: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Of the machine's time awake and asleep: to wake up is not to jump."""
        return time.clock_gettime(_EVEN_ASLEEP) if _EVEN_ASLEEP is not None else time.monotonic()


class RecordingClock:
    """Gives `recordedtime`: never before the last entry's, never from a clock that jumped.

    The caller holds the log's lock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._monotonic = clock.monotonic_seconds()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic_seconds(self) -> float:
        return self._clock.monotonic_seconds()

    def recorded_time(self, last: str) -> str:
        """RFC 3339 text. `last` is the newest entry's, or "" for an empty log. Raises ClockJumped."""
        wall, monotonic = self._clock.now(), self._clock.monotonic_seconds()
        elapsed = monotonic - self._monotonic
        astray = (wall - self._wall).total_seconds() - elapsed
        if abs(astray) > TOLERANCE_SECONDS + DRIFT * elapsed:
            raise ClockJumped(
                f"the clock moved {astray:+.1f} s against the monotonic clock; nothing was recorded. "
                "Set it right; appends go on once it agrees again.",
                astray_seconds=round(astray, 3),
            )
        self._wall, self._monotonic = wall, monotonic
        text = to_text(wall)
        if text >= last:
            return text
        if from_text(last) - wall > timedelta(seconds=TOLERANCE_SECONDS):
            raise ClockJumped(
                f"the clock says {text}, but the newest entry was recorded at {last}; nothing was recorded",
                now=text,
                last=last,
            )
        return last
