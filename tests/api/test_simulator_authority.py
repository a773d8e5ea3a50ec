"""The simulated quarter's authority: who got it, how it was used, and that every decision can be asked again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from domain.change import change_content_hash, counting_approvals
from domain.event import Json, State
from domain.thresholds import thresholds_of
from ledger.entry import Entry
from replay.detection.deployment_other_content import DeploymentOtherContent
from replay.detection.deployment_outside_window import DeploymentOutsideWindow
from replay.detection.examine import Examination, Violation, Whole
from replay.detection.unmatched_deployment import UnmatchedDeployment
from replay.whatif import ORDER_OF, WhatIf, asked_again, candidate_state, what_if
from tests.api.lived import Lived, live

ELSEWHERE = "change/SUP-2041"
"""Approved by who had asked for it: in a supplier's tool, where nobody asks who approves."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    lived = live(tmp_path_factory.mktemp("authority"))
    yield lived
    lived.ledger.close()


@pytest.fixture(scope="module")
def entries(lived: Lived) -> list[Entry]:
    return lived.ledger.entries(0, 1_000_000)


def state_of(lived: Lived, case: str) -> State:
    return lived.ledger.subject(lived.quarter.cases[case].subject).state


def eras(lived: Lived, entries: list[Entry]) -> list[tuple[State, WhatIf]]:
    """Each policy that was in force, and its span."""
    published = [e for e in entries if e.attributes["type"] == "itsm.policy.published.v1"]
    bounds = [*(entry.position for entry in published), len(entries) + 1]
    held = [lived.ledger.subject(entry.subject).state for entry in published]
    return [
        (candidate_state(state["texts"], state["thresholds"]), WhatIf(start, end - 1))
        for state, (start, end) in zip(held, pairwise(bounds), strict=True)
    ]


def test_the_policy_in_force_decides_every_decision_as_it_did(
    lived: Lived, entries: list[Entry]
) -> None:
    asked = 0
    for policy, found in eras(lived, entries):
        otherwise = {one.subject for one in what_if(lived.ledger.database, policy, found=found)}

        assert otherwise <= {ELSEWHERE}
        asked += found.asked

    # All but the genesis, what the monitoring told, refusals, and what followed from another event's order.
    assert asked > 0.9 * len(entries)


def test_the_same_rules_decide_again_and_on_the_same_grants(
    lived: Lived, entries: list[Entry]
) -> None:
    for policy, found in eras(lived, entries):
        for again in asked_again(lived.ledger.database, policy, found=found):
            if again.told.decision != "permit":
                continue
            rules = [rule for rule in again.told.rules.split() if not rule.startswith("vacuous:")]
            assert list(again.verdict.rules) == rules, again
            assert list(again.verdict.grants) == again.told.grants.split(), again


def test_every_governed_order_can_be_asked_again(lived: Lived, entries: list[Entry]) -> None:
    """What is unknown are facts of which the monitoring does not say who did them, and nothing else."""
    observed = [
        entry
        for entry in entries
        if entry.attributes["decision"] == "observed" and entry.attributes["type"] in ORDER_OF
        if entry.subject != ELSEWHERE
    ]

    unknown = 0
    for policy, found in eras(lived, entries):
        list(what_if(lived.ledger.database, policy, found=found))
        unknown += found.unknown

    assert unknown == len(observed) > 0


def test_decisions_before_and_after_the_stricter_policy_name_different_ones(
    lived: Lived, entries: list[Entry]
) -> None:
    case = lived.quarter.cases["stricter-policy"]
    assert case.position

    before = {e.attributes.get("policy") for e in entries if e.position < case.position}
    after = {e.attributes.get("policy") for e in entries if e.position > case.position}

    assert before - {None} == {"policy/POL0000001@4"}
    assert after - {None} == {f"{case.subject}@4"}
    held = lived.ledger.subject(case.subject).state
    assert len({held["drafted_by"], held["reviewed_by"], held["published_by"]}) == 3
    assert thresholds_of(held["thresholds"]).quorum_normal.medium == 2


def test_the_stricter_policy_would_have_refused_what_one_person_approved(
    lived: Lived, entries: list[Entry]
) -> None:
    held = state_of(lived, "stricter-policy")
    published = lived.quarter.cases["stricter-policy"].position or 1
    stricter = candidate_state(held["texts"], held["thresholds"])
    found = WhatIf(1, published - 1)

    otherwise = list(what_if(lived.ledger.database, stricter, found=found))

    refused = {one.subject for one in otherwise if one.action == "change:authorize"}
    assert lived.quarter.cases["implementer-is-developer"].subject in refused
    of_ours = {"quorum-authorizes", "approvals-still-suffice"}
    assert found.by_rule.keys() == of_ours | {"change-approver-is-independent"}
    assert [one.subject for one in otherwise if one.action == "change:grant-approval"] == [
        ELSEWHERE
    ]


def test_each_role_was_given_by_others_than_who_asked(lived: Lived, entries: list[Entry]) -> None:
    grants = {e.subject for e in entries if e.attributes["type"] == "itsm.grant.granted.v1"}
    held = [lived.ledger.subject(grant).state for grant in sorted(grants)]
    by_people = [state for state in held if state["requested_by"] != "principal/PRN0000001"]

    assert len(by_people) > 60
    for state in by_people:
        assert state["requested_by"] not in {state["approved_by"], state["granted_by"]}
        assert state["holder"] not in {state["approved_by"], state["granted_by"]}


