"""Incidents under regulation: weighed by an authority's criteria, and reported to it stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.command import Case, Command, require
from domain.common import SafeInteger, TicketEvent
from domain.event import (
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    Sha256,
    State,
    Text,
    Word,
)
from domain.moments import later, months_later
from domain.thresholds import ReportTerms

Stage = Literal["initial", "intermediate", "final"]
ClassificationId = Annotated[str, StringConstraints(pattern=r"^CLS-[A-Za-z0-9._-]{1,64}$")]
ReportId = Annotated[str, StringConstraints(pattern=r"^RPT-[A-Za-z0-9._-]{1,64}$")]

NEXT_STAGES: Mapping[str | None, tuple[Stage, ...]] = {
    None: ("initial",),
    "initial": ("intermediate", "final"),
    "intermediate": ("intermediate", "final"),
    "final": (),
}


@with_config(ConfigDict(extra="forbid", strict=True))
class Classification(TypedDict):
    """The values of the regulatory criteria at one moment, and the rule version that weighs them."""

    criteria: dict[Word, str | SafeInteger | bool]
    rule_version: Text
    outcome: Text


@with_config(ConfigDict(extra="forbid", strict=True))
class RegulatoryReport(TypedDict):
    """One report to an authority, by its hash."""

    stage: Stage
    authority: Text
    by: PrincipalId
    submitted_at: Moment
    sha256: Sha256


class IncidentClassified(
    TicketEvent, family="incident", source=("new", "assigned", "in_progress", "on_hold", "resolved")
):
    """What kind of incident it is, and whose: by the regulatory criteria of a rule version, and by category.

    `report_owed`: the stage that an authority is to be told next, if it is to be told, and until when.
    """

    example: ClassVar[Mapping[str, Json]] = {
        "regulatory_class": "major",
        "classifications": {
            "CLS-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10": {
                "criteria": {"clients_affected": 120000, "data_losses": False},
                "rule_version": "dora-rts-2024-1772@1",
                "outcome": "major",
            }
        },
        "category": "messaging",
        "report_owed": "initial",
        "report_due_at": "2026-03-02T13:00:00.000000Z",
    }

    classifications: dict[ClassificationId, Classification] | None = None
    regulatory_class: Text | None = None
    service: Text | None = None
    category: Text | None = None
    subcategory: Text | None = None
    configuration_item: Text | None = None
    location: Text | None = None
    contact_type: Text | None = None
    reported_by: Principal | None = None
    report_owed: Stage | None = None
    report_due_at: Moment | None = None
    closes_at: Moment | None = None


class RegulatoryReportSubmitted(
    TicketEvent, family="incident", source=("assigned", "in_progress", "on_hold", "resolved")
):
    """An authority was told. Reports come in the order initial, intermediate (any number), final.

    `report_owed`: which is to come next, where one is to come, and until when.
    """

    example: ClassVar[Mapping[str, Json]] = {
        "regulatory_stage": "initial",
        "regulatory_reports": {
            "RPT-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b11": {
                "stage": "initial",
                "authority": "BaFin",
                "by": "principal/PRN0000008",
                "submitted_at": "2026-03-02T12:00:00.000000Z",
                "sha256": "sha256:" + "7c" * 32,
            }
        },
        "report_owed": "intermediate",
        "report_due_at": "2026-03-05T12:00:00.000000Z",
    }

    regulatory_stage: Stage | None = None
    regulatory_reports: dict[ReportId, RegulatoryReport] | None = None
    root_cause: PersonalText | None = None
    report_owed: Stage | None = None
    report_due_at: Moment | None = None
    closes_at: Moment | None = None


class ClassifyIncident(Command, yields=IncidentClassified):
    """Weigh the regulatory criteria by a rule version; say the category too, if it was wrong."""

    vacuous = ("incident-manager-role",)
    example: ClassVar[Mapping[str, Any]] = {
        "criteria": {"clients_affected": 120000, "data_losses": False},
        "rule_version": "dora-rts-2024-1772@1",
        "outcome": "major",
    }

    criteria: Annotated[dict[Word, str | SafeInteger | bool], Field(min_length=1)]
    rule_version: Text
    outcome: Text
    service: Text | None = None
    category: Text | None = None
    subcategory: Text | None = None
    configuration_item: Text | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        weighed = {"criteria", "rule_version", "outcome"}
        given = self.given()
        classification = {name: given.pop(name) for name in weighed}
        # Under an id of its own: criteria of an earlier classification must not shine through.
        return self.stating(
            classifications={f"CLS-{case.new_id()}": classification},
            regulatory_class=self.outcome,
            **self._owed(case),
            **{name: value for name, value in given.items() if value is not None},
        )

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return self.vacuous + (("service-known",) if self.service else ())

    def _owed(self, case: Case) -> dict[str, Json]:
        """The same outcome again puts nothing off."""
        state = case.state
        if state.get("report_owed") and state.get("regulatory_class") == self.outcome:
            return {"report_owed": state["report_owed"], "report_due_at": state["report_due_at"]}
        return _next_report(state.get("regulatory_stage"), self.outcome, case)


class SubmitRegulatoryReport(Command, yields=RegulatoryReportSubmitted):
    """Record a report to an authority by its hash. The final one tells the root cause."""

    vacuous = ("compliance-role",)
    example: ClassVar[Mapping[str, Any]] = {
        "stage": "initial",
        "authority": "BaFin",
        "sha256": "sha256:" + "7c" * 32,
    }

    stage: Stage
    authority: Text
    sha256: Sha256
    root_cause: PersonalText | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        reached = case.state.get("regulatory_stage")
        told = f"after {reached or 'no report'} comes {' or '.join(NEXT_STAGES[reached]) or 'none'}"
        require(self.stage in NEXT_STAGES[reached], "report-stages-in-order", told, case)
        has_cause = bool(self.root_cause or case.state.get("root_cause"))
        final_has_cause = self.stage != "final" or has_cause
        told = "the final report needs the root cause"
        require(final_has_cause, "final-report-needs-root-cause", told, case)
        report = {
            "stage": self.stage,
            "authority": self.authority,
            "by": case.actor,
            "submitted_at": case.now,
            "sha256": self.sha256,
        }
        cause = {"root_cause": self.root_cause} if self.root_cause else {}
        return self.stating(
            regulatory_stage=self.stage,
            regulatory_reports={f"RPT-{case.new_id()}": report},
            **cause,
            **_next_report(self.stage, case.state.get("regulatory_class"), case),
        )


def _next_report(reached: Stage | None, outcome: str | None, case: Case) -> dict[str, Json]:
    """What is owed from now on, `reached` having been reported of an incident that was classified as `outcome`.

    An incident whose closing waited for its reports closes once none is owed.
    """
    terms = case.thresholds.regulatory_reports.get(outcome or "")
    if terms is not None and reached != "final":
        stage, due = _stage_after(reached, terms, case)
        return {"report_owed": stage, "report_due_at": due}
    closes_at = case.state.get("closes_at")
    waited = case.status == "resolved" and closes_at is not None and closes_at < case.now
    closing = {"closes_at": case.now} if waited else {}
    return {"report_owed": None, "report_due_at": None, **closing}


def _stage_after(reached: Stage | None, terms: ReportTerms, case: Case) -> tuple[Stage, str]:
    if reached is None:
        return "initial", _initial_due(case.state, case.now, terms)
    if reached == "initial":
        return "intermediate", later(case.now, timedelta(hours=terms.intermediate_hours))
    return "final", months_later(case.now, terms.final_months)


def _initial_due(state: State, now: str, terms: ReportTerms) -> str:
    due = later(now, timedelta(hours=terms.initial_hours))
    detected = state.get("detected_at")
    if detected is None:
        return due
    latest = later(detected, timedelta(hours=terms.initial_hours_from_detection))
    return due if now > latest else min(due, latest)
