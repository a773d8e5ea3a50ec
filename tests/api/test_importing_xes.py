"""XES comes in as rows, as CSV does: the same facts from the same log."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from api.compose import House
from api.importing.faults import ColumnsDiffer, InputTruncated, MappingInvalid
from api.importing.formats import rows_of
from api.importing.mapping import layout_of, parse_mapping
from api.importing.run import run_import
from api.importing.stream import ByteStream
from api.importing.taking import SEEN_BEFORE
from domain.fold import fold
from tests.api.importing_house import ACTOR, TICKETS, counts, opened, row, take, types, write
from tests.api.xes_files import MAPPING, cells, event, held, log, rows, tickets, trace
from tests.shared import shared_path

CLOSED = ("data", "bpic2013_closed_problems")


def test_the_published_log_is_the_same_ledger_as_its_twin_in_csv(tmp_path: Path) -> None:
    """6,660 rows of 1,487 problems, by one mapping. No first name of its people stands in an entry."""
    told = {}
    for ending in ("csv.gz", "xes.gz"):
        path = shared_path(*CLOSED[:-1], f"{CLOSED[-1]}.{ending}")
        (tmp_path / ending).mkdir()
        with opened(tmp_path / ending) as house:
            done = run_import(house, path, "vinst-problems", ACTOR, rejects=tmp_path / "rejects")
            told[ending] = (done.as_dict(), problems(house))
            log = b"".join(entry.raw for entry in house.ledger.entries(0, 100_000))

    by_csv, by_xes = told["csv.gz"], told["xes.gz"]
    assert by_xes[0]["rows"] == 6_660
    assert len(by_xes[1]) == 1_487
    assert by_xes == by_csv
    for name in ("Göran", "Håkan", "Minnie", "Thiruvenkidam"):
        assert name.encode() not in log


def problems(house: House) -> dict[str, Any]:
    """Every problem with what each of its entries says happened, and the state that it comes to."""
    found: dict[str, list[Any]] = {}
    for entry in house.ledger.entries(0, 100_000):
        if entry.subject.startswith("problem/"):
            told = entry.attributes
            said = {name: told[name] for name in ("id", "type", "time", "authid", "data")}
            found.setdefault(entry.subject, []).append(said)
    return {subject: (said, fold(one["data"] for one in said)) for subject, said in found.items()}


def test_the_twin_that_comes_second_adds_nothing(tmp_path: Path) -> None:
    """A row is known by source, number and ordinal, whatever it was written in."""
    in_xes = held(tmp_path, log(trace("INC1", event(), event("Active")), trace("INC2", event())))
    in_csv = write(tmp_path, [row("INC1", "New"), row("INC1", "Active"), row("INC2", "New")])
    in_csv.write_text(
        in_csv.read_text()
        .replace("number", "case:concept:name")
        .replace("saved_at,saved_by", "time:timestamp,org:resource,state.of,tags,case:kind")
        .replace("Eve\n", "Eve,,,\n")
    )
    with opened(tmp_path) as house:
        first = take(house, in_xes, tickets())
        size = house.ledger.head().size
        second = take(house, in_csv, tickets())

        assert counts(first) == (3, 3, 0, 0, 0)
        assert second.reasons == {SEEN_BEFORE: 3}
        assert house.ledger.head().size == size + 1  # the run itself


def test_an_import_that_was_cut_short_goes_on_with_the_whole_file(tmp_path: Path) -> None:
    whole = log(*(trace(f"INC{n}", event(), event("Active")) for n in range(1, 20)))
    with opened(tmp_path) as house:
        first_of_15 = whole.index("</event>", whole.index("INC15")) + len("</event>")
        cut = held(tmp_path, whole[: first_of_15 + 50], "cut.xes")
        with pytest.raises(InputTruncated) as stop:
            take(house, cut, tickets())
        done = take(house, held(tmp_path, whole), tickets())

        assert stop.value.result.rows == 29
        assert counts(done) == (38, 9, 0, 29, 0)
        assert types(house, "incident/INC15") == ["reported", "work-started"]


@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_where_the_bytes_are_parted_makes_no_difference(at_once: int) -> None:
    text = log(trace("INC1", event("Grün & <blau>"), event(more='<string key="x" value="€"/>')))

    assert rows(text, at_once=at_once) == rows(text)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: text.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="utf-16"),
        pytest.param(
            lambda text: f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'.encode("latin-1"),
            id="latin-1",
        ),
        pytest.param(
            lambda text: f'<?xml version="1.0" encoding="windows-1252"?>{text}'.encode("cp1252"),
            id="cp1252",
        ),
        pytest.param(
            lambda text: text.replace(' xmlns="http://www.xes-standard.org/"', "").encode(),
            id="no namespace",
        ),
        pytest.param(
            lambda text: text.replace("xmlns=", "xmlns:x=")
            .replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").encode(),
            id="prefixed",
        ),
        pytest.param(lambda text: b"\n <!-- made by hand -->" + text.encode(), id="comment first"),
    ],
)  # fmt: skip
def test_encodings_and_namespaces_are_read_as_the_file_says(written: Any) -> None:
    text = log(trace("INC1", event("Größe")))

    (found,) = rows(written(text))

    assert cells(found)["state"] == "Größe"


def test_a_gzipped_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = held(tmp_path, gzip.compress(log(trace("INC1", event())).encode()), "anything")

    with opened(tmp_path) as house:
        assert counts(take(house, path, tickets())) == (1, 1, 0, 0, 0)


def test_a_row_has_the_attributes_of_its_trace_and_of_its_event() -> None:
    """Nested ones by a dot, the values of a list joined; numbers, booleans and times as their text."""
    nested = '<string key="state" value="New"><int key="of" value="9007199254740993"/></string>'
    listed = (
        '<list key="tags"><values><string key="tag" value="a"/><boolean key="tag" value="true"/>'
        "</values></list>"
    )
    inside = f'{nested}{listed}<date key="time:timestamp" value="2026-03-02T09:00:00.123456Z"/>'
    text = log(trace("INC1", f"<event>{inside}</event>", more='<string key="kind" value="K"/>'))

    (found,) = rows(text)

    assert {
        "case:concept:name": "INC1",
        "case:kind": "K",
        "state": "New",
        "state.of": "9007199254740993",
        "tags": "a, true",
        "time:timestamp": "2026-03-02T09:00:00.123456Z",
        "priority": None,
    }.items() <= cells(found).items()


def test_declared_globals_and_attributes_of_the_log_are_no_cells() -> None:
    """What an event does not say is missing, whatever is declared for those who would say it."""
    declared = (
        '<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>'
        '<global scope="event"><string key="group" value="UNKNOWN"/></global>'
        '<global scope="trace"><string key="kind" value="UNKNOWN"/></global>'
        '<classifier name="Activity" keys="state"/>'
        '<string key="priority" value="High"><string key="x" value="y"/></string>'
    )
    (found,) = rows(log(declared, trace("INC1", event())))

    assert (cells(found)["group"], cells(found)["case:kind"]) == (None, None)
    assert cells(found)["priority"] == "Low"


def test_events_outside_of_traces_are_rows_too() -> None:
    named = event(more='<string key="case:concept:name" value="INC9"/>')
    before = trace("INC1", event(), more='<string key="kind" value="K"/>')

    _, found = rows(log(before, named))

    assert found.number == "INC9"
    assert cells(found)["case:kind"] is None


def test_a_row_tells_the_line_of_its_event() -> None:
    found = rows(log(trace("INC1", "\n" + event(), "\n\n" + event())))

    assert [one.line for one in found] == [3, 5]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('<string key="state" value="again"/>', "state is there twice"),
        ('<string value="no key"/>', "without key or value"),
        ('<string key="no value"/>', "without key or value"),
    ],
)
def test_an_event_that_cannot_be_read_costs_its_own_row_only(
    more: str, why: str, tmp_path: Path
) -> None:
    """It is kept as its attributes, and has its place: mended, it is taken."""
    bad, mended = (
        log(trace("INC1", event(), event("Active", more=one), event("Resolved")))
        for one in (more, "")
    )
    with opened(tmp_path) as house:
        done = take(house, held(tmp_path, bad), tickets())
        kept = json.loads((tmp_path / "log.xes.rejects.jsonl").read_text())
        again = take(house, held(tmp_path, mended), tickets())

    assert counts(done) == (3, 2, 0, 0, 1)
    assert (kept["number"], json.loads(kept["row"])["state"]) == ("INC1", "Active")
    assert why in kept["reason"]
    assert counts(again) == (3, 1, 0, 2, 0)


def test_a_time_that_is_none_costs_its_own_row_only(tmp_path: Path) -> None:
    text = log(trace("INC1", event(at="yesterday"), event("Active")))

    with opened(tmp_path) as house:
        assert counts(take(house, held(tmp_path, text), tickets())) == (2, 1, 0, 0, 1)


def test_a_log_without_traces_is_a_run_without_rows(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        done = take(house, held(tmp_path, log()), tickets())

        assert counts(done) == (0, 0, 0, 0, 0)


def test_a_mapping_of_csv_takes_no_xes(tmp_path: Path) -> None:
    """Its columns are not there, which is told before anything is recorded."""
    with opened(tmp_path) as house, pytest.raises(ColumnsDiffer):
        take(house, held(tmp_path, log(trace("INC1", event()))), parse_mapping(TICKETS, "t.yaml"))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("{format: [csv, jsonl]}", "expected 'csv', 'jsonl' or 'xes'"),
        ("{format: []}", "expected 'csv', 'jsonl' or 'xes'"),
        ("{format: xes, encoding: utf-8}", "XML says it itself"),
        ("{format: xes, explode: updates}", "is for jsonl"),
        ("{format: xes, optional: [a]}", "is for csv"),
    ],
)
def test_what_does_not_fit_xes_is_refused(form: str, why: str) -> None:
    text = MAPPING.replace(b'{format: [csv, xes], missing: ["?"]}', form.encode())

    with pytest.raises(MappingInvalid, match=why):
        tickets(text)


def test_a_stream_of_xes_is_hashed_as_it_is_read(tmp_path: Path) -> None:
    path = held(tmp_path, log(trace("INC1", event())))
    loaded = tickets().mapping

    with ByteStream(str(path)) as stream:
        assert len(list(rows_of(stream.chunks(), loaded, layout_of(loaded)))) == 1
        assert stream.bytes_read == path.stat().st_size
