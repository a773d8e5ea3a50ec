"""The small parts of the importer: what is remembered, how times, links and values are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.importing.faults import BadRow
from api.importing.linked import link_id
from api.importing.memory import UNKNOWN, Known, Memory
from api.importing.times import time_reader
from domain.common import LinkId
from tests.api.importing_house import TICKETS, entries, opened, row, take, tickets, types, write


def test_memory_forgets_nothing_beyond_its_bound_and_leaves_nothing_behind() -> None:
    with Memory(kept=10) as memory:
        for n in range(100):
            memory.keep(f"incident/{n}", Known((str(n), None), n, "new"))
        memory.keep("incident/3", Known(("again",), 7, None))
        scratch = memory._scratch

        assert len(memory._near) <= 10
        assert memory.of("incident/3") == Known(("again",), 7, None)
        assert all(
            memory.of(f"incident/{n}") == Known((str(n), None), n, "new") for n in range(4, 100)
        )
        assert memory.of("incident/never") == UNKNOWN

    assert scratch is not None
    assert not Path(scratch.name).exists()


def test_an_import_with_a_small_memory_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.importing.memory.Memory.__init__.__defaults__", (2,))
    rounds = [row(f"T{n}", state) for state in ("New", "Active", "Resolved") for n in range(20)]

    with opened(tmp_path) as house:
        result = take(house, write(tmp_path, rounds))

        assert result.as_dict()["events"] == 60
        assert all(
            types(house, f"incident/T{n}") == ["reported", "work-started", "resolved"]
            for n in range(20)
        )


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("29/2/2016 01:16", "UTC", "2016-02-29T01:16:00.000000Z"),
        ("1/7/2016 12:00", "Europe/Berlin", "2016-07-01T10:00:00.000000Z"),
        ("30/10/2016 02:30", "Europe/Berlin", "2016-10-30T00:30:00.000000Z"),
        ("2016-07-01T12:00:00+02:00", "UTC", "2016-07-01T10:00:00.000000Z"),
        ("2016-07-01T12:00:00.5Z", None, "2016-07-01T12:00:00.500000Z"),
        ("Jul 01 2016", "UTC", "2016-07-01T00:00:00.000000Z"),
    ],
)
def test_times_become_utc(text: str, zone: str | None, expected: str) -> None:
    read = time_reader(["%d/%m/%Y %H:%M", "iso", "%b %d %Y"], zone)

    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["30/2/2016 01:16", "1/1/2016", "24:00", "1/1/16 00:00", "٢/2/2016 01:16"]
)
def test_what_is_no_time_is_a_bad_row(text: str) -> None:
    with pytest.raises(BadRow, match="expected a time like"):
        time_reader(["%d/%m/%Y %H:%M"], "UTC")(text)


def test_a_time_without_zone_needs_one() -> None:
    with pytest.raises(BadRow, match=r"add time\.zone"):
        time_reader(["iso"], None)("2016-07-01T12:00:00")


def test_a_time_that_its_zone_leads_out_of_the_calendar_is_a_bad_row() -> None:
    with pytest.raises(BadRow, match="expected a time from 0001"):
        time_reader(["iso"], "Europe/Berlin")("0001-01-01T00:00:00")


def test_link_ids_differ_where_the_cells_differ() -> None:
    cells = ["CHG1", "Problem ID  14", "Problem-ID--14", "x" * 100, "x" * 101, "Änderung"]
    ids = [link_id("rfc", cell) for cell in cells]

    assert ids[0] == "LNK-rfc-CHG1"
    assert len(set(ids)) == len(ids)
    pattern = LinkId.__metadata__[0].pattern  # type: ignore[attr-defined]  # Annotated, as pydantic reads it
    assert all(re.fullmatch(pattern, each) for each in ids)


LINKS = TICKETS + b"links:\n  group: {relation: change, to: 'change/{}'}\n"


def test_links_come_go_and_return(tmp_path: Path) -> None:
    rows = [row("T1", "New", group=cell) for cell in ("?", "C1", "C2", "?", "C1")]
    mapping = tickets(
        LINKS.replace(
            b"changed: [group, owner]}\n    members: {assignment_group: group, ",
            b"changed: [owner]}\n    members: {",
        )
    )

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows), mapping)

        assert types(house, "incident/T1") == [
            "reported",
            "linked",
            "unlinked",
            "linked",
            "unlinked",
            "linked",
        ]
        state = house.ledger.subject("incident/T1").state
        assert state["links"] == {"LNK-group-C1": {"to": "change/C1", "relation": "change"}}


VALUES = b"""\
mapping: values
source: desk
file: {format: csv, missing: ["?"]}
number: number
family: {column: state, table: {Fault: incident, Cause: problem}}
time: {column: saved_at, formats: [iso], zone: UTC}
tables:
  priority: {High: 1}
events:
  - event: itsm.incident.reported.v1
    when: {first: true}
    members:
      impact: {column: priority, extract: "P([0-9])", as: integer}
      urgency: {column: priority, table: priority, otherwise: 5}
      service: {columns: [group, owner], join: " > "}
      contact_type: {value: email}
      major: {column: owner, as: boolean, when: {is: {group: [flag]}}}
    reason: group
  - event: itsm.problem.raised.v1
    when: {first: true}
ignore: {saved_by: nobody}
"""


def test_values_are_extracted_translated_joined_and_guarded(tmp_path: Path) -> None:
    rows = [
        row("T1", "Fault", priority="is P2!", group="a", owner="b"),
        row("T2", "Fault", priority="P3", group="flag", owner="Yes"),
        row("T3", "Fault", priority="P9", group="a"),
        row("T4", "Fault", priority="none", group="a"),
        row("T1", "Cause"),
        row("T5", "Else"),
    ]

    with opened(tmp_path) as house:
        result = take(house, write(tmp_path, rows), tickets(VALUES))
        first, second = (entries(house, f"incident/T{n}")[0] for n in (1, 2))
        cause = entries(house, "problem/T1")[0]

    assert result.rejected == 3
    assert first.data == {
        "status": "new",
        "impact": 2,
        "urgency": 5,
        "service": "a > b",
        "contact_type": "email",
    }
    assert second.data["major"] is True
    assert second.attributes["authid"] == "principal/desk", "without an actor, the source acted"
    assert first.attributes["reason"].startswith("sd:"), "what is said is personal"
    assert cause.data == {"status": "new"}


@pytest.mark.parametrize("cell", ["sd:sha-256:" + "A" * 43, "x" * 201])
def test_a_cell_that_may_not_be_stated_is_a_bad_row(tmp_path: Path, cell: str) -> None:
    with opened(tmp_path) as house:
        result = take(house, write(tmp_path, [row("T1", "New", group=cell), row("T1", "New")]))

        assert (result.rejected, result.recorded) == (1, 1)
        assert types(house, "incident/T1") == ["reported"]
