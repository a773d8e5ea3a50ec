"""Whatever single thing is done to a log is found, and located at the first entry it concerns."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.merkle import Frontier, leaf_hash
from ledger.open import open_database
from replay.report import Problem
from replay.verify import verify
from tests.contract.databases import fresh_database_url
from tests.replay.given_log import FILLED_SIZE, Filled, ask, fill, pristine, tamper

POSITIONS = st.integers(1, FILLED_SIZE)
BITS = st.tuples(st.integers(0, 9999), st.integers(0, 7))
SEALED_TILES = FILLED_SIZE // 256
search = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    directory = tmp_path_factory.mktemp("tampering")
    return fill(fresh_database_url("sqlite", directory), directory)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Emptied between the examples of a search by `first_problem`."""
    return tmp_path


def first_problem(original: Filled, directory: Path, *statements: tuple[str, list[Any]]) -> Problem:
    url = pristine(original.url, directory)
    tamper(url, *statements)
    with closing(open_database(url)) as database:
        report = verify(database)
    for file in directory.iterdir():
        file.unlink()
    assert not report.is_clean
    return report.problems[0]


def row_at(original: Filled, position: int) -> tuple[Any, ...]:
    columns = "subject, version, type, entry, leaf"
    return ask(original.url, f"SELECT {columns} FROM events WHERE position = ?", position)[0]


def flipped(raw: bytes, at: int, bit: int) -> bytes:
    at %= len(raw)
    return raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]


@search
@given(position=POSITIONS, column=st.sampled_from(["entry", "leaf"]), where=BITS)
def test_any_flipped_bit_of_a_row_is_found(
    original: Filled, directory: Path, position: int, column: str, where: tuple[int, int]
) -> None:
    raw = row_at(original, position)[3 if column == "entry" else 4]
    sql = f"UPDATE events SET {column} = ? WHERE position = ?"

    problem = first_problem(original, directory, (sql, [flipped(raw, *where), position]))

    assert (problem.position, problem.kind) == (position, "entry")


@search
@given(index=st.integers(0, SEALED_TILES - 1), at=st.integers(0, 8191), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_tile_is_found(
    original: Filled, directory: Path, index: int, at: int, bit: int
) -> None:
    ((hashes,),) = ask(original.url, "SELECT hashes FROM tiles WHERE level = 0 AND idx = ?", index)
    sql = "UPDATE tiles SET hashes = ? WHERE level = 0 AND idx = ?"

    problem = first_problem(original, directory, (sql, [flipped(hashes, at, bit), index]))

    assert (problem.position, problem.kind) == (index * 256 + at // 32 + 1, "tile")


@search
@given(at=st.integers(0, 8 + 32 * FILLED_SIZE.bit_count() - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_frontier_is_found(
    original: Filled, directory: Path, at: int, bit: int
) -> None:
    ((frontier,),) = ask(original.url, "SELECT frontier FROM head")

    problem = first_problem(
        original, directory, ("UPDATE head SET frontier = ?", [flipped(frontier, at, bit)])
    )

    assert problem.kind == "head"


@search
@given(position=POSITIONS, closes_the_gap=st.booleans())
def test_any_dropped_row_is_found(
    original: Filled, directory: Path, position: int, closes_the_gap: bool
) -> None:
    problem = first_problem(
        original,
        directory,
        ("DELETE FROM events WHERE position = ?", [position]),
        *(moved(position + 1, by=-1) if closes_the_gap else []),
    )

    assert problem.position == position


@search
@given(one=POSITIONS, other=POSITIONS, whole_rows=st.booleans())
def test_any_two_swapped_rows_are_found(
    original: Filled, directory: Path, one: int, other: int, whole_rows: bool
) -> None:
    if one == other:
        return
    if whole_rows:
        sql = "UPDATE events SET position = ? WHERE position = ?"
        statements: list[tuple[str, list[Any]]] = [
            (sql, [-1, one]),
            (sql, [one, other]),
            (sql, [other, -1]),
        ]
    else:
        sql = "UPDATE events SET entry = ?, leaf = ? WHERE position = ?"
        statements = [
            (sql, [*row_at(original, other)[3:], one]),
            (sql, [*row_at(original, one)[3:], other]),
        ]

    problem = first_problem(original, directory, *statements)

    assert problem.position == min(one, other)


@search
@given(position=POSITIONS, of=POSITIONS, is_plausible=st.booleans())
def test_any_inserted_row_is_found(
    original: Filled, directory: Path, position: int, of: int, is_plausible: bool
) -> None:
    subject, _, type_, raw, _ = row_at(original, of)
    entry = orjson.loads(raw) | {"id": "forged", "subjectversion": 4711}
    if is_plausible:
        ((version,),) = ask(
            original.url,
            "SELECT coalesce(max(version), 0) + 1 FROM events WHERE subject = ? AND position < ?",
            subject,
            position,
        )
        entry |= {"sequence": f"{position:019d}", "subjectversion": version}
    forged = orjson.dumps(entry)
    version = entry["subjectversion"]

    problem = first_problem(
        original,
        directory,
        *moved(position, by=1),
        # The versions behind it give way, as the positions do.
        ("UPDATE events SET version = version + 10000 WHERE subject = ? AND version >= ?", [subject, version]),
        (
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            [position, subject, version, type_, forged, leaf_hash(forged)],
        ),
    )  # fmt: skip

    if of == position - 1 and not is_plausible:
        # Two neighbours bear one number. Which of them is the false one the report leaves open.
        assert (problem.position, problem.kind) == (of, "inserted")
    else:
        assert problem.position == position


@search
@given(left=st.integers(0, FILLED_SIZE - 1), with_head=st.booleans())
def test_any_truncated_tail_is_found(
    original: Filled, directory: Path, left: int, with_head: bool
) -> None:
    """With the head as well, as in a restored backup: then the checkpoints say so."""
    statements: list[tuple[str, list[Any]]] = [("DELETE FROM events WHERE position > ?", [left])]
    if with_head and left:
        leaves = [row[0] for row in ask(original.url, "SELECT leaf FROM events ORDER BY position")]
        frontier = Frontier()
        frontier.extend(leaves[:left])
        time = orjson.loads(row_at(original, left)[3])["recordedtime"]
        sql = "UPDATE head SET size = ?, frontier = ?, recordedtime = ?"
        statements += [
            (sql, [left, frontier.to_bytes(), time]),
            ("DELETE FROM tiles WHERE idx >= ?", [left // 256]),
        ]

    problem = first_problem(original, directory, *statements)

    assert (problem.position, problem.kind) == (left + 1, "missing")


def moved(first: int, *, by: int) -> list[tuple[str, list[Any]]]:
    # Over positions that are free, so that no key is taken twice on the way.
    return [
        ("UPDATE events SET position = position + 1000000 WHERE position >= ?", [first]),
        ("UPDATE events SET position = position - 1000000 + ? WHERE position >= 1000000", [by]),
    ]
