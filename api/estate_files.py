"""An estate as a file for analysts: Parquet, CSV or JSON Lines, by the ending of its name.

Each row bears its label (basis, at, known_at, position), so that a file says by itself what it shows.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from api.estates import EstateStates
from api.files import whole_file
from domain.errors import Malformed
from replay.exports.comma_separated import safe_cell

Row = Mapping[str, Any]
_LABEL: Final = ("basis", "at", "known_at", "position")
_FIRST: Final = ("subject", "family", "version")
_ROWS_AT_ONCE: Final = 16_384


def format_of(path: Path) -> str:
    """Raises Malformed for an ending that is none of theirs."""
    ending = path.suffix.removeprefix(".").lower()
    if ending not in WRITERS:
        raise Malformed(f"expected a file ending in .{', .'.join(WRITERS)}, got {path.name}")
    return ending


def write_estate(path: Path, estate: EstateStates) -> int:
    """The file whole or not at all. Returns how many subjects it holds. Raises Malformed, OSError."""
    ending = format_of(path)
    with whole_file(path) as out:
        return WRITERS[ending](out, estate)


def json_lines(estate: EstateStates) -> Iterator[bytes]:
    """Each subject on a line: `{"subject": …, "family": …, "version": …, "basis": …, …, "state": {…}}`."""
    for row in estate.rows:
        state = row["state"]
        told = {name: row[name] for name in _FIRST} | estate.label | {"state": state}
        yield orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _json_lines(out: BinaryIO, estate: EstateStates) -> int:
    count = 0
    for count, line in enumerate(json_lines(estate), 1):  # noqa: B007 - how many there were
        out.write(line)
    return count


def _csv(out: BinaryIO, estate: EstateStates) -> int:
    rows = list(estate.rows)
    members = _members(rows)
    writer = csv.writer(_Text(out))
    writer.writerow([*_FIRST, *_LABEL, *members])
    for row in rows:
        told = [row[name] for name in _FIRST] + [estate.label[name] for name in _LABEL]
        writer.writerow([*told, *(_cell(row["state"].get(name)) for name in members)])
    return len(rows)


class _Text:
    """What `csv` writes to, over a file of bytes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(text.encode())


def _cell(value: Any) -> Any:
    """Objects and lists as JSON."""
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return safe_cell(value)


def _parquet(out: BinaryIO, estate: EstateStates) -> int:
    rows = list(estate.rows)
    kinds = {name: _kind(row["state"].get(name) for row in rows) for name in _members(rows)}
    schema = pa.schema(
        [
            *((name, pa.int64() if name == "version" else pa.string()) for name in _FIRST),
            *((name, pa.int64() if name == "position" else pa.string()) for name in _LABEL),
            *((f"{_STATE}.{name}", kind) for name, kind in kinds.items()),
            (_STATE, pa.string()),
        ]
    )
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chosen = rows[first : first + _ROWS_AT_ONCE]
            writer.write_table(_table(chosen, estate.label, kinds, schema))
    return len(rows)


_STATE: Final = "state"


def _table(
    rows: Sequence[Row], label: Row, kinds: Mapping[str, pa.DataType], schema: pa.Schema
) -> pa.Table:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in _FIRST}
    columns |= {name: [label[name]] * len(rows) for name in _LABEL}
    for name, kind in kinds.items():
        values = (row["state"].get(name) for row in rows)
        columns[f"{_STATE}.{name}"] = [
            orjson.dumps(value).decode()
            if kind == pa.string() and value is not None and not isinstance(value, str)
            else value
            for value in values
        ]
    columns[_STATE] = [orjson.dumps(row["state"]).decode() for row in rows]
    return pa.table(columns, schema=schema)


def _kind(values: Iterable[Any]) -> pa.DataType:
    """Of a member whose values are all alike; else text, with JSON for what is no text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pa.int64()
    return pa.bool_() if kinds == {bool} else pa.string()


def _members(rows: Iterable[Row]) -> list[str]:
    return sorted({name for row in rows for name in row["state"]})


WRITERS: Final[Mapping[str, Callable[[BinaryIO, EstateStates], int]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _json_lines,
}
