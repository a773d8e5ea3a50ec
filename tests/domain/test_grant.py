"""A grant from request to expiry: what each order leads to, and what refuses it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.command import Command, decide
from domain.errors import CanNot
from domain.event import Event, Json, State
from domain.grant import (
    GrantCertified,
    RoleExpired,
    RoleGranted,
    RoleGrantRejected,
    RoleGrantRequested,
    RoleReinstated,
    RoleRevoked,
    RoleSuspended,
)
from domain.grant_commands import (
    ActivateRoleGrant,
    ApproveRoleGrant,
    CertifyGrant,
    DelegateRole,
    ExpireRole,
    ReinstateRole,
    RejectRoleGrant,
    RequestRoleGrant,
    RevokeRole,
    SuspendRole,
)
from domain.rosters import POLICIES
from tests.domain.grants import (
    AUTHORITY,
    DORA,
    IN_A_MONTH,
    IN_A_WEEK,
    OPERATOR,
    TOMORROW,
    WORLD,
    YESTERDAY,
    activated,
    active,
    approved,
    asked,
    detected,
    excepted,
    granting,
    holding,
)
from tests.given import ADA, BEN, CLEO, GONE, NAMED, NOW, SOURCE, SYSTEM

ACTIVE = (asked(), approved, activated)
suspended = RoleSuspended(suspended_by=CLEO)


def test_a_request_says_who_gets_which_role_where_and_until_when() -> None:
    request = RequestRoleGrant(
        role=AUTHORITY, holder=BEN, scope=frozenset({"web", "mail"}), valid_to=IN_A_MONTH
    )

    granting().when(request, actor=DORA).then(
        asked(services={"mail": True, "web": True}, valid_to=IN_A_MONTH)
    )


def test_a_role_is_asked_for_oneself_unless_somebody_is_named() -> None:
    after = granting().when(RequestRoleGrant(role=AUTHORITY), actor=BEN)

    after.then(
        RoleGrantRequested(
            holder=BEN, role=AUTHORITY, role_name="change-authority", requested_by=BEN
        )
    )


def test_a_scope_names_a_service() -> None:
    with pytest.raises(ValidationError, match="scope"):
        RequestRoleGrant(role=AUTHORITY, scope=frozenset())


@pytest.mark.parametrize("holder", [GONE, NAMED, SOURCE, "principal/PRN0000099"])
def test_who_cannot_act_gets_no_role_and_no_delegation(holder: str) -> None:
    request = RequestRoleGrant(role=AUTHORITY, holder=holder)
    delegate = DelegateRole(to=holder, until=TOMORROW)

    granting().when(request).refused("holder-may-hold-roles")
    granting(asked(holder)).when(ApproveRoleGrant()).refused("holder-may-hold-roles")
    granting(asked(holder), approved).when(ActivateRoleGrant()).refused("holder-may-hold-roles")
    holding(active(holder, status="suspended")).when(ReinstateRole()).refused(
        "holder-may-hold-roles"
    )
    granting(*ACTIVE).when(delegate, actor=BEN).refused("delegate-may-hold-roles")


@pytest.mark.parametrize("role", [{}, {**WORLD[AUTHORITY], "status": "retired"}])
def test_a_role_that_is_unknown_or_retired_is_given_to_nobody(role: State) -> None:
    others = {AUTHORITY: role}
    orders: list[tuple[tuple[Event, ...], Command]] = [
        ((), RequestRoleGrant(role=AUTHORITY, holder=BEN)),
        ((asked(),), ApproveRoleGrant()),
        ((asked(), approved), ActivateRoleGrant()),
        (ACTIVE, DelegateRole(to=DORA, until=TOMORROW)),
        ((*ACTIVE, suspended), ReinstateRole()),
    ]

    for before, order in orders:
        granting(*before, others=others).when(order, actor=CLEO).refused("role-is-in-use")


@pytest.mark.parametrize(
    ("valid_from", "valid_to"), [(None, NOW), (TOMORROW, TOMORROW), (TOMORROW, NOW)]
)
def test_a_grant_ends_after_now_and_after_it_begins(valid_from: str | None, valid_to: str) -> None:
    request = RequestRoleGrant(role=AUTHORITY, valid_from=valid_from, valid_to=valid_to)
    activate = ActivateRoleGrant(valid_from=valid_from, valid_to=valid_to)

    granting().when(request).refused("grant-times-in-order")
    granting(asked(), approved).when(activate).refused("grant-times-in-order")


def test_a_rejection_names_who_said_no() -> None:
    no = RoleGrantRejected(rejected_by=CLEO)

    granting(asked()).when(RejectRoleGrant(), actor=CLEO).then(no)
    granting(asked(), detected).when(RejectRoleGrant(), actor=CLEO).then(no)


def test_an_approval_gives_nothing_yet() -> None:
    after = granting(asked()).when(ApproveRoleGrant(), actor=CLEO)

    after.then(approved)
    assert after.state["status"] == "approved"


@pytest.mark.parametrize(
    ("requested", "said", "granted"),
    [
        ({}, {}, (NOW, None)),
        ({}, {"valid_to": TOMORROW}, (NOW, TOMORROW)),
        ({"valid_to": IN_A_WEEK}, {}, (NOW, IN_A_WEEK)),
        ({"valid_to": IN_A_WEEK}, {"valid_to": TOMORROW}, (NOW, TOMORROW)),
        ({"valid_from": YESTERDAY}, {}, (NOW, None)),
        ({"valid_from": TOMORROW}, {}, (TOMORROW, None)),
        ({"valid_from": TOMORROW}, {"valid_from": IN_A_WEEK}, (IN_A_WEEK, None)),
    ],
)
def test_a_grant_runs_as_it_was_asked_or_for_less(
    requested: dict[str, Json], said: dict[str, Any], granted: tuple[str, str | None]
) -> None:
    after = granting(asked(**requested), approved).when(ActivateRoleGrant(**said))

    valid_from, valid_to = granted
    after.then(RoleGranted(valid_from=valid_from, valid_to=valid_to, granted_by=ADA))


@pytest.mark.parametrize(
    ("requested", "said", "rule"),
    [
        ({}, {"valid_from": "2026-03-02T11:59:59.999999Z"}, "granted-from-now-on"),
        ({"valid_from": TOMORROW}, {"valid_from": NOW}, "granted-inside-the-request"),
        ({"valid_to": TOMORROW}, {"valid_to": IN_A_WEEK}, "granted-inside-the-request"),
        ({"valid_to": NOW}, {}, "grant-times-in-order"),
    ],
)
def test_a_grant_runs_for_no_longer_than_was_approved(
    requested: dict[str, Json], said: dict[str, Any], rule: str
) -> None:
    granting(asked(**requested), approved).when(ActivateRoleGrant(**said)).refused(rule)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "is_given"),
    [
        (None, None, False),
        (None, "2026-05-31T12:00:00.000000Z", True),
        (None, "2026-05-31T12:00:00.000001Z", False),
        ("2026-03-03T12:00:00Z", "2026-06-01T12:00:00Z", True),
        ("9999-12-30T00:00:00Z", "9999-12-31T00:00:00Z", True),
    ],
)
def test_a_privileged_role_is_given_for_ninety_days_at_most(
    valid_from: str | None, valid_to: str | None, is_given: bool
) -> None:
    activate = ActivateRoleGrant(valid_from=valid_from, valid_to=valid_to)

    after = granting(asked(of=OPERATOR), approved).when(activate)

    assert after.refusals == (() if is_given else ("privileged-grant-ends",))


def test_how_long_a_privileged_role_is_given_is_the_policys_number() -> None:
    policy = {"status": "published", "thresholds": {"privileged_grant_most_days": 1}}
    given_ = granting(asked(of=OPERATOR), approved, others={"policy/POL1": policy})
    case = given_.case()
    under_policy = {**case.rosters, POLICIES: ["policy/POL1"]}
    object.__setattr__(case, "rosters", under_policy)

    with pytest.raises(CanNot) as refusal:
        decide(ActivateRoleGrant(valid_to=IN_A_WEEK), case)

    assert refusal.value.rules == ("privileged-grant-ends",)
    assert decide(ActivateRoleGrant(valid_to=TOMORROW), case)


def test_a_certification_names_its_campaign() -> None:
    certify = CertifyGrant(campaign="review/REV0000001")

    seen: Any = {"campaign": "review/REV0000001", "by": CLEO, "at": NOW}
    after = granting(*ACTIVE).when(certify, actor=CLEO)
    after.then(GrantCertified(certified={"CRT-1": seen}))
    assert after.state["status"] == "active"


def test_a_campaign_that_the_ledger_could_know_exists() -> None:
    lost = CertifyGrant(campaign="incident/INC0010099")

    granting(*ACTIVE).when(lost, actor=CLEO).refused("campaign-exists")
    granting(*ACTIVE).when(CertifyGrant(campaign="access/X1"), actor=CLEO).vacuously(
        "campaign-exists"
    )


def test_a_grant_is_suspended_and_reinstated() -> None:
    after = granting(*ACTIVE).when(SuspendRole(), actor=CLEO)

    after.then(suspended)
    again = holding(after.state).when(ReinstateRole(), actor=CLEO)
    again.then(RoleReinstated(reinstated_by=CLEO))
    assert again.state["status"] == "active"
    assert "suspended_by" not in again.state


@pytest.mark.parametrize("before", [ACTIVE, (*ACTIVE, suspended)])
def test_a_grant_is_revoked_with_a_reason(before: tuple[Event, ...]) -> None:
    granting(*before).when(RevokeRole(reason="Left"), actor=CLEO).then(RoleRevoked(revoked_by=CLEO))
    granting(*before).when(RevokeRole(), actor=CLEO).refused("reason-required")


def test_a_grant_expires_when_its_time_is_over_and_no_earlier() -> None:
    for before in (ACTIVE, (*ACTIVE, suspended)):
        granting(*before).when(ExpireRole(), actor=SYSTEM, now=IN_A_MONTH).then(RoleExpired())
        granting(*before).when(ExpireRole(), actor=SYSTEM).refused("valid-to-reached")
    endless = active(valid_to=None)
    holding(endless).when(ExpireRole(), actor=SYSTEM, now=IN_A_MONTH).refused("valid-to-reached")


def test_what_has_ended_is_over_before_a_timer_says_so() -> None:
    delegate = DelegateRole(to=DORA, until="2026-05-01T00:00:00Z")
    certify = CertifyGrant(campaign="review/REV0000001")

    for order in (delegate, certify):
        granting(*ACTIVE).when(order, actor=BEN, now=IN_A_MONTH).refused("grant-has-not-ended")
    granting(*ACTIVE, suspended).when(ReinstateRole(), now=IN_A_MONTH).refused(
        "grant-has-not-ended"
    )


@pytest.mark.parametrize(
    "over", [RoleRevoked(revoked_by=CLEO), RoleExpired(), RoleGrantRejected(rejected_by=CLEO)]
)
def test_a_grant_that_is_over_takes_no_order(over: Event) -> None:
    before = (asked(),) if isinstance(over, RoleGrantRejected) else ACTIVE
    orders = [ApproveRoleGrant(), ActivateRoleGrant(), ReinstateRole(), ExpireRole(), SuspendRole()]

    for order in orders:
        granting(*before, over).when(order, actor=CLEO).refused("transition")


@pytest.mark.parametrize(
    "event", [asked(services={"mail": True}), detected, excepted, activated, suspended]
)
def test_what_is_stored_reads_back_as_the_same_event(event: Event) -> None:
    assert type(event).from_data(event.data()) == event
