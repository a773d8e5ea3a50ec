"""How people come to have roles: asked for by one, approved by another, given by a third, all of it recorded."""

from __future__ import annotations

from datetime import timedelta

from api.simulator.company import (
    ADMINISTRATOR,
    CONTRACTOR,
    EVERYBODY,
    PIPELINE,
    PRIVILEGED,
    ROLES,
    SOURCES,
)
from api.simulator.desk import FIRST, Desk
from domain.acts import LEDGER, RatifyGenesis
from domain.grant_commands import ActivateRoleGrant, ApproveRoleGrant, RequestRoleGrant
from domain.moments import to_text
from domain.principal import RegisterPrincipal
from domain.rosters import ROLES as ROLES_ROSTER

PRIVILEGED_DAYS = 89
"""A day less than a privileged role may be granted for."""
CONTRACT_DAYS = 10


def let_in(desk: Desk) -> None:
    """The first person alone can let in others, and no more: the second one is needed for everything else."""
    _register(desk, FIRST, RegisterPrincipal(kind="person", name=ADMINISTRATOR))
    given(desk, ADMINISTRATOR, "administrator", approver=FIRST, giver=FIRST)
    read = RatifyGenesis(reason="Read the policy, its roles, and who holds the first two")
    desk.order(ADMINISTRATOR, read, LEDGER)
    for name in EVERYBODY:
        _register(desk, ADMINISTRATOR, RegisterPrincipal(kind="person", name=name))
    _register(desk, ADMINISTRATOR, RegisterPrincipal(kind="service", name=PIPELINE))
    for name, uri in SOURCES.items():
        source = RegisterPrincipal(kind="source", name=name, mode="observe", source_uri=uri)
        _register(desk, "operator", source)
    for role, holders in ROLES.items():
        for holder in holders:
            given(desk, holder, role)
    given(desk, CONTRACTOR, "tester", days=CONTRACT_DAYS)


def given(
    desk: Desk,
    holder: str,
    role: str,
    *,
    approver: str = FIRST,
    giver: str = ADMINISTRATOR,
    days: int | None = None,
) -> str:
    """The grant: asked for by the holder, approved by who owns the role, put in force by an administrator."""
    subject = asked(desk, holder, role, days=days)
    desk.order(approver, ApproveRoleGrant(), subject)
    desk.order(giver, ActivateRoleGrant(), subject)
    return subject


def asked(
    desk: Desk, holder: str, role: str, *, days: int | None = None, reason: str | None = None
) -> str:
    """The grant that the holder asks for: for good, or, where that cannot be, for as long as can be."""
    if days is None and role in PRIVILEGED:
        days = PRIVILEGED_DAYS
    until = to_text(desk.clock.now() + timedelta(days=days)) if days else None
    command = RequestRoleGrant(role=role_id(desk, role), valid_to=until, reason=reason)
    subject = desk.grants[holder, role] = desk.order(holder, command).subject
    return subject


def role_id(desk: Desk, name: str) -> str:
    """`role/ROL…` of the role of this name."""
    for role in desk.ledger.roster(ROLES_ROSTER).members:
        if desk.state(role)["name"] == name:
            return role
    raise AssertionError(f"no role is called {name}")


def _register(desk: Desk, by: str, command: RegisterPrincipal) -> None:
    desk.people[command.name] = desk.order(by, command).subject
