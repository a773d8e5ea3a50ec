"""Conformance: each kind of deviation, told with its case and position; and what the flow of states counts beside it."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.event import event_class
from ledger.entry import Correction
from replay.errors import NoStateMachine
from replay.moment import Moment
from replay.process.cases import Question
from replay.process.conformance import KINDS, Deviation, conformance, deviations
from replay.process.pages import MOST_OF_A_CASE, Page
from replay.process.steps import Case, Step
from tests.replay.given_log import Desk
from tests.replay.process.given_cases import at_desk, when

REPORTED = "itsm.incident.reported.v1"
RESOLVED = "itsm.incident.resolved.v1"
PAGE = Page()


def kinds(at: Desk, **moment: str) -> list[tuple[str, int]]:
    asked = Question("incident", moment=Moment(**moment))  # type: ignore[arg-type]  # its members by name
    found = conformance(at.house.ledger, asked, PAGE)
    return [(row["kind"], row["count"]) for row in found["kinds"]]


def deviating(*steps: tuple[str, str | None, str | None, dict[str, object]]) -> list[str]:
    made = [
        Step(position, kind, 0, before, status, None, patch)
        for position, (kind, before, status, patch) in enumerate(steps, 1)
    ]
    return [one.kind for one in deviations(Case("incident/INC1", made), "incident")]


def test_a_case_that_went_the_declared_way_fits(at: Desk) -> None:
    at_desk(
        at, "INC1", (0, "reported", {}), (1, "assigned", {}), (2, "work-started", {}),
        (3, "commented", {}), (4, "resolved", {}), (5, "closed", {}),
    )  # fmt: skip

    found = conformance(at.house.ledger, Question("incident"), PAGE)

    assert (found["fitting"], found["fitting_per_mille"], found["deviations"]) == (1, 1000, 0)
    assert found["kinds"] == found["ways"] == found["items"] == []


def test_a_step_that_the_machine_does_not_know_is_told_with_its_case_and_position(
    at: Desk,
) -> None:
    _, _, position = at_desk(
        at, "INC1", (0, "reported", {}), (1, "assigned", {}), (2, "resolved", {})
    )
    at_desk(at, "INC2", (0, "reported", {}))

    found = conformance(at.house.ledger, Question("incident"), PAGE)

    assert (found["fitting"], found["fitting_per_mille"]) == (1, 500)
    way = {"kind": "unlisted-transition", "type": "resolved", "from": "assigned", "to": "resolved"}
    assert found["ways"] == [{**way, "count": 1}]
    assert found["items"] == [
        {
            "subject": "incident/INC1",
            "count": 1,
            "deviations": [{**way, "position": position, "at": when(2)}],
        }
    ]


def test_what_happened_before_creation_and_a_second_creation_are_kinds_of_their_own(
    at: Desk,
) -> None:
    at_desk(at, "INC1", (0, "assigned", {}), (1, "reported", {}))

    assert kinds(at) == [("before-creation", 1), ("created-again", 1)]


def test_a_correction_is_no_step_of_the_way(at: Desk) -> None:
    _, assigned = at_desk(at, "INC1", (0, "reported", {}), (1, "assigned", {}))
    at.observes("incident/INC1", "fact-corrected", {}, correction=Correction(assigned, {}, None))

    assert kinds(at) == []
    assert kinds(at, basis="known") == []


def test_a_status_that_the_source_told_in_no_word_is_found(at: Desk) -> None:
    at_desk(
        at, "INC1", (0, "reported", {}), (1, "source-status-recorded", {"source_status": "-100"})
    )
    at_desk(
        at, "INC2", (0, "reported", {}), (1, "source-status-recorded", {"source_status": "Neu"})
    )

    assert kinds(at) == [("source-status-unread", 1)]


def test_what_only_somebody_elses_log_holds_is_found_too() -> None:
    assert deviating((REPORTED, None, "new", {"status": "new"})) == []
    assert deviating((REPORTED, None, "open", {"status": "open"})) == ["unknown-status"]
    assert deviating((REPORTED, None, "closed", {"status": "closed"})) == ["status-by-another-way"]
    assert deviating((RESOLVED, "in_progress", "in_progress", {})) == ["status-not-stated"]
    assert deviating(("itsm.incident.levitated.v9", "new", "new", {})) == ["unknown-type"]


def test_one_step_may_deviate_by_its_place_and_by_its_status() -> None:
    assert deviating((RESOLVED, "new", "new", {})) == ["unlisted-transition", "status-not-stated"]


def test_one_kind_can_be_asked_for_and_the_share_that_fits_stays_that_of_all(at: Desk) -> None:
    at_desk(at, "INC1", (0, "assigned", {}))
    at_desk(at, "INC2", (0, "reported", {}), (1, "resolved", {}))
    at_desk(at, "INC3", (0, "reported", {}))

    found = conformance(at.house.ledger, Question("incident"), PAGE, "before-creation")

    assert [row["subject"] for row in found["items"]] == ["incident/INC1"]
    assert [way["type"] for way in found["ways"]] == ["assigned"]
    assert (found["fitting"], found["deviations"]) == (1, 2)


def test_of_one_case_the_first_hundred_are_told_and_all_are_counted(at: Desk) -> None:
    at.observes_all(
        [at.fact("incident/INC1", "resolved", {}, time=when(0)) for _ in range(MOST_OF_A_CASE + 5)]
    )

    (row,) = conformance(at.house.ledger, Question("incident"), PAGE)["items"]

    assert row["count"] == MOST_OF_A_CASE + 5
    assert len(row["deviations"]) == MOST_OF_A_CASE


def test_as_known_the_flow_of_states_counts_the_same_deviations(at: Desk) -> None:
    at_desk(at, "INC1", (0, "assigned", {}), (1, "reported", {}), (2, "resolved", {}))
    at_desk(at, "INC2", (0, "reported", {}), (9, "closed", {}), (4, "assigned", {}))
    found = dict(kinds(at, basis="known"))
    at_place = ("unlisted-transition", "before-creation", "created-again")

    counted = Counter[str]()
    statuses: dict[str, str | None] = {}
    for entry in at.house.ledger.entries(0, 1_000):
        if entry.subject.startswith("incident/"):
            before = statuses.get(entry.subject)
            counted["unlisted"] += not event_class(entry.type).takes_place_in(before)
            statuses[entry.subject] = entry.data.get("status", before)

    assert sum(found.get(kind, 0) for kind in at_place) == counted["unlisted"] == 5


def test_every_kind_says_what_it_means() -> None:
    assert all(meaning.endswith(".") for meaning in KINDS.values())
    assert Deviation("unknown-type", Step(1, "x", 0, None, None, None, {})).step.name == "x"


@pytest.mark.parametrize("family", ["fact", "deployment"])
def test_a_family_without_a_machine_conforms_to_nothing(at: Desk, family: str) -> None:
    with pytest.raises(NoStateMachine):
        conformance(at.house.ledger, Question(family), PAGE)
