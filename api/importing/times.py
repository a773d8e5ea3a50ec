"""Times as a source writes them, made into RFC 3339 UTC text with microseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from api.importing.faults import BadRow
from domain.errors import Malformed
from domain.moments import to_text

ISO = "iso"
KEPT_TIMES = 16_384
"""Many rows share a minute; what was converted is kept, boundedly."""

ReadTime = Callable[[str], str]


def time_reader(formats: Sequence[str], zone: str | None) -> ReadTime:
    """`zone`: an IANA name, for times that say none of their own. An hour that a zone has twice is its first.

    The function raises BadRow for a text that none of the formats fits, or that needs a zone.
    """
    local = ZoneInfo(zone) if zone else None

    @lru_cache(maxsize=KEPT_TIMES)
    def read(text: str) -> str:
        moment = _parsed(text, formats)
        if moment.tzinfo is None:
            if local is None:
                raise BadRow(f"{text!r} says no zone, and the mapping names none; add time.zone")
            moment = moment.replace(tzinfo=local)
        return to_text(moment)

    return read


def _parsed(text: str, formats: Sequence[str]) -> datetime:
    for written in formats:
        try:
            if written == ISO:
                return datetime.fromisoformat(text)
            return datetime.strptime(text, written)  # noqa: DTZ007 - the zone is added by the caller
        except (ValueError, Malformed):
            continue
    raise BadRow(f"expected a time like {' or '.join(formats)}, got {text!r}")
