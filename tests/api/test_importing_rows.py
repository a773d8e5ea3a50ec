"""Whatever stands in a file, each row of it is read, or told as bad by its line."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import pytest

from api.importing.faults import ColumnsDiffer
from api.importing.mapping import layout_of, parse_mapping
from api.importing.rows import Row, read_rows
from api.importing.stream import ByteStream, CutShort, text_lines

CSV = """\
mapping: m
source: s
file: {format: csv, missing: ["?"]}
number: id
family: incident
time: {column: at, formats: [iso]}
events: [{event: itsm.incident.commented.v1, comment: text}]
ignore: {"*": not asked for}
"""
JSONL = CSV.replace("format: csv", "format: jsonl")


def read(content: bytes, mapping: str = CSV) -> Iterator[Row]:
    written = parse_mapping(mapping.encode(), "m.yaml").mapping
    stream = ByteStream("-", io.BytesIO(content))
    return read_rows(
        text_lines(stream.chunks(), written.file.encoding), written, layout_of(written)
    )


def cells(content: bytes, mapping: str = CSV) -> list[tuple[str | None, ...] | str]:
    return [row.fault if row.cells is None else row.cells for row in read(content, mapping)]


def test_cells_stand_in_the_order_of_the_layout_and_missing_ones_are_none() -> None:
    assert cells(b"text,extra,id,at\n?,x,1,\nb,y,2,now\n") == [("1", None, None), ("2", "now", "b")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_text() -> None:
    assert cells(b"\xef\xbb\xbfid,at,text\r\n1,a,b\r\n") == [("1", "a", "b")]


def test_quoted_fields_span_lines_and_the_line_told_is_their_first() -> None:
    rows = list(read(b'id,at,text\n1,a,"one\ntwo, ""three"""\n2,a,b\n'))

    assert [row.cells for row in rows] == [("1", "a", 'one\ntwo, "three"'), ("2", "a", "b")]
    assert [row.line for row in rows] == [2, 4]


def test_a_stray_quote_costs_its_own_line_only() -> None:
    rows = list(read(b'id,at,text\n1,a,"open\n2,a,b\n3,a,"closed"\n4,a,b\n'))

    assert [row.cells and row.cells[0] for row in rows] == [None, "2", "3", "4"]
    assert rows[0].line == 2


def test_a_quote_inside_a_field_is_text() -> None:
    assert cells(b'id,at,text\n1,a,5" disk\n2,a,b\n') == [("1", "a", '5" disk'), ("2", "a", "b")]


def test_bytes_that_are_no_text_make_one_bad_row() -> None:
    assert cells(b"id,at,text\n1,a,\xff\n2,a,b\n") == ["not utf-8 text", ("2", "a", "b")]


def test_another_encoding_is_read_as_told() -> None:
    latin = CSV.replace("format: csv", "format: csv, encoding: cp1252")
    wide = CSV.replace("format: csv", "format: csv, encoding: utf-16")

    assert cells("id,at,text\n1,a,Jürgen €\n".encode("cp1252"), latin) == [("1", "a", "Jürgen €")]
    assert cells("id,at,text\n1,a,Novák\n".encode("utf-16"), wide) == [("1", "a", "Novák")]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"id,at\n", "reads text"),
        (b"id,at,text,text\n", "twice"),
        (b"", "no columns"),
        (b'id,"at\n', "no header"),
    ],
)
def test_a_header_that_is_not_the_mappings_is_refused(header: bytes, told: str) -> None:
    with pytest.raises(ColumnsDiffer, match=told):
        next(read(header))


def test_a_column_may_be_spelled_otherwise_or_lack() -> None:
    mapping = CSV.replace("format: csv", "format: csv, spelled: {Test: text}, optional: [at]")

    assert cells(b"id,Test\n1,b\n", mapping) == [("1", None, "b")]


def test_a_last_line_without_line_feed_is_a_row_if_it_is_whole() -> None:
    assert cells(b"id,at,text\n1,a,b") == [("1", "a", "b")]

    with pytest.raises(CutShort, match="expected 3 fields, got 2"):
        cells(b"id,at,text\n1,a,b\n2,a")
    with pytest.raises(CutShort):
        cells(b'{"id": 1, "at": "a"', JSONL)


@pytest.mark.parametrize("damage", [slice(0, -6), slice(0, 60)])
def test_damaged_gzip_ends_after_its_last_whole_row(damage: slice) -> None:
    lines = b"".join(b"%d,a,%d\n" % (n, n * 7919) for n in range(50_000))
    packed = gzip.compress(b"id,at,text\n" + lines)
    read_whole = 0

    rows = read(packed[damage])

    def read_on() -> None:
        nonlocal read_whole
        for row in rows:
            assert row.cells == (str(read_whole), "a", str(read_whole * 7919))
            read_whole += 1

    with pytest.raises(CutShort, match="ends before its end"):
        read_on()

    with pytest.raises(CutShort, match="damaged"):
        cells(packed[:5_000] + b"\0" * 5_000 + packed[10_000:])


def test_a_small_file_that_unpacks_to_much_is_read_in_steps() -> None:
    packed = gzip.compress(b"id,at,text\n" + b"1,a,b\n" * 2_000_000)

    first = next(read(packed))

    assert len(packed) < 100_000
    assert first.cells == ("1", "a", "b")


def test_json_cells_are_text() -> None:
    line = b'{"id": 7, "at": true, "text": ["a", 1, null]}\n{"id": "8", "text": {"b": [1]}}\n\n'

    assert cells(line, JSONL) == [("7", "true", "a, 1"), ("8", None, '{"b":[1]}')]


def test_json_paths_lead_into_objects() -> None:
    mapping = JSONL.replace("number: id", "number: ticket.id")

    assert cells(b'{"ticket": {"id": 1}, "at": "a"}\n', mapping) == [("1", "a", None)]


def test_bad_json_lines_are_bad_rows() -> None:
    bad = b'{"id": 1\n[1]\n{"id": 1, "text": "\xff"}\n{"id": 2}\n'

    assert cells(bad, JSONL) == ["not a JSON object"] * 3 + [("2", None, None)]


def test_a_list_explodes_into_rows_with_what_stands_around_it() -> None:
    mapping = JSONL.replace("format: jsonl", "format: jsonl, explode: log")
    mapping = mapping.replace("column: at", "column: log.at")
    line = b'{"id": 1, "text": "t", "log": [{"at": "a"}, {"at": "b"}, 5]}\n{"id": 2}\n{"id": 3, "log": []}\n'

    fault = "expected a list of objects in log"
    assert cells(line, mapping) == [("1", "a", "t"), ("1", "b", "t"), fault, fault, fault]
    assert [row.number for row in read(line, mapping)] == ["1", "1", "1", "2", "3"]
