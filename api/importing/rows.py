"""Lines into rows: the cells that the mapping reads, in its order, or what is wrong with the row."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from api.importing.cells import Cells, Layout
from api.importing.faults import ColumnsDiffer
from api.importing.schema import FileForm, SourceMapping
from api.importing.stream import CutShort

QUOTED_LINES = 1_000
"""A quoted field may span so many lines; beyond that its opening quote is a stray one."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """`line` counts from 1. `text`: the row as it stands in the file. `fault`: why `cells` is None.

    `number`: what stands where the number would, even where the rest of the row cannot be read.
    """

    line: int
    text: str
    cells: Cells | None
    number: str | None
    fault: str = ""


def read_rows(lines: Iterator[str], mapping: SourceMapping, layout: Layout) -> Iterator[Row]:
    """Raises ColumnsDiffer before the first row, CutShort after the last whole one."""
    if mapping.file.text_format == "csv":
        return _CsvRows(mapping, layout).read(lines)
    return _JsonRows(mapping, layout).read(lines)


class _CsvRows:
    def __init__(self, mapping: SourceMapping, layout: Layout) -> None:
        self._mapping, self._layout, self._form = mapping, layout, mapping.file
        self._record = ""
        self._line = 0
        self._width: int | None = None

    def read(self, lines: Iterator[str]) -> Iterator[Row]:
        records = self._records(lines)
        names = self._header(next(records, ""))
        pick = _picker(names, self._layout)
        missing = frozenset(["", *self._form.missing])
        number, width = names.index(self._mapping.number), len(names)
        for record in records:
            try:
                fields = self._parsed(record)
            except csv.Error as error:
                yield self._bad(f"not CSV: {error}", [], number)
                continue
            if len(fields) != width:
                yield self._bad(f"expected {width} fields, got {len(fields)}", fields, number)
            elif not record.isascii() and _SURROGATE.search(record):
                yield self._bad(f"not {self._form.encoding} text", fields, number)
            else:
                cells = tuple([None if cell in missing else cell for cell in pick(fields)])
                yield Row(self._line, record, cells, fields[number])

    def _header(self, record: str) -> list[str]:
        try:
            header = self._parsed(record)
        except csv.Error as error:
            raise ColumnsDiffer(f"the first line is no header: {error}") from None
        self._width = len(header)
        names = [self._form.spelled.get(name, name) for name in header]
        _check_columns(names, self._mapping, self._layout)
        return names

    def _bad(self, fault: str, fields: list[str], number: int) -> Row:
        if not self._record.endswith("\n"):
            raise CutShort(f"the last line is not whole ({fault})")
        told = fields[number] if number < len(fields) else ""
        # A number that is no text is none: nothing can be remembered under it.
        known = told if told.isascii() or not _SURROGATE.search(told) else ""
        return Row(self._line, self._record, None, known or None, fault)

    def _records(self, lines: Iterator[str]) -> Iterator[str]:
        """Lines, joined while a quoted field goes on. A stray quote costs its own line only."""
        at = 0
        put_back: deque[str] = deque()
        while line := put_back.popleft() if put_back else next(lines, ""):
            at += 1
            self._line = at
            if '"' in line and self._is_open(line):
                more = self._rest_of(line, chain(put_back, lines))
                read = list(more)
                whole = self._fits(line + "".join(read))
                for _ in range(min(len(read), len(put_back))):
                    put_back.popleft()
                if whole:
                    at += len(read)
                    line += "".join(read)
                else:
                    put_back.extendleft(reversed(read))
            self._record = line
            if line.strip("\r\n"):
                yield line

    def _rest_of(self, record: str, lines: Iterable[str]) -> Iterator[str]:
        """The lines up to the one that closes the quoted field, or as many as one may span."""
        for _, line in zip(range(QUOTED_LINES), lines, strict=False):
            record += line
            yield line
            if '"' in line and not self._is_open(record):
                return

    def _is_open(self, record: str) -> bool:
        try:
            self._parsed(record)
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False

    def _fits(self, record: str) -> bool:
        try:
            return self._width in (None, len(self._parsed(record)))
        except csv.Error:
            return False

    def _parsed(self, record: str) -> list[str]:
        return next(csv.reader([record], delimiter=self._form.delimiter, strict=True), [])


def _check_columns(names: list[str], mapping: SourceMapping, layout: Layout) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ColumnsDiffer(f"the file has the column {twice[0]!r} twice", columns=twice)
    lacking = [c for c in layout.columns if c not in names and c not in mapping.file.optional]
    if lacking:
        raise ColumnsDiffer(
            f"the mapping {mapping.mapping} reads {', '.join(lacking)}; the file has "
            f"{', '.join(names) or 'no columns'}",
            lacking=lacking,
        )
    known = {*layout.columns, *mapping.ignore}
    unknown = [] if "*" in mapping.ignore else [name for name in names if name not in known]
    if unknown:
        raise ColumnsDiffer(
            f"the mapping {mapping.mapping} does not name {', '.join(unknown)}; "
            "map them, or say under `ignore` why not",
            unknown=unknown,
        )


def _picker(names: list[str], layout: Layout) -> Callable[[list[str]], Iterable[str]]:
    absent = len(names)
    indexes = [names.index(c) if c in names else absent for c in layout.columns]
    pick = itemgetter(*indexes) if len(indexes) > 1 else lambda fields: (fields[indexes[0]],)
    if absent not in indexes:
        return pick
    return lambda fields: pick([*fields, ""])


class _JsonRows:
    def __init__(self, mapping: SourceMapping, layout: Layout) -> None:
        self._form, self._number, self._columns = mapping.file, mapping.number, layout.columns
        self._missing = frozenset(["", *mapping.file.missing])

    def read(self, lines: Iterator[str]) -> Iterator[Row]:
        for line, text in enumerate(lines, 1):
            if not text.strip():
                continue
            told = _json_object(text)
            if told is not None:
                yield from self._rows(line, text, told)
            elif text.endswith("\n"):
                yield Row(line, text, None, None, "not a JSON object")
            else:
                raise CutShort("the last line is not whole (not a JSON object)")

    def _rows(self, line: int, text: str, told: dict[str, Any]) -> Iterator[Row]:
        for item in _exploded(told, self._form):
            if item is None:
                fault = f"expected a list of objects in {self._form.explode}"
                yield Row(line, text, None, self._cell(told, self._number), fault)
            else:
                cells = tuple([self._cell(item, column) for column in self._columns])
                yield Row(line, text, cells, self._cell(item, self._number))

    def _cell(self, told: dict[str, Any], path: str) -> str | None:
        return _cell(_at(told, path), self._missing)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        told = orjson.loads(text)
    except (ValueError, UnicodeEncodeError):
        return None
    return told if isinstance(told, dict) else None


def _exploded(told: dict[str, Any], form: FileForm) -> list[dict[str, Any] | None]:
    """One object per item of the list, the parent's members beside `list.member`; None for what is none."""
    if form.explode is None:
        return [told]
    items = told.get(form.explode)
    if not isinstance(items, list) or not items:
        return [None]
    parent = {name: value for name, value in told.items() if name != form.explode}
    return [
        {**parent, **{f"{form.explode}.{name}": value for name, value in item.items()}}
        if isinstance(item, dict)
        else None
        for item in items
    ]


def _at(told: dict[str, Any], path: str) -> Any:
    """The member of that name; else a path with dots into objects."""
    if path in told:
        return told[path]
    head, dot, rest = path.partition(".")
    inner = told.get(head)
    return _at(inner, rest) if dot and isinstance(inner, dict) else None


def _cell(value: Any, missing: frozenset[str]) -> str | None:
    """Plain values as text, a list of them joined by `, `, anything else as JSON text."""
    match value:
        case None:
            return None
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case list() if not any(isinstance(item, list | dict) for item in value):
            text = ", ".join(filter(None, (_cell(item, frozenset()) for item in value)))
        case _:
            text = orjson.dumps(value).decode()
    return None if text in missing else text
