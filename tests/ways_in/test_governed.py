"""Every rule of the shipped policy, from REST and from the command line: who is permitted, who is refused, and
by which rule.

The cases are those of `tests/domain/policy_cases`, which are put to the policy itself elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.policy_schema import READ, READ_PERSONAL
from ledger.reveal import HIDDEN
from tests.domain.policy_cases.case import Case
from tests.ways_in.governed import ORDERING, READING
from tests.ways_in.house import CONFIDED, Ways
from tests.ways_in.matrix import (
    CASES,
    NOT_ASKED,
    PERMITS,
    WITHOUT_ADDRESS,
    command_of,
    named,
    orders,
    policy,
    readings,
)

WAYS = pytest.mark.parametrize("way", ["rest", "cli"])


def ordering_cases() -> list[tuple[str, str, Case]]:
    return [
        (way, rule, case)
        for way in ORDERING
        for rule, case in CASES
        if any(orders(rule, case, way))
    ]


def reading_cases() -> list[tuple[str, str, Case]]:
    return [(way, rule, case) for way in READING for rule, case in CASES if any(readings(case))]


@pytest.mark.parametrize(("way", "rule", "case"), named(ordering_cases()))
def test_a_rule_decides_the_orders_that_come_this_way(
    ways: Ways, way: str, rule: str, case: Case
) -> None:
    for question in orders(rule, case, way):
        made, token = ways.standing(question)

        answer = ORDERING[way](ways, made, token)

        expected = "done" if rule in PERMITS else "may-not"
        assert (answer.outcome, answer.rules) == (expected, (rule,)), (question, answer.told)


@pytest.mark.parametrize(("way", "rule", "case"), named(reading_cases()))
def test_a_rule_decides_who_reads_this_way(ways: Ways, way: str, rule: str, case: Case) -> None:
    for question in readings(case):
        nobody = replace(question, roles=())
        family = question.action.partition(":")[0]
        subject = ways.confided(family)
        assert policy().decide(question).rules == (rule,)
        for who in (question, nobody):
            token = ways.signed_in(who)

            answer = READING[way](ways, subject, token)

            may_read, sees = (
                policy().decide(replace(who, action=f"{family}:{verb}")).permit
                for verb in (READ, READ_PERSONAL)
            )
            assert answer.outcome == ("done" if may_read else "may-not"), (who, answer.told)
            assert answer.rules in {(), (f"no-permit:{family}:{READ}",)}
            if may_read:
                reason = answer.told["events"][-1]["reason"]
                assert reason == (CONFIDED if sees else HIDDEN), who


# What does not come this way


@WAYS
def test_every_rule_is_asked_this_way_but_those_that_are_listed(way: str) -> None:
    asked = {rule for of, rule, _ in (*ordering_cases(), *reading_cases()) if of == way}

    assert {rule for rule, _ in CASES} - asked == NOT_ASKED[way].keys()


@WAYS
def test_an_order_that_a_way_in_has_no_words_for_is_not_taken(ways: Ways, way: str) -> None:
    left_out = [
        question
        for _, case in CASES
        for question in case.questions()
        if question.action in WITHOUT_ADDRESS[way]
    ]

    assert {question.action for question in left_out} == WITHOUT_ADDRESS[way].keys()
    for question in left_out:
        made, token = ways.standing(question)
        size = ways.ledger.head().size

        # By command there is one for all orders; it names the one that takes more than words.
        expected = {"rest": "no-such-address", "cli": "malformed"}[way]
        assert ORDERING[way](ways, made, token).outcome == expected
        assert ways.ledger.head().size == size


@WAYS
@pytest.mark.parametrize("status", ["unknown", "referenced", "deactivated"])
def test_whoever_may_do_nothing_is_not_even_signed_in(ways: Ways, way: str, status: str) -> None:
    asked = [q for _, case in CASES for q in case.questions() if q.status == status]

    assert asked
    for question in asked:
        if command_of(question) is None:
            subject, token = ways.confided("incident"), ways.signed_in(question)
            assert READING[way](ways, subject, token).outcome == "not-signed-in"
        else:
            made, token = ways.standing(question)
            assert ORDERING[way](ways, made, token).outcome == "not-signed-in"
