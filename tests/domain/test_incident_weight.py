"""How much an incident weighs: priority, major incidents, regulation, and who may change it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.event import Event
from domain.incident import (
    IncidentReprioritised,
    MajorIncidentDeclared,
)
from domain.incident_commands import (
    DeclareMajorIncident,
    ReprioritiseIncident,
)
from domain.incident_regulation import (
    ClassifyIncident,
    IncidentClassified,
    RegulatoryReportSubmitted,
    Stage,
)
from tests.domain.incidents import HASH, WORKING, report, reported
from tests.given import ADA, BEN, CLEO, NOW, given


def test_raising_a_priority_takes_one_person() -> None:
    given(*WORKING).when(ReprioritiseIncident(impact=1, urgency=1), actor=BEN).then(
        IncidentReprioritised(
            impact=1,
            urgency=1,
            priority=1,
            priority_matrix="mean-rounded-up@1",
            prioritised_by=BEN,
        )
    )


def test_lowering_a_priority_takes_a_second_person() -> None:
    lower = ReprioritiseIncident(impact=4, urgency=4)

    given(*WORKING).when(lower, actor=ADA).refused("second-person-lowers-priority")
    given(*WORKING).when(lower, actor=BEN).refused("second-person-lowers-priority")
    assert given(*WORKING).when(lower, actor=CLEO).state["priority"] == 4


def test_a_priority_is_what_the_matrix_gives() -> None:
    wrong = ReprioritiseIncident(impact=1, urgency=1, priority=3)
    silent = ReprioritiseIncident(impact=1, urgency=1, priority_matrix="house@2")
    theirs = ReprioritiseIncident(impact=1, urgency=3, priority=1, priority_matrix="house@2")

    given(reported).when(wrong, actor=CLEO).refused("priority-by-matrix")
    given(reported).when(silent, actor=CLEO).refused("priority-needs-known-matrix")
    given(reported).when(theirs).vacuously("priority-by-matrix")


def test_a_lower_priority_by_another_matrix_takes_a_second_person_too() -> None:
    lower = ReprioritiseIncident(impact=2, urgency=2, priority=5, priority_matrix="house@2")

    given(reported).when(lower, actor=ADA).refused("second-person-lowers-priority")


def test_a_major_incident_is_declared_by_somebody() -> None:
    after = given(reported).when(DeclareMajorIncident(), actor=CLEO)

    after.then(MajorIncidentDeclared(major_declared_by=CLEO)).vacuously("incident-manager-role")
    assert after.state["major"] is True
    assert after.state["status"] == "new"


def test_criteria_of_an_earlier_classification_do_not_shine_through() -> None:
    earlier = IncidentClassified(
        regulatory_class="major",
        classifications={
            "CLS-0": {
                "criteria": {"clients_affected": 9, "data_losses": True},
                "rule_version": "dora@1",
                "outcome": "major",
            }
        },
    )
    classify = ClassifyIncident(
        criteria={"clients_affected": 3}, rule_version="dora@2", outcome="minor", category="mail"
    )

    after = given(reported, earlier).when(classify)

    latest = {"criteria": {"clients_affected": 3}, "rule_version": "dora@2", "outcome": "minor"}
    assert after.state["classifications"]["CLS-1"] == latest
    assert after.state["regulatory_class"] == "minor"
    assert after.state["category"] == "mail"


def test_a_classification_needs_criteria_and_a_rule_version() -> None:
    with pytest.raises(ValidationError, match="criteria"):
        ClassifyIncident(criteria={}, rule_version="dora@2", outcome="minor")


def told(stage: Stage) -> Event:
    return RegulatoryReportSubmitted(regulatory_stage=stage)


def test_a_report_to_an_authority_is_kept_by_its_hash() -> None:
    given(*WORKING).when(report("initial"), actor=CLEO).then(
        RegulatoryReportSubmitted(
            regulatory_stage="initial",
            regulatory_reports={
                "RPT-1": {
                    "stage": "initial",
                    "authority": "BaFin",
                    "by": CLEO,
                    "submitted_at": NOW,
                    "sha256": HASH,
                }
            },
            report_owed=None,
            report_due_at=None,
        )
    ).vacuously("compliance-role")


@pytest.mark.parametrize(
    ("reached", "next_stage", "in_order"),
    [
        ((), "initial", True),
        ((), "intermediate", False),
        ((), "final", False),
        (("initial",), "initial", False),
        (("initial",), "intermediate", True),
        (("initial",), "final", True),
        (("initial", "intermediate"), "initial", False),
        (("initial", "intermediate"), "intermediate", True),
        (("initial", "intermediate"), "final", True),
        (("initial", "final"), "initial", False),
        (("initial", "final"), "intermediate", False),
        (("initial", "final"), "final", False),
    ],
)
def test_reports_to_an_authority_come_in_order(
    reached: tuple[Stage, ...], next_stage: Stage, in_order: bool
) -> None:
    before = given(*WORKING, *(told(stage) for stage in reached))

    outcome = before.when(report(next_stage, root_cause="A full disk"))

    if in_order:
        assert outcome.state["regulatory_stage"] == next_stage
    else:
        outcome.refused("report-stages-in-order")


def test_the_final_report_tells_the_root_cause() -> None:
    given(*WORKING, told("initial")).when(report("final")).refused("final-report-needs-root-cause")
