"""In which granted roles somebody acts: what counts, and what stops counting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.authority import Authority, authority_of, holds_role, roles_held
from domain.event import Json, State
from tests.domain.grants import (
    AUTHORITY,
    BEN_ADMIN,
    DEVELOPER,
    DORA,
    GRANT,
    IN_A_MONTH,
    OPERATOR,
    OTHER,
    THIRD,
    TOMORROW,
    WORLD,
    YESTERDAY,
    active,
    delegation,
)
from tests.given import ADA, BEN, CLEO, GONE, NOW, Given

NOTHING: dict[str, tuple[str, ...]] = {}
BENS_ROLE = {"change-authority": (GRANT,)}


def acting(
    actor: str,
    others: Mapping[str, State],
    *,
    on_behalf_of: str | None = None,
    services: tuple[str, ...] = (),
    now: str = NOW,
) -> Authority:
    case = Given("incident/INC0010001", {}, {**WORLD, **others}).case(
        actor=actor, on_behalf_of=on_behalf_of, now=now
    )
    return authority_of(case, services)


def test_a_grant_gives_its_holder_the_role_and_names_itself() -> None:
    authority = acting(BEN, {GRANT: active(), OTHER: active(of=OPERATOR), THIRD: active(DORA)})

    assert authority.roles == {"change-authority": (GRANT,), "operator": (OTHER,)}


def test_a_role_that_two_grants_give_names_both_sorted() -> None:
    authority = acting(BEN, {OTHER: active(), GRANT: active()})

    assert authority.roles == {"change-authority": (GRANT, OTHER)}


def test_who_holds_nothing_acts_in_no_role() -> None:
    assert acting(DORA, {GRANT: active()}) == Authority(NOTHING, frozenset({DORA}))


@pytest.mark.parametrize(
    "status",
    ["requested", "conflicted", "approved", "suspended", "rejected", "revoked", "expired"],
)
def test_only_an_active_grant_counts(status: str) -> None:
    assert acting(BEN, {GRANT: active(status=status)}).roles == NOTHING


@pytest.mark.parametrize(
    ("now", "roles"),
    [
        ("2026-03-01T11:59:59.999999Z", NOTHING),
        (YESTERDAY, BENS_ROLE),
        ("2026-04-02T11:59:59.999999Z", BENS_ROLE),
        (IN_A_MONTH, NOTHING),
    ],
)
def test_a_grant_counts_from_its_begin_until_just_before_its_end(now: str, roles: Any) -> None:
    assert acting(BEN, {GRANT: active()}, now=now).roles == roles


def test_a_grant_without_an_end_counts_for_good() -> None:
    endless = active(valid_to=None)

    assert acting(BEN, {GRANT: endless}, now="2099-01-01T00:00:00.000000Z").roles == BENS_ROLE


def test_a_retired_role_is_nobodys() -> None:
    retired = {**WORLD[AUTHORITY], "status": "retired"}

    assert acting(BEN, {GRANT: active(), AUTHORITY: retired}).roles == NOTHING


def test_deactivating_a_principal_stops_its_grants_at_once() -> None:
    assert acting(GONE, {GRANT: active(GONE)}).roles == NOTHING


@pytest.mark.parametrize(
    ("services", "counts"),
    [
        ((), False),
        (("mail",), True),
        (("mail", "web"), True),
        (("mail", "payroll"), False),
        (("payroll",), False),
    ],
)
def test_a_grant_for_some_services_counts_only_where_it_is_for_all_of_them(
    services: tuple[str, ...], counts: bool
) -> None:
    scoped = active(services={"mail": True, "web": True})

    assert bool(acting(BEN, {GRANT: scoped}, services=services).roles) == counts


def test_a_grant_for_everything_counts_for_each_service() -> None:
    assert acting(BEN, {GRANT: active()}, services=("mail", "payroll")).roles == BENS_ROLE


def test_grants_of_one_humans_principals_do_not_add_up_but_the_human_is_one() -> None:
    authority = acting(BEN_ADMIN, {GRANT: active(BEN), OTHER: active(BEN_ADMIN, OPERATOR)})

    assert authority == Authority({"operator": (OTHER,)}, frozenset({BEN, BEN_ADMIN}))
    assert acting(BEN, {}).people == {BEN, BEN_ADMIN}


def delegated(to: str, **more: Json) -> dict[str, Json]:
    return active(delegations={"DLG-1": delegation(to, **more)})


def test_a_delegate_acts_in_the_delegated_role_and_in_no_other() -> None:
    others = {GRANT: delegated(DORA), OTHER: active(BEN, OPERATOR), THIRD: active(DORA, DEVELOPER)}

    authority = acting(DORA, others, on_behalf_of=BEN)

    assert authority == Authority(BENS_ROLE, frozenset({DORA, BEN, BEN_ADMIN}))


def test_acting_alone_a_delegate_has_only_their_own_roles() -> None:
    others = {GRANT: delegated(DORA), THIRD: active(DORA, DEVELOPER)}

    assert acting(DORA, others).roles == {"developer": (THIRD,)}


def test_a_delegation_is_from_one_holder_and_to_one_human() -> None:
    others = {GRANT: delegated(BEN_ADMIN, until=IN_A_MONTH) | {"holder": CLEO}}

    assert acting(BEN, others, on_behalf_of=CLEO).roles == BENS_ROLE
    assert acting(BEN, others, on_behalf_of=ADA).roles == NOTHING
    assert acting(DORA, others, on_behalf_of=CLEO).roles == NOTHING


@pytest.mark.parametrize(
    ("now", "roles"),
    [
        ("2026-03-01T11:59:59.999999Z", NOTHING),
        (YESTERDAY, BENS_ROLE),
        (TOMORROW, NOTHING),
    ],
)
def test_a_delegation_counts_inside_its_time(now: str, roles: Any) -> None:
    others = {
        GRANT: delegated(DORA, until=TOMORROW) | {"valid_from": "2026-01-01T00:00:00.000000Z"}
    }

    assert acting(DORA, others, on_behalf_of=BEN, now=now).roles == roles


@pytest.mark.parametrize(
    "grant",
    [
        delegated(DORA, ended_at=YESTERDAY, ended_by=BEN),
        {**delegated(DORA), "status": "suspended"},
        {**delegated(DORA), "valid_to": NOW},
        {**delegated(DORA), "services": {"mail": True}},
    ],
)
def test_a_delegation_ends_with_its_own_end_and_with_its_grant(grant: State) -> None:
    assert acting(DORA, {GRANT: grant}, on_behalf_of=BEN).roles == NOTHING


@pytest.mark.parametrize("somebody", [BEN, BEN_ADMIN, DORA])
def test_a_deactivated_holder_or_delegate_ends_a_delegation(somebody: str) -> None:
    to = BEN_ADMIN if somebody == BEN_ADMIN else DORA
    holder, actor = (CLEO, BEN) if somebody == BEN_ADMIN else (BEN, DORA)
    grant = delegated(to) | {"holder": holder}
    left: State = {**WORLD[somebody], "status": "deactivated"}

    assert acting(actor, {GRANT: grant}, on_behalf_of=holder).roles == BENS_ROLE
    assert acting(actor, {GRANT: grant, somebody: left}, on_behalf_of=holder).roles == NOTHING


def test_the_same_grant_delegated_to_two_accounts_of_one_human_is_named_once() -> None:
    twice = active(CLEO, delegations={"DLG-1": delegation(BEN), "DLG-2": delegation(BEN_ADMIN)})

    assert acting(BEN, {GRANT: twice}, on_behalf_of=CLEO).roles == BENS_ROLE


def test_of_anybody_it_can_be_asked_which_roles_they_hold() -> None:
    scoped = active(DORA, OPERATOR, services={"mail": True})
    case = Given("incident/X", {}, {**WORLD, GRANT: active(), OTHER: scoped}).case(actor=ADA)

    assert holds_role(case, BEN, "change-authority", ())
    assert holds_role(case, DORA, "operator", ["mail"])
    assert not holds_role(case, DORA, "operator", ["web"])
    assert not holds_role(case, ADA, "operator", ["mail"])
    assert roles_held(case, DORA) == NOTHING
    assert roles_held(case, DORA, ["mail"]) == {"operator": (OTHER,)}
    assert roles_held(case, DORA, ["mail"], among={"operator", "auditor"}) == {"operator": (OTHER,)}
    assert roles_held(case, DORA, ["mail"], among={"auditor"}) == NOTHING
    assert roles_held(case, "principal/PRN0000099") == NOTHING


def test_three_grants_cost_a_handful_of_looks() -> None:
    class Counting(dict[str, Any]):
        looks = 0

        def get(self, key: str, default: Any = None) -> Any:
            self.looks += 1
            return super().get(key, default)

    others = {GRANT: active(), OTHER: active(of=OPERATOR), THIRD: active(of=DEVELOPER)}
    case = Given("incident/X", {}, {**WORLD, **others}).case(actor=BEN)
    states, rosters = Counting(case.states), Counting(case.rosters)
    object.__setattr__(case, "states", states)
    object.__setattr__(case, "rosters", rosters)

    authority_of(case, ())

    assert states.looks + rosters.looks <= 10
