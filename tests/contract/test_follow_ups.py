"""What the system does at once is recorded with what it follows, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.change_approval import DenyApproval, GrantApproval, RecuseApprover
from domain.change_assessment import AssessChange, SubmitChange
from domain.command import command_class
from domain.may import Decision, DecisionRequest
from domain.moments import to_text
from domain.problem_commands import RequestFix
from domain.thresholds import Risk
from ledger.govern import Actor, Order
from ledger.taken import Request
from ledger.view import SYSTEM
from tests.contract.conftest import Desk, a
from tests.contract.test_appending import whole_log
from tests.open_door import open_door


def assessed(desk: Desk, risk: Risk = "low", **members: object) -> str:
    subject = desk.do(a("change", "draft", **members)).subject
    desk.do(SubmitChange(), subject)
    desk.do(AssessChange(risk=risk, risk_policy="matrix@3"), subject)
    return subject


def approval(desk: Desk, subject: str, request: Request | None = None) -> Order:
    content = desk.log.subject(subject).state["content_hash"]
    return desk.order(
        GrantApproval(content_hash=content, no_interest=True), subject, request=request
    )


def test_the_authorization_stands_right_behind_the_approval_that_led_to_it(desk: Desk) -> None:
    subject = assessed(desk)

    receipts = desk.log.execute(approval(desk, subject)).receipts

    assert [receipt.type for receipt in receipts] == ["itsm.change.approval-granted.v1"]
    granted, authorized = list(desk.log.entries_of(subject))[-2:]
    assert authorized.position == granted.position + 1
    assert authorized.type == "itsm.change.authorized.v1"
    assert authorized.recordedtime == granted.recordedtime
    said = authorized.attributes
    assert (said["authid"], said["authtype"], said["decision"]) == (SYSTEM, "system", "permit")
    assert said["causationid"] == granted.attributes["id"]
    whole_log(desk.log)


def status(desk: Desk, subject: str) -> str:
    return str(desk.log.subject(subject).state["status"])


def test_an_approval_leads_to_nothing_once_its_approver_has_recused_themself(desk: Desk) -> None:
    ann, ben, cleo = (desk.person(name) for name in ("Ann", "Ben", "Cleo"))
    subject = assessed(desk, risk="high")
    for approver in (ann, ben):
        desk.log.execute(replace(approval(desk, subject), actor=Actor(approver)))
        if approver == ann:
            desk.do(RecuseApprover(), subject, actor=ann)
    assert status(desk, subject) == "awaiting_authorization"

    desk.log.execute(replace(approval(desk, subject), actor=Actor(cleo)))

    assert status(desk, subject) == "authorized"
    whole_log(desk.log)


def test_a_denial_stands_in_the_way_no_longer_once_who_said_it_has_recused_themself(
    desk: Desk,
) -> None:
    ann, ben = desk.person("Ann"), desk.person("Ben")
    subject = assessed(desk)
    desk.do(DenyApproval(reason="Never tried"), subject, actor=ann)
    desk.log.execute(replace(approval(desk, subject), actor=Actor(ben)))
    assert status(desk, subject) == "awaiting_authorization"

    desk.do(RecuseApprover(interest=True), subject, actor=ann)

    recused, authorized = list(desk.log.entries_of(subject))[-2:]
    assert (authorized.type, authorized.position) == (
        "itsm.change.authorized.v1",
        recused.position + 1,
    )
    assert authorized.attributes["causationid"] == recused.attributes["id"]
    whole_log(desk.log)


def test_the_same_request_again_authorizes_nothing_twice(desk: Desk) -> None:
    subject = assessed(desk)
    order = approval(desk, subject, Request("client", "key-1", b"hash"))
    first = desk.log.execute(order)

    again = desk.log.execute(order)

    assert again.receipts == first.receipts
    assert again.replayed
    assert desk.log.subject(subject).version == first.receipts[-1].version + 1
    whole_log(desk.log)


def test_a_policy_that_refuses_the_system_takes_nothing_back_and_the_refusal_is_recorded(
    make_desk: Callable[..., Desk],
) -> None:
    def not_the_system(request: DecisionRequest) -> Decision:
        if request.action == "change:authorize":
            return Decision(False, "policy/POL0000001@4", ("nobody-authorizes",))
        return open_door(request)

    desk = make_desk(may=not_the_system)
    subject = assessed(desk)

    (receipt,) = desk.log.execute(approval(desk, subject)).receipts

    assert desk.log.subject(subject).version == receipt.version
    assert desk.log.subject(subject).state["status"] == "awaiting_authorization"
    refused = list(desk.log.entries_of(SYSTEM))[-1]
    assert refused.type == "itsm.principal.order-refused.v1"
    assert refused.attributes["rules"] == "nobody-authorizes"
    whole_log(desk.log)


def test_one_thing_leads_to_another_across_subjects(desk: Desk) -> None:
    """A change that fails fails the problem that it was to fix: the change knows which one it was."""
    soon = desk.clock.now() + timedelta(hours=1)
    window = {"start": to_text(soon), "end": to_text(soon + timedelta(hours=2))}
    change = assessed(desk, window=window)
    incident = desk.report()
    problem = desk.do(a("problem", "raise", incident=incident)).subject
    desk.do(a("problem", "accept", owner=None), problem)
    desk.do(a("problem", "declare-known-error"), problem)
    desk.do(RequestFix(fix_change=change), problem)
    (link,) = desk.log.subject(change).state["links"].values()
    assert link == {"to": problem, "relation": "problem"}
    desk.log.execute(approval(desk, change))
    desk.do(command_class("change", "schedule")(), change)
    opens = datetime.fromisoformat(desk.log.subject(change).state["window"]["start"])
    desk.clock.later_seconds = (opens - desk.clock.now()).total_seconds() + 60
    desk.do(a("change", "start-implementation"), change)
    desk.do(a("change", "roll-back"), change)
    assert desk.log.subject(change).state["status"] == "in_review"
    desk.do(a("change", "complete-pir", outcome="failed"), change)

    closed = desk.do(a("change", "close", closure_code="backed_out"), change)

    failed = list(desk.log.entries_of(problem))[-1]
    assert failed.type == "itsm.problem.fix-failed.v1"
    assert failed.attributes["causationid"] == closed.id
    assert desk.log.subject(problem).state["status"] == "known_error"
    whole_log(desk.log)
