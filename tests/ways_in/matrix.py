"""Which cases of the policy's table come by a way in, and which cannot: with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from domain.cedar import Policy, Question
from domain.change_order import ChangeOrder
from domain.command import COMMANDS, Command
from domain.correction import FactCorrected
from domain.policy_text import read_rules
from ledger.shipped import shipped_texts
from tests.domain.policy_cases import TABLE
from tests.domain.policy_cases.case import Case

CASES = [(rule, case) for rule, cases in TABLE.items() for case in cases]
PERMITS = frozenset(rule.id for rule in read_rules(shipped_texts()) if rule.effect == "permit")

WITHOUT_ADDRESS: Mapping[str, Mapping[str, str]] = {
    "rest": {
        "ledger:ratify": "given from the command line",
        "ledger:record-import": "recorded by the importer, which runs on the machine",
        "ledger:rotate-key": "takes the key file, which lies on the machine",
        "ledger:accept-loss": "takes the database, which lies on the machine",
        "ledger:start-software": "recorded when the software starts",
    },
    "cli": {
        "ledger:register-webhook": "`webhook add`, which makes a secret",
        "ledger:change-webhook": "`webhook change`, which checks where it leads",
        "ledger:rotate-webhook-secret": "`webhook rotate`, which makes a secret",
        "ledger:end-webhook": "`webhook end`, which forgets the secrets",
    },
}
"""The orders that a way in has no words for."""

ASKED_ELSEWHERE: Mapping[str, str] = {
    "ledger:rotate-key": "all other cases go by the key that it replaces: tests/api/test_rotation.py",
}

NOT_ASKED: Mapping[str, Mapping[str, str]] = {
    "rest": {
        "unknown-identity": "sign-in refuses first",
        "referenced-principal": "sign-in refuses first",
        "deactivated-principal": "sign-in refuses first",
        "system-keeps-the-ledger": "no address: the software records its own start",
        "second-person-ratifies-genesis": "no address: given from the command line",
        "anyone-else-with-recovery-ratifies-genesis": "no address: given from the command line",
    },
    "cli": {
        "unknown-identity": "sign-in refuses first",
        "referenced-principal": "sign-in refuses first",
        "deactivated-principal": "sign-in refuses first",
    },
}
"""The rules that no request reaches by a way in. All others have a case there."""


@cache
def policy() -> Policy:
    return Policy(tuple(read_rules(shipped_texts())))


def named(cases: Iterable[tuple[str, str, Case]]) -> list[Any]:
    return [
        pytest.param(way, rule, case, id=f"{way}, {rule}: {case.who}") for way, rule, case in cases
    ]


def command_of(question: Question) -> type[Command] | None:
    """None: it is about reading."""
    family, _, verb = question.action.partition(":")
    return COMMANDS.get((family, verb))


def orders(rule: str, case: Case, way: str) -> Iterator[Question]:
    """The case's questions that are orders which the way in has words for, from somebody who signs in."""
    for question in case.questions():
        command = command_of(question)
        if command is None or question.action in {*WITHOUT_ADDRESS[way], *ASKED_ELSEWHERE}:
            continue
        if question.status != "registered":
            continue
        if rule in PERMITS and not _is_possible(question, command):
            continue
        if question.kind == "system" and _is_done_by_itself(question):
            continue
        yield question


def readings(case: Case) -> Iterator[Question]:
    """The same of reading."""
    for question in case.questions():
        is_asked = question.status == "registered" and not question.circumstances
        if command_of(question) is None and is_asked:
            yield question


def _is_done_by_itself(question: Question) -> bool:
    """What has come to its time is settled before an order on its subject is decided."""
    return question.action in BY_ITSELF or "cause-expiry" in question.circumstances


def _is_possible(question: Question, command: type[Command]) -> bool:
    """May it be done at all? A table of who *may* has an order also for types of change that it is not for."""
    types = {word[5:] for word in question.circumstances if word.startswith("type-")}
    return not (issubclass(command, ChangeOrder) and types - set(command.types))


BY_ITSELF = {
    "change:lapse-retro-approval",
    "change:lapse-review",
    "freeze:expire",
    "grant:expire",
    "problem:expire-risk-acceptance",
    "request:auto-approve",  # or once a policy names the item: tests/domain/test_request.py
}
"""Orders of the system that are possible only when it gives them by itself."""

NOT_TOLD: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "anyone-reads-the-desk",
            "those-who-steer-read-findings",
            "those-who-answer-read-authority",
            "those-who-work-with-people-see-values",
            "those-who-keep-people-see-names",
        ),
        "a source tells facts and reads nothing",
    ),
    **{
        f"{family}-records-are-corrected-by-their-keepers": "a correction is ordered"
        for family in ("incident", "request", "problem", "change")
    },
}
"""The rules about nothing that a source could tell as a fact."""


def is_told(case: Case) -> bool:
    """Is one of the case's orders such that what it makes may also have happened elsewhere?"""
    commands = [command_of(question) for question in case.questions()]
    return any(c is not None and not issubclass(c.yields, FactCorrected) for c in commands)
