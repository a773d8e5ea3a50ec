"""Reading the log as it was: a subject's entries, and how far the log had come at a moment.

What lies below a head never changes, so none of this needs a transaction of the caller's: whoever has
read a head first, and leaves out what lies above it, sees one picture.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from domain.effect import Fact
from domain.event import MAX_SAFE_INTEGER, Json
from ledger.database import Database, Row, Transaction
from ledger.entry import parse_entry
from ledger.errors import CorruptEntry


def entries_of(database: Database, subject: str, up_to: int = MAX_SAFE_INTEGER) -> list[Row]:
    """(position, bytes) of the subject's entries up to a position, in order. Empty for an unknown one."""
    return database.query(
        "SELECT position, entry FROM events WHERE subject = (SELECT id FROM subjects WHERE name = ?) "
        "AND position <= ? ORDER BY version",
        (subject, up_to),
    )


class _Told(msgspec.Struct):
    """The members of an entry that folding asks for; the others are passed over, not built."""

    time: str
    recordedtime: str
    data: dict[str, Any]
    corrects: int | None = None
    replacement: str | None = None
    effectivetime: str | None = None


_TOLD = msgspec.json.Decoder(_Told)


def fact_of(position: int, raw: bytes) -> Fact:
    """Raises CorruptEntry."""
    try:
        told = _TOLD.decode(raw)
        replacement = None if told.replacement is None else _replacement(told.replacement)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise _unfoldable(position, fault) from fault
    return Fact(
        position,
        told.time,
        told.recordedtime,
        told.data,
        told.corrects,
        replacement,
        told.effectivetime,
    )


def _unfoldable(position: int, fault: Exception) -> CorruptEntry:
    return CorruptEntry(
        f"the entry at position {position} cannot be folded: {fault!r}", position=position
    )


def _replacement(told: str) -> dict[str, Json]:
    replacement = orjson.loads(told)
    if isinstance(replacement, dict):
        return replacement
    raise ValueError("the replacement is no JSON object")


def position_recorded_by(database: Database, size: int, moment: str) -> int:
    """The last of the first `size` positions with `recordedtime` ≤ `moment`; 0 if there is none.

    Recorded times never go back along positions, so about log2(size) entries are read.
    Raises CorruptEntry.
    """
    low, high = 0, size
    with database.reading() as transaction:
        while low < high:
            middle = (low + high + 1) // 2
            if _recordedtime(transaction, middle) <= moment:
                low = middle
            else:
                high = middle - 1
    return low


def _recordedtime(transaction: Transaction, position: int) -> str:
    row = transaction.row("SELECT entry FROM events WHERE position = ?", (position,))
    if row is None:
        raise CorruptEntry(f"there is no entry at position {position}", position=position)
    return str(parse_entry(row[0], position)["recordedtime"])
