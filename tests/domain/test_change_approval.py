"""Verdicts on a change, and what they add up to: approved, denied, recused, advised, authorized, voided."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.change import Recusal, change_content_hash
from domain.change_approval import (
    ApprovalDenied,
    ApprovalGranted,
    ApproverRecused,
    CabDecisionRecorded,
    DenyApproval,
    GrantApproval,
    RecordCabDecision,
    RecuseApprover,
)
from domain.change_authorization import (
    AuthorizeChange,
    RejectChange,
)
from tests.domain.changes import (
    ANNE,
    ASSESSED,
    SAM,
    SAMS_OTHER,
    TO_AUTHORIZED,
    TO_IMPLEMENTING,
    approval_of,
    change,
)
from tests.given import BEN, CLEO, NOW, STRANGER, SYSTEM

ELSE = "sha256:" + "0" * 64
asked = change(*ASSESSED)


def test_an_approval_is_of_the_content_that_stands() -> None:
    current = change_content_hash(asked.state)

    asked.when(approval_of(asked.state), actor=ANNE).then(
        ApprovalGranted(
            approvals={
                "APR-1": {
                    "by": ANNE,
                    "verdict": "granted",
                    "content_hash": current,
                    "at": NOW,
                    "no_interest": True,
                }
            }
        )
    ).vacuously()
    of_else = GrantApproval(content_hash=ELSE, no_interest=True)
    asked.when(of_else, actor=ANNE).refused("approved-content-is-current")


def test_whoever_approves_says_that_they_have_no_interest() -> None:
    silent = GrantApproval(content_hash=change_content_hash(asked.state))

    asked.when(silent, actor=ANNE).refused("no-undeclared-interest")


def test_an_approval_under_delegation_says_for_whom() -> None:
    order = approval_of(asked.state)

    (granted,) = order.decide(asked.case(actor=BEN, on_behalf_of=ANNE))

    (approval,) = granted.data()["approvals"].values()  # type: ignore[union-attr]  # it is the change's own
    assert (approval["by"], approval["on_behalf_of"]) == (BEN, ANNE)


@pytest.mark.parametrize("steps", [(), ASSESSED[:1], TO_AUTHORIZED, TO_IMPLEMENTING])
def test_verdicts_are_given_while_authorization_is_awaited(steps: Any) -> None:
    stands = change(*steps)

    for order in (
        approval_of(stands.state),
        DenyApproval(reason="No"),
        RecuseApprover(),
        AuthorizeChange(),
        RejectChange(),
    ):
        stands.when(order, actor=SYSTEM).refused("transition")


def test_a_denial_says_why_and_is_of_the_content_that_stands() -> None:
    outcome = asked.when(DenyApproval(reason="Never tried"), actor=ANNE)

    outcome.then(
        ApprovalDenied(
            approvals={
                "APR-1": {
                    "by": ANNE,
                    "verdict": "denied",
                    "content_hash": change_content_hash(asked.state),
                    "at": NOW,
                }
            }
        )
    )
    asked.when(DenyApproval(), actor=ANNE).refused("reason-required")


def test_an_approver_recuses_and_may_declare_an_interest() -> None:
    recusal: dict[str, Recusal] = {"RCS-1": {"by": ANNE, "at": NOW}}

    asked.when(RecuseApprover(), actor=ANNE).then(ApproverRecused(recusals=recusal))
    asked.when(RecuseApprover(interest=True), actor=ANNE).then(
        ApproverRecused(recusals=recusal, interests={ANNE: True})
    )


def cab(**said: Any) -> RecordCabDecision:
    told: dict[str, Any] = {
        "meeting": "CAB 10",
        "attendees": [CLEO, ANNE, SAM],
        "quorum": 3,
        "votes": {CLEO: "for", ANNE: "for", SAM: "against"},
        "advice": "authorize",
    }
    return RecordCabDecision(**{**told, **said})


def test_the_board_s_advice_names_meeting_attendees_quorum_and_votes() -> None:
    asked.when(cab(), actor=CLEO).then(
        CabDecisionRecorded(
            cab_decisions={
                "CAB-1": {
                    "meeting": "CAB 10",
                    "chair": CLEO,
                    "attendees": {CLEO: True, ANNE: True, SAM: True},
                    "quorum": 3,
                    "votes": {CLEO: "for", ANNE: "for", SAM: "against"},
                    "advice": "authorize",
                    "at": NOW,
                }
            }
        )
    )


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"attendees": [CLEO, ANNE, STRANGER]}, "attendees-exist"),
        ({"quorum": 4}, "cab-quorum"),
        ({"attendees": [CLEO, SAM, SAMS_OTHER], "votes": {CLEO: "for"}}, "cab-quorum"),
        ({"votes": {CLEO: "for", BEN: "for"}}, "attendees-vote"),
        ({"advice": "reject"}, "advice-follows-votes"),
        ({"votes": {CLEO: "for", SAM: "against"}}, "advice-follows-votes"),
        ({"votes": {CLEO: "abstained"}}, "advice-follows-votes"),
    ],
)
def test_the_board_s_advice_follows_from_a_meeting(said: dict[str, Any], rule: str) -> None:
    asked.when(cab(**said), actor=CLEO).refused(rule)


@pytest.mark.parametrize("nothing", [{"attendees": []}, {"votes": {}}, {"quorum": 0}])
def test_an_empty_meeting_is_malformed(nothing: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(nothing))):
        cab(**nothing)
