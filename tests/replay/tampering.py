"""What can be done to a log behind its back, and what a verification says to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import orjson

from ledger.merkle import Frontier, leaf_hash
from ledger.open import open_database
from replay.report import Report
from replay.verify import verify
from tests.replay.given_log import Filled, ask, tamper

TAIL = 560
"""A position in the part of the tree that no full tile covers yet."""
SEALED = 300


def verified(log: Filled, checkpoints: Sequence[str] = ()) -> Report:
    with closing(open_database(log.url)) as database:
        return verify(database, checkpoints)


def found(log: Filled, checkpoints: Sequence[str] = ()) -> list[tuple[int, str]]:
    return [(problem.position, problem.kind) for problem in verified(log, checkpoints).problems]


def entry_at(log: Filled, position: int) -> bytes:
    raw: bytes = ask(log.url, "SELECT entry FROM events WHERE position = ?", position)[0][0]
    return raw


def set_entry(position: int, raw: bytes, *, with_leaf: bool = False) -> tuple[str, list[object]]:
    if with_leaf:
        sql = "UPDATE events SET entry = ?, leaf = ? WHERE position = ?"
        return sql, [raw, leaf_hash(raw), position]
    return "UPDATE events SET entry = ? WHERE position = ?", [raw, position]


def forged(raw: bytes) -> bytes:
    """The same entry with another status: well-formed, of the right place, and a lie."""
    entry = orjson.loads(raw)
    entry["data"]["source_status"] = "forged"
    return orjson.dumps(entry)


def moved(first: int, *, by: int) -> list[tuple[str, list[object]]]:
    # Over positions that are free, so that no key is taken twice on the way.
    return [
        ("UPDATE events SET position = position + 1000000 WHERE position >= ?", [first]),
        ("UPDATE events SET position = position - 1000000 + ? WHERE position >= 1000000", [by]),
    ]


def swapped(one: int, other: int) -> list[tuple[str, list[object]]]:
    sql = "UPDATE events SET position = ? WHERE position = ?"
    return [(sql, [-1, one]), (sql, [one, other]), (sql, [other, -1])]


def cut(log: Filled, size: int) -> None:
    """Restore the state that the log had at `size`, as an old backup would."""
    leaves = [row[0] for row in ask(log.url, "SELECT leaf FROM events ORDER BY position")][:size]
    time = orjson.loads(entry_at(log, size))["recordedtime"]
    frontier = Frontier()
    frontier.extend(leaves)
    tamper(
        log.url,
        ("DELETE FROM events WHERE position > ?", [size]),
        ("DELETE FROM tiles WHERE level > 0 OR idx >= ?", [size // 256]),
        (
            "UPDATE head SET size = ?, frontier = ?, recordedtime = ?",
            [size, frontier.to_bytes(), time],
        ),
    )


def rewrite(log: Filled, entries: dict[int, bytes]) -> None:
    """Replace entries and rebuild leaf hashes, tiles and head, so that the log is consistent in itself."""
    tamper(log.url, *(set_entry(at, raw, with_leaf=True) for at, raw in entries.items()))
    leaves = [row[0] for row in ask(log.url, "SELECT leaf FROM events ORDER BY position")]
    frontier = Frontier()
    rows = {row.level: row for row in frontier.extend(leaves)}
    tamper(
        log.url,
        *(
            (
                "UPDATE tiles SET hashes = ?, root = ? WHERE level = 0 AND idx = ?",
                [b"".join(leaves[index * 256 : (index + 1) * 256]), root, index],
            )
            for index, root in enumerate(rows[8].hashes)
        ),
        ("UPDATE head SET frontier = ?", [frontier.to_bytes()]),
    )
