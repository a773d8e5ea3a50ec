"""CSV (RFC 4180): a row for each entry, in the order of the log, for people who look at it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Final

from replay.exports.selection import Selection
from replay.exports.told import Scalar, Told

ENVELOPE: Final = (
    "position", "time", "recordedtime", "subject", "version", "type", "authid", "authtype", "onbehalfof",
    "recordedby", "grants", "policy", "decision", "rules", "reason", "comment", "corrects", "effectivetime",
    "replacement", "decidedat", "correlationid", "causationid", "source", "id",
)  # fmt: skip
STATED: Final = "data."
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, or skips and looks behind."""


def comma_separated(selection: Selection, *, exact: bool = False) -> Iterator[bytes]:
    """UTF-8 without a byte order mark, lines ending in CR LF.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, unless the cells are to be
    `exact`. Numbers are never touched.
    """
    members = _members(selection)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([*ENVELOPE, *(STATED + name for name in members)])
    shown: Callable[[Scalar | None], Scalar | None] = _exact if exact else safe_cell
    for one in selection.counted(selection.by_position()):
        yield _taken(buffer)
        cells = _cells(one)
        stated = one.stated
        writer.writerow(
            [
                *[shown(cells.get(name)) for name in ENVELOPE],
                *[shown(stated.get(name)) for name in members],
            ]
        )
    yield _taken(buffer)


def _members(selection: Selection) -> list[str]:
    """Every scalar member that some entry states: the header comes before the rows."""
    found: set[str] = set()
    for one in selection.by_position(revealing=False):
        found.update(one.stated)
    return sorted(found)


def _cells(one: Told) -> dict[str, Scalar]:
    return {
        **one.said,
        "position": one.position,
        "time": one.time,
        "subject": one.subject,
        "version": one.version,
        "type": f"{one.activity}.v{one.type_version}",
    }


def _exact(value: Scalar | None) -> Scalar | None:
    return ("true" if value else "false") if isinstance(value, bool) else value


def safe_cell(value: Scalar | None) -> Scalar | None:
    """What a spreadsheet takes for what it is: text that it would run as a formula stands behind an apostrophe."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return _exact(value)


def _taken(buffer: io.StringIO) -> bytes:
    row = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return row
