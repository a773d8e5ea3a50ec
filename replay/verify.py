"""Is the log what was recorded? Every hash recomputed, every row compared with its entry.

Needs the log's database and nothing else: no key, no vault, no settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ledger.database import Database
from ledger.errors import NotALedger
from ledger.merkle import HASH_BYTES, Frontier, MalformedFrontier
from ledger.stored import (
    StoredHead,
    first_position_after,
    last_position,
    positions_outside,
    stored_checkpoints,
    stored_head,
    stored_rows,
    stored_subjects,
    stored_tiles,
    tiles_outside,
)
from ledger.tiles import TILE_WIDTH
from replay.report import Problems, Report
from replay.verify_heads import handed_in_roots, keys_of, stored_roots
from replay.verify_rows import RowCheck
from replay.verify_tree import TreeCheck

BLOCK_ENTRIES = 8 * TILE_WIDTH
"""Read at once. At most 128 MiB, with entries of the largest size; some 2 MiB with usual ones."""
MAX_SIZE = 2**63 - 1

Progress = Callable[[int, int], None]
"""(entries done, entries in all)"""


def verify(
    database: Database,
    checkpoints: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Compare entries, leaf hashes, columns, tiles, head and checkpoints with each other.

    `checkpoints`: texts of signed notes kept elsewhere. A log that was rewritten or cut, and rebuilt to be
    consistent in itself, shows against them alone. Appends may go on meanwhile; what is appended after
    the start is not looked at. Never fails on what a forger wrote: it is a problem in the report.
    Raises CheckpointRefused for a checkpoint handed in that is none of this log, StorageFailed.
    """
    problems = Problems()
    # In this order: a log that grows meanwhile has every entry that a checkpoint read before covers.
    kept = stored_checkpoints(database)
    head, size = _head(database, problems)
    keys = keys_of(database, problems)
    roots = [
        *handed_in_roots(checkpoints, keys, size, problems),
        *stored_roots(kept, keys, size, problems),
    ]
    rows = RowCheck(_names(database, problems), problems)
    tree = TreeCheck(partial(stored_tiles, database), roots, problems)
    _walk(database, size, rows, tree, progress or _silent)
    _compare_head(head, size, rows, tree, problems)
    frontier = tree.frontier
    return Report(
        origin=keys.origin,
        size=size,
        root=frontier.root() if frontier else None,
        problems=tuple(problems),
        unlisted=problems.unlisted,
        checkpoints_checked=tree.checked,
    )


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def _walk(
    database: Database, size: int, rows: RowCheck, tree: TreeCheck, progress: Progress
) -> None:
    after = 0
    while after < size:
        up_to = min(after + BLOCK_ENTRIES, size)
        found = stored_rows(database, after, up_to)
        gap_end = 0
        if not found or found[-1][0] < up_to:
            behind = first_position_after(database, found[-1][0] if found else after)
            gap_end = size if behind is None else min(behind - 1, size)
        if found:
            tree.take(rows.take(found, up_to, gap_end))
        else:
            rows.skip(gap_end)
            tree.stop()
            up_to = gap_end
        after = up_to
        progress(after, size)


def _names(database: Database, problems: Problems) -> dict[int, str]:
    names: dict[int, str] = {}
    keys: dict[str, int] = {}
    for key, name, _ in stored_subjects(database):
        names[key] = name
        if keys.setdefault(name, key) != key:
            told = (
                f"subject {name} stands twice in the table of subjects, as {keys[name]} and {key}"
            )
            problems.add(1, "column", told)
    return names


def _head(database: Database, problems: Problems) -> tuple[StoredHead | None, int]:
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
        extra = tiles_outside(transaction, _tile_counts(size))
    if outside:
        told = ", ".join(map(str, outside))
        problems.add(
            outside[0], "inserted", f"the head covers entries 1 to {size}; there are rows at {told}"
        )
    for level, index in extra:
        problems.add(
            max(index * TILE_WIDTH ** (level + 1), 0) + 1 if level >= 0 else 1,
            "tile",
            f"tile {level}/{index} is stored, which a log of {size} entries does not have",
        )
    return head, size


def _tile_counts(size: int) -> list[int]:
    """How many full tiles each level has."""
    counts = []
    while size := size // TILE_WIDTH:
        counts.append(size)
    return counts


def _compare_head(
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
