"""What nobody gets past a way in by which orders are given: in another's name, twice under two names, in a
circle, or by a rule that fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.cli.ordering import BY_ITS_OWN_COMMAND
from domain.change import change_content_hash
from domain.command import COMMANDS
from domain.policy import policy_hash
from ledger.shipped import shipped_texts
from ledger.view import SYSTEM
from tests.domain.policy_cases.case import Case
from tests.ways_in.bodies import SOON, standing_for
from tests.ways_in.cast import LONG_AGO, OTHER
from tests.ways_in.governed import ORDERING, Answer
from tests.ways_in.house import Ways, ways_in
from tests.ways_in.matrix import CASES, WITHOUT_ADDRESS, command_of
from tests.ways_in.seats import hashed
from tests.ways_in.situations import Situation

WAYS = pytest.mark.parametrize("way", ["rest", "cli"])
IN_ANOTHERS_NAME = ("authid", "actor", "recordedby", "onbehalfof", "on_behalf_of", "opened_by")


def order(
    ways: Ways, way: str, signed_in: tuple[str, str], action: str, subject: str, **body: Any
) -> Answer:
    """`signed_in`: the principal and a token of theirs."""
    who, token = signed_in
    command = COMMANDS[tuple(action.split(":"))]  # type: ignore[index]  # of two parts, as written
    return ORDERING[way](ways, Situation(who, (), command, subject, body, {}), token)


# Another actor in the body


@WAYS
@pytest.mark.parametrize("member", IN_ANOTHERS_NAME)
def test_nobody_says_in_an_order_that_another_gives_it(ways: Ways, way: str, member: str) -> None:
    """Whatever is ordered: who acts is who signed in, and no command has a member for it."""
    asked = {q.action: q for _, case in CASES for q in case.questions() if command_of(q)}
    # A command of its own takes options, and none of these: there is no body to say it in.
    by_options = {":".join(order) for order in BY_ITS_OWN_COMMAND} if way == "cli" else set()
    left_out = by_options | WITHOUT_ADDRESS[way].keys()
    possible = [q for q in asked.values() if q.action not in left_out]
    for question in possible:
        plain = replace(question, status="registered")
        made, token = ways.standing(plain)
        size = ways.ledger.head().size

        answer = ORDERING[way](ways, replace(made, body={**made.body, member: OTHER}), token)

        assert answer.outcome == "malformed", (question, answer.told)
        added = ways.ledger.entries(size, 1000)
        assert {entry.attributes["authid"] for entry in added} <= {SYSTEM}, "its timers"


# One human under two principals


@WAYS
def test_two_approvals_by_one_human_under_two_principals_are_one(ways: Ways, way: str) -> None:
    """A normal change of high risk takes two people."""
    one, too, another = (ways.member(name, "change-authority") for name in ("ONE", "TOO", "TWO"))
    system = ways.member("CLOCKWORK", kind="system")
    ways.stand({too[0]: {"person": one[0]}})
    change = f"change/TWICE{way.upper()}"
    state = standing_for("change:grant-approval", "TWICE") | {"risk": "high", "requested_by": OTHER}
    ways.stand({change: hashed("change", state)})
    yes = {"content_hash": change_content_hash(state), "no_interest": True}

    for somebody in (one, too):
        assert order(ways, way, somebody, "change:grant-approval", change, **yes).outcome == "done"
    refused = order(ways, way, system, "change:authorize", change)

    assert (refused.outcome, refused.rules) == ("may-not", ("quorum-authorizes",))
    assert order(ways, way, another, "change:grant-approval", change, **yes).outcome == "done"
    assert ways.ledger.subject(change).state["status"] == "authorized"


# In a circle


@WAYS
def test_nobody_delegates_in_a_circle(ways: Ways, way: str) -> None:
    """Of three who hold one role each passes it to the next: the last would close the circle."""
    three = [ways.member(f"RING{n}", "dispatcher") for n in (1, 2, 3)]
    after = [*three[1:], three[0]]

    answers = [
        order(
            ways,
            way,
            holder,
            "grant:delegate",
            ways.grant_of(holder[0], "dispatcher"),
            to=to[0],
            until=SOON,
            reason="Holiday",
        )
        for holder, to in zip(three, after, strict=True)
    ]

    assert [answer.outcome for answer in answers] == ["done", "done", "can-not"]
    assert "and so back to" in str(answers[-1].told)


# A rule that fails

FAILS = """
@id("adds-up") @sentence("Adds up.")
forbid (principal, action == Action::"incident:report", resource)
when { context.parts.contains("nobody") || 9223372036854775807 + 1 > 0 };
"""


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Ways]:
    """A ledger whose policy in force has a rule that fails whenever it is asked."""
    with ways_in(tmp_path) as made:
        texts: Mapping[str, Any] = {**shipped_texts(), "later.cedar": FAILS}
        made.stand(
            {
                "policy/LATER": {
                    "status": "published",
                    "texts": dict(texts),
                    "thresholds": {},
                    "content_hash": policy_hash(texts, {}),
                    "reference": "policy/LATER@1",
                    "published_at": LONG_AGO,
                }
            }
        )
        yield made


@WAYS
def test_a_rule_that_fails_refuses_and_is_named(failing: Ways, way: str) -> None:
    """Cedar would leave it out and permit. What it is not asked about goes on."""
    asked = {"incident:report": "may-not", "request:submit": "done"}

    for action, expected in asked.items():
        (question,) = Case("anyone", action).questions()
        made, token = failing.standing(question)
        answer = ORDERING[way](failing, made, token)

        assert answer.outcome == expected, answer.told
        assert ("rule-failed:adds-up" in answer.rules) is (expected == "may-not")
