"""The log exactly as it lies in the database, believed by nobody: what verification reads.

Nothing here fails on what a forger wrote. Whatever cannot be read comes back as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ledger.database import Database, Row, Transaction
from ledger.errors import StorageFailed
from ledger.migrate import schema_version
from ledger.schema import ROSTERS_SINCE


class StoredRow(NamedTuple):
    """A row of the log. What a forger put there may be of any type."""

    position: int
    subject: Any
    version: Any
    type: Any
    entry: Any
    leaf: Any


class StoredTile(NamedTuple):
    hashes: Any
    root: Any


class StoredHead(NamedTuple):
    """`last`: the highest position that any row claims, 0 without rows."""

    size: Any
    recordedtime: Any
    frontier: Any
    last: int


class Unreadable(NamedTuple):
    """A row that the database itself cannot give."""

    position: int
    reason: str


_COLUMNS = "position, subject, version, type, entry, leaf"


def stored_head(transaction: Transaction) -> StoredHead | None:
    """None when there is no head row."""
    row = transaction.row(
        "SELECT size, recordedtime, frontier, (SELECT coalesce(max(position), 0) FROM events) "
        "FROM head WHERE id = 1"
    )
    return StoredHead(*row) if row else None


def last_position(transaction: Transaction) -> int:
    row = transaction.row("SELECT coalesce(max(position), 0) FROM events")
    return int(row[0]) if row else 0


def first_position_after(database: Database, position: int) -> int | None:
    with database.reading() as transaction:
        row = transaction.row("SELECT min(position) FROM events WHERE position > ?", (position,))
    return row[0] if row else None


def positions_outside(transaction: Transaction, size: int, limit: int) -> list[int]:
    """Positions that a log of `size` entries does not have, the lowest first, at most `limit`."""
    # Two ranges of the key: one condition with OR would read the whole table.
    found: list[int] = []
    for beyond, bound in (("position < ?", 1), ("position > ?", size)):
        sql = f"SELECT position FROM events WHERE {beyond} ORDER BY position LIMIT ?"
        found += [row[0] for row in transaction.rows(sql, (bound, limit))]
    return found[:limit]


def stored_rows(database: Database, after: int, up_to: int) -> Sequence[Row]:
    """The rows at positions after + 1 … up_to, in order: the members of a StoredRow, or an Unreadable."""
    sql = f"SELECT {_COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position"
    try:
        with database.reading() as transaction:
            return transaction.rows(sql, (after, up_to))
    except StorageFailed:
        # One bad row (a torn page, text that is no UTF-8) must not hide the others.
        return list(_one_by_one(database, after, up_to))


def _one_by_one(database: Database, after: int, up_to: int) -> Iterator[StoredRow | Unreadable]:
    type_, entry, leaf = (_as_bytes(database, column) for column in ("type", "entry", "leaf"))
    sql = f"SELECT position, subject, version, {type_}, {entry}, {leaf} FROM events"
    for position in range(after + 1, up_to + 1):
        try:
            with database.reading() as transaction:
                rows = transaction.rows(f"{sql} WHERE position = ?", (position,))
        except StorageFailed as error:
            yield Unreadable(position, str(error.facts.get("reason", error.message)))
            continue
        for at, subject, version, told, raw, hashed in rows:
            yield StoredRow(at, subject, version, _text(told), raw or b"", hashed or b"")


def _as_bytes(database: Database, column: str) -> str:
    if database.dialect == "sqlite":
        return f"CAST({column} AS BLOB)"
    return column if column in {"entry", "leaf"} else f"convert_to({column}, 'UTF8')"


def _text(told: bytes | None) -> str:
    """What is no UTF-8 with replacement characters."""
    return (told or b"").decode(errors="replace")


def stored_subjects(database: Database) -> Iterator[tuple[int, str, str | None]]:
    """(key, name, owner) of each subject."""
    name, owner = _as_bytes(database, "name"), _as_bytes(database, "owner")
    with database.reading() as transaction:
        for key, told, recorder in transaction.stream(f"SELECT id, {name}, {owner} FROM subjects"):
            yield key, _text(told), None if recorder is None else _text(recorder)


def stored_tiles(database: Database, level: int, first: int, end: int) -> dict[int, StoredTile]:
    """The tiles first … end - 1 of a tile level, by index."""
    with database.reading() as transaction:
        rows = transaction.rows(
            "SELECT idx, hashes, root FROM tiles WHERE level = ? AND idx >= ? AND idx < ?",
            (level, first, end),
        )
    return {index: StoredTile(hashes, root) for index, hashes, root in rows}


def tiles_outside(transaction: Transaction, widths: Sequence[int]) -> list[tuple[int, int]]:
    """(level, index) of tiles that a log does not have whose level L has `widths[L]` full tiles."""
    rows = transaction.rows(
        "SELECT level, idx FROM tiles WHERE level < 0 OR level >= ? OR idx < 0 ORDER BY level, idx LIMIT 10",
        (len(widths),),
    )
    for level, width in enumerate(widths):
        rows += transaction.rows(
            "SELECT level, idx FROM tiles WHERE level = ? AND idx >= ? ORDER BY idx LIMIT 10",
            (level, width),
        )
    return [(row[0], row[1]) for row in rows]


def stored_checkpoints(database: Database) -> list[tuple[int, bytes]]:
    """(size, note as bytes), the smallest first."""
    note = _as_bytes(database, "note")
    with database.reading() as transaction:
        return [
            (size, bytes(told or b""))
            for size, told in transaction.rows(
                f"SELECT size, {note} FROM checkpoints ORDER BY size"
            )
        ]


def stored_entries(database: Database, subject: str) -> list[tuple[int, bytes, bytes]]:
    """(position, entry, leaf) of what lies under a subject's name, in order."""
    entry = _as_bytes(database, "entry")
    with database.reading() as transaction:
        rows = transaction.rows(
            f"SELECT position, {entry}, leaf FROM events "
            "WHERE subject = (SELECT id FROM subjects WHERE name = ?) ORDER BY position",
            (subject,),
        )
    return [(position, raw or b"", leaf) for position, raw, leaf in rows]


