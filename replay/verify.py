"""Is the log what was recorded? Every hash recomputed, every row compared with its entry.

Needs the log's database and nothing else: no key, no vault, no settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ledger.database import Database
from ledger.stored import (
    first_position_after,
    stored_checkpoints,
    stored_rows,
    stored_subjects,
    stored_tiles,
)
from ledger.tiles import TILE_WIDTH
from replay.report import Problems, Report
from replay.verify_checkpoints import handed_in_roots, keys_of, stored_roots
from replay.verify_head import compare_head, head_of
from replay.verify_rows import RowCheck
from replay.verify_tree import TreeCheck

BLOCK_ENTRIES = 8 * TILE_WIDTH
"""Read at once. At most 128 MiB, with entries of the largest size; some 2 MiB with usual ones."""

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
    head, size = head_of(database, problems)
    keys = keys_of(database, problems)
    roots = [
        *handed_in_roots(checkpoints, keys, size, problems),
        *stored_roots(kept, keys, size, problems),
    ]
    rows = RowCheck(_names(database, problems), problems)
    tree = TreeCheck(partial(stored_tiles, database), roots, problems)
    _walk(database, size, rows, tree, progress or _silent)
    compare_head(head, size, rows, tree, problems)
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
