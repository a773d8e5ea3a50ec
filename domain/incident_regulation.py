"""Incidents under regulation: weighed by an authority's criteria, and reported to it stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Text,
    Word,
)

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
    """What kind of incident it is, and whose: by the regulatory criteria of a rule version, and by category."""

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


class RegulatoryReportSubmitted(
    TicketEvent, family="incident", source=("assigned", "in_progress", "on_hold", "resolved")
):
    """An authority was told. Reports come in the order initial, intermediate (any number), final."""

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
    }

    regulatory_stage: Stage | None = None
    regulatory_reports: dict[ReportId, RegulatoryReport] | None = None
    root_cause: PersonalText | None = None


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
            **{name: value for name, value in given.items() if value is not None},
        )

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return self.vacuous + (("service-known",) if self.service else ())


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
        )
