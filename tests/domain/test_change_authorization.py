"""What verdicts add up to: a quorum, an open denial, an authorization; a model's; and what voids either."""

from __future__ import annotations

from typing import Any

import pytest

from domain.change import change_content_hash, counting_approvals
from domain.change_approval import (
    DenyApproval,
    RecordCabDecision,
    RecuseApprover,
)
from domain.change_assessment import AssessChange
from domain.change_authorization import (
    ApprovalsInvalidated,
    AuthorizeChange,
    ChangeAuthorized,
    ChangePreAuthorized,
    ChangeRejected,
    InvalidateApprovals,
    PreAuthorizeChange,
    RejectChange,
    approving_humans,
)
from domain.change_implementation import ScheduleChange
from domain.change_planning import AmendChangePlan
from tests.domain.changes import (
    ANNE,
    ASSESSED,
    DEV,
    EVIDENCE,
    MODEL,
    OTHERS,
    PRE_AUTHORIZED,
    SAM,
    SAMS_OTHER,
    TO_AUTHORIZED,
    TO_SCHEDULED,
    WINDOW,
    approval_of,
    change,
    draft,
    draft_standard,
    with_state,
)
from tests.given import ADA, BEN, CLEO, NOW, SYSTEM, Given, standing

asked = change(*ASSESSED)


def high(*steps: Any, **draft_fields: Any) -> Given:
    assess = AssessChange(risk="high", risk_policy="matrix@3")
    return change(ASSESSED[0], (CLEO, assess), *steps, first=draft(**draft_fields))


def cab(**said: Any) -> RecordCabDecision:
    told: dict[str, Any] = {
        "meeting": "CAB 10",
        "attendees": [CLEO, ANNE, SAM],
        "quorum": 3,
        "votes": {CLEO: "for", ANNE: "for", SAM: "against"},
        "advice": "authorize",
    }
    return RecordCabDecision(**{**told, **said})


def words(stands: Given) -> set[str]:
    return stands.words(AuthorizeChange(), actor=SYSTEM)


def test_the_quorum_follows_type_and_risk() -> None:
    one = (ANNE, "approve")
    emergency = AssessChange(risk="high", risk_policy="matrix@3")

    assert "quorum-met" not in words(asked)
    assert "quorum-met" in words(change(*ASSESSED, one))
    assert "quorum-met" not in words(high(one))
    assert "quorum-met" in words(high(one, (SAM, "approve")))
    urgent = change(ASSESSED[0], (CLEO, emergency), one, first=draft("emergency"))
    assert "quorum-met" in words(urgent)


def test_the_policy_in_force_says_how_many() -> None:
    policy = {"thresholds": {"quorum_normal": {"medium": 2}}}
    stands = change(*ASSESSED, (ANNE, "approve"))
    order = AuthorizeChange()
    case = stands.case(actor=SYSTEM)
    told = {**case.states, "policy/POL0000001": policy}
    rosters = {**case.rosters, "policies-in-force": ("policy/POL0000001",)}

    stricter = type(case)(
        case.subject, case.state, told, case.actor, case.now, case.new_id, rosters
    )

    assert "quorum-met" in set(order.circumstances(case))
    assert "quorum-met" not in set(order.circumstances(stricter))


def test_a_risk_that_nobody_assessed_counts_as_high() -> None:
    state = {name: value for name, value in asked.state.items() if name != "risk"}
    once = standing(asked.subject, state, OTHERS)
    approved = once.when(approval_of(state), actor=ANNE)

    assert "quorum-met" not in words(standing(asked.subject, approved.state, OTHERS))


def test_two_principals_of_one_human_are_one_approver() -> None:
    assert "quorum-met" not in words(high((SAM, "approve"), (SAMS_OTHER, "approve")))
    assert "quorum-met" not in words(high((SAM, "approve"), (SAM, "approve")))


