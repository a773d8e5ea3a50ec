"""The simulated quarter: everything through the real command path, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.simulator.clock import is_open, next_opening, working_time_after
from domain.event import Json
from domain.families import FAMILIES
from replay.as_of import subject_as_of
from replay.verify import verify
from tests.api.lived import MONDAY, SPAN, Lived, live


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    lived = live(tmp_path_factory.mktemp("quarter"))
    yield lived
    lived.ledger.close()


def test_the_log_it_leaves_is_sound(lived: Lived) -> None:
    report = verify(lived.ledger.database)

    assert report.is_clean, report.problems
    assert report.size == lived.quarter.entries


def test_nothing_happens_after_it_ends_and_times_never_go_back(lived: Lived) -> None:
    times = [entry.recordedtime for entry in lived.ledger.entries(0, 100_000)]

    assert times == sorted(times)
    assert times[-1] <= (MONDAY + SPAN).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_resolver_who_tries_to_close_is_refused(lived: Lived) -> None:
    case = lived.quarter.cases["self-closure"]

    state = lived.ledger.subject(case.subject).state

    assert "closer-is-not-resolver" in case.what
    assert state["status"] == "closed"
    assert state["closed_by"] != state["resolved_by"]


def test_a_second_person_lowered_the_priority(lived: Lived) -> None:
    case = lived.quarter.cases["priority-lowered"]

    state = lived.ledger.subject(case.subject).state

    assert state["prioritised_by"] != state["assigned_to"]


def test_a_late_fact_was_so_before_it_was_known(lived: Lived) -> None:
    case = lived.quarter.cases["late"]

    found = subject_as_of(lived.ledger, case.subject, at=case.moment)

    assert found.state["status"] == "new"
    first = lived.ledger.entries_of(case.subject)[0]
    assert case.moment is not None
    assert first.time < case.moment < first.recordedtime


def test_the_telling_cases_have_the_same_numbers_for_every_seed(
    lived: Lived, tmp_path: Path
) -> None:
    thursday = MONDAY + timedelta(days=3, hours=14)
    other = live(tmp_path, seed=8, span=timedelta(days=8), start=thursday)
    other.ledger.close()

    # What breaks a rule comes when it comes, and so do the numbers of findings.
    cases = other.quarter.cases
    told = {name: case for name, case in cases.items() if not case.subject.startswith("finding/")}
    assert {"standard", "unauthorized", "delegated"} <= told.keys()
    assert {name: case.subject for name, case in told.items()} == {
        name: lived.quarter.cases[name].subject for name in told
    }


def test_the_same_seed_is_the_same_quarter(tmp_path: Path) -> None:
    span = timedelta(days=2)
    told = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        lived = live(tmp_path / name, span=span)
        told.append([_told(entry.attributes) for entry in lived.ledger.entries(0, 100_000)])
        lived.ledger.close()

    assert told[0][5:] == told[1][5:]


def _told(attributes: Json) -> tuple[Json, ...]:
    # A deviation has an id in place of a number.
    subject = attributes["subject"].split("/DEV-")[0]
    return (attributes["type"], subject, attributes["time"], attributes.get("authid"))


def test_every_family_of_tickets_occurs(lived: Lived) -> None:
    families = {entry.subject.split("/")[0] for entry in lived.ledger.entries(0, 100_000)}

    assert families >= {name for name, kind in FAMILIES.items() if kind.takes_common_events}


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-03-02T07:00", "2026-03-02T08:00"),
        ("2026-03-02T12:30", "2026-03-02T12:30"),
        ("2026-03-02T18:00", "2026-03-03T08:00"),
        ("2026-03-06T19:00", "2026-03-09T08:00"),
        ("2026-03-07T07:00", "2026-03-09T08:00"),
    ],
)
def test_the_next_opening(moment: str, opening: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert next_opening(at) == datetime.fromisoformat(opening).replace(tzinfo=UTC)


def test_working_time_passes_only_while_somebody_is_there() -> None:
    friday = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)

    later = working_time_after(friday, timedelta(hours=3))

    assert later == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    assert is_open(later)


def test_a_correction_changes_what_was_so_and_not_what_was_known(lived: Lived) -> None:
    case = lived.quarter.cases["corrected"]

    known = subject_as_of(lived.ledger, case.subject, at=case.moment, basis="known").state
    effect = subject_as_of(lived.ledger, case.subject, at=case.moment).state

    assert known["restored_at"] > effect["restored_at"]
    assert lived.ledger.subject(case.subject).state["restored_at"] == effect["restored_at"]
