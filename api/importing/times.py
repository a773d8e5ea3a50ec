"""Times as a source writes them, made into RFC 3339 UTC text with microseconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from api.importing.faults import BadRow
from domain.errors import Malformed
from domain.moments import to_text

ISO = "iso"
KEPT_TIMES = 16_384
"""Many rows share a minute; what was converted is kept, boundedly."""

ReadTime = Callable[[str], str]

_NUMBERS = {
    "Y": ("year", "{4}"),
    "m": ("month", "{1,2}"),
    "d": ("day", "{1,2}"),
    "H": ("hour", "{1,2}"),
    "M": ("minute", "{1,2}"),
    "S": ("second", "{1,2}"),
}


def time_reader(formats: Sequence[str], zone: str | None) -> ReadTime:
    """`zone`: an IANA name, for times that say none of their own. An hour that a zone has twice is its first.

    The function raises BadRow for a text that none of the formats fits, or that needs a zone.
    """
    local = None if zone is None else UTC if zone == "UTC" else ZoneInfo(zone)
    parsers = [_parser(written) for written in formats]

    @lru_cache(maxsize=KEPT_TIMES)
    def read(text: str) -> str:
        for parse in parsers:
            try:
                moment = parse(text)
            except ValueError:
                continue
            return _told(moment, local, text)
        raise BadRow(f"expected a time like {' or '.join(formats)}, got {text!r}")

    return read


def _told(moment: datetime, local: tzinfo | None, text: str) -> str:
    if moment.tzinfo is not None:
        return _in_utc(moment)
    if local is None:
        raise BadRow(f"{text!r} says no zone, and the mapping names none; add time.zone")
    if local is UTC:
        return moment.isoformat(timespec="microseconds") + "Z"
    return _in_utc(moment.replace(tzinfo=local))


def _in_utc(moment: datetime) -> str:
    """Raises BadRow at the ends of the calendar, where a zone can lead out of it."""
    try:
        return to_text(moment)
    except Malformed as fault:
        raise BadRow(fault.message) from None


def _parser(written: str) -> Callable[[str], datetime]:
    if written == ISO:
        return datetime.fromisoformat
    # The zone is put in by the caller, here and below.
    return _numeric_parser(written) or (lambda text: datetime.strptime(text, written))  # noqa: DTZ007


def _numeric_parser(written: str) -> Callable[[str], datetime] | None:
    """As strptime, for formats of numbers alone and several times as fast; None for other formats."""
    directives = re.findall(r"%(.)", written)
    is_plain = len(set(directives)) == len(directives) and {"d", "m", "Y"} <= set(directives)
    if not is_plain or not set(directives) <= set(_NUMBERS):
        return None
    pattern = re.escape(written)
    for directive, (part, digits) in _NUMBERS.items():
        pattern = pattern.replace(f"%{directive}", f"(?P<{part}>[0-9]{digits})")
    match = re.compile(pattern).fullmatch

    def parse(text: str) -> datetime:
        found = match(text)
        if found is None:
            raise ValueError(text)
        parts = {part: int(number) for part, number in found.groupdict().items()}
        return datetime(**parts)  # type: ignore[arg-type]  # noqa: DTZ001 - parts are numbers

    return parse