def approved_by(*acting: tuple[str, str | None], recused: str | None = None) -> int:
    current = change_content_hash(asked.state)
    approvals = {
        f"APR-{n}": {
            "by": by,
            "verdict": "granted",
            "content_hash": current,
            "at": NOW,
            **({"on_behalf_of": of} if of else {}),
        }
        for n, (by, of) in enumerate(acting)
    }
    recusals = {"RCS-1": {"by": recused, "at": NOW}} if recused else {}
    stands = with_state(asked, approvals=approvals, recusals=recusals)
    return approving_humans(stands.case())


@pytest.mark.parametrize(
    ("acting", "humans"),
    [
        ([(ANNE, None), (BEN, ANNE)], 1),
        ([(BEN, None), (BEN, ANNE)], 1),
        ([(BEN, ANNE), (BEN, SAM)], 1),
        ([(BEN, SAM), (ANNE, SAMS_OTHER)], 1),
        ([(BEN, None), (BEN, ANNE), (ANNE, None)], 2),
        ([(BEN, SAM), (ANNE, None)], 2),
    ],
)
def test_neither_a_human_nor_an_authority_counts_twice(acting: Any, humans: int) -> None:
    assert approved_by(*acting) == humans


@pytest.mark.parametrize("order", [RecuseApprover(), RecuseApprover(interest=True)])
@pytest.mark.parametrize("account", [SAM, SAMS_OTHER])
def test_an_approver_who_recuses_themself_approves_no_more(order: Any, account: str) -> None:
    recused = (account, order)

    assert "quorum-met" not in words(change(*ASSESSED, (SAM, "approve"), recused))
    assert "quorum-met" not in words(high((SAM, "approve"), recused, (ANNE, "approve")))
    assert "quorum-met" in words(
        high((SAM, "approve"), recused, (ANNE, "approve"), (BEN, "approve"))
    )


def test_a_declared_interest_alone_is_enough_to_count_no_more() -> None:
    approved = change(*ASSESSED, (SAM, "approve"))

    assert "quorum-met" in words(approved)
    assert "quorum-met" not in words(with_state(approved, interests={SAMS_OTHER: True}))


@pytest.mark.parametrize("who", [BEN, ANNE])
def test_a_delegate_s_approval_counts_while_neither_of_the_two_has_recused_themself(
    who: str,
) -> None:
    assert approved_by((BEN, ANNE)) == 1
    assert approved_by((BEN, ANNE), recused=who) == 0
    assert approved_by((BEN, ANNE), recused=SAM) == 1


def test_a_denial_by_who_recused_themself_is_not_open() -> None:
    denied = (SAM, DenyApproval(reason="Never tried"))
    recused = (SAM, RecuseApprover())

    assert "open-denial" in words(change(*ASSESSED, denied))
    assert "open-denial" not in words(change(*ASSESSED, denied, recused))


def test_a_denial_is_open_until_the_same_human_approves() -> None:
    later = "2026-03-03T00:00:00.000000Z"
    denied = (SAM, DenyApproval(reason="Never tried"))

    assert "open-denial" not in words(change(*ASSESSED, (ANNE, "approve")))
    assert "open-denial" in words(change(*ASSESSED, (ANNE, "approve"), denied))
    assert "open-denial" in words(change(*ASSESSED, denied, (ANNE, "approve", later)))
    assert "open-denial" not in words(change(*ASSESSED, denied, (SAMS_OTHER, "approve", later)))
    assert "open-denial" in words(change(*ASSESSED, (SAM, "approve"), (*denied, later)))


def test_of_two_verdicts_at_one_moment_the_denial_holds() -> None:
    denied = (SAM, DenyApproval(reason="Never tried"))

    assert "open-denial" in words(change(*ASSESSED, denied, (SAM, "approve")))
    assert "open-denial" in words(change(*ASSESSED, (SAM, "approve"), denied))


def test_a_denial_of_other_content_is_not_open() -> None:
    denied = (SAM, DenyApproval(reason="Never tried"))

    stands = change(*ASSESSED, denied, (ADA, AmendChangePlan(back_out_plan="Better")))

    assert "open-denial" not in words(stands)


