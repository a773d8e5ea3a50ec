"""Roles and grants in a real log: what conflicts is decided on the grants that stand when the lock is held."""

from __future__ import annotations

import pytest

from domain.commitment import is_commitment
from domain.errors import CanNot
from domain.grant_commands import ApproveRoleGrant, GrantSodException, RevokeRole
from domain.rosters import ROLES, grants_held_by
from ledger.genesis import FIRST_PERSON
from tests.contract.conftest import Desk, a
from tests.contract.test_appending import whole_log

END = "2999-01-01T00:00:00Z"


def role(desk: Desk, name: str, *conflicts: str) -> str:
    define = a("role", "define", name=name, owner=FIRST_PERSON, conflicts=conflicts)
    return desk.do(define.model_copy(update={"privileged": False})).subject


def request(desk: Desk, role: str, holder: str) -> str:
    return desk.do(
        a("grant", "request", role=role, holder=holder, valid_to=None, reason=None)
    ).subject


def test_a_grant_goes_from_request_to_revocation_and_its_holder_off_the_roster(desk: Desk) -> None:
    ben = desk.person("Ben")
    grant = request(desk, role(desk, "developer"), ben)
    desk.do(ApproveRoleGrant(), grant)
    desk.do(a("grant", "activate", valid_to=None), grant)

    assert desk.log.subject(grant).state["status"] == "active"
    assert desk.log.roster(grants_held_by(ben)).members == (grant,)
    assert len(desk.log.roster(ROLES).members) == 1

    desk.do(RevokeRole(reason="Left"), grant)
    assert desk.log.roster(grants_held_by(ben)).members == ()
    whole_log(desk.log)


def test_a_conflict_stands_beside_its_request_and_its_control_is_a_commitment(desk: Desk) -> None:
    ben = desk.person("Ben")
    first = request(desk, role(desk, "developer"), ben)
    desk.do(ApproveRoleGrant(), first)
    grant = request(desk, role(desk, "change-authority", "developer"), ben)

    asked, detected = whole_log(desk.log)[-2:]
    assert (asked.type, detected.type) == (
        "itsm.grant.requested.v1",
        "itsm.grant.sod-conflict-detected.v1",
    )
    desk.do(GrantSodException(compensating_control="Watched", expires_at=END), grant)
    assert is_commitment(desk.log.subject(grant).state["compensating_control"])


def test_of_two_conflicting_approvals_decided_at_once_the_second_is_refused(desk: Desk) -> None:
    ben = desk.person("Ben")
    developer = request(desk, role(desk, "developer"), ben)
    authority = request(desk, role(desk, "change-authority", "developer"), ben)
    late = desk.log.proposal(desk.order(ApproveRoleGrant(), authority))

    desk.do(ApproveRoleGrant(), developer)

    [outcome] = desk.log.writer.submit([late])
    assert isinstance(outcome, CanNot)
    assert outcome.rules == ("no-conflicting-role",)
    with pytest.raises(CanNot):
        desk.do(ApproveRoleGrant(), authority)
    whole_log(desk.log)
