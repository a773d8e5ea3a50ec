"""Reading the log as it was: a subject's entries, and how far the log had come at a moment."""

from __future__ import annotations

from typing import Any

import orjson

from domain.effect import Fact
from domain.event import Json
from ledger.database import Row, Transaction
from ledger.entry import parse_entry
from ledger.errors import CorruptEntry


def entries_of(transaction: Transaction, subject: str) -> list[Row]:
    """(position, bytes) of all entries of the subject, in order. Empty for an unknown one."""
    return transaction.rows(
        "SELECT position, entry FROM events WHERE subject = (SELECT id FROM subjects WHERE name = ?) "
        "ORDER BY version",
        (subject,),
    )


def fact_of(position: int, raw: bytes) -> Fact:
    """Raises CorruptEntry."""
    return fact_told_by(parse_entry(raw, position), position)


def fact_told_by(entry: dict[str, Any], position: int) -> Fact:
    """Raises CorruptEntry."""
    try:
        return Fact(
            position,
            entry["time"],
            entry["recordedtime"],
            entry["data"],
            entry.get("corrects"),
            _replacement(entry),
            entry.get("effectivetime"),
        )
    except (KeyError, ValueError) as fault:
        raise CorruptEntry(
            f"the entry at position {position} cannot be folded: {fault!r}", position=position
        ) from fault


def _replacement(entry: dict[str, Any]) -> dict[str, Json] | None:
    told = entry.get("replacement")
    if told is None:
        return None
    replacement = orjson.loads(told)
    if isinstance(replacement, dict):
        return replacement
    raise ValueError("the replacement is no JSON object")


def position_recorded_by(transaction: Transaction, size: int, moment: str) -> int:
    """The last of the first `size` positions with `recordedtime` ≤ `moment`; 0 if there is none.

    Recorded times never go back along positions, so about log2(size) entries are read.
    Raises CorruptEntry.
    """
    low, high = 0, size
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
