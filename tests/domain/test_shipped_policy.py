"""The shipped policy, rule by rule: what each decides, that none is idle, and what it may speak of.

Who extends the policy adds an entry to `tests/domain/policy_cases`, and writes the golden matrix of roles anew
(`python -m tests.golden.policy_roles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

import domain.catalogue  # noqa: F401 - the policy's schema is made of every family
from domain.cedar import Policy, Question
from domain.command import COMMANDS
from domain.families import FAMILIES
from domain.policy_schema import READ, READ_PERSONAL, action_of, groups_of, schema_text
from domain.policy_text import PolicyRule, read_rules, validate
from ledger.shipped import shipped_roles, shipped_texts
from tests.domain.policy_cases import TABLE
from tests.domain.policy_cases.case import Case
from tests.domain.policy_words import can_tell, words_asked
from tests.shared import shared_path

RULES: Mapping[str, PolicyRule] = {rule.id: rule for rule in read_rules(shipped_texts())}
CASES = [(rule, case) for rule, cases in TABLE.items() for case in cases]
ACTIONS = frozenset(
    [action_of(*key) for key in COMMANDS]
    + [action_of(family, verb) for family in FAMILIES for verb in (READ, READ_PERSONAL)]
)
ANYTHING = '@id("anyone-does-anything") @sentence("Whoever, whatever.") permit (principal, action, resource);'

NOBODY_YET: Mapping[str, str] = {}
"""Actions that no rule permits to anybody, and why."""
WITHOUT_A_RULE: Mapping[str, str] = {}
"""Roles that no rule names, and why they are shipped."""


@cache
def policy(*, without: str = "", with_anything: bool = False) -> Policy:
    rules = [rule for rule in RULES.values() if rule.id != without]
    return Policy(tuple(rules + (read_rules({"later.cedar": ANYTHING}) if with_anything else [])))


def named(cases: Iterable[tuple[str, Case]]) -> list[Any]:
    return [pytest.param(rule, case, id=f"{rule}: {case.who}") for rule, case in cases]


def about(rule: PolicyRule) -> frozenset[str]:
    """The actions that the rule decides about, groups opened."""
    if rule.actions is None:
        return ACTIONS
    return frozenset(action for action in ACTIONS if rule.actions & {action, *groups_of(action)})


# Every rule decides


@pytest.mark.parametrize(("rule", "case"), named(CASES))
def test_a_rule_decides_by_itself(rule: str, case: Case) -> None:
    permits = RULES[rule].effect == "permit"
    for question in case.questions():
        with_it = policy().decide(question)
        without_it = policy(without=rule).decide(question)

        assert (with_it.permit, with_it.rules) == (permits, (rule,)), question
        if permits or case.is_fence:
            assert not without_it.permit
            assert without_it.rules == (f"no-permit:{question.action}",), question
        else:
            assert without_it.permit, (question, without_it)


@pytest.mark.parametrize(("rule", "case"), named(one for one in CASES if one[1].is_fence))
def test_a_fence_stands_against_whatever_a_later_rule_permits(rule: str, case: Case) -> None:
    for question in case.questions():
        with_it = policy(with_anything=True).decide(question)
        without_it = policy(without=rule, with_anything=True).decide(question)

        assert (with_it.permit, with_it.rules) == (False, (rule,)), question
        assert without_it.permit, question


@pytest.mark.parametrize("rule", RULES)
def test_removing_any_rule_changes_what_is_decided(rule: str) -> None:
    """The mutation check: each is noticed by the table as a whole, not by its own entry alone."""
    noticed = [
        question
        for _, case in CASES
        for question in case.questions()
        if policy().decide(question) != policy(without=rule).decide(question)
    ]

    assert noticed


def test_the_table_has_one_entry_for_each_rule() -> None:
    assert TABLE.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_the_table_names_every_action_and_role_of_the_rule(rule: str) -> None:
    """So that an action or a role added to a rule, or taken from it, is seen here."""
    told, cases = RULES[rule], TABLE[rule]
    actions = frozenset[str]().union(*(case.actions for case in cases))

    if told.actions is None or "order" in told.actions:
        assert actions <= about(told), "some stand for all"
    else:
        assert actions == about(told)
    assert told.roles <= frozenset[str]().union(*(case.named_roles for case in cases))


# What no rule refuses

REFUSED_BY_NOTHING: list[tuple[str, Case]] = [
    (
        "requester-desk-and-timer-close-incidents",
        Case(
            "the timer closes what it resolved", "incident:close", kind="system", parts="resolver"
        ),
    ),
    (
        "assignees-work-on-incidents",
        Case(
            "the assignee, who set it, raises a priority",
            "incident:reprioritise",
            parts="assignee+prioritiser",
        ),
    ),
    (
        "dispatchers-assign-incidents",
        Case(
            "another lowers it",
            "incident:reprioritise",
            roles="dispatcher",
            filled="prioritiser assignee",
            when="lowers-priority",
        ),
    ),
    (
        "timer-closes-requests",
        Case(
            "the timer closes what it fulfilled",
            "request:close",
            kind="system",
            parts="fulfiller",
            filled="requester",
        ),
    ),
    (
        "requesters-end-requests",
        Case("the requester of what another fulfilled", "request:close", parts="requester"),
    ),
    (
        "fulfillers-fulfil-requests",
        Case(
            "who fulfils it",
            "request:put-on-hold request:resume request:fulfil",
            roles="fulfiller",
            parts="fulfiller",
        ),
    ),
    (
        "assessors-assess-changes",
        Case(
            "the requester, of little risk", "change:assess", "change-assessor", parts="requester"
        ),
    ),
    (
        "implementers-implement-changes",
        Case(
            "a standard change needs neither quorum nor another's test",
            "change:start-implementation",
            roles="implementer",
            when="type-standard+untested",
        ),
    ),
    (
        "break-glass-holders-end-what-they-began",
        Case(
            "who broke the glass, of code of their own",
            "change:complete-implementation",
            parts="invoker+developer",
        ),
    ),
    (
        "implementers-implement-changes",
        Case(
            "inside a freeze, with its exception",
            "change:start-implementation",
            roles="implementer",
            when="type-normal+quorum-met+overlaps-freeze+freeze-excepted",
        ),
    ),
    (
        "administrators-activate-grants",
        Case("privileged, for a time", "grant:activate", roles="administrator", when="privileged"),
    ),
    (
        "administrators-activate-grants",
        Case("for good, not privileged", "grant:activate", roles="administrator", when="no-end"),
    ),
    (
        "owners-revise-their-roles",
        Case("the owner adds a conflict", "role:revise", parts="owner", when="adds-conflict"),
    ),
    (
        "administrators-keep-roles",
        Case(
            "another loosens a role",
            "role:revise",
            roles="administrator",
            filled="owner",
            when="removes-conflict+drops-privileged",
        ),
    ),
]


@pytest.mark.parametrize(("rule", "case"), named(REFUSED_BY_NOTHING))
def test_what_just_passes_is_permitted_by_that_rule(rule: str, case: Case) -> None:
    for question in case.questions():
        verdict = policy().decide(question)

        assert verdict.permit, verdict
        assert verdict.rules == (rule,)


REFUSED: list[tuple[str, Case]] = [
    (
        "no-permit:model:suspend",
        Case("the system for no cause of its own", "model:suspend", kind="system",
             when="cause-authority"),
    ),
    (
        "no-permit:change:grant-approval",
        Case("the emergency authority, of a normal change", "change:grant-approval",
             roles="emergency-authority", when="type-normal"),
    ),
    (
        "no-permit:grant:delegate",
        Case("the holder, under a delegation", "grant:delegate", parts="subject",
             when="under-delegation"),
    ),
    (
        "no-permit:principal:register",
        Case("an operator, somebody who gives orders", "principal:register", roles="operator"),
    ),
    (
        "no-permit:principal:register",
        Case("whoever comes by, a source", "principal:register", when="observing-source"),
    ),
    (
        "no-permit:incident:close",
        Case("whoever comes by", "incident:close", filled="requester assignee resolver"),
    ),
    (
        "no-permit:ledger:erase",
        Case("who runs everything else", "ledger:erase", roles="administrator"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "case"), named(REFUSED))
def test_what_just_fails_is_permitted_by_nothing(rule: str, case: Case) -> None:
    for question in case.questions():
        assert policy().decide(question).rules == (rule,)


def test_all_rules_that_refuse_are_named() -> None:
    both = Question(
        principal="principal/PRN1",
        kind="person",
        status="registered",
        mode="govern",
        roles=("change-authority",),
        action="change:grant-approval",
        resource="change/CHG1",
        state={},
        parts=("requester", "recused"),
    )

    assert policy().decide(both).rules == (
        "change-approver-is-independent",
        "no-approval-with-an-interest",
    )


# What the policy may speak of


def test_cedar_passes_every_rule() -> None:
    assert len(validate(shipped_texts(), schema_text())) == len(RULES)


def test_a_rule_says_itself_to_an_auditor_and_serves_a_control() -> None:
    silent = [one.id for one in RULES.values() if not (one.sentence.endswith(".") and one.control)]

    assert silent == []


def test_the_controls_that_rules_serve_exist() -> None:
    frameworks = yaml.safe_load(shared_path("frameworks.yaml").read_text("utf-8"))["frameworks"]
    known = {
        f"{name}:{control['id']}"
        for name, told in frameworks.items()
        for control in told["controls"]
    }
    unknown = {
        (rule.id, control)
        for rule in RULES.values()
        for control in rule.control.split()
        if control not in known
    }

    assert unknown == set()


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_is_permitted_to_somebody(action: str) -> None:
    permits = [one.id for one in RULES.values() if one.effect == "permit" and action in about(one)]

    assert bool(permits) != (action in NOBODY_YET)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_about_actions_that_there_are(rule: str) -> None:
    groups = {"order", "reading", *FAMILIES}

    assert (RULES[rule].actions or frozenset()) <= ACTIONS | groups


def test_roles_that_rules_name_are_shipped_and_the_other_way_round() -> None:
    spoken_of = frozenset[str]().union(*(rule.roles for rule in RULES.values()))
    shipped = {role.name: role for role in shipped_roles()}

    assert spoken_of <= shipped.keys()
    assert shipped.keys() - spoken_of == WITHOUT_A_RULE.keys()
    for role in shipped.values():
        assert set(role.conflicts) <= shipped.keys() - {role.name}


@pytest.mark.parametrize("rule", RULES)
def test_an_order_can_tell_every_word_that_a_rule_asks_for(rule: str) -> None:
    """Else the rule is idle, or has a hole: a misspelt circumstance refuses nobody."""
    actions = about(RULES[rule])
    untold = {
        word for word in words_asked(RULES[rule]) if not any(can_tell(a, *word) for a in actions)
    }

    assert untold == set()
