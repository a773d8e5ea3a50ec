"""Business days: Monday to Friday, in UTC. There are no holidays yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.moments import LATEST, from_text, to_text

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


def business_days_after(text: str, days: int) -> str:
    """The same time of day, `days` business days after `text` (RFC 3339), as canonical text.

    From a weekend the first business day is the Monday after it. Zero days is the moment itself. Beyond the end of
    the calendar it is that end.
    """
    moment = from_text(text)
    try:
        for _ in range(days):
            moment += _DAY
            while moment.weekday() >= _SATURDAY:
                moment += _DAY
    except OverflowError:
        return LATEST
    return to_text(moment)
