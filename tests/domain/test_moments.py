"""Times as text, up to where the calendar ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.business_days import business_days_after
from domain.errors import Malformed
from domain.moments import EARLIEST, LATEST, canonical_time, later


def test_a_time_of_another_zone_is_told_in_utc() -> None:
    assert canonical_time("2026-03-02T09:30:00+02:00") == "2026-03-02T07:30:00.000000Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_a_time_that_lies_outside_the_calendar_in_utc_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="expected a time from 0001"):
        canonical_time(text)


def test_what_would_lie_behind_the_end_of_the_calendar_is_its_end() -> None:
    near_the_end, day = "9999-12-31T12:00:00.000000Z", timedelta(days=1)

    assert later(near_the_end, day) == LATEST
    assert later(EARLIEST, -day) == EARLIEST
    assert business_days_after(near_the_end, 2) == LATEST
