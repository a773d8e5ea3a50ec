"""Delegations: inside the grant, to another person, and no further."""

from __future__ import annotations

from typing import Any

import pytest

from domain.command import decide
from domain.errors import CanNot
from domain.event import State
from domain.grant import (
    DelegationEnded,
    RoleDelegated,
)
from domain.grant_commands import (
    DelegateRole,
    EndDelegation,
)
from tests.domain.grants import (
    BEN_ADMIN,
    DORA,
    IN_A_WEEK,
    OPERATOR,
    OTHER,
    TOMORROW,
    YESTERDAY,
    activated,
    active,
    approved,
    asked,
    delegation,
    granting,
    holding,
)
from tests.given import BEN, CLEO, NOW

ACTIVE = (asked(), approved, activated)


def test_a_holder_delegates_for_a_time() -> None:
    later = DelegateRole(to=DORA, valid_from=TOMORROW, until=IN_A_WEEK)

    after = granting(*ACTIVE).when(DelegateRole(to=DORA, until=IN_A_WEEK), actor=BEN)

    after.then(RoleDelegated(delegations={"DLG-1": delegation(DORA, **{"from": NOW})}))
    granting(*ACTIVE).when(later, actor=BEN).then(
        RoleDelegated(delegations={"DLG-1": delegation(DORA, **{"from": TOMORROW})})
    )


def test_a_delegation_of_a_grant_that_is_to_begin_begins_with_it() -> None:
    to_begin = holding(active(valid_from=TOMORROW))

    after = to_begin.when(DelegateRole(to=DORA, until=IN_A_WEEK), actor=BEN)

    after.then(RoleDelegated(delegations={"DLG-1": delegation(DORA, **{"from": TOMORROW})}))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"until": NOW}, "delegation-times-in-order"),
        ({"valid_from": YESTERDAY, "until": TOMORROW}, "delegation-times-in-order"),
        ({"valid_from": IN_A_WEEK, "until": IN_A_WEEK}, "delegation-times-in-order"),
        ({"until": "2026-04-02T12:00:00.000001Z"}, "delegation-inside-the-grant"),
    ],
)
def test_a_delegation_lies_inside_its_grant(said: dict[str, Any], rule: str) -> None:
    granting(*ACTIVE).when(DelegateRole(to=DORA, **said), actor=BEN).refused(rule)


def test_a_delegation_does_not_begin_before_its_grant() -> None:
    early = DelegateRole(to=DORA, valid_from=NOW, until=IN_A_WEEK)

    holding(active(valid_from=TOMORROW)).when(early, actor=BEN).refused(
        "delegation-inside-the-grant"
    )


@pytest.mark.parametrize("to", [BEN, BEN_ADMIN])
def test_nobody_delegates_to_themself(to: str) -> None:
    granting(*ACTIVE).when(DelegateRole(to=to, until=TOMORROW), actor=BEN).refused(
        "delegate-is-another-person"
    )


def test_a_delegate_passes_nothing_on() -> None:
    case = holding(active(delegations={"DLG-1": delegation(DORA)})).case(
        actor=DORA, on_behalf_of=BEN
    )

    with pytest.raises(CanNot) as refusal:
        decide(DelegateRole(to=CLEO, until=TOMORROW), case)

    assert refusal.value.rules == ("not-re-delegable",)


def test_no_role_is_delegated_in_a_circle() -> None:
    to_cleo = active(DORA, delegations={"DLG-1": delegation(CLEO)})
    back_to_ben = active(CLEO, delegations={"DLG-1": delegation(BEN_ADMIN)})
    ended = active(CLEO, delegations={"DLG-1": delegation(BEN, ended_at=NOW)})
    another_role = active(CLEO, OPERATOR, delegations={"DLG-1": delegation(BEN)})
    delegate = DelegateRole(to=DORA, until=TOMORROW)

    def passing(last: State) -> Any:
        others = {OTHER: to_cleo, "grant/GRT0000009": last}
        return granting(*ACTIVE, others=others).when(delegate, actor=BEN)

    passing(back_to_ben).refused("no-delegation-in-a-circle")
    assert passing(ended).events
    assert passing(another_role).events


def test_a_delegation_is_ended_once_by_its_id() -> None:
    delegated = holding(active(delegations={"DLG-1": delegation(DORA)}))
    end = EndDelegation(delegation="DLG-1")

    after = delegated.when(end, actor=BEN)

    after.then(DelegationEnded(delegations={"DLG-1": {"ended_at": NOW, "ended_by": BEN}}))
    ended = delegation(DORA, ended_at=NOW, ended_by=BEN)
    assert after.state["delegations"] == {"DLG-1": ended}
    holding(after.state).when(end, actor=BEN).refused("delegation-stands")
    delegated.when(EndDelegation(delegation="DLG-9")).refused("delegation-stands")
