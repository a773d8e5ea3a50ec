"""What a grant tells policies and rosters: parts, circumstances, where it stands."""

from __future__ import annotations

import pytest

from domain.event import State
from domain.grant_commands import (
    ActivateRoleGrant,
    ApproveRoleGrant,
    DelegateRole,
    ReinstateRole,
    RequestRoleGrant,
    SuspendRole,
)
from domain.rosters import grants_delegated_to, grants_held_by, rosters_of
from tests.domain.grants import (
    AUTHORITY,
    BEN_ADMIN,
    DORA,
    GRANT,
    IN_A_WEEK,
    OPERATOR,
    TOMORROW,
    WORLD,
    YESTERDAY,
    activated,
    active,
    approved,
    asked,
    delegation,
    granting,
    holding,
)
from tests.given import ADA, BEN, CLEO, GONE, NOW

ACTIVE = (asked(), approved, activated)


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("requested", True),
        ("conflicted", True),
        ("approved", True),
        ("active", True),
        ("suspended", True),
        ("rejected", False),
        ("revoked", False),
        ("expired", False),
    ],
)
def test_a_grant_stands_on_its_holders_roster_while_it_may_count(status: str, stands: bool) -> None:
    assert rosters_of(GRANT, active(status=status)) == ({grants_held_by(BEN)} if stands else set())


@pytest.mark.parametrize(
    ("status", "stands"), [("active", True), ("suspended", True), ("revoked", False)]
)
def test_a_grant_stands_on_the_rosters_of_its_delegates(status: str, stands: bool) -> None:
    delegations = {"DLG-1": delegation(DORA), "DLG-2": delegation(CLEO, ended_at=NOW)}

    rosters = rosters_of(GRANT, active(status=status, delegations=delegations))

    assert (grants_delegated_to(DORA) in rosters) == stands
    assert grants_delegated_to(CLEO) not in rosters


def test_the_parts_of_a_grant_are_told_with_the_owner_of_its_role() -> None:
    state = active(
        delegations={"DLG-1": delegation(DORA), "DLG-2": delegation(ADA, ended_at=NOW)},
        exception={"by": CLEO, "at": YESTERDAY, "expires_at": IN_A_WEEK},
        certified={"CRT-1": {"campaign": "review/REV1", "by": ADA, "at": NOW}},
        suspended_by=CLEO,
    )

    assert ReinstateRole().parts(holding(state).case()) == {
        "subject": {BEN},
        "requester": {DORA},
        "approver": {CLEO},
        "granter": {ADA},
        "delegate": {DORA},
        "excepter": {CLEO},
        "certifier": {ADA},
        "suspender": {CLEO},
        "role-owner": {CLEO},
    }


def test_whom_an_order_is_about_is_a_part_before_it_is_recorded() -> None:
    request = RequestRoleGrant(role=AUTHORITY, holder=BEN, scope=frozenset({"mail"}))
    delegate = DelegateRole(to=DORA, until=TOMORROW)

    new = granting().case(actor=ADA)
    assert request.parts(new) == {"subject": {BEN}, "role-owner": {CLEO}}
    assert set(request.services(new)) == {"mail"}
    assert set(delegate.parts(granting(*ACTIVE).case())["delegate"]) == {DORA}


def test_orders_about_nothing_tell_nothing() -> None:
    nothing = holding({}).case()

    assert ApproveRoleGrant().parts(nothing) == {}
    assert list(ApproveRoleGrant().circumstances(nothing)) == []


@pytest.mark.parametrize(
    ("state", "actor", "words"),
    [
        (active(), ADA, set()),
        (active(), BEN, {"own-grant"}),
        (active(), BEN_ADMIN, {"own-grant"}),
        (active(of=OPERATOR), ADA, {"privileged"}),
        (active(valid_to=None), ADA, {"no-end"}),
        (active(valid_to=NOW), ADA, {"ended"}),
        (active(GONE), ADA, {"holder-not-registered"}),
        (active(role="role/ROL0000009"), ADA, {"role-retired"}),
    ],
)
def test_what_a_policy_may_ask_is_told_in_words(state: State, actor: str, words: set[str]) -> None:
    others = {"role/ROL0000009": {**WORLD[AUTHORITY], "status": "retired"}}

    told = SuspendRole().circumstances(holding(state, others).case(actor=actor))

    assert set(told) == words


def test_an_activation_is_asked_about_the_time_that_it_gives() -> None:
    case = granting(asked(of=OPERATOR), approved).case()

    assert set(ActivateRoleGrant().circumstances(case)) == {"privileged", "no-end"}
    assert set(ActivateRoleGrant(valid_to=TOMORROW).circumstances(case)) == {"privileged"}


def test_who_acts_for_another_has_no_grant_of_their_own() -> None:
    case = holding(active()).case(actor=BEN, on_behalf_of=DORA)

    assert set(SuspendRole().circumstances(case)) == {"under-delegation"}
