"""What the system does at once: after which event, in which case, and when it does not."""

from __future__ import annotations

from typing import Any

from domain.change_approval import ApprovalDenied, ApprovalGranted, DenyApproval
from domain.change_assessment import ChangeAssessed
from domain.change_authorization import AuthorizeChange, PreAuthorizeChange
from domain.change_implementation import ChangeRolledBack, ImplementationCompleted
from domain.change_planning import AmendChangePlan, ChangeDrafted, ChangePlanAmended
from domain.change_review import ChangeClosed, CloseChange, OpenPir
from domain.command import Command
from domain.common import Commented, common_event
from domain.event import Event
from domain.follow_ups import follow_ups
from domain.grant import RoleGranted
from domain.grant_commands import DetectSodConflict
from domain.incident_commands import ResumeIncident
from domain.problem_commands import RecordFixFailure
from domain.request import RequestSubmitted
from domain.request_commands import AutoApproveRequest, RequestApproval, ResumeRequest
from tests.domain.changes import (
    AFTER_WINDOW,
    ANNE,
    ASSESSED,
    CHANGE,
    OTHERS,
    REVIEWED,
    ROLLED_BACK,
    SAM,
    TO_AUTHORIZED,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    change,
    draft,
    draft_standard,
    with_state,
)
from tests.domain.grants import AUTHORITY, DEVELOPER, GRANT, OTHER, WORLD
from tests.given import ADA, BEN, CLEO, SYSTEM, Given, standing
from tests.world import POLICY, REFERENCE, grant, shipped_policy

INCIDENT, REQUEST, PROBLEM = "incident/INC0010001", "request/REQ0010001", "problem/PRB0010001"


def following(event: type[Event], stands: Given, actor: str = ADA) -> list[tuple[Command, str]]:
    """What the system orders after `event` of `actor`, when the subject stands like this."""
    found = follow_ups(event, stands.case(actor=actor))
    return [(one.command, one.subject) for one in found]


def under(stands: Given, **thresholds: Any) -> Given:
    policy = {**shipped_policy(), "thresholds": thresholds}
    return standing(stands.subject, stands.state, {**stands.others, POLICY: policy})


def test_a_change_is_authorized_with_the_approval_that_meets_its_quorum() -> None:
    authorize = [(AuthorizeChange(), CHANGE)]
    approved = change(*ASSESSED, (ANNE, "approve"))

    assert following(ApprovalGranted, approved, ANNE) == authorize
    assert following(ApprovalGranted, under(approved, quorum_normal={"medium": 2}), ANNE) == []
    both = change(*ASSESSED, (ANNE, "approve"), (SAM, "approve"))
    assert following(ApprovalGranted, under(both, quorum_normal={"medium": 2}), SAM) == authorize


def test_a_denial_leaves_a_change_waiting() -> None:
    denied = change(*ASSESSED, (SAM, DenyApproval(reason="Not now")), (ANNE, "approve"))

    assert following(ApprovalGranted, denied, ANNE) == []
    assert following(ApprovalDenied, denied, SAM) == []


def test_a_change_that_needs_nobody_is_authorized_once_it_is_assessed() -> None:
    assessed = under(change(*ASSESSED), quorum_normal={"medium": 0})

    assert following(ChangeAssessed, assessed, CLEO) == [(AuthorizeChange(), CHANGE)]


def test_what_is_authorized_is_not_authorized_again() -> None:
    amended = change(*TO_AUTHORIZED, (ADA, AmendChangePlan(back_out_plan="Another")))

    assert following(ApprovalGranted, change(*TO_AUTHORIZED), ANNE) == []
    assert following(ChangePlanAmended, amended) == []


def test_a_standard_change_is_pre_authorized_once_its_window_is_planned() -> None:
    planned = change(first=draft_standard())

    assert following(ChangeDrafted, planned) == [(PreAuthorizeChange(), CHANGE)]
    assert following(ChangePlanAmended, planned) == [(PreAuthorizeChange(), CHANGE)]
    assert following(ChangeDrafted, change(first=draft_standard(window=None))) == []
    assert following(ChangeDrafted, change(first=draft())) == []


