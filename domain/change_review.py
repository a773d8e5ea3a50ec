"""Reviewing and closing a change; and the change that nobody authorized, which begins with its review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import StringConstraints

from domain.change import UNSUCCESSFUL, ClosureCode, ContentEvent
from domain.change_order import ChangeOrder
from domain.change_retro_approval import retro_approval_requested
from domain.command import Case, Events, On, require
from domain.common import TicketEvent
from domain.deviation import deviating
from domain.event import (
    Count,
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    State,
    Subject,
    Word,
)
from domain.linking import require_exists
from domain.model import suspended, suspends
from domain.moments import later
from domain.reconciliation import authorized_by, happened_at
from domain.sets import NameSet, PeopleSet, set_of
from domain.thresholds import Thresholds, at_least

DeploymentId = Annotated[
    str, StringConstraints(pattern=r"^deployment/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")
]
UNREVIEWED: Final = ("implemented", "rolled_back", "in_review")
Outcome = Literal["as_expected", "deviated", "failed"]


class UnauthorizedChangeDetected(ContentEvent, family="change", source=(), to="in_review"):
    """Something was deployed, and no authorized change stands behind it. Whoever deployed it implemented it."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Deployment without a change",
        "deployment": "deployment/DEP0000017",
        "services": {"mail": True},
        "implementers": {"principal/PRN0000031": True},
        "detected_by": "principal/PRN0000001",
        "detected_at": "2026-03-08T06:00:00.000000Z",
        "review_due_at": "2026-03-22T06:00:00.000000Z",
        "revision": 1,
        "content_hash": "sha256:" + "5e" * 32,
    }

    title: PersonalText | None = None
    deployment: Subject | None = None
    services: NameSet | None = None
    implementers: PeopleSet | None = None
    detected_by: Principal | None = None
    detected_at: Moment | None = None
    review_due_at: Moment | None = None
    revision: Count | None = None


class PirOpened(
    TicketEvent, family="change", source=("implemented", "rolled_back"), to="in_review"
):
    """The post-implementation review begins, because it must (the reasons) or as a sample. It has its due date."""

    example: ClassVar[Mapping[str, Json]] = {
        "review_reasons": {"emergency": True, "rolled-back": True},
        "review_members": {"principal/PRN0000008": True},
        "review_due_at": "2026-03-21T21:10:00.000000Z",
    }

    review_reasons: dict[Word, bool | None] | None = None
    review_members: PeopleSet | None = None
    review_due_at: Moment | None = None


class ReviewLapsed(TicketEvent, family="change", source=UNREVIEWED):
    """Nobody completed the post-implementation review by its due date. It is owed all the same."""

    example: ClassVar[Mapping[str, Json]] = {"review_lapsed_at": "2026-03-21T21:10:00.000001Z"}

    review_lapsed_at: Moment | None = None


class PirCompleted(TicketEvent, family="change", source=("in_review",), to="reviewed"):
    """Somebody who did not implement it compared outcome and expectation, and said what follows."""

    example: ClassVar[Mapping[str, Json]] = {
        "review_outcome": "deviated",
        "review_lessons": "The queue took twice as long to move as in staging",
        "review_actions": "Test with a queue of real size",
        "reviewed_by": "principal/PRN0000008",
        "reviewed_at": "2026-03-10T14:00:00.000000Z",
    }

    review_outcome: Outcome | None = None
    review_lessons: PersonalText | None = None
    review_actions: PersonalText | None = None
    reviewed_by: Principal | None = None
    reviewed_at: Moment | None = None


class ChangeClosed(TicketEvent, family="change", source=("implemented", "reviewed"), to="closed"):
    """Nothing is left to do; the code says how it ended."""

    example: ClassVar[Mapping[str, Json]] = {
        "closure_code": "successful",
        "closed_by": "principal/PRN0000004",
        "closed_at": "2026-03-11T09:00:00.000000Z",
    }

    closure_code: ClosureCode | None = None
    closed_by: Principal | None = None
    closed_at: Moment | None = None


def review_reasons(state: State, thresholds: Thresholds) -> list[str]:
    """Why a review is mandatory; nothing, where it is not."""
    high = at_least(state.get("risk"), thresholds.review_mandatory_from_risk)
    reasons = {
        "emergency": state.get("type") == "emergency",
        "break-glass": bool(state.get("break_glass_at")),
        "failed": state.get("verification") == "failed",
        "rolled-back": bool(state.get("rolled_back_at")),
        "high-risk": high,
    }
    return [reason for reason, holds in reasons.items() if holds]


def review_due(case: Case) -> str:
    """By when the review is to be completed that is owed from now on, or was before: no later event puts it off."""
    owed: str | None = case.state.get("review_due_at")
    return owed or later(case.now, timedelta(days=case.thresholds.review_due_days))


