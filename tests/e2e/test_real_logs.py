"""A real service desk's year goes in, and every row of it comes out again as it was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from api.compose import House
from api.importing.result import ImportResult
from api.importing.run import run_import
from domain.event import Json, event_class
from domain.fold import merge_patch
from ledger.entry import Entry
from ledger.reveal import reveal
from replay.as_of import subject_as_of
from replay.detection.examine import Examination, Violation
from replay.detection.registry import DETECTORS
from tests.api.importing_house import ACTOR, opened
from tests.e2e.real_logs import (
    Expected,
    Row,
    broken_rules,
    chosen,
    incident_states,
    problem_states,
    rows_by_number,
)
from tests.shared import shared_path

pytestmark = pytest.mark.slow

FINAL_VALUES = {"resolved_by", "resolved_at", "closed_at", "closure_code"}
"""Columns that hold on every row what was known at the end only."""


class Log(NamedTuple):
    house: House
    result: ImportResult
    rows: dict[str, list[Row]]


def imported(directory: Path, file: str, mapping: str, number: str) -> Iterator[Log]:
    path = shared_path("data", file)
    with opened(directory) as house:
        result = run_import(house, path, mapping, ACTOR, rejects=directory / "rejects.jsonl")
        yield Log(house, result, rows_by_number(path, number))


@pytest.fixture(scope="module")
def servicenow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    yield from imported(
        tmp_path_factory.mktemp("servicenow"),
        "uci_incident_event_log.csv.gz",
        "servicenow-incidents",
        "number",
    )


@pytest.fixture(scope="module", params=["closed", "open"])
def vinst(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Log]:
    yield from imported(
        tmp_path_factory.mktemp("vinst"),
        f"bpic2013_{request.param}_problems.csv.gz",
        "vinst-problems",
        "case:concept:name",
    )


def newest(house: House, family: str) -> dict[str, dict[str, Json]]:
    """Every subject of the family at the head, folded from the feed as a stranger would."""
    states: dict[str, dict[str, Json]] = {}
    position = 0
    while page := house.ledger.entries(position, 10_000):
        position = page[-1].position
        for entry in page:
            told = orjson.loads(entry.raw)
            subject = told["subject"]
            if subject.startswith(family + "/"):
                states[subject] = merge_patch(states.get(subject, {}), told["data"])
    return states


def positions(entries: list[Entry], rows: int) -> list[int]:
    """Where the log stood after each row: at the last entry whose id names it or an earlier one."""
    last = {int(entry.attributes["id"].rsplit(":", 2)[1]): entry.position for entry in entries}
    told: list[int] = []
    for ordinal in range(1, rows + 1):
        told.append(last.get(ordinal, told[-1] if told else 0))
    return told


def check_rows(log: Log, family: str, number: str, expected: Iterator[Expected]) -> int:
    """At each row's position the state says what the row says. How many rows that were."""
    ledger, subject = log.house.ledger, f"{family}/{number}"

    @cache
    def name(principal: str) -> Json:
        return reveal(ledger, principal, ledger.subject(principal).state["name"], allowed=True)

    rows = log.rows[number]
    at_rows = positions(ledger.entries_of(subject), len(rows))
    for ordinal, (position, told) in enumerate(zip(at_rows, expected, strict=True), 1):
        state = subject_as_of(ledger, subject, position=position).state
        found = {member: state.get(member) for member in told}
        found = {
            member: name(value) if str(value).startswith("principal/") else value
            for member, value in found.items()
        }
        if "links" in told:
            found["links"] = {
                link["to"].removeprefix("change/") for link in state.get("links", {}).values()
            }
        assert found == told, f"{subject}, row {ordinal}, position {position}"
    return len(rows)


def test_every_row_of_the_year_is_accounted_for(servicenow: Log) -> None:
    told = servicenow.result.as_dict()

    assert told["rows"] == 141_712 == sum(map(len, servicenow.rows.values()))
    assert told["subjects"] == 24_918 == len(servicenow.rows)
    assert told["recorded"] + told["merged"] == told["rows"]
    assert told["rejected"] == told["skipped"] == 0
    assert told["deviations"] == 17_356


def test_at_the_head_every_incident_is_what_its_last_row_says(servicenow: Log) -> None:
    states = newest(servicenow.house, "incident")

    for number, rows in servicenow.rows.items():
        (*_, last) = incident_states(rows)
        state = states.pop(f"incident/{number}")
        for member in ("status", "priority", "assignment_group", "reassignment_count"):
            assert state.get(member) == last[member], (number, member)
    assert states == {}


