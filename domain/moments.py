"""Times as text: RFC 3339, UTC, six decimals, so that they sort as they happened."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final

from domain.errors import Malformed

EARLIEST: Final = "0001-01-01T00:00:00.000000Z"
LATEST: Final = "9999-12-31T23:59:59.999999Z"
"""The calendar ends here: what would lie beyond is taken for this moment."""


def to_text(moment: datetime) -> str:
    """`2026-03-02T09:30:00.000000Z`. Raises Malformed without a zone, or where it is in no year of UTC's calendar."""
    if moment.tzinfo is None:
        raise Malformed(f"expected a time with a zone, got {moment.isoformat()}", time=str(moment))
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        told = moment.isoformat()
        raise Malformed(
            f"expected a time from {EARLIEST} to {LATEST}, got {told}", time=told
        ) from None
    return in_utc.isoformat(timespec="microseconds")[:26] + "Z"


def from_text(text: str) -> datetime:
    """Raises Malformed for anything but RFC 3339 with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise Malformed(f"expected an RFC 3339 time, got {text!r}", time=text) from None
    if moment.tzinfo is None:
        raise Malformed(
            f"expected a time with a zone such as 2026-03-02T09:30:00Z, got {text!r}", time=text
        )
    return moment


def is_canonical(text: str) -> bool:
    return len(text) == 27 and text[26] == "Z" and text[10] == "T" and text[19] == "."


def canonical_time(text: str) -> str:
    """The same moment in UTC with microseconds. Raises Malformed."""
    moment = from_text(text)
    return text if is_canonical(text) else to_text(moment)


def later(text: str, by: timedelta) -> str:
    """The canonical time that is `by` after `text`, within the calendar."""
    try:
        return to_text(from_text(text) + by)
    except OverflowError:
        return LATEST if by > timedelta() else EARLIEST


def months_later(text: str, months: int) -> str:
    """The same time on the same day `months` calendar months after `text`, or on the last day of a shorter month.

    So the EU counts a period in months (Regulation (EEC, Euratom) 1182/71, Article 3). Within the calendar.
    """
    moment = from_text(text).astimezone(UTC)
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    if year > MAXYEAR:
        return LATEST
    day = min(moment.day, monthrange(year, month + 1)[1])
    return to_text(moment.replace(year=year, month=month + 1, day=day))
