"""What the policy in force is asked: who acts as whom, in which roles, having played which parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.by_policy import NO_POLICY, by_policy
from domain.command import Command
from domain.event import State
from domain.incident_commands import AssignIncident, CloseIncident, ReopenIncident, ReportIncident
from domain.may import Decision, DecisionRequest
from tests.domain.grants import BEN_ADMIN, IN_A_WEEK, PERSON, YESTERDAY, delegation
from tests.given import ADA, BEN, CLEO, GONE, NOW, STRANGER, Given
from tests.world import POLICY, REFERENCE, grant, with_every_role

INCIDENT = "incident/INC0010001"
BENS, OTHERS = "grant/GRT0000001", "grant/GRT0000002"
NEW: State = {"status": "new", "service": "mail"}
RESOLVED: State = {"status": "resolved", "resolved_by": BEN, "reported_by": ADA}
WORLD: Mapping[str, State] = {**with_every_role(()), BEN_ADMIN: {**PERSON, "person": BEN}}
TO_GROUP = AssignIncident(assignment_group="mail")


def delegated(to: str, **more: Any) -> State:
    """Ben's grant as dispatcher, which he lets `to` act in."""
    return grant(BEN, "dispatcher", delegations={"DLG-1": delegation(to, **more)})


def decided(
    command: Command,
    state: State = NEW,
    *,
    actor: str,
    on_behalf_of: str | None = None,
    others: Mapping[str, State] | None = None,
) -> Decision:
    case = Given(INCIDENT, state).case(
        actor=actor, on_behalf_of=on_behalf_of, besides={**WORLD, **(others or {})}
    )
    return by_policy(DecisionRequest(f"incident:{command.verb}", command, case))


def refused(*rules: str) -> Decision:
    return Decision(False, REFERENCE, rules)


def test_without_a_policy_in_force_nobody_may_do_anything() -> None:
    draft = {POLICY: {**WORLD[POLICY], "status": "reviewed"}}

    told = decided(ReportIncident(title="Mail"), {}, actor=BEN, others=draft)

    assert told == Decision(False, "none", (NO_POLICY,))


def test_whoever_the_ledger_does_not_know_is_refused() -> None:
    report = ReportIncident(title="Mail")

    assert decided(report, {}, actor=STRANGER) == refused("unknown-identity")


def test_a_permission_names_policy_rule_and_the_grants_it_rests_on() -> None:
    others = {BENS: grant(BEN, "dispatcher"), OTHERS: grant(BEN, "auditor")}

    told = decided(TO_GROUP, actor=BEN, others=others)

    assert told == Decision(True, REFERENCE, ("dispatchers-assign-incidents",), (BENS,))


def test_without_a_grant_that_counts_nothing_permits() -> None:
    ended = {BENS: grant(BEN, "dispatcher", valid_to=NOW)}

    assert decided(TO_GROUP, actor=BEN, others=ended) == refused("no-permit:incident:assign")


def test_a_part_is_played_by_the_human_under_whichever_account() -> None:
    desk = {BENS: grant(BEN_ADMIN, "service-desk")}

    told = decided(CloseIncident(), RESOLVED, actor=BEN_ADMIN, others=desk)

    assert told == refused("closer-is-not-resolver")


def test_roles_of_a_humans_other_account_do_not_add_up() -> None:
    desk = {BENS: grant(BEN_ADMIN, "service-desk")}

    told = decided(CloseIncident(), {**RESOLVED, "resolved_by": CLEO}, actor=BEN, others=desk)

    assert told == refused("no-permit:incident:close")


def test_a_delegate_acts_in_the_role_and_the_grant_is_named() -> None:
    told = decided(TO_GROUP, actor=CLEO, on_behalf_of=BEN, others={BENS: delegated(CLEO)})

    assert told == Decision(True, REFERENCE, ("dispatchers-assign-incidents",), (BENS,))


@pytest.mark.parametrize(
    ("grant_of_ben", "holder"),
    [
        (grant(BEN, "dispatcher"), BEN),
        (delegated(ADA), BEN),
        (delegated(CLEO, until=NOW), BEN),
        (delegated(CLEO, ended_at=YESTERDAY, ended_by=BEN), BEN),
        ({**delegated(CLEO, until=IN_A_WEEK), "status": "suspended"}, BEN),
        ({**delegated(CLEO), "services": {"network": True}}, BEN),
        ({**delegated(CLEO), "holder": GONE}, GONE),
        (delegated(CLEO), ADA),
    ],
)
@pytest.mark.parametrize("command", [TO_GROUP, ReopenIncident(reason="Again")])
def test_nobody_acts_for_another_who_delegated_nothing_that_counts_now(
    grant_of_ben: State, holder: str, command: Command
) -> None:
    """Not even what anybody may do for themself, or what is the holder's by their part in it."""
    state = {**NEW, "reported_by": holder}
    others = {BENS: grant_of_ben, OTHERS: grant(CLEO, "dispatcher")}

    told = decided(command, state, actor=CLEO, on_behalf_of=holder, others=others)

    assert told == refused("no-delegation-without-grant")


def test_a_delegate_has_played_the_holders_parts_and_their_own() -> None:
    desk = {**delegated(CLEO), "role": "role/service-desk", "role_name": "service-desk"}
    for resolver in (BEN, CLEO):
        state = {**RESOLVED, "resolved_by": resolver}

        told = decided(CloseIncident(), state, actor=CLEO, on_behalf_of=BEN, others={BENS: desk})

        assert told == refused("closer-is-not-resolver")