def test_at_every_row_of_five_hundred_incidents_the_state_is_what_the_row_says(
    servicenow: Log,
) -> None:
    numbers = chosen(list(servicenow.rows), 500)

    rows = sum(
        check_rows(servicenow, "incident", n, incident_states(servicenow.rows[n])) for n in numbers
    )

    assert rows > 2_500


def test_the_telling_incidents_are_right_at_every_row(servicenow: Log) -> None:
    """Corrupt states, a clock that runs backwards, reopened after closing, cleared assignments."""
    telling = {"INC0000137"}
    for number, rows in servicenow.rows.items():
        states = [row["incident_state"] for row in rows]
        is_reopened = any(pair == ("Closed", "Active") for pair in pairwise(states))
        if "-100" in states or is_reopened or rows[-1]["caller_id"] != rows[0]["caller_id"]:
            telling.add(number)

    for number in telling:
        check_rows(servicenow, "incident", number, incident_states(servicenow.rows[number]))

    assert len(telling) >= 15


def test_final_values_are_not_known_before_the_end(servicenow: Log) -> None:
    for number in chosen(list(servicenow.rows), 200):
        for entry in servicenow.house.ledger.entries_of(f"incident/{number}"):
            stated = {member for member in FINAL_VALUES if entry.data.get(member) is not None}
            assert not stated or entry.type == "itsm.incident.closed.v1", number


def test_each_row_keeps_its_own_time_even_where_it_runs_backwards(servicenow: Log) -> None:
    times = [entry.time for entry in servicenow.house.ledger.entries_of("incident/INC0000137")]

    assert times != sorted(times)


def test_deviations_are_what_the_recorded_log_itself_shows(servicenow: Log) -> None:
    statuses: dict[str, str | None] = {}
    unknown: Counter[tuple[str, str | None]] = Counter()
    position = 0
    while page := servicenow.house.ledger.entries(position, 10_000):
        position = page[-1].position
        for entry in page:
            subject = entry.subject
            if subject.startswith("incident/"):
                event = event_class(entry.type)
                if not event.takes_place_in(statuses.get(subject)):
                    unknown[entry.type.split(".")[2], statuses.get(subject)] += 1
                statuses[subject] = entry.data.get("status", statuses.get(subject))

    assert unknown.total() == servicenow.result.deviations
    assert unknown["resolved", "assigned"] > 10_000


CASES: Mapping[int, tuple[int, int]] = {1_487: (6_660, 3_184), 819: (2_351, 670)}
"""Cases → rows and deviations of the two logs."""


def test_every_problem_is_right_at_every_row(vinst: Log) -> None:
    rows, deviations = CASES[len(vinst.rows)]

    told = vinst.result.as_dict()
    checked = sum(check_rows(vinst, "problem", n, problem_states(r)) for n, r in vinst.rows.items())

    assert checked == told["rows"] == rows
    assert told["subjects"] == len(vinst.rows)
    assert told["recorded"] + told["merged"] == rows
    assert told["deviations"] == deviations


def test_the_status_page_goes_in_without_its_maintenance(tmp_path: Path) -> None:
    path = shared_path("data", "github_status_2022_2024.jsonl.gz")

    with opened(tmp_path) as house:
        result = run_import(house, path, "status-page", ACTOR, rejects=tmp_path / "r")
        states = newest(house, "incident")
        title = house.ledger.subject("incident/9632825").state["title"]
        shown = reveal(house.ledger, "incident/9632825", title, allowed=True)

    told = result.as_dict()
    assert (told["rows"], told["skipped"], told["rejected"], told["subjects"]) == (
        2_165,
        32,
        0,
        389,
    )
    assert {state["status"] for state in states.values()} == {"resolved"}
    assert shown == "Incident with Codespaces"
    assert json.dumps(states).count("Codespaces") > 0, "components are no personal data"


def test_the_detectors_find_what_the_rows_show_and_nothing_else(servicenow: Log) -> None:
    database, size = servicenow.house.ledger.database, servicenow.house.ledger.head().size
    walk = Examination(database, DETECTORS)

    seen = [one for one in walk.over(size) if isinstance(one, Violation)]

    found: dict[str, set[str]] = {}
    for one in seen:
        found.setdefault(one.rule, set()).add(one.group.removeprefix("incident/"))
    expected = broken_rules(servicenow.rows)
    assert {rule: found.pop(rule) for rule in expected} == expected
    assert [len(numbers) for numbers in expected.values()] == [5_825, 53, 11]
    # Besides, a year that is told at once is told late, fact by fact. The rest is of those who imported it: they hold
    # every role.
    assert found.keys() == {"recorded-late", "conflicting-grants", "unratified-genesis"}
    late = sum(one.rule == "recorded-late" for one in seen)
    assert late == servicenow.result.as_dict()["events"] == 171_488