class DetectUnauthorizedChange(ChangeOrder, yields=UnauthorizedChangeDetected):
    """Say that a deployment has no authorized change behind it. A retro-approval is asked for, and the
    deviation recorded, in the same breath.
    """

    by_verb = True
    example: ClassVar[Mapping[str, Any]] = {"deployment": "deployment/DEP0000017"}

    asked_of = ("deployment",)

    deployment: DeploymentId
    title: PersonalText | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.deployment,)

    def services(self, case: Case) -> Iterator[str]:
        service = case.states.get(self.deployment, {}).get("service")
        return iter([service] if service else [])

    def carried_out(self, case: Case) -> Events:
        require_exists(self.deployment, "deployment-exists", case)
        deployment = case.states[self.deployment]
        change = deployment.get("change")
        moment = happened_at(deployment) or case.now
        authorized = authorized_by(case.states.get(change, {}), moment) if change else False
        told = f"{self.deployment} belongs to {change}, which was authorized by then"
        require(not authorized, "deployment-without-authorized-change", told, case)
        deployer, service = deployment.get("deployed_by"), deployment.get("service")
        detected = self.stating(
            **({"title": self.title} if self.title else {}),
            **({"services": {service: True}} if service else {}),
            **({"implementers": {deployer: True}} if deployer else {}),
            deployment=self.deployment,
            detected_by=case.actor,
            detected_at=case.now,
            review_due_at=review_due(case),
            revision=1,
        )
        # About the deployment: the change has no number before it is recorded.
        deviation = deviating("authorization", "unauthorized-change", self.deployment, case)
        return [deviation, *detected, retro_approval_requested(case)]


class OpenPir(ChangeOrder, yields=PirOpened):
    """Begin the post-implementation review: where it is mandatory, or `sampled`. For the system."""

    example: ClassVar[Mapping[str, Any]] = {"members": ["principal/PRN0000008"]}

    sampled: bool = False
    members: tuple[PrincipalId, ...] = ()

    def reads(self) -> tuple[str, ...]:
        return self.members

    def carried_out(self, case: Case) -> Sequence[Event]:
        for member in self.members:
            require_exists(member, "members-exist", case)
        reasons = review_reasons(case.state, case.thresholds) or ["sampled"] * self.sampled
        told = "no review is mandatory; say that it is `sampled`"
        require(bool(reasons), "review-mandatory-or-sampled", told, case)
        people = {"review_members": set_of(self.members)} if self.members else {}
        due = review_due(case)
        return self.stating(review_reasons=set_of(reasons), review_due_at=due, **people)


class LapseReview(ChangeOrder, yields=ReviewLapsed):
    """Record that a review was not completed by its due date. For the system's timer."""

    def carried_out(self, case: Case) -> Sequence[Event]:
        due = case.state.get("review_due_at")
        told = f"the review is due by {due}" if due else "no review is due"
        require(due is not None and case.now > due, "due-date-passed", told, case)
        once = "review_lapsed_at" not in case.state
        require(once, "review-not-lapsed-yet", "that it lapsed is recorded already", case)
        return self.stating(review_lapsed_at=case.now)


class CompletePir(ChangeOrder, yields=PirCompleted):
    """Say how the outcome compares with what was expected, what was learnt, and what follows.

    Not for who implemented it.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "outcome": "deviated",
        "lessons": "The queue took twice as long to move as in staging",
        "actions": "Test with a queue of real size",
    }

    outcome: Outcome
    lessons: PersonalText
    actions: PersonalText

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(
            review_outcome=self.outcome,
            review_lessons=self.lessons,
            review_actions=self.actions,
            reviewed_by=case.actor,
            reviewed_at=case.now,
        )


class CloseChange(ChangeOrder, yields=ChangeClosed):
    """Say how it ended. Without a review only where none is mandatory; never with an open retro-approval.

    A failure too many suspends the model of a standard change in the same breath.
    """

    example: ClassVar[Mapping[str, Any]] = {"closure_code": "successful"}

    closure_code: ClosureCode

    def carried_out(self, case: Case) -> Events:
        state = case.state
        reasons = review_reasons(state, case.thresholds) if case.status == "implemented" else []
        told = f"a review comes first: {', '.join(reasons)}"
        require(not reasons, "no-review-mandatory", told, case)
        decided = state.get("retro_approval") != "requested"
        require(decided, "no-open-retro-approval", "its retro-approval is not decided", case)
        closed = self.stating(
            closure_code=self.closure_code, closed_by=case.actor, closed_at=case.now
        )
        return [*self._suspension(case), *closed]

    def _suspension(self, case: Case) -> Iterable[On]:
        name = case.state.get("model")
        failed = self.closure_code in UNSUCCESSFUL
        if name and failed and suspends(name, case.states.get(name, {}), case):
            yield On(name, suspended("failures", case))
