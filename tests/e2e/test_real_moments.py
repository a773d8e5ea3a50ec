"""The whole estate of the ServiceNow year, at moments all over it, is what the file's rows up to then say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import orjson
import pytest

from api.compose import House
from api.importing.run import run_import
from domain.event import Json
from domain.moments import to_text
from ledger.reveal import reveal
from replay.engines.duck import DuckEngine
from replay.engines.python import PythonEngine
from replay.moment import Moment
from replay.whole.held import folded
from replay.whole.machine import TimeMachine
from tests.api.importing_house import ACTOR, opened
from tests.e2e.real_logs import Expected, rows_by_number
from tests.e2e.real_moments import Said, spread
from tests.shared import shared_path

pytestmark = pytest.mark.slow

MOMENTS = 200


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("servicenow")
    path = shared_path("data", "uci_incident_event_log.csv.gz")
    with opened(directory) as house:
        run_import(house, path, "servicenow-incidents", ACTOR, rejects=directory / "rejects.jsonl")
        yield house


@pytest.fixture(scope="module")
def machine(house: House) -> TimeMachine:
    _, entries = TimeMachine(house.ledger).located(Moment())
    return TimeMachine(house.ledger, base=folded(entries))


def test_at_two_hundred_moments_every_incident_is_what_its_rows_say(
    house: House, machine: TimeMachine
) -> None:
    """Every mapped column of all 24,918; and nobody else is there."""
    rows = rows_by_number(shared_path("data", "uci_incident_event_log.csv.gz"), "number")
    said = {number: Said(its) for number, its in rows.items()}
    name = names(house)
    checked: dict[str, tuple[str, Expected]] = {}
    compared = 0

    for moment in spread(rows, MOMENTS):
        found = machine.states(Moment(at=to_text(moment)), ["incident"]).table
        told = {number: state for number, its in said.items() if (state := its.at(moment))}
        assert {f"incident/{number}" for number in told} == set(
            found.column("subject").to_pylist()
        ), moment
        for subject, state in zip(
            found.column("subject").to_pylist(), found.column("state").to_pylist(), strict=True
        ):
            expected = told[subject.removeprefix("incident/")]
            if checked.get(subject) == (state, expected):
                continue  # as it was at the moment before
            assert mapped(orjson.loads(state), expected, name) == expected, (subject, moment)
            checked[subject] = (state, expected)
            compared += 1

    assert len(told) == 24_918
    assert compared > 60_000


def test_the_clock_of_one_incident_runs_backwards() -> None:
    rows = rows_by_number(shared_path("data", "uci_incident_event_log.csv.gz"), "number")

    assert [number for number, its in rows.items() if Said(its).runs_backwards] == ["INC0000137"]


def test_every_engine_says_the_same_of_the_year(house: House, machine: TimeMachine) -> None:
    """At three moments on both bases: folded by Python, by DuckDB, and found by intervals."""
    size = house.ledger.head().size
    asked = [Moment(at=f"2016-{month}-15T12:00:00Z") for month in ("03", "05", "10")]
    asked += [Moment(position=size * part // 4) for part in (1, 2, 3)]

    for moment in asked:
        located, entries = machine.located(moment)
        by_intervals = parsed(machine.states(moment).table.to_pylist())
        assert parsed(PythonEngine().states(entries, located).to_pylist()) == by_intervals
        assert parsed(DuckEngine().states(entries, located).to_pylist()) == by_intervals


def parsed(rows: list[dict[str, Json]]) -> dict[str, tuple[Json, Json]]:
    return {row["subject"]: (row["version"], orjson.loads(row["state"])) for row in rows}


def names(house: House) -> Callable[[Json], Json]:
    @cache
    def name(principal: str) -> Json:
        state = house.ledger.subject(principal).state
        return reveal(house.ledger, principal, state["name"], allowed=True)

    return lambda value: name(value) if str(value).startswith("principal/") else value


def mapped(state: dict[str, Json], expected: Expected, name: Callable[[Json], Json]) -> Expected:
    found = {member: name(state.get(member)) for member in expected}
    found["links"] = {
        link["to"].removeprefix("change/") for link in state.get("links", {}).values()
    }
    return found
