"""Which report of an incident an authority is owed next, and by when: the RTS on reporting under DORA, and others."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Malformed
from domain.incident_regulation import ClassifyIncident
from domain.moments import months_later
from domain.thresholds import ReportTerms, thresholds_of
from domain.timers import timers_of
from tests.domain.incidents import report
from tests.given import CLEO, Given, standing

INCIDENT = "incident/INC0010001"
DETECTED = "2026-03-01T08:00:00.000000Z"
CLASSIFIED = "2026-03-01T09:00:00.000000Z"


def incident(**state: Any) -> Given:
    return standing(INCIDENT, {"status": "in_progress", "detected_at": DETECTED, **state})


def classify(outcome: str = "major") -> ClassifyIncident:
    return ClassifyIncident(
        criteria={"clients_affected": 9}, rule_version="dora@1", outcome=outcome
    )


def owed(state: Any) -> tuple[Any, Any]:
    return state.get("report_owed"), state.get("report_due_at")


@pytest.mark.parametrize(
    ("classified", "due"),
    [
        (CLASSIFIED, "2026-03-01T13:00:00.000000Z"),
        ("2026-03-02T06:00:00.000000Z", "2026-03-02T08:00:00.000000Z"),
        ("2026-03-02T08:00:00.000000Z", "2026-03-02T08:00:00.000000Z"),
        ("2026-03-02T08:00:00.000001Z", "2026-03-02T12:00:00.000001Z"),
    ],
)
def test_the_initial_report_is_due_4_hours_after_the_classification_and_24_after_the_detection(
    classified: str, due: str
) -> None:
    after = incident().when(classify(), now=classified)

    assert owed(after.state) == ("initial", due)


def test_when_nobody_said_when_it_was_detected_the_classification_counts() -> None:
    after = standing(INCIDENT, {"status": "new"}).when(classify(), now=CLASSIFIED)

    assert owed(after.state) == ("initial", "2026-03-01T13:00:00.000000Z")


def test_what_is_not_major_owes_no_report() -> None:
    assert owed(incident().when(classify("minor"), now=CLASSIFIED).state) == (None, None)


def test_the_same_outcome_again_puts_nothing_off() -> None:
    before = incident().when(classify(), now=CLASSIFIED)
    again = standing(INCIDENT, before.state).when(classify(), now="2026-03-01T12:00:00.000000Z")

    assert owed(again.state) == owed(before.state)


def test_another_outcome_ends_what_is_owed() -> None:
    before = incident().when(classify(), now=CLASSIFIED)
    after = standing(INCIDENT, before.state).when(classify("minor"), now=CLASSIFIED)

    assert owed(after.state) == (None, None)
    assert after.events[0].data()["report_owed"] is None


@pytest.mark.parametrize(
    ("reached", "submitted", "owes"),
    [
        (None, "initial", ("intermediate", "2026-03-04T09:00:00.000000Z")),
        ("initial", "intermediate", ("final", "2026-04-01T09:00:00.000000Z")),
        ("intermediate", "intermediate", ("final", "2026-04-01T09:00:00.000000Z")),
        ("initial", "final", (None, None)),
        ("intermediate", "final", (None, None)),
    ],
)
def test_each_report_makes_the_next_one_owed(reached: Any, submitted: Any, owes: Any) -> None:
    """The intermediate one 72 hours after the initial, the final a month after the latest intermediate one."""
    stands = incident(
        regulatory_class="major",
        regulatory_stage=reached,
        report_owed="initial",
        report_due_at=CLASSIFIED,
    )

    after = stands.when(report(submitted, root_cause="A full disk"), actor=CLEO, now=CLASSIFIED)

    assert owed(after.state) == owes


def test_a_voluntary_report_makes_nothing_owed() -> None:
    after = incident(regulatory_class="minor").when(report("initial"), now=CLASSIFIED)

    assert owed(after.state) == (None, None)


def test_what_was_reported_before_it_was_major_goes_on_from_there() -> None:
    told = incident(regulatory_class="minor", regulatory_stage="initial")

    assert owed(told.when(classify(), now=CLASSIFIED).state)[0] == "intermediate"
    final = incident(regulatory_class="minor", regulatory_stage="final")
    assert owed(final.when(classify(), now=CLASSIFIED).state) == (None, None)


def test_an_incident_is_not_closed_by_the_system_as_long_as_a_report_is_owed() -> None:
    """A closed incident takes no report. It closes once the last one was made."""
    state = {
        "closes_at": "2026-03-02T00:00:00.000000Z",
        "regulatory_class": "major",
        "regulatory_stage": "intermediate",
        "report_owed": "final",
        "report_due_at": "2026-04-01T00:00:00.000000Z",
    }
    resolved = incident(**{**state, "status": "resolved"})
    now = "2026-03-20T00:00:00.000000Z"

    after = resolved.when(report("final", root_cause="A full disk"), actor=CLEO, now=now)

    assert timers_of(INCIDENT, resolved.state) == []
    assert after.state["closes_at"] == now
    (timer,) = timers_of(INCIDENT, after.state)
    assert timer.due == "2026-03-20T00:00:00.000001Z"


def test_a_report_in_time_leaves_the_closing_where_it_was() -> None:
    closes_at = "2026-03-22T00:00:00.000000Z"
    resolved = incident(status="resolved", closes_at=closes_at, regulatory_stage="initial")

    after = resolved.when(report("final", root_cause="A full disk"), actor=CLEO, now=CLASSIFIED)

    assert after.state["closes_at"] == closes_at


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00.000000Z"),
        ("2024-01-31T10:00:00Z", 1, "2024-02-29T10:00:00.000000Z"),
        ("2026-11-15T10:00:00Z", 2, "2027-01-15T10:00:00.000000Z"),
        ("2026-12-31T10:00:00Z", 0, "2026-12-31T10:00:00.000000Z"),
        ("2026-03-01T00:30:00+02:00", 1, "2026-03-28T22:30:00.000000Z"),
        ("9999-12-01T00:00:00Z", 1, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_of_a_shorter_one(
    start: str, months: int, end: str
) -> None:
    assert months_later(start, months) == end


def test_a_policy_sets_the_terms_by_outcome() -> None:
    said = {"regulatory_reports": {"significant": {"initial_hours": 24}}}

    terms = thresholds_of(said).regulatory_reports

    assert terms == {"significant": ReportTerms(initial_hours=24)}
    with pytest.raises(Malformed, match="initial_hours"):
        thresholds_of({"regulatory_reports": {"major": {"initial_hours": -1}}})
