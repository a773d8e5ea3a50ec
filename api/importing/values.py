"""Values of a mapping, made ready to be taken from every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.importing.cells import Cells, Layout
from api.importing.conditions import Condition, as_cell, condition
from api.importing.faults import BadRow
from api.importing.schema import Scalar, Value
from api.importing.times import ReadTime

Take = Callable[[Cells], Scalar]
Tables = Mapping[str, Mapping[str, Scalar]]
"""Name → (cell → what it means)."""

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Translation:
    """What values are made with: where columns stand, the tables by name, and how times are written."""

    layout: Layout
    tables: Tables
    read_time: ReadTime


def tables_of(written: Mapping[str, Mapping[str | int | bool, Scalar]]) -> Tables:
    return {
        name: {as_cell(key) or "": meaning for key, meaning in table.items()}
        for name, table in written.items()
    }


def taking(value: Value, given: Translation) -> Take:
    """The function that takes this value from a row. It raises BadRow where the row has no such value."""
    columns = value.read_columns()
    if not columns:
        constant = value.value
        return lambda row: constant
    take = _cell(columns, value.join, given.layout)
    convert = _conversion(value, columns, given)
    if convert is not None:
        take = _converted(take, convert)
    if value.when:
        take = _guarded(take, condition(value.when, given.layout))
    return take


def _cell(columns: tuple[str, ...], join: str, layout: Layout) -> Take:
    indexes = [layout.index(column) for column in columns]
    if len(indexes) == 1:
        (index,) = indexes
        return lambda row: row[index]

    def joined(row: Cells) -> Scalar:
        return join.join(cell for i in indexes if (cell := row[i]) is not None) or None

    return joined


def _converted(take: Take, convert: Callable[[str], Scalar]) -> Take:
    def converted(row: Cells) -> Scalar:
        cell = take(row)
        return None if cell is None else convert(str(cell))

    return converted


def _guarded(take: Take, asked: Condition) -> Take:
    def guarded(row: Cells) -> Scalar:
        # A value looks at its own row only; the checks refuse the conditions that look further.
        return take(row) if asked.holds(0, row, row, first=False) else None

    return guarded


def _conversion(
    value: Value, columns: tuple[str, ...], given: Translation
) -> Callable[[str], Scalar] | None:
    named = " and ".join(columns)
    if value.table is not None:
        return _looked_up(value, given.tables[value.table], named)
    if value.extract is not None:
        return _extracted(value, named, given)
    return _typed(value.as_, named, given)


def _looked_up(value: Value, table: Mapping[str, Scalar], named: str) -> Callable[[str], Scalar]:
    strict = "otherwise" not in value.model_fields_set

    def look_up(cell: str) -> Scalar:
        if cell in table:
            return table[cell]
        if strict:
            raise BadRow(f"{named}: {cell!r} is not in the table {value.table}")
        return value.otherwise

    return look_up


def _extracted(value: Value, named: str, given: Translation) -> Callable[[str], Scalar]:
    pattern = re.compile(value.extract or "")
    typed = _typed(value.as_, named, given)
    strict = "otherwise" not in value.model_fields_set

    def extract(cell: str) -> Scalar:
        found = pattern.search(cell)
        if found is not None:
            part = found[1] if pattern.groups else found[0]
            return typed(part) if typed else part
        if strict:
            raise BadRow(f"{named}: expected something like {value.extract}, got {cell!r}")
        return value.otherwise

    return extract


def _typed(kind: str, named: str, given: Translation) -> Callable[[str], Scalar] | None:
    match kind:
        case "integer":
            return lambda cell: _integer(cell, named)
        case "boolean":
            return lambda cell: _boolean(cell, named)
        case "time":
            return given.read_time
        case _:
            return None


def _integer(cell: str, named: str) -> int:
    # int() alone would take "1_000" and digits of other scripts.
    digits = cell[1:] if cell.startswith("-") else cell
    if digits.isascii() and digits.isdigit():
        return int(cell)
    raise BadRow(f"{named}: expected a whole number, got {cell!r}")


def _boolean(cell: str, named: str) -> bool:
    try:
        return _TRUTH[cell.lower()]
    except KeyError:
        raise BadRow(f"{named}: expected true or false, got {cell!r}") from None
