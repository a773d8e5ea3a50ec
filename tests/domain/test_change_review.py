"""After the implementation: retro-approved or not, reviewed, closed; and what nobody authorized."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from domain.change import ClosureCode, change_content_hash
from domain.change_assessment import AssessChange
from domain.change_implementation import CompleteImplementation, StartEmergencyImplementation
from domain.change_retro_approval import (
    DenyRetroApproval,
    GrantRetroApproval,
    LapseRetroApproval,
    RequestRetroApproval,
    RetroApprovalDenied,
    RetroApprovalGranted,
    RetroApprovalLapsed,
    RetroApprovalRequested,
)
from domain.change_review import (
    ChangeClosed,
    CloseChange,
    CompletePir,
    DetectUnauthorizedChange,
    LapseReview,
    OpenPir,
    PirCompleted,
    PirOpened,
    ReviewLapsed,
    UnauthorizedChangeDetected,
)
from domain.command import On
from domain.deviation import ControlDeviationRecorded
from domain.model import ModelSuspended
from domain.moments import later
from tests.domain.changes import (
    AFTER_WINDOW,
    ASSESSED,
    AUTHORIZED,
    BROKEN,
    CHANGE,
    DEPLOYMENT,
    DEV,
    EVIDENCE,
    IMPLEMENTED,
    IN_REVIEW,
    IN_WINDOW,
    INCIDENT,
    MODEL,
    OTHER,
    OTHERS,
    PRE_AUTHORIZED,
    REVIEWED,
    ROLLED_BACK,
    SAM,
    SCHEDULED,
    STARTED,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    change,
    draft,
    draft_standard,
    follow,
    with_state,
)
from tests.domain.test_change_implementation import linked
from tests.given import ADA, BEN, CLEO, NOW, STRANGER, SYSTEM, Given, standing

DUE = "2026-03-04T12:00:00.000000Z"
LATE = "2026-03-04T12:00:00.000001Z"
CLOSE = CloseChange(closure_code="successful")
detect = DetectUnauthorizedChange(deployment=DEPLOYMENT, title="Deployed at night")
emergency = draft("emergency")
broken = change(*BROKEN, first=emergency)
nothing = standing(CHANGE, {}, OTHERS)


def grant(stands: Given, *, no_interest: bool = True) -> GrantRetroApproval:
    current = change_content_hash(stands.state)
    return GrantRetroApproval(content_hash=current, no_interest=no_interest)


def test_a_retro_approval_is_of_the_content_that_stands_by_somebody_and_in_time() -> None:
    outcome = broken.when(grant(broken), actor=SAM, now=DUE)

    outcome.then(
        RetroApprovalGranted(
            retro_decided_by=SAM,
            retro_decided_for=None,
            retro_decided_at=DUE,
            retro_content_hash=change_content_hash(broken.state),
        )
    )
    broken.when(grant(broken), actor=SAM, now=LATE).refused("before-due-date")
    silent = grant(broken, no_interest=False)
    broken.when(silent, actor=SAM).refused("no-undeclared-interest")
    other = GrantRetroApproval(content_hash="sha256:" + "0" * 64, no_interest=True)
    broken.when(other, actor=SAM).refused("approved-content-is-current")


def test_a_denied_retro_approval_is_a_deviation() -> None:
    outcome = broken.when(DenyRetroApproval(), actor=SAM)

    assert isinstance(outcome.events[0], RetroApprovalDenied)
    assert outcome.state["retro_approval"] == "denied"
    assert outcome.state["retro_decided_by"] == SAM
    deviation = ControlDeviationRecorded(control="retro-approval", deviation="denied", about=CHANGE)
    assert outcome.elsewhere == [On("ledger/DEV-1", deviation)]


def test_a_retro_approval_lapses_after_its_due_date_and_is_a_deviation() -> None:
    outcome = broken.when(LapseRetroApproval(), actor=SYSTEM, now=LATE)

    outcome.then(RetroApprovalLapsed())
    deviation = ControlDeviationRecorded(control="retro-approval", deviation="lapsed", about=CHANGE)
    assert outcome.elsewhere == [On("ledger/DEV-1", deviation)]
    broken.when(LapseRetroApproval(), actor=SYSTEM, now=DUE).refused("due-date-passed")


def test_what_is_decided_is_not_decided_again_but_may_be_asked_again() -> None:
    decided = (
        follow(broken.when(grant(broken), actor=SAM), broken),
        follow(broken.when(DenyRetroApproval(), actor=SAM), broken),
        follow(broken.when(LapseRetroApproval(), actor=SYSTEM, now=LATE), broken),
    )
    for stands in decided:
        for order in (grant(stands), DenyRetroApproval(), LapseRetroApproval()):
            stands.when(order, actor=SAM).refused("retro-approval-requested")

    granted, denied, lapsed = decided
    ask = RequestRetroApproval()
    granted.when(ask, actor=SYSTEM).refused("no-retro-approval-yet")
    broken.when(ask, actor=SYSTEM).refused("no-retro-approval-yet")
    for stands in (denied, lapsed, change(*TO_IMPLEMENTING)):
        outcome = stands.when(ask, actor=SYSTEM, now=LATE)
        outcome.then(
            RetroApprovalRequested(
                retro_requested_at=LATE, retro_due_at="2026-03-06T12:00:00.000001Z"
            )
        )
        assert "retro_decided_by" not in outcome.state


def test_what_is_not_implemented_has_no_retro_approval() -> None:
    change(*ASSESSED).when(RequestRetroApproval(), actor=SYSTEM).refused("transition")
    reviewed = change(*TO_IMPLEMENTING, *ROLLED_BACK, *IN_REVIEW, *REVIEWED)
    assert not reviewed.when(RequestRetroApproval(), actor=SYSTEM).refusals


def reasons(stands: Given) -> set[str]:
    outcome = stands.when(OpenPir(), actor=SYSTEM)
    return set(outcome.state.get("review_reasons", ()))


def test_a_review_is_mandatory_for_what_went_wrong_was_urgent_or_is_risky() -> None:
    high = AssessChange(risk="high", risk_policy="matrix@3")
    risky = (ASSESSED[0], (CLEO, high), *EVIDENCE, (SAM, "approve"), *AUTHORIZED)
    failed = (BEN, CompleteImplementation(verification="failed"), IN_WINDOW)
    urgent = (linked(INCIDENT), *ASSESSED, *AUTHORIZED, (BEN, StartEmergencyImplementation()))

    assert reasons(change(*TO_IMPLEMENTING, *ROLLED_BACK)) == {"rolled-back"}
    assert reasons(change(*TO_IMPLEMENTING, failed)) == {"failed"}
    assert reasons(change(*risky, *SCHEDULED, *STARTED, *IMPLEMENTED)) == {"high-risk"}
    assert reasons(change(*urgent, *IMPLEMENTED, first=emergency)) == {"emergency"}
    assert reasons(change(*BROKEN, *IMPLEMENTED, first=emergency)) == {"emergency", "break-glass"}


def test_what_needs_no_review_may_be_sampled() -> None:
    done = change(*TO_IMPLEMENTED)

    done.when(OpenPir(sampled=True, members=(SAM,)), actor=SYSTEM).then(
        PirOpened(
            review_reasons={"sampled": True},
            review_members={SAM: True},
            review_due_at="2026-03-16T12:00:00.000000Z",
        )
    )
    done.when(OpenPir(), actor=SYSTEM).refused("review-mandatory-or-sampled")
    done.when(OpenPir(sampled=True, members=(STRANGER,))).refused("members-exist")
    change(*TO_IMPLEMENTING).when(OpenPir(sampled=True)).refused("transition")


def test_a_mandatory_review_is_no_sample() -> None:
    undone = change(*TO_IMPLEMENTING, *ROLLED_BACK)

    undone.when(OpenPir(sampled=True), actor=SYSTEM).then(
        PirOpened(review_reasons={"rolled-back": True}, review_due_at=undone.state["review_due_at"])
    )


def test_a_review_lapses_once_after_its_due_date_and_is_owed_all_the_same() -> None:
    in_review = change(*TO_IMPLEMENTING, *ROLLED_BACK, *IN_REVIEW)
    due = in_review.state["review_due_at"]
    late = later(due, timedelta(microseconds=1))

    in_review.when(LapseReview(), actor=SYSTEM, now=due).refused("due-date-passed")
    lapsed = in_review.when(LapseReview(), actor=SYSTEM, now=late)

    lapsed.then(ReviewLapsed(review_lapsed_at=late))
    assert lapsed.state["status"] == "in_review"
    after = standing(CHANGE, lapsed.state, OTHERS)
    after.when(LapseReview(), actor=SYSTEM, now=late).refused("review-not-lapsed-yet")
    said: dict[str, Any] = {"outcome": "failed", "lessons": "Slow", "actions": "Rehearse"}
    assert after.when(CompletePir(**said), actor=SAM, now=late).state["status"] == "reviewed"


def test_where_no_review_is_due_none_lapses() -> None:
    change(*TO_IMPLEMENTED).when(LapseReview(), actor=SYSTEM).refused("due-date-passed")
    change(*TO_IMPLEMENTING).when(LapseReview(), actor=SYSTEM).refused("transition")


def test_a_review_compares_outcome_and_expectation_and_says_what_follows() -> None:
    in_review = change(*TO_IMPLEMENTING, *ROLLED_BACK, *IN_REVIEW)
    said: dict[str, Any] = {"outcome": "failed", "lessons": "Slow", "actions": "Rehearse"}

    in_review.when(CompletePir(**said), actor=SAM).then(
        PirCompleted(
            review_outcome="failed",
            review_lessons="Slow",
            review_actions="Rehearse",
            reviewed_by=SAM,
            reviewed_at=NOW,
        )
    )
    for missing in said:
        with pytest.raises(ValidationError, match=missing):
            CompletePir(**{name: value for name, value in said.items() if name != missing})
    change(*TO_IMPLEMENTED).when(CompletePir(**said)).refused("transition")


def test_what_needs_no_review_is_closed_at_once() -> None:
    change(*TO_IMPLEMENTED).when(CLOSE, actor=CLEO).then(
        ChangeClosed(closure_code="successful", closed_by=CLEO, closed_at=NOW)
    ).vacuously()


def test_what_needs_a_review_is_closed_after_it() -> None:
    failed = (BEN, CompleteImplementation(verification="failed"), IN_WINDOW)
    waiting = change(*TO_IMPLEMENTING, failed)
    reviewed = change(*TO_IMPLEMENTING, failed, *IN_REVIEW, *REVIEWED)

    waiting.when(CLOSE, actor=CLEO).refused("no-review-mandatory")
    reviewed.when(CloseChange(closure_code="failed"), actor=CLEO).then(
        ChangeClosed(closure_code="failed", closed_by=CLEO, closed_at=NOW)
    )
    change(*TO_IMPLEMENTING, *ROLLED_BACK).when(CLOSE).refused("transition")
    change(*TO_IMPLEMENTING, *ROLLED_BACK, *IN_REVIEW).when(CLOSE).refused("transition")


@pytest.mark.parametrize("code", get_args(ClosureCode))
def test_a_closure_has_one_of_the_codes(code: Any) -> None:
    assert change(*TO_IMPLEMENTED).when(CloseChange(closure_code=code)).state["status"] == "closed"
    with pytest.raises(ValidationError, match="closure_code"):
        CloseChange(closure_code="done")


def test_a_change_is_not_closed_while_its_retro_approval_is_open() -> None:
    reviewed = change(*BROKEN, *IMPLEMENTED, *IN_REVIEW, *REVIEWED, first=emergency)

    reviewed.when(CLOSE, actor=CLEO).refused("no-open-retro-approval")
    for order, moment in ((grant(reviewed), NOW), (LapseRetroApproval(), AFTER_WINDOW)):
        decided = follow(reviewed.when(order, actor=SAM, now=moment), reviewed)
        assert not decided.when(CLOSE, actor=CLEO).refusals


def test_what_was_deployed_without_an_authorization_begins_with_its_review() -> None:
    outcome = nothing.when(detect, actor=SYSTEM)

    outcome.then(
        UnauthorizedChangeDetected(
            title="Deployed at night",
            services={"mail": True},
            implementers={DEV: True},
            deployment=DEPLOYMENT,
            detected_by=SYSTEM,
            detected_at=NOW,
            review_due_at="2026-03-16T12:00:00.000000Z",
            revision=1,
        ),
        RetroApprovalRequested(retro_requested_at=NOW, retro_due_at=DUE),
    )
    deviation = ControlDeviationRecorded(
        control="authorization", deviation="unauthorized-change", about=DEPLOYMENT
    )
    assert outcome.elsewhere == [On("ledger/DEV-1", deviation)]
    assert outcome.state["status"] == "in_review"
    assert outcome.state["content_hash"] == change_content_hash(outcome.state)


def test_a_deployment_is_unauthorized_when_no_authorized_change_stands_behind_it() -> None:
    def deployed(**the_change: Any) -> Given:
        of_change = {**OTHERS[DEPLOYMENT], "change": OTHER}
        return standing(CHANGE, {}, {**OTHERS, DEPLOYMENT: of_change, OTHER: the_change})

    rule = "deployment-without-authorized-change"
    deployed(status="closed", authorized_at=NOW).when(detect, actor=SYSTEM).refused(rule)
    deployed(status="implementing", break_glass_at=NOW).when(detect, actor=SYSTEM).refused(rule)
    assert not deployed(status="draft").when(detect, actor=SYSTEM).refusals
    assert not deployed().when(detect, actor=SYSTEM).refusals
    unknown = DetectUnauthorizedChange(deployment="deployment/DEP0000099")
    nothing.when(unknown, actor=SYSTEM).refused("deployment-exists")


def test_what_little_a_deployment_says_is_enough() -> None:
    outcome = standing(CHANGE, {}, {DEPLOYMENT: {"status": "failed"}}).when(detect, actor=SYSTEM)

    assert {"services", "implementers"}.isdisjoint(outcome.events[0].data())
    assert set(detect.services(nothing.case())) == {"mail"}


def test_an_unauthorized_change_is_closed_once_it_is_reviewed_and_decided() -> None:
    found = follow(nothing.when(detect, actor=SYSTEM), nothing)
    reviewed = follow(found.when(REVIEWED[0][1], actor=SAM), found)
    denied = follow(reviewed.when(DenyRetroApproval(), actor=SAM), reviewed)

    outcome = denied.when(CloseChange(closure_code="unauthorised"), actor=CLEO)

    assert outcome.state["closure_code"] == "unauthorised"


FAILED = "2026-02-20T00:00:00.000000Z"


def failure(closed_at: str = FAILED, **members: Any) -> dict[str, Any]:
    closed = {"status": "closed", "closure_code": "failed", "model": MODEL, "closed_at": closed_at}
    return {OTHER: {**closed, **members}}


def closing(code: Any, others: Any = None, **model: Any) -> list[On]:
    steps = (*PRE_AUTHORIZED, *SCHEDULED, *STARTED, *IMPLEMENTED)
    done = change(*steps, first=draft_standard(), others=others)
    its = {**done.others[MODEL], **model}
    stands = standing(CHANGE, done.state, {**done.others, MODEL: its})
    outcome = stands.when(CloseChange(closure_code=code), actor=CLEO)
    assert not outcome.refusals
    return list(outcome.elsewhere)


def test_one_failure_too_many_suspends_the_model() -> None:
    suspension = [On(MODEL, ModelSuspended(suspension="failures", suspended_at=NOW))]

    assert closing("failed", failure()) == suspension
    assert closing("backed_out", failure(closure_code="backed_out")) == suspension
    assert closing("failed") == []
    assert closing("successful", failure()) == []
    assert closing("failed", failure(closure_code="successful")) == []
    assert closing("failed", failure(model="model/MOD0000002")) == []


def test_failures_count_within_the_window_and_since_the_model_was_approved() -> None:
    longest_ago, before = "2025-12-02T12:00:00.000000Z", "2025-12-02T11:59:59.999999Z"
    early = "2025-01-01T00:00:00.000000Z"

    assert closing("failed", failure(longest_ago), approved_at=early)
    assert closing("failed", failure(before), approved_at=early) == []
    assert closing("failed", failure(), approved_at=FAILED)
    assert closing("failed", failure(), approved_at="2026-02-20T00:00:00.000001Z") == []


def test_a_model_that_is_not_active_is_not_suspended_again() -> None:
    assert closing("failed", failure(), status="suspended") == []
    assert closing("failed", failure(), status="retired") == []


@pytest.mark.parametrize("over", ["closed", "cancelled"])
def test_a_change_that_is_over_takes_no_order_of_its_own(over: str) -> None:
    done = with_state(change(*TO_IMPLEMENTED), status=over)

    for order in (CLOSE, OpenPir(sampled=True), RequestRetroApproval(), detect):
        done.when(order, actor=ADA).refused("transition")
