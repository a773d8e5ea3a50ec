"""Whatever is done to a log behind its back is found, and the first bad position is named."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import orjson
import pytest

from ledger.errors import NewerDatabase, NotALedger
from ledger.merkle import leaf_hash
from ledger.open import open_database
from ledger.spelling import to_base64
from ledger.urls import sqlite_path
from replay.verify import verify
from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_log import FILLED_SIZE, Filled, ask, tamper
from tests.replay.tampering import (
    SEALED,
    TAIL,
    entry_at,
    forged,
    found,
    moved,
    rewrite,
    set_entry,
    swapped,
    verified,
)

EITHER = pytest.mark.parametrize("position", [SEALED, TAIL], ids=["sealed", "tail"])


def test_a_log_as_it_was_recorded_is_clean(log: Filled) -> None:
    seen: list[tuple[int, int]] = []

    with closing(open_database(log.url)) as database:
        report = verify(database, list(log.checkpoints.values()), lambda *at: seen.append(at))

    assert report.is_clean, report.problems
    assert report.size == FILLED_SIZE
    assert report.checkpoints_checked == 2 * len(log.checkpoints)
    assert seen[-1] == (FILLED_SIZE, FILLED_SIZE)


def test_the_root_is_the_one_that_was_signed(log: Filled) -> None:
    report = verified(log)

    assert report.root is not None
    newest = log.checkpoints[FILLED_SIZE]
    assert newest.splitlines()[2] == to_base64(report.root)


@EITHER
def test_a_changed_byte_is_named_by_position(log: Filled, position: int) -> None:
    raw = entry_at(log, position)
    tamper(log.url, set_entry(position, raw.replace(b"status", b"stAtus", 1)))

    assert found(log) == [(position, "entry")]


@EITHER
def test_a_changed_leaf_hash_is_named_by_position(log: Filled, position: int) -> None:
    sql = "UPDATE events SET leaf = ? WHERE position = ?"
    tamper(log.url, (sql, [bytes(32), position]))

    assert found(log) == [(position, "entry")]


def test_an_entry_replaced_with_its_leaf_hash_is_named_by_the_tile(log: Filled) -> None:
    raw = forged(entry_at(log, SEALED))
    tamper(log.url, set_entry(SEALED, raw, with_leaf=True))

    assert found(log) == [(SEALED, "entry")]


def test_a_replaced_entry_in_the_tail_lies_behind_the_last_checkpoint_that_agrees(
    log: Filled,
) -> None:
    raw = forged(entry_at(log, TAIL))
    tamper(log.url, set_entry(TAIL, raw, with_leaf=True))

    problems = verified(log).problems

    # 521: the checkpoint at 520 vouches for what is before.
    assert {(problem.position, problem.kind) for problem in problems} == {
        (521, "head"),
        (521, "checkpoint"),
    }
    assert "521 to 576" in problems[1].message or "521 to 576" in problems[0].message


@EITHER
def test_a_dropped_row_is_named_by_position(log: Filled, position: int) -> None:
    tamper(log.url, ("DELETE FROM events WHERE position = ?", [position]))

    problems = verified(log).problems

    assert (problems[0].position, problems[0].kind) == (position, "missing")
    assert problems[0].message == f"entry {position} is missing"


@EITHER
def test_a_dropped_row_is_found_where_the_others_closed_the_gap(log: Filled, position: int) -> None:
    tamper(
        log.url,
        ("DELETE FROM events WHERE position = ?", [position]),
        *moved(position + 1, by=-1),
    )

    problems = found(log)

    assert problems[0][0] == position
    # The run that moved up is told once.
    assert [kind for _, kind in problems].count("misplaced") == 1


def test_swapped_rows_are_named_by_the_first_of_them(log: Filled) -> None:
    tamper(log.url, *swapped(SEALED, SEALED + 7))

    problems = found(log)

    assert problems[0][0] == SEALED
    assert (SEALED, "misplaced") in problems
    assert (SEALED + 7, "misplaced") in problems


def test_swapped_rows_are_found_in_the_tail(log: Filled) -> None:
    tamper(log.url, *swapped(TAIL, TAIL + 7))

    assert [one for one in found(log) if one[1] == "misplaced"] == [
        (TAIL, "misplaced"),
        (TAIL + 7, "misplaced"),
    ]


@pytest.mark.parametrize("position", [SEALED, TAIL, FILLED_SIZE])
def test_an_inserted_row_is_named_by_position(log: Filled, position: int) -> None:
    entry = orjson.loads(entry_at(log, position))
    entry |= {"id": "forged", "subject": "incident/INC9999999", "subjectversion": 1}
    raw = orjson.dumps(entry)
    tamper(
        log.url,
        ("INSERT INTO subjects VALUES (99999, 'incident/INC9999999', NULL)", []),
        *moved(position, by=1),
        (
            "INSERT INTO events VALUES (?, 99999, 1, ?, ?, ?)",
            [position, entry["type"], raw, leaf_hash(raw)],
        ),
    )

    assert verified(log).problems[0].position == position


def test_a_row_behind_the_head_is_named(log: Filled) -> None:
    raw = entry_at(log, TAIL)
    tamper(
        log.url,
        (
            "INSERT INTO events VALUES (?, ?, 77, 'itsm.incident.commented.v1', ?, ?)",
            [FILLED_SIZE + 1, 8, raw, leaf_hash(raw)],
        ),
    )

    assert found(log) == [(FILLED_SIZE + 1, "inserted")]


def test_rows_at_positions_that_no_log_has_are_named(log: Filled) -> None:
    raw = entry_at(log, TAIL)
    sql = "INSERT INTO events VALUES (?, ?, 77, 'itsm.incident.commented.v1', ?, ?)"
    tamper(log.url, (sql, [-4, 8, raw, leaf_hash(raw)]), (sql, [2**62, 9, raw, leaf_hash(raw)]))

    assert found(log) == [(-4, "inserted")]
    assert str(2**62) in verified(log).problems[0].message


@pytest.mark.parametrize("left", [FILLED_SIZE - 1, 520, 256, 130, 3, 0])
def test_a_cut_off_tail_is_named_where_it_begins(log: Filled, left: int) -> None:
    tamper(log.url, ("DELETE FROM events WHERE position > ?", [left]))

    first = verified(log).problems[0]

    assert (first.position, first.kind) == (left + 1, "missing")
    last = f"{left + 1} to {FILLED_SIZE}"
    assert (last in first.message) or left == FILLED_SIZE - 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("subject", 99999), ("version", 4711), ("type", "itsm.incident.closed.v1")],
)
@EITHER
def test_an_edited_column_is_named_by_position(
    log: Filled, position: int, column: str, value: object
) -> None:
    tamper(log.url, (f"UPDATE events SET {column} = ? WHERE position = ?", [value, position]))

    assert found(log) == [(position, "column")]


def test_an_edited_subject_is_named_where_it_begins(log: Filled) -> None:
    sql = "SELECT min(position), subject FROM events WHERE position > 20 GROUP BY subject"
    position, key = min(ask(log.url, sql))
    tamper(log.url, ("UPDATE subjects SET name = 'incident/INC7777777' WHERE id = ?", [key]))

    first = verified(log).problems[0]

    assert (first.kind, first.position <= position) == ("column", True)
    assert "INC7777777" in first.message


def test_an_edited_tile_is_named_by_the_first_entry_it_lies_about(log: Filled) -> None:
    hashes: bytes = ask(log.url, "SELECT hashes FROM tiles WHERE level = 0 AND idx = 1")[0][0]
    broken = hashes[:320] + bytes([hashes[320] ^ 1]) + hashes[321:]
    tamper(log.url, ("UPDATE tiles SET hashes = ? WHERE level = 0 AND idx = 1", [broken]))

    assert found(log) == [(256 + 10 + 1, "tile")]


def test_an_edited_root_of_a_tile_is_named_by_its_first_entry(log: Filled) -> None:
    tamper(log.url, ("UPDATE tiles SET root = ? WHERE level = 0 AND idx = 1", [bytes(32)]))

    assert found(log) == [(257, "tile")]


def test_a_missing_and_a_superfluous_tile_are_named(log: Filled) -> None:
    tamper(
        log.url,
        "DELETE FROM tiles WHERE level = 0 AND idx = 0",
        ("INSERT INTO tiles VALUES (0, 2, ?, ?)", [bytes(8192), bytes(32)]),
        ("INSERT INTO tiles VALUES (1000000000, 7, ?, ?)", [bytes(8192), bytes(32)]),
    )

    assert found(log) == [(1, "tile"), (1, "tile"), (513, "tile")]


def test_an_edited_frontier_is_the_heads_fault_where_a_checkpoint_vouches(log: Filled) -> None:
    frontier = bytearray(ask(log.url, "SELECT frontier FROM head")[0][0])
    frontier[8 + 40] ^= 1
    tamper(log.url, ("UPDATE head SET frontier = ?", [bytes(frontier)]))

    (problem,) = verified(log).problems

    assert (problem.kind, problem.position) == ("head", 513)
    assert problem.message.endswith("the head was changed")


@pytest.mark.parametrize(
    "change",
    ["size = 590", "recordedtime = '2026-01-01T00:00:00.000000Z'", "frontier = ''", "size = 1000"],
)
def test_an_edited_head_is_found(log: Filled, change: str) -> None:
    tamper(log.url, f"UPDATE head SET {change}")

    assert "head" in {kind for _, kind in found(log)}


def test_a_head_that_claims_a_log_without_end_is_no_trap(log: Filled) -> None:
    tamper(log.url, f"UPDATE head SET size = {2**62}")

    assert found(log) == [(FILLED_SIZE + 1, "missing"), (FILLED_SIZE + 1, "head")]


def test_a_missing_head_is_found(log: Filled) -> None:
    tamper(log.url, "DELETE FROM head")

    assert found(log) == [(FILLED_SIZE, "head"), (FILLED_SIZE, "head")]


def test_several_problems_are_all_listed_in_order(log: Filled) -> None:
    tamper(
        log.url,
        set_entry(40, entry_at(log, 40) + b" "),
        ("UPDATE events SET type = 'itsm.x.y.v1' WHERE position = 290", []),
        ("DELETE FROM events WHERE position = 420", []),
        set_entry(TAIL, b"{}"),
    )

    assert [one for one in found(log) if one[1] != "version"] == [
        (40, "entry"),
        (290, "column"),
        (420, "missing"),
        (TAIL, "entry"),
    ]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"data":1}', b"[" * 5000, b'{"sequence":"x"}'],
    ids=["empty", "object", "list", "null", "bytes", "data", "deep", "sequence"],
)
@EITHER
def test_a_forged_row_never_stops_the_verification(log: Filled, position: int, raw: bytes) -> None:
    tamper(log.url, set_entry(position, raw, with_leaf=True))

    assert (position, "entry") in found(log)


def test_text_in_the_place_of_bytes_is_named(filled: dict[str, Filled], log: Filled) -> None:
    """What a plain SQL client leaves behind that edits the entry as if it were text (SQLite lets it)."""
    if log.url.startswith("postgresql"):
        pytest.skip("PostgreSQL keeps text out of a bytea column")
    as_text = "CAST(entry AS TEXT)"
    tamper(
        log.url,
        f"UPDATE events SET entry = replace({as_text}, 'status', 'stAtus') WHERE position = 300",
        f"UPDATE events SET entry = {as_text} WHERE position = 310",
        "UPDATE events SET entry = CAST(x'fffe' AS TEXT), type = CAST(x'ff' AS TEXT) WHERE position = 320",
        "UPDATE events SET version = 'one', leaf = 'leaf' WHERE position = 330",
    )

    problems = found(log)

    assert {position for position, kind in problems if kind == "entry"} >= {300, 320, 330}
    assert problems[0] == (300, "entry")


def test_recordedtime_that_goes_back_is_named(log: Filled) -> None:
    """Even where whoever did it holds the key and sealed the log anew."""
    entry = orjson.loads(entry_at(log, TAIL))
    entry["recordedtime"] = "2025-01-01T00:00:00.000000Z"
    rewrite(log, {TAIL: orjson.dumps(entry)})

    assert (TAIL, "time") in found(log)


def test_a_version_that_is_left_out_is_named(log: Filled) -> None:
    """As `recordedtime`: entry, leaf hash, column, tiles and head agree with each other."""
    entry = orjson.loads(entry_at(log, TAIL))
    entry["subjectversion"] += 1
    rewrite(log, {TAIL: orjson.dumps(entry)})
    tamper(log.url, ("UPDATE events SET version = version + 1 WHERE position = ?", [TAIL]))

    assert (TAIL, "version") in found(log)


# What has no rows


@pytest.mark.parametrize("kind", BOTH)
def test_an_empty_database_is_no_ledger(kind: str, tmp_path: Path) -> None:
    url = fresh_database_url(kind, tmp_path)
    (sqlite_path(url) or tmp_path / "unused").touch()

    with pytest.raises(NotALedger):
        open_database(url)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotALedger):
        open_database(f"sqlite:///{tmp_path}/none.db")

    assert not list(tmp_path.iterdir())


def test_a_database_of_a_newer_version_is_not_judged(log: Filled) -> None:
    tamper(log.url, "INSERT INTO schema_version VALUES (4711)")

    try:
        with pytest.raises(NewerDatabase):
            open_database(log.url)
    finally:
        tamper(log.url, "DELETE FROM schema_version WHERE version = 4711")


def test_nothing_but_the_database_is_needed(log: Filled, tmp_path: Path) -> None:
    """Copies lie in a folder without key, vault and master key."""
    assert not list(tmp_path.glob("*.key"))

    assert verified(log).is_clean
