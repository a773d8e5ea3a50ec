"""Values of a mapping, made ready to be taken from every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from api.importing.cells import Cells, Layout
from api.importing.conditions import Condition, as_cell, condition, holds
from api.importing.faults import BadRow
from api.importing.schema import Scalar, Value
from api.importing.times import ReadTime

Take = Callable[[Cells], Scalar]
Check = Callable[[Scalar], None]
"""Raises LedgerError for a value that may not be stated where it is to stand."""
KEPT_VALUES = 4_096
"""Converted values that are remembered for each place they are used in."""

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


def taking(value: Value, given: Translation, check: Check) -> Take:
    """The function that takes this value from a row. It raises LedgerError where the row has no such value.

    `check` is asked once for each value that is met, as long as it is remembered.
    """
    columns = value.read_columns()
    if not columns:
        constant = value.value
        check(constant)
        return lambda _: constant
    take = _taken(columns, value, given, check)
    return _guarded(take, condition(value.when, given.layout)) if value.when else take


def _taken(columns: tuple[str, ...], value: Value, given: Translation, check: Check) -> Take:
    convert = _conversion(value, columns, given)

    @lru_cache(maxsize=KEPT_VALUES)
    def stated(cell: str) -> Scalar:
        told = convert(cell)
        check(told)
        return told

    indexes = [given.layout.index(column) for column in columns]
    if len(indexes) == 1:
        (index,) = indexes

        def take(row: Cells) -> Scalar:
            cell = row[index]
            return None if cell is None else stated(cell)

        return take

    def joined(row: Cells) -> Scalar:
        cells = [cell for index in indexes if (cell := row[index]) is not None]
        return stated(value.join.join(cells)) if cells else None

    return joined


def _guarded(take: Take, asked: Condition) -> Take:
    def guarded(row: Cells) -> Scalar:
        # A value looks at its own row only; the checks refuse the conditions that look further.
        return take(row) if holds(asked, row, row, 0, first=False) else None

    return guarded


def _conversion(
    value: Value, columns: tuple[str, ...], given: Translation
) -> Callable[[str], Scalar]:
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
            return typed(part)
        if strict:
            raise BadRow(f"{named}: expected something like {value.extract}, got {cell!r}")
        return value.otherwise

    return extract


def _typed(kind: str, named: str, given: Translation) -> Callable[[str], Scalar]:
    match kind:
        case "integer":
            return lambda cell: _integer(cell, named)
        case "boolean":
            return lambda cell: _boolean(cell, named)
        case "time":
            return given.read_time
        case _:
            return lambda cell: cell


def _integer(cell: str, named: str) -> int:
    # int() alone would take "1_000" and digits of other scripts.
    digits = cell.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return int(cell)
    raise BadRow(f"{named}: expected a whole number, got {cell!r}")


def _boolean(cell: str, named: str) -> bool:
    try:
        return _TRUTH[cell.lower()]
    except KeyError:
        raise BadRow(f"{named}: expected true or false, got {cell!r}") from None
