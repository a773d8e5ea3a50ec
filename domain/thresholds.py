"""The numbers that a policy sets: how many approve, how long something may take, what is too much.

They stand in the policy beside its text, and a decision uses those of the policy in force. The defaults are
those of the shipped policy; a policy states only what it wants otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domain.errors import Malformed
from domain.event import Json, Text, told

Severity = Literal["critical", "high", "medium", "low"]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
PriorityName = Literal["p1", "p2", "p3", "p4", "p5"]
Risk = Literal["low", "medium", "high"]
Days = Annotated[int, Field(ge=0, le=36_500)]
Hours = Annotated[int, Field(ge=1, le=8_760)]
Months = Annotated[int, Field(ge=0, le=120)]
Number = Annotated[int, Field(ge=0, le=1_000)]


class Quorum(BaseModel):
    """How many distinct humans have to approve, by risk."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    low: Number = 1
    medium: Number = 1
    high: Number = 2


class ReportTerms(BaseModel):
    """Within what time an authority gets its reports of an incident.

    The defaults are those of the EU's Digital Operational Resilience Act: Commission Delegated Regulation (EU)
    2025/301, Article 5(1). The initial notification comes within 4 hours of the classification and 24 of the
    detection (of the classification alone where that came later than those 24), the intermediate report within 72
    hours of the initial one, the final report within a month of the latest intermediate one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    initial_hours: Hours = 4
    initial_hours_from_detection: Hours = 24
    intermediate_hours: Hours = 72
    final_months: Months = 1


class Thresholds(BaseModel):
    """Days are calendar days unless a name says business days (Monday to Friday)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    quorum_normal: Quorum = Quorum()
    quorum_emergency: Quorum = Quorum(low=1, medium=1, high=1)
    retro_approval_business_days: Days = 2
    review_mandatory_from_risk: Risk = "high"
    independent_assessor_from_risk: Risk = "medium"
    incident_reopen_days: Days = 14
    """So long may an incident be reopened. Then the system closes it."""
    request_close_days: Days = 14
    """So long may the requester object to what was fulfilled. Then the system closes the request."""
    review_opens_days: Days = 1
    """So long after an implementation its review begins, where one is mandatory: until then it can be rolled back."""
    review_due_days: Days = 14
    """So long after it became owed a post-implementation review is to be completed."""
    regulatory_reports: dict[Text, ReportTerms] = {"major": ReportTerms()}
    """By the outcome of a classification: within what time the authority is told. Other outcomes owe no report."""
    privileged_grant_most_days: Days = 90
    model_most_risk: Risk = "medium"
    model_evidence_changes: Number = 3
    model_failures: Number = 2
    model_failure_days: Days = 90
    findings: dict[RuleId, Severity | Literal["off"]] = {}
    """Rules of detectors, and of the policy on what sources observe, whose findings are to weigh otherwise, or not at all."""
    late_fact_days: Days = 7
    """What a source tells so long after it happened is recorded late."""
    clock_tolerance_minutes: Number = 5
    """By so much a source's clock may go ahead of the ledger's."""
    resolution_target_hours: dict[PriorityName, Number] = {
        "p1": 4,
        "p2": 8,
        "p3": 24,
        "p4": 72,
        "p5": 120,
    }
    """How long a resolution may take, by priority, around the clock; until services say so."""
    pause_before_breach_minutes: Number = 30
    """A pause that begins so shortly before the resolution is due is looked at."""
    pre_approved_items: list[Text] = []
    """Catalogue items whose requests nobody needs to approve."""
    reconciled_environments: list[Text] = ["production"]
    """Where deployed is what an authorized change has to stand behind."""


DEFAULTS = Thresholds()


def thresholds_of(said: Mapping[str, Json]) -> Thresholds:
    """Raises Malformed, naming what is wrong."""
    try:
        return Thresholds.model_validate(said)
    except ValidationError as fault:
        raise Malformed(f"thresholds: {told(fault)}") from None


def thresholds_in_force(said: Mapping[str, Json] | None) -> Thresholds:
    """As a published policy says them, which was validated when it was drafted."""
    return _parsed(orjson.dumps(said)) if said else DEFAULTS


@lru_cache(maxsize=16)
def _parsed(said: bytes) -> Thresholds:
    return thresholds_of(orjson.loads(said))


RISKS: tuple[Risk, ...] = ("low", "medium", "high")


def at_least(risk: Risk | None, limit: Risk) -> bool:
    """Is `risk` known, and `limit` or more?"""
    return risk is not None and RISKS.index(risk) >= RISKS.index(limit)
