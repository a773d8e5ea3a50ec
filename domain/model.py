"""Standard change models: what may be changed without asking anew each time, and within which limits.

The workflow is `standard_change_model` in the recommended state machines. A model is approved on the evidence
of normal changes that went well, until a day; failures suspend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.command import Case, Command, require
from domain.common import SafeInteger
from domain.event import (
    Count,
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    State,
    Text,
    Word,
)
from domain.humans import acted_for
from domain.linking import ChangeId
from domain.moments import later
from domain.parts import has_parts
from domain.rosters import failures_of
from domain.sets import NameSet, members, set_of
from domain.thresholds import RISKS, Risk

Status = Literal["proposed", "active", "suspended", "retired"]
SuspensionCause = Literal["failures", "expiry", "authority"]


@with_config(ConfigDict(extra="forbid", strict=True))
class Limit(TypedDict, total=False):
    """What a parameter may be: a whole number from `min` to `max`, or one of `values` (as text)."""

    min: SafeInteger
    max: SafeInteger
    values: dict[Text, bool]


class ModelState(TypedDict, total=False):
    status: Status
    title: str
    description: str
    implementation_plan: str
    test_plan: str
    back_out_plan: str
    services: dict[str, bool]
    parameters: dict[str, Limit]
    proposed_by: str
    proposed_for: str
    proposed_at: str
    version: int
    approved_by: str
    approved_for: str | None
    approved_at: str
    valid_until: str
    max_risk: Risk
    evidence: dict[str, bool]
    suspension: SuspensionCause
    suspended_at: str
    retired_by: str
    retired_at: str


class ModelProposed(Event, family="model", source=(), to="proposed"):
    """A change that recurs, with plans that need no new judgement inside the limits stated."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Extend a file system",
        "services": {"mail": True, "erp": True},
        "parameters": {
            "gigabytes": {"min": 1, "max": 200},
            "tier": {"values": {"silver": True, "gold": True}},
        },
        "implementation_plan": "Grow the volume, then the file system",
        "proposed_by": "principal/PRN0000031",
        "proposed_at": "2026-03-02T09:00:00.000000Z",
    }

    title: PersonalText | None = None
    description: PersonalText | None = None
    implementation_plan: PersonalText | None = None
    test_plan: PersonalText | None = None
    back_out_plan: PersonalText | None = None
    services: NameSet | None = None
    parameters: dict[Word, Limit] | None = None
    proposed_by: Principal | None = None
    proposed_for: Principal | None = None
    proposed_at: Moment | None = None


class ModelApproved(Event, family="model", source=("proposed", "suspended"), to="active"):
    """A change authority lets it be used until then. Each approval is another version, which changes pin."""

    asserts: ClassVar[Mapping[str, Json]] = {"suspension": None, "suspended_at": None}
    example: ClassVar[Mapping[str, Json]] = {
        "version": 1,
        "approved_by": "principal/PRN0000004",
        "approved_at": "2026-03-04T09:00:00.000000Z",
        "valid_until": "2027-03-01T00:00:00.000000Z",
        "max_risk": "low",
        "evidence": {
            "change/CHG0010002": True,
            "change/CHG0010011": True,
            "change/CHG0010023": True,
        },
    }

    version: Count | None = None
    approved_by: Principal | None = None
    approved_for: Principal | None = None
    approved_at: Moment | None = None
    valid_until: Moment | None = None
    max_risk: Risk | None = None
    evidence: dict[ChangeId, bool | None] | None = None


class ModelSuspended(Event, family="model", source=("active",), to="suspended"):
    """It must not be used for the time being: changes by it failed, it expired, or an authority says so."""

    example: ClassVar[Mapping[str, Json]] = {
        "suspension": "failures",
        "suspended_at": "2026-05-04T09:00:00.000000Z",
    }

    suspension: SuspensionCause | None = None
    suspended_at: Moment | None = None


class ModelRetired(Event, family="model", source=("active", "suspended", "proposed"), to="retired"):
    """It is not used any more."""

    example: ClassVar[Mapping[str, Json]] = {
        "retired_by": "principal/PRN0000004",
        "retired_at": "2027-03-01T09:00:00.000000Z",
    }

    retired_by: Principal | None = None
    retired_at: Moment | None = None


class ProposeModel(Command, yields=ModelProposed):
    """Propose what recurs: its plans, the services it is for, and between which limits each parameter lies."""

    example: ClassVar[Mapping[str, Any]] = {
        "title": "Extend a file system",
        "services": ["mail", "erp"],
        "parameters": {
            "gigabytes": {"min": 1, "max": 200},
            "tier": {"values": {"silver": True, "gold": True}},
        },
        "implementation_plan": "Grow the volume, then the file system",
    }

    title: PersonalText
    description: PersonalText | None = None
    implementation_plan: PersonalText | None = None
    test_plan: PersonalText | None = None
    back_out_plan: PersonalText | None = None
    named_services: list[Text] = Field(min_length=1, alias="services")
    parameters: dict[Word, Limit] | None = None

    asked_of = ("named_services",)

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled({**data, "named_services": sorted(members(data.get("services")))})

    def services(self, case: Case) -> list[str]:
        return self.named_services

    def decide(self, case: Case) -> Sequence[Event]:
        given = {name: value for name, value in self.given().items() if value is not None}
        return self.stating(
            services=set_of(given.pop("named_services")),
            proposed_by=case.actor,
            **acted_for(case, "proposed_for"),
            proposed_at=case.now,
            **given,
        )


