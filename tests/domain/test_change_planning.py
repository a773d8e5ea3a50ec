"""A change on paper: drafted, amended, submitted, assessed, returned, revised, cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.change import change_content_hash
from domain.change_approval import DenyApproval
from domain.change_assessment import (
    AssessChange,
    CancelChange,
    ChangeAssessed,
    ChangeCancelled,
    ChangeReturned,
    ChangeRevised,
    ChangeSubmitted,
    ReturnChange,
    ReviseChange,
    SubmitChange,
)
from domain.change_authorization import ApprovalsInvalidated, RejectChange
from domain.change_planning import AmendChangePlan, ChangeDrafted, ChangePlanAmended
from tests.domain.changes import (
    ASSESSED,
    BROKEN,
    CHANGE,
    FREEZE,
    MODEL,
    OTHER,
    PLANS,
    TO_AUTHORIZED,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    TO_SCHEDULED,
    WINDOW,
    change,
    draft,
    draft_standard,
)
from tests.given import ADA, BEN, CLEO, NOW, STRANGER, standing

INSIDE = {"start": "2026-03-07T20:30:00.000000Z", "end": "2026-03-07T21:30:00.000000Z"}
OUTSIDE = {"start": "2026-03-07T21:00:00.000000Z", "end": "2026-03-07T22:30:00.000000Z"}
nothing = standing(CHANGE, {})


def amend(**fields: Any) -> AmendChangePlan:
    return AmendChangePlan.model_validate(fields)


def test_a_draft_says_what_who_and_when_and_has_a_hash_of_its_content() -> None:
    outcome = nothing.when(draft(configuration_items=["queue-01"]))

    outcome.then(
        ChangeDrafted(
            type="normal",
            title="Move the queue",
            services={"mail": True},
            configuration_items={"queue-01": True},
            window=WINDOW,
            **PLANS,
            requested_by=ADA,
            requested_at=NOW,
            revision=1,
        )
    ).vacuously()
    assert outcome.state["content_hash"] == change_content_hash(outcome.state)


def test_who_asks_for_somebody_else_asks_for_their_benefit() -> None:
    case = change().case(on_behalf_of=BEN)

    (drafted,) = draft().decide(case)

    assert drafted.data()["beneficiary"] == BEN  # type: ignore[union-attr]  # no event of another subject
    assert nothing.when(draft(beneficiary=CLEO)).state["beneficiary"] == CLEO


def test_whoever_is_named_in_a_draft_is_known() -> None:
    nothing.when(draft(beneficiary=STRANGER)).refused("beneficiary-exists")
    nothing.when(draft(interested=[CLEO, STRANGER])).refused("interested-person-exists")
    assert nothing.when(draft(interested=[CLEO])).state["interests"] == {CLEO: True}


def test_a_standard_change_has_a_model_and_a_version_of_it_and_no_other_change_has() -> None:
    rule = "standard-has-model"

    assert change(first=draft_standard()).state["model_version"] == 3
    nothing.when(draft_standard(model=None)).refused(rule)
    nothing.when(draft_standard(model_version=None)).refused(rule)
    nothing.when(draft(model=MODEL, model_version=3)).refused(rule)
    nothing.when(draft_standard()).refused("model-exists")
    for fields in ({"model": MODEL}, {"model_version": 3}, {"risk": "low"}):
        change().when(amend(**fields)).refused(rule)


def test_the_risk_of_a_change_is_assessed_unless_it_is_standard() -> None:
    nothing.when(draft(risk="low")).refused("risk-is-assessed")
    assert change(first=draft_standard(risk="low")).state["risk"] == "low"


@pytest.mark.parametrize("end", [WINDOW["start"], "2026-03-07T19:00:00Z"])
def test_a_window_ends_after_it_starts(end: str) -> None:
    with pytest.raises(ValidationError, match="ends after it starts"):
        draft(window={"start": WINDOW["start"], "end": end})


def test_an_amendment_says_something() -> None:
    with pytest.raises(ValidationError, match="say what the plan"):
        amend()


def test_an_amended_set_is_whole_and_what_is_gone_is_cleared() -> None:
    changed = change(first=draft(services=["mail", "erp"]))

    outcome = changed.when(amend(services=["erp", "web"]))

    outcome.then(ChangePlanAmended(services={"mail": None, "erp": True, "web": True}))
    assert outcome.state["services"] == {"erp": True, "web": True}
    assert outcome.state["content_hash"] != changed.state["content_hash"]


def test_an_amended_model_s_parameters_are_whole_as_well() -> None:
    outcome = change(first=draft_standard()).when(amend(parameters={"gigabytes": 7}))

    outcome.then(ChangePlanAmended(parameters={"tier": None, "gigabytes": 7}))


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Another"},
        {"description": "More"},
        {"services": ["erp"]},
        {"configuration_items": ["queue-01"]},
        {"implementation_plan": "Another"},
        {"test_plan": "Another"},
        {"back_out_plan": "Another"},
        {"window": INSIDE},
    ],
)
def test_whatever_is_amended_before_authorization_makes_approvals_stop_counting(
    fields: dict[str, Any],
) -> None:
    asked = change(*ASSESSED, (CLEO, "approve"))
    carried = next(iter(asked.state["approvals"].values()))["content_hash"]

    outcome = asked.when(amend(**fields))

    assert carried == change_content_hash(asked.state)
    assert carried != outcome.state["content_hash"] == change_content_hash(outcome.state)


@pytest.mark.parametrize("steps", [TO_AUTHORIZED, TO_SCHEDULED])
@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"back_out_plan": "Another"}, "content_changed"),
        ({"services": ["erp"]}, "content_changed"),
        ({"services": ["erp"], "window": OUTSIDE}, "content_changed"),
        ({"window": OUTSIDE}, "window_moved"),
    ],
)
def test_an_authorization_ends_with_the_plan_it_was_for(
    steps: Any, fields: dict[str, Any], cause: str
) -> None:
    outcome = change(*steps).when(amend(**fields))

    assert outcome.events[1:] == [ApprovalsInvalidated(invalidation=cause)]
    assert outcome.state["status"] == "awaiting_authorization"
    ended = {"authorized_at", "authorized_hash", "approved_window", "scheduled_by", "scheduled_at"}
    assert ended.isdisjoint(outcome.state)


@pytest.mark.parametrize("steps", [TO_AUTHORIZED, TO_SCHEDULED])
@pytest.mark.parametrize("fields", [{"window": INSIDE}, {"services": ["mail"]}, {"window": WINDOW}])
def test_what_changes_nothing_approved_leaves_the_authorization(
    steps: Any, fields: dict[str, Any]
) -> None:
    stands = change(*steps)

    outcome = stands.when(amend(**fields))

    assert [type(event) for event in outcome.events] == [ChangePlanAmended]
    assert outcome.state["status"] == stands.state["status"]
    assert outcome.state["content_hash"] == stands.state["content_hash"]


def test_a_window_for_what_was_authorized_without_one_is_outside() -> None:
    stands = change(*TO_AUTHORIZED, first=draft(window=None))

    outcome = stands.when(amend(window=INSIDE))

    assert outcome.events[1:] == [ApprovalsInvalidated(invalidation="window_moved")]


@pytest.mark.parametrize("steps", [TO_IMPLEMENTING, TO_IMPLEMENTED])
def test_a_plan_that_is_under_way_is_not_amended(steps: Any) -> None:
    change(*steps).when(amend(back_out_plan="Another")).refused("transition")


def test_a_scheduled_window_that_moves_is_checked_anew() -> None:
    freeze = {
        "status": "active",
        "services": {"mail": True},
        "interval": {"start": "2026-03-07T22:00:00.000000Z", "end": "2026-03-09T00:00:00.000000Z"},
    }
    claims = {"status": "scheduled", "services": {"mail": True}, "window": OUTSIDE}
    others = {FREEZE: freeze, OTHER: {**claims, "window": {**OUTSIDE, "start": WINDOW["end"]}}}
    scheduled = change(*TO_SCHEDULED, others=others)

    moved = scheduled.words(amend(window=OUTSIDE))

    assert moved >= {"overlaps-freeze", "conflicting-window"}
    # It does not stand in its own way.
    assert not {"overlaps-freeze", "conflicting-window"} & scheduled.words(amend(window=INSIDE))
    assert "overlaps-freeze" not in scheduled.words(amend(title="Another"))
    authorized = change(*TO_AUTHORIZED, others=others)
    assert "overlaps-freeze" not in authorized.words(amend(window=OUTSIDE))


def test_what_is_submitted_is_about_something_and_has_all_its_plans() -> None:
    change().when(SubmitChange()).then(ChangeSubmitted(submitted_at=NOW)).vacuously()
    items = draft(services=None, configuration_items=["queue-01"])
    change(first=items).when(SubmitChange()).then(ChangeSubmitted(submitted_at=NOW))
    change(first=draft(services=None)).when(SubmitChange()).refused("about-services-or-items")
    for plan in PLANS:
        missing: dict[str, Any] = {plan: None}
        change(first=draft(**missing)).when(SubmitChange()).refused("plans-present")


def test_a_standard_change_is_not_submitted_for_assessment() -> None:
    change(first=draft_standard(**PLANS)).when(SubmitChange()).refused("change-type")


def test_a_change_is_returned_with_a_reason() -> None:
    submitted = change(ASSESSED[0])

    submitted.when(ReturnChange(reason="No time in the plan"), actor=CLEO).then(
        ChangeReturned(returned_by=CLEO)
    )
    submitted.when(ReturnChange(), actor=CLEO).refused("reason-required")
    change().when(ReturnChange(reason="Why"), actor=CLEO).refused("transition")


def test_an_assessment_records_the_risk_its_policy_and_what_is_in_the_way() -> None:
    freeze = {"status": "active", "services": {"*": True}, "interval": WINDOW}
    claims = {"status": "scheduled", "services": {"mail": True}, "window": INSIDE}
    submitted = change(ASSESSED[0], others={FREEZE: freeze, OTHER: claims})
    assess = AssessChange(risk="high", risk_policy="matrix@3")

    outcome = submitted.when(assess, actor=CLEO)

    outcome.then(
        ChangeAssessed(
            risk="high",
            risk_policy="matrix@3",
            assessed_by=CLEO,
            assessed_at=NOW,
            conflicts={OTHER: True, FREEZE: True},
        )
    )
    assert outcome.state["content_hash"] != submitted.state["content_hash"]


def test_an_assessment_forgets_what_is_not_in_the_way_any_more() -> None:
    submitted = change(ASSESSED[0])
    before = standing(CHANGE, {**submitted.state, "conflicts": {OTHER: True}}, submitted.others)

    outcome = before.when(AssessChange(risk="low", risk_policy="matrix@3"), actor=CLEO)

    assert outcome.events[0].data()["conflicts"] == {OTHER: None}


@pytest.mark.parametrize(("risk", "needed"), [("low", False), ("medium", True), ("high", True)])
def test_from_medium_risk_on_an_independent_assessor_is_needed(risk: Any, needed: bool) -> None:
    words = change(ASSESSED[0]).words(AssessChange(risk=risk, risk_policy="matrix@3"))

    assert ("independent-assessor-needed" in words) is needed
    assert ("risk-medium-or-more" in words) is needed
    assert words >= {f"risk-{risk}", "type-normal"}


def test_what_was_rejected_is_revised_and_its_approvals_are_void() -> None:
    denied = (CLEO, DenyApproval(reason="Never tried"))
    rejected = change(*ASSESSED, (BEN, "approve"), denied, (CLEO, RejectChange()))

    outcome = rejected.when(ReviseChange())

    assert outcome.events[0].data()["revision"] == 2
    assert isinstance(outcome.events[0], ChangeRevised)
    assert outcome.state["status"] == "draft"
    assert "rejected_by" not in outcome.state
    hashes = {one["content_hash"] for one in outcome.state["approvals"].values()}
    assert change_content_hash(outcome.state) not in hashes
    change().when(ReviseChange()).refused("transition")


def test_a_cancellation_says_why_and_comes_before_the_implementation() -> None:
    cancel = CancelChange(reason="Not needed")

    for steps in ((), ASSESSED[:1], ASSESSED, TO_AUTHORIZED, TO_SCHEDULED):
        change(*steps).when(cancel).then(ChangeCancelled(cancelled_by=ADA))
    change().when(CancelChange()).refused("reason-required")
    change(*TO_IMPLEMENTING).when(cancel).refused("transition")
    change(*BROKEN, first=draft("emergency")).when(cancel).refused("transition")


def test_the_services_of_an_order_are_those_it_is_about_and_would_be_about() -> None:
    order = amend(services=["erp"])

    assert set(order.services(change().case())) == {"mail", "erp"}
    assert set(draft(services=["web"]).services(nothing.case())) == {"web"}
