"""The clock that the wall clock is compared with."""

from __future__ import annotations

import time

import pytest

from ledger.clock import SystemClock


def test_time_asleep_is_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux' monotonic clock stands while the machine is suspended: to wake up would be to jump, for good."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return  # macOS and Windows: there the monotonic clock is all there is
    monkeypatch.setattr(
        time, "clock_gettime", lambda clock: 7.0 if clock == time.CLOCK_BOOTTIME else 1.0
    )

    assert SystemClock().monotonic_seconds() == 7.0
