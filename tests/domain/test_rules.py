"""The built-in rules: for each one a case in which it, and nothing else, refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.catalogue import COMMANDS
from domain.command import Case, command_class
from domain.event import State
from domain.may import Decision, DecisionRequest
from domain.rules import FORBIDDING, PERMITTING, POLICY, built_in
from tests.given import (
    ADA,
    BEN,
    GONE,
    NAMED,
    NOW,
    PRINCIPALS,
    SOURCE,
    STRANGER,
    SYSTEM,
)

HASH = "sha256:" + "0" * 64


def asked(
    order: str,
    state: State | None = None,
    *,
    actor: str = ADA,
    on_behalf_of: str | None = None,
    principals: Mapping[str, State] = PRINCIPALS,
    subject: str | None = None,
    **fields: Any,
) -> Decision:
    family, _, verb = order.partition("/")
    command = command_class(family, verb)
    case = Case(
        subject or f"{family}/X1",
        state or {},
        {actor: principals.get(actor, {})},
        actor,
        NOW,
        str,
        on_behalf_of=on_behalf_of,
    )
    order_given = command(**{**command.example, **fields})
    return built_in(DecisionRequest(f"{family}:{verb}", order_given, case))


granted_by_ada = {"APR-1": {"by": ADA, "verdict": "granted", "content_hash": HASH, "at": NOW}}
urgent = {"priority": 1, "impact": 1, "urgency": 1}
lower: dict[str, Any] = {"impact": 4, "urgency": 4}

CASES: list[tuple[str, Decision]] = [
    ("unknown-identity", asked("incident/report", actor=STRANGER)),
    ("referenced-principal", asked("incident/report", actor=NAMED)),
    ("deactivated-principal", asked("incident/report", actor=GONE)),
    ("observing-source-may-not-govern", asked("incident/report", actor=SOURCE)),
    ("no-delegation-without-grant", asked("incident/report", on_behalf_of=BEN)),
    ("nobody-deactivates-themself", asked("principal/deactivate", subject=ADA)),
    ("closer-is-not-resolver", asked("incident/close", {"resolved_by": ADA})),
    (
        "second-person-lowers-priority",
        asked("incident/reprioritise", {**urgent, "prioritised_by": ADA}, **lower),
    ),
    (
        "second-person-lowers-priority",
        asked("incident/reprioritise", {**urgent, "assigned_to": ADA}, **lower),
    ),
    ("approver-is-independent", asked("request/approve", {"requested_by": ADA})),
    ("approver-is-independent", asked("request/approve", {"beneficiary": ADA})),
    ("approver-is-independent", asked("request/approve", {"fulfiller": ADA})),
    ("fulfiller-is-not-approver", asked("request/start-fulfilment", {"approvals": granted_by_ada})),
    ("fulfiller-is-not-approver", asked("request/fulfil", {"approvals": granted_by_ada})),
    ("closer-is-not-fulfiller", asked("request/close", {"fulfilled_by": ADA})),
    ("closer-is-not-problem-owner", asked("problem/close", {"owner": ADA})),
    ("risk-acceptor-is-not-problem-owner", asked("problem/accept-risk", {"owner": ADA})),
    ("only-the-assignee", asked("incident/start-work", {"assigned_to": BEN})),
    ("only-the-assignee", asked("incident/put-on-hold", {"assigned_to": BEN})),
    ("only-the-assignee", asked("incident/resolve", {"assigned_to": BEN})),
    ("only-the-assignee-or-the-system", asked("incident/resume", {"assigned_to": BEN})),
    ("only-the-fulfiller", asked("request/put-on-hold", {"fulfiller": BEN})),
    ("only-the-fulfiller", asked("request/fulfil", {"fulfiller": BEN})),
    ("only-the-fulfiller-or-the-system", asked("request/resume", {"fulfiller": BEN})),
    ("only-the-requester", asked("request/reopen", {"requested_by": BEN})),
    ("only-the-requester-or-the-system", asked("request/close", {"requested_by": BEN})),
    ("only-the-problem-owner", asked("problem/identify-root-cause", {"owner": BEN})),
    ("only-the-problem-owner", asked("problem/declare-known-error", {"owner": BEN})),
    ("only-the-problem-owner", asked("problem/request-fix", {"owner": BEN})),
    ("only-the-problem-owner", asked("problem/resolve", {"owner": BEN})),
    ("only-the-system", asked("request/request-approval")),
    ("only-the-system", asked("request/auto-approve")),
    ("only-the-system", asked("problem/record-fix-failure")),
    ("only-the-system", asked("problem/expire-risk-acceptance")),
]


@pytest.mark.parametrize(("rule", "decision"), CASES)
def test_a_rule_refuses_by_its_own_id(rule: str, decision: Decision) -> None:
    assert decision == Decision(permit=False, policy=POLICY, rules=(rule,))


def test_every_rule_has_a_case() -> None:
    assert {rule.id for rule in FORBIDDING} == {rule for rule, _ in CASES}


def test_every_order_that_a_rule_is_about_has_a_case_or_is_about_all() -> None:
    unknown = [
        order for rule in FORBIDDING for order in rule.on if tuple(order.split("/")) not in COMMANDS
    ]

    assert unknown == []


@pytest.mark.parametrize(
    "decision",
    [
        asked("incident/close", {"resolved_by": BEN}),
        asked("incident/close", {"resolved_by": SYSTEM}, actor=SYSTEM),
        asked("incident/close", {}),
        asked("incident/reprioritise", {**urgent, "prioritised_by": BEN}, **lower),
        asked("incident/reprioritise", {**lower, "priority": 4, "prioritised_by": ADA}),
        asked("incident/reprioritise", {"prioritised_by": ADA}, **lower),
        asked("incident/start-work", {"assigned_to": ADA}),
        asked("incident/start-work", {}),
        asked("incident/resume", {"assigned_to": BEN}, actor=SYSTEM),
        asked("incident/comment", {"assigned_to": BEN, "resolved_by": ADA}),
        asked("request/close", {"requested_by": BEN}, actor=SYSTEM),
        asked("request/auto-approve", actor=SYSTEM),
        asked("problem/close", {"owner": BEN}),
    ],
)
def test_what_no_rule_refuses_is_permitted_by_a_named_one(decision: Decision) -> None:
    permitted = ("registered-principals-work-on-tickets",)

    assert decision == Decision(permit=True, policy=POLICY, rules=permitted)


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        ("principal/register", "registered-principals-keep-principals"),
        ("ledger/revoke-token", "registered-principals-keep-the-ledger"),
    ],
)
def test_the_ledger_is_kept_by_registered_principals(order: str, rule: str) -> None:
    assert asked(order) == Decision(permit=True, policy=POLICY, rules=(rule,))


def test_what_no_rule_permits_is_refused_and_says_so() -> None:
    odd = {ADA: {"status": "suspended"}}

    assert asked("incident/report", principals=odd) == Decision(
        permit=False, policy=POLICY, rules=("no-permit:incident:report",)
    )


def test_all_rules_that_refuse_are_named() -> None:
    both = {"fulfilled_by": ADA, "requested_by": BEN}

    assert asked("request/close", both).rules == (
        "closer-is-not-fulfiller",
        "only-the-requester-or-the-system",
    )


def test_every_rule_has_an_id_of_its_own_and_a_sentence() -> None:
    rules = [*FORBIDDING, *PERMITTING]

    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.sentence.endswith(".") for rule in rules)
