"""A mapping that does not say what its documentation asks for is refused, with the line."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from api.importing.faults import MappingInvalid, UnknownMapping
from api.importing.mapping import layout_of, load_mapping, parse_mapping, shipped_mappings
from tests.api.importing_house import TICKETS


def refused(old: str, new: str, text: str = TICKETS.decode()) -> MappingInvalid:
    assert old in text
    with pytest.raises(MappingInvalid) as error:
        parse_mapping(text.replace(old, new, 1).encode(), "tickets.yaml")
    return error.value


def line_of(text: str) -> int:
    return TICKETS.decode().split(text, maxsplit=1)[0].count("\n") + 1


def test_the_shipped_mappings_are_valid() -> None:
    assert shipped_mappings() == [
        "reviewed-changes",
        "servicenow-incidents",
        "status-page",
        "vinst-problems",
    ]

    for name in shipped_mappings():
        assert load_mapping(name).mapping.mapping == name


def test_a_mapping_is_found_by_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(TICKETS)

    assert load_mapping(str(path)).mapping.source == "desk"
    with pytest.raises(UnknownMapping, match="servicenow-incidents"):
        load_mapping("service-now")


def test_a_layout_has_each_column_once() -> None:
    columns = layout_of(parse_mapping(TICKETS, "t").mapping).columns

    assert sorted(columns) == [
        "group",
        "number",
        "owner",
        "priority",
        "saved_at",
        "saved_by",
        "state",
    ]


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        ("source: desk", "sauce: desk", "sauce", "not a word of the language"),
        ("source: desk", "source: Desk 1", "source", "should match pattern"),
        ("number: number\n", "", "number", "Field required"),
        ("format: csv", "format: xlsx", "file.format", "'csv', 'jsonl' or 'xes'"),
        ("format: csv", "format: csv, encoding: klingon", "file.encoding", "not an encoding"),
        ("format: csv", "format: csv, explode: list", "file.explode", "is for jsonl"),
        ("family: incident", "family: principal", "family", "not a family of tickets"),
        ("zone: UTC", "zone: Mars", "time.zone", "not a zone"),
        ("[iso]", "[iso8601]", "time.formats.0", "expected `iso` or a pattern"),
        ("incident.resolved.v1", "incident.solved.v1", "events.3.event", "is not an event of this family"),
        ("incident.resolved.v1", "problem.closed.v1", "events.3.event", "is not an event of this family"),
        ("reported_by: saved_by", "reporter: saved_by", "events.0.members.reporter", "has no member"),
        ("table: priority}", "table: prio}", "events.0.members.priority.table", "there is no table"),
        ("High: 1", "High: urgent", "tables.priority.High", "does not fit priority"),
        ("High: 1", "High: 9", "tables.priority.High", "does not fit priority"),
        ("{column: priority, table: priority}", "priority", "events.0.members.priority.as", "does not fit"),
        ("{column: priority, table: priority}", "{value: 0}", "events.0.members.priority.value", "does not fit"),
        ("{column: priority, table: priority}", "{as: integer}", "events.0.members.priority", "expected one of"),
        ("{first: true}", "{frist: true}", "events.0.when.0.frist", "not a word of the language"),
        ("{first: true}", "{}", "events.0.when.0", "says nothing"),
        ("status: state", "status: {column: state, extract: '('}", "keep.status.extract", "not a pattern"),
        ("status: state", "status: {column: state, otherwise: 1}", "keep.status.otherwise", "goes with"),
        ("status: state", "status: {column: state, when: {first: true}}", "keep.status.when.0", "own row only"),
        ("reason: a draft is nothing yet", "", "skip.0.reason", "Field required"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_where_it_stands(
    old: str, new: str, at: str, told: str
) -> None:
    fault = refused(old, new)

    assert fault.facts["at"] == at
    assert told in fault.message
    assert fault.message.startswith(f"tickets.yaml, line {fault.facts['line']}: ")


REVIEWED = (files("api.importing") / "mappings" / "reviewed-changes.yaml").read_text("utf-8")
APPROVALS, DRAFTED, COMMITS = (
    "events.3.entries.approvals",
    "events.0.sets",
    "events.1.entries.commits",
)


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        ("      approvals:", "      approval:", "events.3.entries.approval", "it has approvals"),
        ("      approvals:", "      links:", "events.3.entries.links", "it has approvals"),
        ("        numbered: APR\n", "", APPROVALS, "expected one of id, numbered"),
        ("numbered: APR\n", "numbered: APR\n        id: commit\n", APPROVALS, "expected one of id, numbered"),
        ("numbered: APR", "numbered: approval", f"{APPROVALS}.numbered", "should match pattern"),
        ("by: approved_by", "from: approved_by", f"{APPROVALS}.members.from", "it has by, on_behalf_of"),
        ("{value: granted}", "{value: perhaps}", f"{APPROVALS}.members.verdict.value", "does not fit verdict"),
        ("by: approved_by", "no_interest: approved_by", f"{APPROVALS}.members.no_interest.as", "does not fit"),
        ("by: approved_by", "at: {value: 2026-03-02}", f"{APPROVALS}.members.at.value", "does not fit at"),
        ("id: commit", "id: {column: commit, table: t}", f"{COMMITS}.id.table", "there is no table"),
        ("services: repo", "source: repo", f"{DRAFTED}.source", "it has services, configuration_items"),
        ("services: repo", "interests: author", f"{DRAFTED}.interests", "that holds several things"),
        ("    sets:\n      services: repo", "    entries: {services: {id: repo, members: {by: author}}}",
         "events.0.entries.services", "is a set"),
        ("    record: reverts\n", "    record: reverts\n    entries: {}\n    for_every: 1\n", "events.5.for_every",
         "not a word of the language"),
        ('split: ";"}\n    actor', "}\n    actor", "events.3.for_each.split", "Field required"),
        ("back: reverted_by", "back: Reverted by", "links.reverts.back", "expected a word"),
    ],
)  # fmt: skip
def test_what_a_member_that_holds_several_things_cannot_hold_is_refused(
    old: str, new: str, at: str, told: str
) -> None:
    fault = refused(old, new, REVIEWED)

    assert fault.facts["at"] == at
    assert told in fault.message


def test_entries_of_another_record_are_not_numbered_by_this_one() -> None:
    approvals = "    record: reverts\n    entries: {}\n".replace(
        "{}", "{approvals: {numbered: APR, members: {by: author}}}"
    )
    text = REVIEWED.replace("rolled-back.v1", "approval-granted.v1").replace(
        "      rolled_back_by: submitter\n      rolled_back_at: {column: submitted_at, as: time}\n",
        "      {}\n",
    )

    fault = refused("    record: reverts\n", approvals, text)

    assert fault.facts["at"] == "events.5.entries.approvals.numbered"


def test_the_line_is_the_one_in_the_file() -> None:
    assert refused("incident.resolved.v1", "incident.solved.v1").facts["line"] == line_of(
        "incident.resolved"
    )
    assert refused("High: 1", "High: 9").facts["line"] == line_of("High: 1")
    assert refused("status: state", "state: state").facts["line"] == line_of("status: state")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"mapping: [", 1),
        (b"mapping: a\nsource: b\nmapping: c\n", 3),
        (b"- a\n", 1),
        (b"", 1),
        (b"mapping: \xff\n", 1),
        (b"mapping: a\n? [1]\n: b\n", 1),
        (b"&a [*a]\n", 1),
    ],
)
def test_what_is_no_mapping_at_all_is_refused(text: bytes, line: int) -> None:
    with pytest.raises(MappingInvalid) as error:
        parse_mapping(text, "mine.yaml")

    assert error.value.facts["line"] == line


def test_words_of_other_systems_stay_words() -> None:
    text = TICKETS.replace(b"{High: 1, Low: 4}", b"{no: 1, 1.0: 2, 12:30: 3, 2026-01-01: 4}")

    tables = parse_mapping(text, "t").mapping.tables

    assert tables["priority"] == {"no": 1, "1.0": 2, "12:30": 3, "2026-01-01": 4}