class ApproveModel(Command, yields=ModelApproved):
    """Let it be used until then, up to that risk, on the evidence of normal changes that closed successful.

    Not for who proposed it.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "valid_until": "2027-03-01T00:00:00Z",
        "max_risk": "low",
        "evidence": ["change/CHG0010002", "change/CHG0010011", "change/CHG0010023"],
    }

    valid_until: Moment
    max_risk: Risk
    evidence: list[ChangeId]

    def reads(self) -> tuple[str, ...]:
        return tuple(self.evidence)

    def decide(self, case: Case) -> Sequence[Event]:
        told = f"valid_until lies after now, {case.now}; got {self.valid_until}"
        require(self.valid_until > case.now, "valid-until-in-future", told, case)
        most = case.thresholds.model_most_risk
        allowed = RISKS.index(self.max_risk) <= RISKS.index(most)
        require(allowed, "model-risk-allowed", f"a model has at most {most} risk", case)
        shown, needed = set(self.evidence), case.thresholds.model_evidence_changes
        told = f"name at least {needed} changes as evidence; got {len(shown)}"
        require(len(shown) >= needed, "model-evidence-enough", told, case)
        poor = sorted(change for change in shown if not _went_well(case.states.get(change, {})))
        told = f"not a normal change that closed successful: {', '.join(poor)}"
        require(not poor, "model-evidence-successful", told, case)
        gone = members(case.state.get("evidence")) - shown
        return self.stating(
            version=case.state.get("version", 0) + 1,
            approved_by=case.actor,
            approved_for=case.on_behalf_of,
            approved_at=case.now,
            valid_until=self.valid_until,
            max_risk=self.max_risk,
            evidence={**dict.fromkeys(sorted(gone), None), **set_of(self.evidence)},
        )


class SuspendModel(Command, yields=ModelSuspended):
    """Stop its use: for failures in the policy's window, because it expired, or by an authority, who says why."""

    example: ClassVar[Mapping[str, Any]] = {"cause": "authority", "reason": "The tool changed"}

    asked_of = ("cause",)

    cause: SuspensionCause

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        return super().recalled({**data, "cause": data.get("suspension")})

    def circumstances(self, case: Case) -> Iterator[str]:
        """`cause-failures`, `cause-expiry`, `cause-authority`."""
        yield f"cause-{self.cause}"

    def decide(self, case: Case) -> Sequence[Event]:
        match self.cause:
            case "failures":
                failed, needed = failures_in_window(case.subject, case.state, case), _most(case)
                told = f"{failed} changes by it failed in the window, {needed} suspend it"
                require(failed >= needed, "failures-in-window", told, case)
            case "expiry":
                until = case.state.get("valid_until")
                expired = until is not None and until < case.now
                require(expired, "valid-until-passed", f"it is valid until {until}", case)
            case "authority":
                require(bool(self.reason), "reason-required", "say why", case)
        return [suspended(self.cause, case)]


class RetireModel(Command, yields=ModelRetired):
    """End its use for good."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(retired_by=case.actor, retired_at=case.now)


has_parts(
    "model",
    lambda state: {
        "proposer": [state.get("proposed_by"), state.get("proposed_for")],
        "model-approver": [state.get("approved_by"), state.get("approved_for")],
    },
    lambda state: members(state.get("services")),
)


def suspended(cause: SuspensionCause, case: Case) -> ModelSuspended:
    return ModelSuspended(suspension=cause, suspended_at=case.now)


def failures_in_window(name: str, model: State, case: Case, *, and_now: int = 0) -> int:
    """How many changes by the model failed in the days that the policy looks back, since it was last approved.

    `and_now`: those that are about to be recorded.
    """
    days = timedelta(days=case.thresholds.model_failure_days)
    since = max(later(case.now, -days), model.get("approved_at", ""))
    closed = (
        case.states.get(change, {}).get("closed_at", "")
        for change in case.rosters.get(failures_of(name), ())
    )
    return and_now + len([at for at in closed if at >= since])


def suspends(name: str, model: State, case: Case) -> bool:
    """Does one failure more suspend the model?"""
    active = model.get("status") == "active"
    return active and failures_in_window(name, model, case, and_now=1) >= _most(case)


def outside_limits(model: State, change: State) -> list[str]:
    """What of the change lies outside the model: `services`, `risk`, and parameters by name. Sorted."""
    allowed, services = members(model.get("services")), members(change.get("services"))
    outside = [] if services and services <= allowed else ["services"]
    risk, most = change.get("risk"), model.get("max_risk")
    if most not in RISKS or (risk and RISKS.index(risk) > RISKS.index(most)):
        outside.append("risk")
    limits, given = model.get("parameters", {}), change.get("parameters", {})
    outside += [
        name
        for name in sorted({*limits, *given})
        if name not in limits or name not in given or not _within(limits[name], given[name])
    ]
    return outside


def _within(limit: Mapping[str, Json], value: Json) -> bool:
    if "values" in limit and _text(value) not in members(limit["values"]):
        return False
    if "min" not in limit and "max" not in limit:
        return True
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return bool(limit.get("min", value) <= value <= limit.get("max", value))


def _text(value: Json) -> str:
    """As `values` names it: `true`, `false`, a number in decimal, or the text itself."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _went_well(change: State) -> bool:
    successful = change.get("status") == "closed" and change.get("closure_code") == "successful"
    return successful and change.get("type") == "normal"


def _most(case: Case) -> int:
    return case.thresholds.model_failures
