"""The register of grants: who has which role now, whether or not a timer has run."""

from __future__ import annotations

from typing import Any

import pytest

from domain.grant import (
    DelegationEnded,
    RoleDelegated,
    RoleExpired,
    RoleGrantApproved,
    RoleGranted,
    RoleGrantRequested,
    RoleRevoked,
    RoleSuspended,
)
from domain.principal import PrincipalDeactivated, PrincipalReactivated, PrincipalRegistered
from domain.role import RoleDefined, RoleRetired
from projections.grants import SORTS, GrantFilter, GrantRegister, find_grants
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk

ONE, TWO = "grant/GRT0000001", "grant/GRT0000002"
ROLE, OTHER = "role/ROL0000003", "role/ROL0000004"
CLEO = "principal/PRN0000003"


def at(day: int) -> str:
    return f"2026-03-{day:02d}T00:00:00.000000Z"


def granted(
    desk: Desk,
    grant: str,
    holder: str = BEN,
    role: str = ROLE,
    until: str | None = None,
    **more: Any,
) -> None:
    asked = {"holder": holder, "role": role, "role_name": "change-authority", "requested_by": ADA}
    desk.tell(RoleGrantRequested, grant, {**asked, **more})
    desk.tell(RoleGrantApproved, grant, {"approved_by": ADA})
    said = {"valid_from": at(3), "granted_by": CLEO}
    desk.tell(RoleGranted, grant, {**said, "valid_to": until})


def desk_with_people() -> Desk:
    desk = Desk()
    for person in (ADA, BEN):
        desk.tell(PrincipalRegistered, person)
    for role in (ROLE, OTHER):
        desk.tell(RoleDefined, role)
    return desk


def found(desk: Desk, views: Views, **wanted: Any) -> list[str]:
    Runner(desk, views, [GrantRegister()], batch_events=3).run_until()
    return [row["subject"] for row in find_grants(views, GrantFilter(**wanted), sort="number").rows]


def test_a_row_is_what_the_grant_s_events_add_up_to(views: Views) -> None:
    desk = desk_with_people()
    granted(desk, ONE, until=at(20), services={"mail": True, "erp": True})
    passed_on = {"to": ADA, "from": at(9), "until": at(16)}
    desk.tell(RoleDelegated, ONE, {"delegations": {"DLG-1": passed_on}}, day=9)
    ended = {"ended_at": at(10), "ended_by": BEN}
    desk.tell(DelegationEnded, ONE, {"delegations": {"DLG-1": ended}}, day=10)

    assert found(desk, views) == [ONE]
    (row,) = find_grants(views).rows
    assert row == {
        "subject": ONE, "number": "GRT0000001", "holder": BEN, "role": ROLE, "role_name": "change-authority",
        "status": "active", "valid_from": at(3), "valid_to": at(20), "requested_by": ADA, "approved_by": ADA,
        "granted_by": CLEO, "suspended_by": None, "revoked_by": None, "exception_until": None,
        "services": ["erp", "mail"], "delegations": [{"id": "DLG-1", **passed_on, **ended}],
        "opened": row["opened"], "updated": row["updated"], "opened_position": 5, "position": 9, "version": 5,
    }  # fmt: skip
    assert (row["opened"][:10], row["updated"][:10]) == ("2026-03-02", "2026-03-10")


def test_a_grant_ends_by_its_valid_to_whether_or_not_a_timer_has_run(views: Views) -> None:
    desk = desk_with_people()
    granted(desk, ONE, until=at(20))
    granted(desk, TWO)

    assert found(desk, views, counts_at=at(2)) == []
    assert found(desk, views, counts_at=at(3)) == [ONE, TWO]
    assert found(desk, views, counts_at=at(20)) == [TWO], "valid_to is exclusive"
    assert found(desk, views, counts_at=at(20), counts=False) == [ONE]
    assert found(desk, views, status=["active"]) == [ONE, TWO], "nobody has recorded it yet"
    desk.tell(RoleExpired, ONE)
    assert found(desk, views, status=["expired"], counts_at=at(20), counts=False) == [ONE]


@pytest.mark.parametrize("event", [RoleSuspended, RoleRevoked])
def test_a_grant_that_was_stopped_does_not_count(views: Views, event: Any) -> None:
    desk = desk_with_people()
    granted(desk, ONE)
    desk.tell(event, ONE)

    assert found(desk, views, counts_at=at(9)) == []
    assert found(desk, views, counts_at=at(9), counts=False) == [ONE]


def test_a_grant_that_was_only_asked_for_does_not_count(views: Views) -> None:
    desk = desk_with_people()
    asked = {"holder": BEN, "role": ROLE, "role_name": "change-authority", "requested_by": ADA}
    desk.tell(RoleGrantRequested, ONE, asked)

    assert found(desk, views, counts_at=at(9)) == []
    assert found(desk, views, counts_at=at(9), counts=False) == [ONE]


def test_a_deactivated_holder_and_a_retired_role_stop_grants_at_once(views: Views) -> None:
    desk = desk_with_people()
    granted(desk, ONE)
    granted(desk, TWO, holder=ADA, role=OTHER)

    desk.tell(PrincipalDeactivated, BEN)
    assert found(desk, views, counts_at=at(9)) == [TWO]

    desk.tell(PrincipalReactivated, BEN)
    desk.tell(RoleRetired, OTHER)
    assert found(desk, views, counts_at=at(9)) == [ONE]


def test_grants_are_found_by_holder_and_by_role(views: Views) -> None:
    desk = desk_with_people()
    granted(desk, ONE)
    granted(desk, TWO, holder=ADA, role=OTHER, role_name="implementer")

    assert found(desk, views, holder=ADA) == [TWO]
    assert found(desk, views, role=ROLE) == [ONE]
    assert found(desk, views, role_name="implementer") == [TWO]


@pytest.mark.parametrize("sort", [sign + name for name in SORTS for sign in ("", "-")])
def test_pages_hold_every_grant_once_in_any_order(views: Views, sort: str) -> None:
    desk = desk_with_people()
    for number in range(1, 8):
        until = None if number % 2 else at(20)
        granted(desk, f"grant/GRT{number:04d}", until=until)
    Runner(desk, views, [GrantRegister()]).run_until()

    seen: list[str] = []
    cursor = None
    while True:
        page = find_grants(views, sort=sort, limit=3, cursor=cursor)
        seen += [row["number"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert sorted(seen) == [f"GRT{number:04d}" for number in range(1, 8)]
