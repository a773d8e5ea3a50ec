"""The newest state of the log as its database tells it, against what the entries lead to."""

from __future__ import annotations

import contextlib

from domain.errors import LedgerError
from ledger.database import Database
from ledger.entry import Entry
from ledger.errors import NotALedger
from ledger.merkle import HASH_BYTES, Frontier, MalformedFrontier
from ledger.stored import (
    StoredHead,
    StoredRow,
    last_position,
    positions_outside,
    stored_head,
    stored_rows,
    tiles_outside,
)
from ledger.tiles import TILE_WIDTH
from replay.report import Problems
from replay.verify_rows import RowCheck
from replay.verify_tree import TreeCheck

MAX_SIZE = 2**63 - 1


def head_of(database: Database, problems: Problems) -> tuple[StoredHead | None, int]:
    """The head row, and how many entries are to be looked at."""
    with database.reading() as transaction:
        head = stored_head(transaction)
        last = last_position(transaction)
        if head is None and not last:
            raise NotALedger
        size = head.size if head is not None else None
        if not isinstance(size, int) or not 0 <= size <= MAX_SIZE:
            problems.add(max(last, 1), "head", f"the head says no size: {size!r}")
            size = last
        outside = positions_outside(transaction, size, 10)
        counts = _tile_counts(size)
        extra = tiles_outside(transaction, counts)
    if outside:
        _tell_outside(database, outside, size, problems)
    for level, index in extra:
        first = index * TILE_WIDTH ** (level + 1) + 1 if 0 <= level < len(counts) else 1
        told = f"tile {level}/{index} is stored, which a log of {size} entries does not have"
        problems.add(max(first, 1), "tile", told)
    return head, size


def _tell_outside(database: Database, outside: list[int], size: int, problems: Problems) -> None:
    told = f"the head covers entries 1 to {size}; there are rows at {', '.join(map(str, outside))}"
    first = outside[0]
    if first == size + 1:
        # Pushed behind the head by a row that was put in before it?
        with contextlib.suppress(LedgerError, KeyError, ValueError):
            (row,) = stored_rows(database, size, size + 1)
            if int(Entry(first, StoredRow(*row).entry).attributes["sequence"]) == size:
                told += f"; two entries call themselves entry {size}"
                first = size
    problems.add(first, "inserted", told)


def _tile_counts(size: int) -> list[int]:
    """How many full tiles each level has."""
    counts = []
    while size := size // TILE_WIDTH:
        counts.append(size)
    return counts


def compare_head(
    head: StoredHead | None, size: int, rows: RowCheck, tree: TreeCheck, problems: Problems
) -> None:
    computed = tree.frontier
    if head is None:
        problems.add(max(size, 1), "head", "the head row is missing")
        return
    try:
        stored = Frontier.from_bytes(head.frontier)
    except (MalformedFrontier, TypeError) as fault:
        problems.add(max(size, 1), "head", f"the frontier in the head cannot be read: {fault}")
        return
    if stored.size != head.size:
        told = f"the head says {head.size} entries, its frontier {stored.size}"
        problems.add(min(size, stored.size) + 1, "head", told)
    if computed is None:
        return
    if computed.to_bytes() != head.frontier and stored.size == computed.size:
        _tell_peak(computed, stored, tree.agreed, problems)
    if rows.recordedtime != head.recordedtime:
        told = f"the head says {head.recordedtime!r}, the last entry {rows.recordedtime!r}"
        problems.add(max(size, 1), "head", f"recordedtime: {told}")


def _tell_peak(computed: Frontier, stored: Frontier, agreed: int, problems: Problems) -> None:
    """Which perfect subtree differs says among which entries the fault lies."""
    mine, theirs = (frontier.to_bytes()[8:] for frontier in (computed, stored))
    first = 0
    bits = [
        level for level in reversed(range(computed.size.bit_length())) if computed.size >> level & 1
    ]
    for number, level in enumerate(bits):
        at = number * HASH_BYTES
        peak, told = mine[at : at + HASH_BYTES], theirs[at : at + HASH_BYTES]
        last = first + (1 << level)
        if peak != told:
            low = max(first, agreed) + 1 if agreed < last else first + 1
            why = "the head was changed"
            if agreed < last:
                why += f", or an entry from {low} to {last} together with its leaf hash"
            problems.add(
                problems.first_within(low, last),
                "head",
                f"the head holds {told.hex()} for entries {first + 1} to {last}, which lead to "
                f"{peak.hex()}: {why}",
            )
            return
        first = last
