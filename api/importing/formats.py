"""A file's bytes into rows, by the formats that its mapping names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from api.importing.cells import Layout
from api.importing.rows import Row, read_rows
from api.importing.schema import SourceMapping
from api.importing.stream import text_lines
from api.importing.xes import XesRows, looks_like_xml


def rows_of(chunks: Iterator[bytes], mapping: SourceMapping, layout: Layout) -> Iterator[Row]:
    """Raises ColumnsDiffer before the first row, CutShort after the last whole one."""
    form = mapping.file
    first = next(chunks, b"")
    whole = chain([first], chunks)
    if "xes" in form.format and (form.text_format is None or looks_like_xml(first)):
        yield from XesRows(mapping, layout).read(whole)
    else:
        yield from read_rows(text_lines(whole, form.encoding), mapping, layout)
