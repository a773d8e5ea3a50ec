"""Stretches of the log, as people name them: by moments, or by positions."""

from __future__ import annotations

import re

from domain.errors import Malformed
from domain.moments import canonical_time
from ledger.ledger import Ledger
from ledger.past import position_recorded_before, position_recorded_by

POSITION = re.compile(r"[1-9][0-9]{0,17}")


def positions_between(ledger: Ledger, start: str | None, end: str | None) -> tuple[int, int]:
    """First and last position, both included: of what was recorded from the one moment to the other.

    None: from the first entry, to the head. Raises Malformed for what is neither a moment nor a position.
    """
    size = ledger.head().size
    first, last = 1, size
    if start is not None:
        at = _position(start)
        first = at or position_recorded_before(ledger.database, size, _moment(start)) + 1
    if end is not None:
        at = _position(end)
        last = at or position_recorded_by(ledger.database, size, _moment(end))
    return first, min(last, size)


def _position(text: str) -> int | None:
    return int(text) if POSITION.fullmatch(text) else None


def _moment(text: str) -> str:
    try:
        return canonical_time(text)
    except Malformed as error:
        raise Malformed(f"expected a moment or a position: {error.message}") from None
