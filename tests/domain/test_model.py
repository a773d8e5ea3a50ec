"""Standard change models: proposed, approved on evidence, suspended, retired."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.model import (
    ApproveModel,
    ModelApproved,
    ModelProposed,
    ModelRetired,
    ModelSuspended,
    ProposeModel,
    RetireModel,
    SuspendModel,
)
from domain.parts import parts_in, services_in
from tests.domain.changes import MODEL
from tests.given import ADA, BEN, CLEO, NOW, SYSTEM, Given, given
from tests.open_door import open_door

UNTIL = "2026-12-31T00:00:00.000000Z"
LIMITS: Any = {"gigabytes": {"min": 1, "max": 200}}
EVIDENCE = [f"change/CHG001000{n}" for n in range(3)]
GOOD = {"status": "closed", "closure_code": "successful", "type": "normal"}
FAILED = {"status": "closed", "closure_code": "failed", "model": MODEL, "closed_at": NOW}

proposed = ModelProposed(
    title="Extend", services={"mail": True}, parameters=LIMITS, proposed_by=BEN, proposed_at=NOW
)
approved = ModelApproved(
    version=1,
    approved_by=CLEO,
    approved_at="2026-01-01T00:00:00.000000Z",
    valid_until=UNTIL,
    max_risk="low",
    evidence=dict.fromkeys(EVIDENCE, True),
)
suspended = ModelSuspended(suspension="authority", suspended_at=NOW)
retired = ModelRetired(retired_by=CLEO)


def model(*events: Any, **others: Any) -> Given:
    return given(
        *events, subject=MODEL, others={**dict.fromkeys(EVIDENCE, GOOD), **others}, may=open_door
    )


def approve(**said: Any) -> ApproveModel:
    told = {"valid_until": UNTIL, "max_risk": "low", "evidence": EVIDENCE, **said}
    return ApproveModel.model_validate(told)


def test_a_proposal_says_for_which_services_and_within_which_limits() -> None:
    propose = ProposeModel.model_validate(
        {"title": "Extend", "services": ["mail"], "parameters": LIMITS}
    )

    model().when(propose, actor=BEN).then(proposed)
    assert set(propose.services(model().case())) == {"mail"}
    with pytest.raises(ValidationError, match="services"):
        ProposeModel.model_validate({"title": "Extend", "services": []})
    with pytest.raises(ValidationError, match="parameters"):
        ProposeModel.model_validate(
            {"title": "Extend", "services": ["mail"], "parameters": {"a": {"most": 1}}}
        )


def test_an_approval_is_another_version_until_a_day_and_up_to_a_risk() -> None:
    outcome = model(proposed).when(approve(), actor=CLEO)

    outcome.then(
        ModelApproved(
            version=1,
            approved_by=CLEO,
            approved_for=None,
            approved_at=NOW,
            valid_until=UNTIL,
            max_risk="low",
            evidence=dict.fromkeys(EVIDENCE, True),
        )
    )
    assert outcome.state["status"] == "active"


def test_what_was_suspended_is_approved_anew_on_its_own_evidence() -> None:
    fresh = [f"change/CHG002000{n}" for n in range(3)]
    stands = model(proposed, approved, suspended, **dict.fromkeys(fresh, GOOD))

    outcome = stands.when(approve(evidence=fresh), actor=CLEO)

    assert outcome.state["version"] == 2
    assert outcome.state["evidence"] == dict.fromkeys(fresh, True)
    assert {"suspension", "suspended_at"}.isdisjoint(outcome.state)


def test_an_approval_needs_evidence_of_normal_changes_that_closed_successful() -> None:
    rule = "model-evidence-successful"

    model(proposed).when(approve(evidence=EVIDENCE[:2])).refused("model-evidence-enough")
    twice = [EVIDENCE[0], EVIDENCE[1], EVIDENCE[1]]
    model(proposed).when(approve(evidence=twice)).refused("model-evidence-enough")
    for poor in (
        {"status": "implemented"},
        {"closure_code": "successful_with_issues"},
        {"closure_code": "failed"},
        {"type": "standard"},
        {"type": "emergency"},
    ):
        others = {EVIDENCE[0]: {**GOOD, **poor}}
        model(proposed, **others).when(approve()).refused(rule)
    unknown = [*EVIDENCE, "change/CHG0010099"]
    model(proposed).when(approve(evidence=unknown)).refused(rule)


def test_an_approval_ends_in_the_future_and_has_a_risk_that_models_may_have() -> None:
    model(proposed).when(approve(valid_until=NOW)).refused("valid-until-in-future")
    model(proposed).when(approve(max_risk="high")).refused("model-risk-allowed")
    assert not model(proposed).when(approve(max_risk="medium")).refusals


def test_an_active_model_is_not_approved_again() -> None:
    model(proposed, approved).when(approve()).refused("transition")


def test_failures_in_the_window_suspend_it() -> None:
    active, suspend = (proposed, approved), SuspendModel(cause="failures")
    two = {"change/CHG1": FAILED, "change/CHG2": {**FAILED, "closure_code": "backed_out"}}

    model(*active, **two).when(suspend, actor=SYSTEM).then(
        ModelSuspended(suspension="failures", suspended_at=NOW)
    )
    one = {"change/CHG1": FAILED, "change/CHG2": {**FAILED, "closure_code": "successful"}}
    model(*active, **one).when(suspend, actor=SYSTEM).refused("failures-in-window")


def test_its_expiry_suspends_it() -> None:
    active, suspend = (proposed, approved), SuspendModel(cause="expiry")
    after = "2026-12-31T00:00:00.000001Z"

    model(*active).when(suspend, actor=SYSTEM, now=after).then(
        ModelSuspended(suspension="expiry", suspended_at=after)
    )
    model(*active).when(suspend, actor=SYSTEM, now=UNTIL).refused("valid-until-passed")


def test_an_authority_suspends_it_with_a_reason() -> None:
    active = model(proposed, approved)

    active.when(SuspendModel(cause="authority", reason="New tool"), actor=CLEO).then(suspended)
    active.when(SuspendModel(cause="authority"), actor=CLEO).refused("reason-required")
    assert active.words(SuspendModel(cause="authority")) == {"cause-authority"}
    model(proposed).when(SuspendModel(cause="expiry")).refused("transition")


@pytest.mark.parametrize("events", [(), (approved,), (approved, suspended)])
def test_it_is_retired_from_wherever_it_stands(events: Any) -> None:
    model(proposed, *events).when(RetireModel(), actor=CLEO).then(
        ModelRetired(retired_by=CLEO, retired_at=NOW)
    )


def test_a_retired_model_takes_no_order() -> None:
    for order in (approve(), SuspendModel(cause="expiry"), RetireModel()):
        model(proposed, retired).when(order).refused("transition")


def test_its_parts_are_told() -> None:
    state = model(proposed, approved).state

    assert parts_in("model", state) == {"proposer": {BEN}, "model-approver": {CLEO}}
    assert services_in("model", state) == {"mail"}
    assert ADA not in parts_in("model", state)["proposer"]
