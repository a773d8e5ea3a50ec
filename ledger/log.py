"""Appending: positions, leaf hashes, tree and head in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.database import Database, Row, Transaction
from ledger.errors import NotALedger
from ledger.merkle import CompletedRow, Frontier
from ledger.schema import EVENTS, HEAD, TILES

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes in a full tile (tlog-tiles)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of the tree. `recordedtime` is the last entry's, "" for an empty log."""

    size: int
    recordedtime: str
    frontier: bytes

    def root(self) -> bytes:
        return Frontier.from_bytes(self.frontier).root()


class NewEntry(NamedTuple):
    """An entry about to be stored: `subject` is the integer key, `entry` the bytes that are hashed to `leaf`."""

    subject: int
    version: int
    type: str
    entry: bytes
    leaf: bytes


_HEAD_SQL = "SELECT size, recordedtime, frontier FROM head WHERE id = 1"


def read_head(transaction: Transaction) -> Head:
    """Raises NotALedger when the log was never made."""
    row = transaction.row(_HEAD_SQL)
    if row is None:
        raise NotALedger
    return Head(*row)


def query_head(database: Database) -> Head:
    """As `read_head`, where nothing else is read beside it."""
    rows = database.query(_HEAD_SQL)
    if not rows:
        raise NotALedger
    return Head(*rows[0])


def lock_head(transaction: Transaction) -> Head:
    """The head, held until the transaction ends: one writer at a time, over all processes."""
    row = transaction.row(_HEAD_SQL + transaction.row_lock)
    if row is None:
        raise NotALedger
    return Head(*row)


def create_head(transaction: Transaction) -> None:
    transaction.insert(HEAD, [(1, 0, "", Frontier().to_bytes())])


def append_entries(
    transaction: Transaction, head: Head, entries: Sequence[NewEntry], recordedtime: str
) -> Head:
    """Store the entries at positions head.size + 1 …, with their part of the tree. The lock is held.

    Tiles are written once, when full; the partial ones follow from the newest entries' leaf hashes.
    """
    leaves = [entry.leaf for entry in entries]
    transaction.insert(
        EVENTS,
        [
            (position, entry.subject, entry.version, entry.type, entry.entry, entry.leaf)
            for position, entry in enumerate(entries, head.size + 1)
        ],
    )
    frontier = Frontier.from_bytes(head.frontier)
    _seal_full_tiles(transaction, frontier.extend(leaves))
    after = Head(head.size + len(leaves), recordedtime, frontier.to_bytes())
    transaction.execute(
        "UPDATE head SET size = ?, recordedtime = ?, frontier = ? WHERE id = 1",
        (after.size, after.recordedtime, after.frontier),
    )
    return after


def _seal_full_tiles(transaction: Transaction, completed: Sequence[CompletedRow]) -> None:
    """Write every tile that became full: its 256 hashes, and its root, which is a hash of the tile above."""
    nodes = {row.level: row for row in completed}
    tiles: list[Row] = []
    for level in range(TILE_HEIGHT, len(completed), TILE_HEIGHT):
        below, above = nodes[level - TILE_HEIGHT], nodes[level]
        tile_level = level // TILE_HEIGHT - 1
        for tile, root in enumerate(above.hashes, above.first_index):
            first = tile * TILE_WIDTH
            new = below.hashes[
                max(0, first - below.first_index) : first + TILE_WIDTH - below.first_index
            ]
            stored = partial_tile(transaction, tile_level, tile, TILE_WIDTH - len(new))
            tiles.append((tile_level, tile, b"".join([*stored, *new]), root))
    if tiles:
        transaction.insert(TILES, tiles)


def partial_tile(transaction: Transaction, level: int, tile: int, width: int) -> list[bytes]:
    """The first `width` hashes of a tile that is not full yet, from what is stored."""
    if width == 0:
        return []
    first = tile * TILE_WIDTH
    if level == 0:
        rows = transaction.rows(
            "SELECT leaf FROM events WHERE position > ? AND position <= ? ORDER BY position",
            (first, first + width),
        )
    else:
        rows = transaction.rows(
            "SELECT root FROM tiles WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx",
            (level - 1, first, first + width),
        )
    return [row[0] for row in rows]
