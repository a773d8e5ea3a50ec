"""Every rule of the shipped policy, from CloudEvents and from files: what happened elsewhere is recorded as
observed, whoever might have been refused it here; what confers authority is told to nobody but the ledger.

The mode belongs to the source. So one that governs tells no facts: it gives orders, and is judged as anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from api.importing.faults import MappingInvalid
from tests.domain.policy_cases.case import Case
from tests.ways_in.governed import ordered_by_rest
from tests.ways_in.house import Ways
from tests.ways_in.matrix import CASES, NOT_TOLD, PERMITS, is_told, named, orders
from tests.ways_in.observed import TICKETS, Told, facts_of, imported, last_entry, sent

WATCHER, KEEPER, FILES = "watcher", "keeper", "files"
CASES_TOLD = [("observed", rule, case) for rule, case in CASES if is_told(case)]


def check_recorded(ways: Ways, fact: Told, source: str) -> None:
    """As observed, without a policy, under the name of the source that told it."""
    entry = last_entry(ways, fact).attributes

    assert entry["type"] == fact.type.type_name
    assert (entry["decision"], entry["authid"]) == ("observed", fact.actor)
    assert entry["recordedby"] == f"principal/{source}"
    assert entry.keys().isdisjoint({"policy", "rules", "grants"})


@pytest.fixture(scope="module")
def watching(ways: Ways) -> str:
    return ways.source(WATCHER, "observe")


@pytest.fixture(scope="module")
def keeping(ways: Ways) -> str:
    return ways.source(KEEPER, "govern")


@pytest.mark.parametrize(("way", "rule", "case"), named(CASES_TOLD))
def test_what_a_source_observes_is_recorded_whatever_the_rule_says(
    ways: Ways, watching: str, way: str, rule: str, case: Case
) -> None:
    facts = list(facts_of(ways, case, f"principal/{WATCHER}"))

    answers = sent(ways, facts, watching, f"/sources/{WATCHER}")

    for fact, answer in zip(facts, answers, strict=True):
        if fact.is_governed:
            assert (answer["status"], answer["problem"]["rules"]) == (403, ["govern-only"])
        else:
            assert answer["status"] == 200, (fact, answer)
            check_recorded(ways, fact, WATCHER)


@pytest.mark.parametrize(("way", "rule", "case"), named(CASES_TOLD))
def test_a_source_that_governs_tells_no_facts(
    ways: Ways, keeping: str, way: str, rule: str, case: Case
) -> None:
    facts = list(facts_of(ways, case, f"principal/{KEEPER}"))
    size = ways.ledger.head().size

    for answer in sent(ways, facts, keeping, f"/sources/{KEEPER}"):
        assert (answer["status"], answer["rules"]) == (403, ["observing-source"])
    assert ways.ledger.head().size == size


@pytest.mark.parametrize(("way", "rule", "case"), named(CASES_TOLD))
def test_a_source_that_governs_is_judged_as_anybody(
    ways: Ways, way: str, rule: str, case: Case
) -> None:
    """Where the case is about a person; others are of their own kind anyway. Only, it acts for nobody else."""
    for question in [*orders(rule, case, "rest")][:1]:
        if question.kind != "person":
            continue
        made, token = ways.standing(replace(question, kind="source"))

        answer = ordered_by_rest(ways, made, token)

        expected = "done" if rule in PERMITS else "may-not"
        decides = "source-acts-for-itself" if made.on_behalf_of else rule
        assert (answer.outcome, answer.rules) == (expected, (decides,)), (question, answer.told)


@pytest.mark.parametrize(("way", "rule", "case"), named(CASES_TOLD))
def test_what_a_file_tells_is_recorded_whatever_the_rule_says(
    ways: Ways, tmp_path: Path, way: str, rule: str, case: Case
) -> None:
    facts = list(facts_of(ways, case, f"principal/{FILES}"))

    for family, told in groupby(facts, key=lambda fact: fact.type.family.name):
        check_imported(ways, tmp_path, list(told), family)


def check_imported(ways: Ways, directory: Path, facts: Sequence[Told], family: str) -> None:
    size = ways.ledger.head().size
    if family not in TICKETS:
        with pytest.raises(MappingInvalid, match="not a family of tickets"):
            imported(ways, directory, facts, FILES)
        assert ways.ledger.head().size == size
        return

    imported(ways, directory, facts, FILES)

    for fact in facts:
        check_recorded(ways, fact, FILES)


def test_every_rule_about_orders_is_told_but_those_that_are_listed() -> None:
    told = {rule for _, rule, _ in CASES_TOLD}

    assert {rule for rule, _ in CASES} - told == NOT_TOLD.keys()