class StoredSnapshot(NamedTuple):
    position: Any
    state: Any


def stored_snapshots(
    database: Database, first: int, end: int
) -> dict[tuple[int, int], StoredSnapshot]:
    """By (subject key, version), of the subjects with keys first … end - 1."""
    with database.reading() as transaction:
        rows = transaction.rows(
            "SELECT subject, version, position, state FROM snapshots WHERE subject >= ? AND subject < ?",
            (first, end),
        )
    return {(key, version): StoredSnapshot(at, state) for key, version, at, state in rows}


class StoredRoster(NamedTuple):
    version: Any
    members: Any


def stored_rosters(database: Database) -> tuple[dict[str, StoredRoster] | None, int]:
    """The rosters by name, and the position that they are exact for. None: this schema has no rosters."""
    name, members = _as_bytes(database, "name"), _as_bytes(database, "members")
    with database.reading() as transaction:
        size = last_position(transaction)
        if schema_version(transaction) < ROSTERS_SINCE:
            return None, size
        rows = transaction.rows(f"SELECT {name}, version, {members} FROM rosters")
    return {_text(told): StoredRoster(version, said or b"") for told, version, said in rows}, size


def stored_by_subject(database: Database, first: int, end: int) -> Iterator[Row]:
    """(subject key, version, position, entry) of those subjects, each one's entries in order."""
    sql = (
        f"SELECT subject, version, position, {_as_bytes(database, 'entry')} FROM events "
        "WHERE subject >= ? AND subject < ? ORDER BY subject, version"
    )
    with database.reading() as transaction:
        yield from transaction.stream(sql, (first, end))