def test_approvals_of_other_content_count_nothing() -> None:
    stands = change(*ASSESSED, (ANNE, "approve"), (ADA, AmendChangePlan(back_out_plan="Better")))

    assert "quorum-met" not in words(stands)
    assert counting_approvals(stands.state) == {}


def test_the_board_s_latest_advice_is_the_one_that_a_policy_may_ask_about() -> None:
    later = "2026-03-03T00:00:00.000000Z"
    against = cab(advice="reject", votes={CLEO: "against"})

    assert "cab-advises-against" not in words(change(*ASSESSED, (CLEO, cab())))
    assert "cab-advises-against" in words(change(*ASSESSED, (CLEO, cab()), (CLEO, against, later)))
    turned = change(*ASSESSED, (CLEO, against), (CLEO, cab(), later))
    assert "cab-advises-against" not in words(turned)


def test_an_authorization_is_of_the_content_that_stands_in_its_window() -> None:
    stands = change(*ASSESSED, (ANNE, "approve"))

    outcome = stands.when(AuthorizeChange(), actor=SYSTEM)

    outcome.then(
        ChangeAuthorized(
            authorized_at=NOW,
            authorized_hash=change_content_hash(stands.state),
            approved_window=WINDOW,
        )
    )
    assert outcome.state["content_hash"] == outcome.state["authorized_hash"]


def test_a_rejection_names_who() -> None:
    asked.when(RejectChange(), actor=CLEO).then(ChangeRejected(rejected_by=CLEO))
    assert "open-denial" in change(*ASSESSED, (SAM, DenyApproval(reason="No"))).words(
        RejectChange()
    )


def test_a_standard_change_is_authorized_by_its_model_alone() -> None:
    outcome = change(first=draft_standard()).when(PreAuthorizeChange(), actor=SYSTEM)

    outcome.then(
        ChangePreAuthorized(
            authorized_at=NOW,
            authorized_hash=outcome.state["content_hash"],
            approved_window=WINDOW,
            risk="medium",
        )
    )
    change().when(PreAuthorizeChange(), actor=SYSTEM).refused("change-type")
    for type_ in ("normal", "emergency"):
        stands = change(*ASSESSED, first=draft(type_))
        assert not stands.when(AuthorizeChange(), actor=SYSTEM).refusals
    standard = with_state(asked, type="standard")
    standard.when(AuthorizeChange(), actor=SYSTEM).refused("change-type")


def test_a_standard_change_may_say_a_risk_below_its_model_s() -> None:
    drafted = change(first=draft_standard(risk="low"))

    assert drafted.when(PreAuthorizeChange(), actor=SYSTEM).state["risk"] == "low"


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ({"status": "suspended"}, "model-active"),
        ({"status": "proposed"}, "model-active"),
        ({"valid_until": "2026-03-02T11:59:59.999999Z"}, "model-active"),
        ({"valid_until": None}, "model-active"),
        ({"version": 4}, "model-version-pinned"),
        ({"services": {"erp": True}}, "inside-model-limits"),
    ],
)
def test_a_model_authorizes_only_while_it_stands_as_it_was_pinned(
    model: dict[str, Any], rule: str
) -> None:
    others = {MODEL: {**OTHERS[MODEL], **model}}
    drafted = change(first=draft_standard(), others=others)

    drafted.when(PreAuthorizeChange(), actor=SYSTEM).refused(rule)


@pytest.mark.parametrize(
    "fields",
    [
        {"services": ["mail", "web"]},
        {"services": None, "configuration_items": ["queue-01"]},
        {"risk": "high"},
        {"parameters": {"gigabytes": 0, "tier": "silver"}},
        {"parameters": {"gigabytes": 201, "tier": "silver"}},
        {"parameters": {"gigabytes": "50", "tier": "silver"}},
        {"parameters": {"gigabytes": True, "tier": "silver"}},
        {"parameters": {"gigabytes": 50, "tier": "bronze"}},
        {"parameters": {"gigabytes": 50}},
        {"parameters": {"gigabytes": 50, "tier": "silver", "speed": 1}},
        {"parameters": None},
    ],
)
def test_nothing_outside_the_limits_of_the_model_is_authorized(fields: dict[str, Any]) -> None:
    drafted = change(first=draft_standard(**fields))

    drafted.when(PreAuthorizeChange(), actor=SYSTEM).refused("inside-model-limits")


