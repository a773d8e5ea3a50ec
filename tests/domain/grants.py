"""Roles, grants and people that the tests of grants start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.event import Json, State
from domain.grant import (
    RoleGrantApproved,
    RoleGranted,
    RoleGrantRequested,
    SodConflictDetected,
    SodExceptionGranted,
)
from domain.role import RoleDefined
from tests.given import ADA, BEN, CLEO, PRINCIPALS, Given, fold_from, given, standing
from tests.open_door import open_door

DORA = "principal/PRN0000004"
BEN_ADMIN = "principal/PRN0000022"
"""Ben's account as an administrator: the same human as `BEN`."""

DEVELOPER, AUTHORITY, OPERATOR = "role/ROL0000001", "role/ROL0000002", "role/ROL0000003"
GRANT, OTHER, THIRD = "grant/GRT0000001", "grant/GRT0000002", "grant/GRT0000003"

CAMPAIGN = "review/REV0000001"

YESTERDAY = "2026-03-01T12:00:00.000000Z"
TOMORROW = "2026-03-03T12:00:00.000000Z"
IN_A_WEEK = "2026-03-09T12:00:00.000000Z"
IN_A_MONTH = "2026-04-02T12:00:00.000000Z"

PERSON: State = {"status": "registered", "kind": "person", "mode": "govern"}


def role(name: str, *conflicts: str, privileged: bool = False, **more: Json) -> State:
    defined = RoleDefined(
        name=name,
        title=name.title(),
        owner=CLEO,
        conflicts=dict.fromkeys(conflicts, True),
        privileged=privileged,
        activities={},
        defined_by=ADA,
    )
    return {**defined.data(), **more}


WORLD: Mapping[str, State] = {
    **PRINCIPALS,
    DORA: PERSON,
    BEN_ADMIN: {**PERSON, "person": BEN},
    DEVELOPER: role("developer"),
    AUTHORITY: role("change-authority", "developer"),
    OPERATOR: role("operator", privileged=True),
    CAMPAIGN: {"status": "open"},
}

FOUND: dict[str, Any] = {
    DEVELOPER: {
        "rule": AUTHORITY,
        "rule_version": 1,
        "role_name": "developer",
        "grants": {OTHER: True},
    }
}
detected = SodConflictDetected(conflicts=FOUND)
excepted = SodExceptionGranted(
    exception={"by": CLEO, "at": YESTERDAY, "expires_at": IN_A_WEEK},
    compensating_control="The night shift reads every change",
)
approved = RoleGrantApproved(approved_by=CLEO)
activated = RoleGranted(valid_from=YESTERDAY, valid_to=IN_A_MONTH, granted_by=ADA)


def asked(holder: str = BEN, of: str = AUTHORITY, **more: Any) -> RoleGrantRequested:
    name = WORLD.get(of, {}).get("name", "role")
    return RoleGrantRequested(holder=holder, role=of, role_name=name, requested_by=DORA, **more)


def active(holder: str = BEN, of: str = AUTHORITY, **more: Json) -> dict[str, Json]:
    """The state of a grant that counts; `more` overrides its members, `None` leaves one out."""
    state = {**fold_from({}, [asked(holder, of), approved, activated]), **more}
    return {name: value for name, value in state.items() if value is not None}


def delegation(to: str, **more: Json) -> Any:
    return {"to": to, "from": YESTERDAY, "until": IN_A_WEEK, **more}


def granting(*events: Any, others: Mapping[str, State] | None = None) -> Given:
    """`GRANT` with this history, in a world of these roles and people."""
    return given(*events, subject=GRANT, others={**WORLD, **(others or {})}, may=open_door)


def holding(state: State, others: Mapping[str, State] | None = None) -> Given:
    """`GRANT` in this state."""
    return standing(GRANT, state, {**WORLD, **(others or {})})