def test_the_review_of_what_was_rolled_back_begins_at_once() -> None:
    rolled_back = change(*TO_IMPLEMENTING, *ROLLED_BACK)

    assert following(ChangeRolledBack, rolled_back, BEN) == [(OpenPir(), CHANGE)]
    assert following(ImplementationCompleted, change(*TO_IMPLEMENTED), BEN) == []


def test_a_fix_fails_with_the_change_that_was_to_bring_it() -> None:
    others = {
        PROBLEM: {"status": "fix_in_progress", "fix_change": CHANGE},
        "problem/PRB0010002": {"status": "fix_in_progress", "fix_change": "change/CHG0010009"},
        "problem/PRB0010003": {"status": "closed", "fix_change": CHANGE},
    }
    opened = ((SYSTEM, OpenPir(), AFTER_WINDOW), *REVIEWED)
    backed_out = CloseChange(closure_code="backed_out")
    closed = change(*TO_IMPLEMENTING, *ROLLED_BACK, *opened, (CLEO, backed_out, AFTER_WINDOW))
    links = {f"LNK-{n}": {"to": to, "relation": "problem"} for n, to in enumerate(others)}
    linked = with_state(closed, links=links)
    stands = standing(CHANGE, linked.state, {**OTHERS, **others})

    failed = [(RecordFixFailure(fix_outcome="backed_out"), PROBLEM)]
    assert following(ChangeClosed, stands, CLEO) == failed
    assert following(ChangeClosed, with_state(stands, closure_code="successful"), CLEO) == []


def test_a_request_goes_to_its_approvers_unless_its_item_is_pre_approved() -> None:
    asked = standing(REQUEST, {"status": "submitted", "item": "hardware/laptop-14"})
    beforehand = AutoApproveRequest(catalogue_policy=REFERENCE)

    assert following(RequestSubmitted, under(asked)) == [(RequestApproval(), REQUEST)]
    there = under(asked, pre_approved_items=["hardware/laptop-14"])
    assert following(RequestSubmitted, there) == [(beforehand, REQUEST)]


def test_what_waits_for_its_requester_goes_on_when_they_reply() -> None:
    held = {"status": "on_hold", "hold_reason": "requester"}
    incident = standing(INCIDENT, {**held, "reported_by": ADA})
    request = standing(REQUEST, {**held, "requested_by": ADA})
    said = common_event("incident", Commented)

    assert following(said, incident, ADA) == [(ResumeIncident(), INCIDENT)]
    assert following(common_event("request", Commented), request) == [(ResumeRequest(), REQUEST)]
    assert following(said, incident, BEN) == []
    assert following(said, with_state(incident, hold_reason="supplier"), ADA) == []
    assert following(said, with_state(incident, status="in_progress"), ADA) == []


def test_a_second_account_of_the_requester_replies_as_well() -> None:
    held = {"status": "on_hold", "hold_reason": "requester", "reported_by": SAM}
    stands = standing(INCIDENT, held, OTHERS)

    said = common_event("incident", Commented)
    assert following(said, stands, "principal/PRN0000055") == [(ResumeIncident(), INCIDENT)]


def test_a_role_that_is_given_is_held_against_what_its_holder_has_asked_for() -> None:
    given_now = {**grant(BEN, "developer"), "role": DEVELOPER}
    asked = {**grant(BEN, "change-authority"), "role": AUTHORITY, "status": "requested"}
    stands = standing(GRANT, given_now, {**WORLD, OTHER: asked})

    assert following(RoleGranted, stands, CLEO) == [(DetectSodConflict(), OTHER)]
    approved = standing(GRANT, given_now, {**WORLD, OTHER: {**asked, "status": "approved"}})
    assert following(RoleGranted, approved, CLEO) == []