@pytest.mark.parametrize(
    "parameters",
    [
        {"gigabytes": 1, "tier": "silver"},
        {"gigabytes": 200, "tier": 7},
        {"gigabytes": 50, "tier": True},
    ],
)
def test_what_lies_on_a_limit_lies_inside(parameters: dict[str, Any]) -> None:
    drafted = change(first=draft_standard(parameters=parameters))

    assert not drafted.when(PreAuthorizeChange(), actor=SYSTEM).refusals


def test_who_approved_or_proposed_the_model_is_told_apart_from_its_author() -> None:
    def told(**model: str) -> set[str]:
        others = {MODEL: {**OTHERS[MODEL], **model}}
        stands = change(EVIDENCE[0], first=draft_standard(), others=others)
        return {
            word
            for word in stands.words(PreAuthorizeChange(), actor=SYSTEM)
            if word.startswith("author")
        }

    assert told() == set()
    assert told(approved_by=ADA) == {"author-approved-model"}
    assert told(approved_by=DEV, proposed_by=ADA) == {
        "author-approved-model",
        "author-proposed-model",
    }


def test_a_standard_change_whose_plan_is_amended_is_not_authorized_any_more() -> None:
    authorized = change(*PRE_AUTHORIZED, first=draft_standard())

    outcome = authorized.when(AmendChangePlan(parameters={"gigabytes": 60, "tier": "silver"}))

    assert outcome.state["status"] == "awaiting_authorization"


@pytest.mark.parametrize("steps", [TO_AUTHORIZED, TO_SCHEDULED])
def test_approvals_whose_approver_had_no_role_are_void(steps: Any) -> None:
    stands = change(*steps)
    (approval,) = stands.state["approvals"]

    outcome = stands.when(
        InvalidateApprovals(cause="approver_role_void", approvals=(approval,)), actor=SYSTEM
    )

    outcome.then(
        ApprovalsInvalidated(
            invalidation="approver_role_void", approvals={approval: {"void": True}}
        )
    ).vacuously("approver-role-was-void")
    assert "quorum-met" not in words(standing(stands.subject, outcome.state, OTHERS))


def test_approvals_are_invalidated_for_a_cause_that_holds() -> None:
    def invalidate(cause: Any, *approvals: str) -> InvalidateApprovals:
        return InvalidateApprovals(cause=cause, approvals=approvals)

    stands = change(*TO_AUTHORIZED)
    changed = with_state(stands, back_out_plan="Another")
    moved = with_state(stands, window={**WINDOW, "end": "2026-03-07T23:00:00.000000Z"})

    stands.when(invalidate("content_changed")).refused("content-changed")
    stands.when(invalidate("window_moved")).refused("window-outside-approved")
    stands.when(invalidate("approver_role_void")).refused("void-approvals-named")
    stands.when(invalidate("approver_role_void", "APR-none")).refused("void-approvals-named")
    stands.when(invalidate("content_changed", "APR-1")).refused("void-approvals-named")
    changed.when(invalidate("content_changed")).then(
        ApprovalsInvalidated(invalidation="content_changed")
    ).vacuously()
    moved.when(invalidate("window_moved")).then(ApprovalsInvalidated(invalidation="window_moved"))


def test_what_was_corrected_after_its_authorization_is_not_scheduled() -> None:
    corrected = with_state(change(*TO_AUTHORIZED), back_out_plan="Another")

    corrected.when(ScheduleChange(), actor=CLEO).refused("approvals-valid")