def test_a_second_person_ratified_the_genesis(lived: Lived) -> None:
    genesis = lived.ledger.subject("ledger/LDG0000001").state["genesis"]

    assert genesis["status"] == "ratified"
    assert genesis["ratified_by"] not in genesis["people"]


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("self-approval", "change-approver-is-independent"),
        ("implementer-is-developer", "implementer-is-not-developer"),
        ("one-human-twice", "quorum-authorizes"),
        ("inside-freeze", "no-change-inside-a-freeze"),
        ("delegation-over", "no-delegation-without-grant"),
        ("grant-expired", "no-permit:change:record-test-evidence"),
        ("caught-by-policy", "approvals-still-suffice"),
        ("stricter-policy", "reviewer-is-not-drafter"),
    ],
)
def test_who_may_not_was_refused_by_the_rule_that_says_so(
    lived: Lived, case: str, rule: str
) -> None:
    assert rule in lived.quarter.cases[case].what


@pytest.mark.parametrize(
    ("case", "member", "value"),
    [
        ("as-it-should-be", "closure_code", "successful"),
        ("rolled-back", "closure_code", "backed_out"),
        ("unauthorized", "closure_code", "unauthorised"),
        ("emergency", "closure_code", "successful"),
        ("break-glass", "retro_approval", "granted"),
        ("retro-lapsed", "retro_approval", "lapsed"),
        ("rejected", "revision", 2),
        ("standard", "type", "standard"),
        ("model", "status", "active"),
        ("freeze", "status", "expired"),
        ("inside-freeze", "status", "cancelled"),
        ("waiting", "status", "awaiting_authorization"),
        ("conflict-excepted", "status", "active"),
        ("conflict-rejected", "status", "rejected"),
        ("grant-expired", "status", "expired"),
        ("grant-revoked", "status", "revoked"),
        ("second-account", "status", "registered"),
    ],
)
def test_each_told_case_ended_as_it_is_told(
    lived: Lived, case: str, member: str, value: Json
) -> None:
    assert state_of(lived, case)[member] == value


def test_an_amended_change_was_approved_again(lived: Lived) -> None:
    state = state_of(lived, "amended")

    assert len(state["approvals"]) == 2
    assert len(counting_approvals(state)) == 1
    assert state["authorized_hash"] == change_content_hash(state)


def test_a_delegate_approved_on_behalf_of_who_was_away(lived: Lived) -> None:
    case = lived.quarter.cases["delegated"]

    entry = lived.ledger.entry(case.position or 1)

    (approval,) = entry.data["approvals"].values()
    assert approval["on_behalf_of"] == entry.attributes["onbehalfof"] != approval["by"]
    assert entry.attributes["grants"] == lived.quarter.cases["delegation-over"].subject


def test_a_deployment_matches_no_change_and_another_brought_more_than_was_approved(
    lived: Lived, entries: list[Entry]
) -> None:
    deployed = [e for e in entries if e.attributes["type"] == "itsm.deployment.recorded.v1"]
    stray = [e.subject for e in deployed if "change" not in e.data]
    drifted = {
        e.data["change"]
        for e in deployed
        if "change" in e.data
        for its in [lived.ledger.subject(e.data["change"]).state.get("commits", {})]
        if e.data["commits"].keys() - its.keys()
    }

    assert stray == [state_of(lived, "unauthorized")["deployment"]]
    assert drifted == {lived.quarter.cases["more-than-approved"].subject}


def test_the_auditor_and_the_implementers_of_a_change_are_apart(
    lived: Lived, entries: list[Entry]
) -> None:
    changes = {e.subject for e in entries if e.subject.startswith("change/")} - {ELSEWHERE}
    for change in sorted(changes):
        state = lived.ledger.subject(change).state
        approvers = {one["by"] for one in state.get("approvals", {}).values()}
        authors = {one["author"] for one in state.get("commits", {}).values()}
        implementers = set(state.get("implementers", {}))

        assert not approvers & (authors | implementers | {state.get("requested_by")}), change
        assert not authors & implementers, change


def test_of_all_deployments_the_detectors_show_those_that_were_planted(lived: Lived) -> None:
    ledger = lived.ledger
    detectors = (UnmatchedDeployment(), DeploymentOutsideWindow(), DeploymentOtherContent())

    seen = list(Examination(ledger.database, detectors).over(ledger.head().size))

    shown = [(one.rule, one.about) for one in seen if isinstance(one, Violation)]
    ended = [(one.rule, one.group) for one in seen if isinstance(one, Whole)]
    by_hand = state_of(lived, "unauthorized")["deployment"]
    (other,) = [about for rule, about in shown if rule == DeploymentOtherContent.name]
    assert lived.quarter.cases["more-than-approved"].subject in other
    (unmatched,) = [about for rule, about in shown if rule == UnmatchedDeployment.name]
    assert by_hand in unmatched
    assert len(shown) == 2
    assert (UnmatchedDeployment.name, by_hand) in ended
