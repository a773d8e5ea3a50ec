"""A service request from submission to closure: what each order leads to, and what refuses it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.event import Event
from domain.request import (
    FulfilmentStarted,
    RequestApprovalRequested,
    RequestApproved,
    RequestAutoApproved,
    RequestCancelled,
    RequestClosed,
    RequestFulfilled,
    RequestPutOnHold,
    RequestRejected,
    RequestReopened,
    RequestResumed,
    RequestSubmitted,
    request_content_hash,
)
from domain.request_commands import (
    ApproveRequest,
    AutoApproveRequest,
    CancelRequest,
    CloseRequest,
    FulfilRequest,
    PutRequestOnHold,
    RejectRequest,
    ReopenRequest,
    RequestApproval,
    ResumeRequest,
    StartFulfilment,
    SubmitRequest,
)
from tests.given import ADA, BEN, CLEO, DAN, NOW, SYSTEM, Given, fold_from, given
from tests.world import POLICY, REFERENCE, shipped_policy

submitted = RequestSubmitted(
    item="hardware/laptop-14",
    quantity=1,
    beneficiary=BEN,
    requested_by=ADA,
    requested_at=NOW,
    reopen_count=0,
)
HASH = request_content_hash(fold_from({}, [submitted]))
asked = RequestApprovalRequested(content_hash=HASH)
approved_by_cleo = RequestApproved(
    approvals={"APR-1": {"by": CLEO, "verdict": "granted", "content_hash": HASH, "at": NOW}}
)
started_by_dan = FulfilmentStarted(fulfiller=DAN)
fulfilled_by_dan = RequestFulfilled(
    fulfilled_by=DAN, fulfilled_at=NOW, closes_at="2026-03-16T12:00:00.000000Z"
)
IN_FULFILMENT = (submitted, asked, approved_by_cleo, started_by_dan)
FULFILLED = (*IN_FULFILMENT, fulfilled_by_dan)


def request(*events: Event) -> Given:
    return given(*events, subject="request/REQ0010001")


def test_a_request_is_for_oneself_or_for_somebody_named() -> None:
    request().when(SubmitRequest(item="hardware/laptop-14", beneficiary=BEN)).then(
        submitted
    ).vacuously("item-in-catalogue")
    after = request().when(SubmitRequest(item="hardware/laptop-14"), actor=CLEO)

    assert (after.state["requested_by"], after.state["beneficiary"]) == (CLEO, CLEO)


def test_a_beneficiary_exists() -> None:
    nobody = SubmitRequest(item="hardware/laptop-14", beneficiary="principal/PRN0000099")

    request().when(nobody).refused("beneficiary-exists")


def test_the_system_asks_for_approval_of_the_content_as_it_stands() -> None:
    request(submitted).when(RequestApproval(), actor=SYSTEM).then(asked)
    request(submitted).when(RequestApproval(), actor=ADA).refused("only-the-system")


def test_the_system_approves_what_the_catalogue_approves_beforehand() -> None:
    auto = AutoApproveRequest(catalogue_policy=REFERENCE)
    beforehand = {"thresholds": {"pre_approved_items": ["hardware/laptop-14"]}}
    policy = {POLICY: {**shipped_policy(), **beforehand}}
    pre_approved = given(submitted, subject="request/REQ0010001", others=policy)

    pre_approved.when(auto, actor=SYSTEM).then(
        RequestAutoApproved(catalogue_policy=REFERENCE, content_hash=HASH)
    ).vacuously()
    pre_approved.when(auto, actor=CLEO).refused("only-the-system")
    request(submitted).when(auto, actor=SYSTEM).refused("item-pre-approved")
    earlier = AutoApproveRequest(catalogue_policy="policy/POL0000001@3")
    pre_approved.when(earlier, actor=SYSTEM).refused("item-pre-approved")
    with pytest.raises(ValidationError, match="catalogue_policy"):
        AutoApproveRequest()  # type: ignore[call-arg]  # what the test is about


def test_an_approval_carries_the_hash_of_what_it_approves() -> None:
    approve = ApproveRequest(content_hash=HASH)

    request(submitted, asked).when(approve, actor=CLEO).then(approved_by_cleo).vacuously(
        "approver-role"
    )


def test_an_approval_of_other_content_is_refused() -> None:
    other = ApproveRequest(content_hash="sha256:" + "0" * 64)

    request(submitted, asked).when(other, actor=CLEO).refused("approved-content-is-current")


@pytest.mark.parametrize(
    "changed", [{"item": "hardware/laptop-16"}, {"quantity": 9}, {"beneficiary": CLEO}]
)
def test_an_approval_does_not_outlive_a_change_of_the_content(changed: dict[str, object]) -> None:
    state = {**fold_from({}, [submitted, asked]), **changed}

    outcome = Given("request/REQ0010001", state, {}).when(
        ApproveRequest(content_hash=HASH), actor=DAN
    )

    outcome.refused("approved-content-is-current")


@pytest.mark.parametrize("interested", [ADA, BEN])
def test_an_approver_neither_asked_nor_gains(interested: str) -> None:
    approve = ApproveRequest(content_hash=HASH)

    request(submitted, asked).when(approve, actor=interested).refused("approver-is-independent")


def test_an_approver_does_not_fulfil() -> None:
    named_beforehand = request(submitted, FulfilmentStarted(fulfiller=CLEO), asked)
    approve = ApproveRequest(content_hash=HASH)
    named_beforehand.when(approve, actor=CLEO).refused("approver-is-independent")

    approved = request(submitted, asked, approved_by_cleo)
    approved.when(StartFulfilment(), actor=CLEO).refused("fulfiller-is-not-approver")


def test_a_rejection_says_why() -> None:
    why = RejectRequest(reason="The current one is a year old")

    request(submitted, asked).when(why, actor=CLEO).then(
        RequestRejected(
            approvals={"APR-1": {"by": CLEO, "verdict": "denied", "content_hash": HASH, "at": NOW}}
        )
    )
    request(submitted, asked).when(RejectRequest(), actor=CLEO).refused("reason-required")


def test_whoever_begins_is_the_fulfiller() -> None:
    approved = request(submitted, asked, approved_by_cleo)

    approved.when(StartFulfilment(), actor=DAN).then(started_by_dan).vacuously("fulfiller-role")


def test_only_the_fulfiller_puts_on_hold_and_fulfils() -> None:
    hold = PutRequestOnHold(hold_reason="supplier", hold_reference="contract/CON0000007")
    vague = PutRequestOnHold(hold_reason="supplier", hold_reference="soon")

    request(*IN_FULFILMENT).when(hold, actor=DAN).then(
        RequestPutOnHold(hold_reason="supplier", hold_reference="contract/CON0000007")
    ).vacuously("contract-exists")
    request(*IN_FULFILMENT).when(vague, actor=DAN).refused("hold-needs-contract")
    request(*IN_FULFILMENT).when(hold, actor=BEN).refused("only-the-fulfiller")
    request(*IN_FULFILMENT).when(FulfilRequest(), actor=BEN).refused("only-the-fulfiller")


def test_the_fulfiller_or_the_system_resumes() -> None:
    held = RequestPutOnHold(hold_reason="requester", hold_reference="mail 4711")
    waiting = request(*IN_FULFILMENT, held)

    waiting.when(ResumeRequest(), actor=DAN).then(RequestResumed())
    waiting.when(ResumeRequest(), actor=SYSTEM).then(RequestResumed())
    waiting.when(ResumeRequest(), actor=ADA).refused("only-the-fulfiller-or-the-system")
    assert "hold_reason" not in waiting.when(ResumeRequest(), actor=DAN).state


def test_access_names_the_grant_that_gives_it() -> None:
    fulfil = FulfilRequest(grant_reference="grant/GRT0000007")

    request(*IN_FULFILMENT).when(fulfil, actor=DAN).then(
        RequestFulfilled(
            fulfilled_by=DAN,
            fulfilled_at=NOW,
            closes_at="2026-03-16T12:00:00.000000Z",
            grant_reference="grant/GRT0000007",
        )
    ).vacuously("access-item-needs-grant")


def test_only_the_requester_reopens_and_it_counts() -> None:
    after = request(*FULFILLED).when(ReopenRequest(), actor=ADA)

    after.then(RequestReopened(reopen_count=1, closes_at=None))
    assert {"fulfilled_by", "fulfilled_at", "closes_at"}.isdisjoint(after.state)
    request(*FULFILLED).when(ReopenRequest(), actor=BEN).refused("only-the-requester")


def test_the_requester_or_the_timer_closes() -> None:
    request(*FULFILLED).when(CloseRequest(), actor=ADA).then(
        RequestClosed(closed_by=ADA, closed_at=NOW)
    ).vacuously()
    request(*FULFILLED).when(CloseRequest(), actor=SYSTEM).then(
        RequestClosed(closed_by=SYSTEM, closed_at=NOW)
    )
    request(*FULFILLED).when(CloseRequest(), actor=BEN).refused("only-the-requester-or-the-system")


def test_whoever_fulfilled_it_does_not_close_it() -> None:
    own = request(submitted, RequestFulfilled(fulfilled_by=ADA))
    unsaid = request(submitted, RequestFulfilled())

    own.when(CloseRequest(), actor=ADA).refused("closer-is-not-fulfiller")
    unsaid.when(CloseRequest(), actor=ADA).vacuously("closer-is-not-fulfiller")


def test_a_request_is_cancelled_by_somebody() -> None:
    request(submitted).when(CancelRequest()).then(RequestCancelled(cancelled_by=ADA))


@pytest.mark.parametrize(
    "over",
    [
        RequestClosed(closed_by=ADA),
        RequestCancelled(cancelled_by=ADA),
        RequestRejected(),
    ],
)
def test_a_request_that_is_over_takes_no_order_of_its_own(over: Event) -> None:
    for order in (CancelRequest(), RejectRequest(reason="No"), StartFulfilment()):
        request(submitted, over).when(order, actor=CLEO).refused("transition")
    request(submitted, over).when(CloseRequest(), actor=ADA).refused("transition")
