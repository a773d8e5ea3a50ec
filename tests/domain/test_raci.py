"""Exactly one human accountable and at least one responsible, for each activity and scope."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import pytest
from hypothesis import given as searched
from hypothesis import strategies as st

from domain.raci import (
    EVERYWHERE,
    Assignment,
    Holding,
    Violation,
    assignments,
    gaps,
    holding,
)
from domain.role import Involvement
from tests.given import ADA, BEN, CLEO

AUTHORIZE = "authorise normal changes"
AUTHORITY, ASSESSOR, READER = "role/ROL0000001", "role/ROL0000002", "role/ROL0000003"
ACTIVITIES: Mapping[str, Mapping[str, Involvement]] = {
    AUTHORITY: {AUTHORIZE: "A"},
    ASSESSOR: {AUTHORIZE: "R"},
    READER: {AUTHORIZE: "I"},
}
_NUMBERS = count(1)


def held(role: str, holder: str, *services: str, human: str | None = None) -> Holding:
    grant = f"grant/GRT{next(_NUMBERS):07d}"
    return Holding(human or holder, holder, grant, role, role[5:], frozenset(services) or None)


def found(*holdings: Holding) -> dict[str, tuple[Violation, ...]]:
    """Scope → what is wrong there."""
    return {one.scope: one.violations for one in assignments(ACTIVITIES, holdings)}


def test_one_accountable_and_one_responsible_are_as_it_should_be() -> None:
    holdings = [held(AUTHORITY, ADA), held(ASSESSOR, BEN), held(ASSESSOR, CLEO), held(READER, BEN)]

    (one,) = assignments(ACTIVITIES, holdings)

    assert (one.activity, one.scope, one.violations) == (AUTHORIZE, EVERYWHERE, ())
    assert [each.holder for each in one.accountable] == [ADA]
    assert [each.holder for each in one.responsible] == [BEN, CLEO]
    assert [each.holder for each in one.informed] == [BEN]
    assert one.consulted == ()
    assert gaps(ACTIVITIES, holdings) == []


def test_an_activity_that_nobody_holds_lacks_both() -> None:
    assert found() == {EVERYWHERE: ("nobody-accountable", "nobody-responsible")}


def test_of_two_accountable_people_each_scope_tells() -> None:
    two = [held(AUTHORITY, ADA), held(AUTHORITY, BEN, "mail"), held(ASSESSOR, CLEO)]

    assert found(*two) == {EVERYWHERE: (), "mail": ("several-accountable",)}


def test_two_accounts_and_two_grants_of_one_human_are_one_accountable() -> None:
    accounts = [held(AUTHORITY, ADA), held(AUTHORITY, "principal/ADMIN", human=ADA)]

    assert found(*accounts, held(AUTHORITY, ADA), held(ASSESSOR, BEN)) == {EVERYWHERE: ()}


def test_what_is_granted_for_services_only_says_nothing_about_others() -> None:
    services = [held(AUTHORITY, ADA, "mail"), held(ASSESSOR, BEN, "mail", "erp")]

    assert found(*services) == {"erp": ("nobody-accountable",), "mail": ()}


def test_who_is_accountable_everywhere_needs_somebody_responsible_everywhere() -> None:
    half = [held(AUTHORITY, ADA), held(ASSESSOR, BEN, "mail")]

    assert found(*half) == {EVERYWHERE: ("nobody-responsible",), "mail": ()}


def test_a_scope_that_no_grant_names_can_be_asked_for() -> None:
    holdings = [held(AUTHORITY, ADA), held(ASSESSOR, BEN, "mail")]

    (one,) = assignments(ACTIVITIES, holdings, "erp")

    assert (one.scope, one.violations) == ("erp", ("nobody-responsible",))
    assert [each.holder for each in one.accountable] == [ADA]


def test_a_role_that_is_not_asked_about_has_no_part() -> None:
    """It is retired, or says nothing of activities."""
    assert found(held("role/ROL0000009", ADA), held(AUTHORITY, BEN), held(ASSESSOR, BEN)) == {
        EVERYWHERE: ()
    }


@pytest.mark.parametrize(
    ("services", "told"), [(None, None), ({"mail": True}, frozenset({"mail"}))]
)
def test_a_holding_is_read_from_the_state_of_a_grant(
    services: object, told: frozenset[str] | None
) -> None:
    state = {"holder": BEN, "role": AUTHORITY, "role_name": "authority"}

    made = holding(
        "grant/GRT0000001", {**state, **({"services": services} if services else {})}, ADA
    )

    assert made == Holding(ADA, BEN, "grant/GRT0000001", AUTHORITY, "authority", told)


HOLDINGS = st.lists(
    st.builds(
        held,
        st.sampled_from([AUTHORITY, ASSESSOR, READER]),
        st.sampled_from([ADA, BEN, CLEO]),
    )
)


@searched(HOLDINGS)
def test_gaps_are_those_that_a_count_by_hand_finds(holdings: list[Holding]) -> None:
    accountable = {one.holder for one in holdings if one.role == AUTHORITY}
    responsible = [one for one in holdings if one.role == ASSESSOR]

    is_right = len(accountable) == 1 and bool(responsible)

    wrong: list[Assignment] = gaps(ACTIVITIES, holdings)
    assert bool(wrong) is not is_right
