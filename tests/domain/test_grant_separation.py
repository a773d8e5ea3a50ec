"""Separation of duties: no human has two roles that must be apart, unless an exception lets them meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.event import State
from domain.grant import RoleGrantApproved, SodConflictDetected, SodExceptionGranted
from domain.grant_commands import (
    ActivateRoleGrant,
    ApproveRoleGrant,
    DelegateRole,
    DetectSodConflict,
    GrantSodException,
    ReinstateRole,
    RequestRoleGrant,
)
from domain.principal import IdentifyPrincipal, PrincipalIdentified
from tests.domain.grants import (
    AUTHORITY,
    BEN_ADMIN,
    DEVELOPER,
    DORA,
    FOUND,
    IN_A_MONTH,
    IN_A_WEEK,
    OPERATOR,
    OTHER,
    PERSON,
    THIRD,
    TOMORROW,
    WORLD,
    YESTERDAY,
    active,
    approved,
    asked,
    delegation,
    detected,
    excepted,
    granting,
    holding,
    role,
)
from tests.given import BEN, CLEO, NOW, SYSTEM, Given, standing

REFUSED = ("no-conflicting-role",)
DEVELOPS: Mapping[str, State] = {OTHER: active(BEN, DEVELOPER)}
EXCEPTED = (asked(), detected, excepted)


def delegated_to_ben(status: str = "active", **more: Any) -> State:
    return active(
        CLEO, DEVELOPER, status=status, delegations={"DLG-1": delegation(BEN_ADMIN, **more)}
    )


HAS_THE_OTHER_ROLE = [
    active(BEN, DEVELOPER),
    active(BEN, DEVELOPER, status="approved"),
    active(BEN, DEVELOPER, valid_from=TOMORROW),
    active(BEN, DEVELOPER, services={"mail": True}),
    active(BEN_ADMIN, DEVELOPER),
    delegated_to_ben(),
    delegated_to_ben("suspended"),
]
DOES_NOT_HAVE_IT = [
    active(BEN, DEVELOPER, status="requested"),
    active(BEN, DEVELOPER, status="suspended"),
    active(BEN, DEVELOPER, status="revoked"),
    active(BEN, DEVELOPER, valid_to=NOW),
    active(BEN, OPERATOR),
    active(DORA, DEVELOPER),
    delegated_to_ben(ended_at=YESTERDAY),
    delegated_to_ben(until=NOW),
    {**delegated_to_ben(), "valid_to": NOW},
]


@pytest.mark.parametrize("other", HAS_THE_OTHER_ROLE)
def test_a_role_is_kept_from_whoever_has_one_that_it_conflicts_with(other: State) -> None:
    others = {OTHER: other}
    suspended = active(status="suspended")

    granting(asked(), others=others).when(ApproveRoleGrant()).refused(*REFUSED)
    granting(asked(), approved, others=others).when(ActivateRoleGrant()).refused(*REFUSED)
    holding(suspended, others).when(ReinstateRole()).refused(*REFUSED)
    request = RequestRoleGrant(role=AUTHORITY, holder=BEN)
    assert granting(others=others).when(request).state["status"] == "conflicted"


@pytest.mark.parametrize("other", DOES_NOT_HAVE_IT)
def test_what_does_not_count_or_is_another_humans_keeps_no_role_away(other: State) -> None:
    others = {OTHER: other}
    suspended = active(status="suspended")

    assert granting(asked(), others=others).when(ApproveRoleGrant()).events
    assert granting(asked(), approved, others=others).when(ActivateRoleGrant()).events
    assert holding(suspended, others).when(ReinstateRole()).events
    request = RequestRoleGrant(role=AUTHORITY, holder=BEN)
    assert granting(others=others).when(request).state["status"] == "requested"


def test_it_does_not_matter_which_of_the_two_roles_lists_the_other() -> None:
    holds_authority = {OTHER: active(BEN, AUTHORITY)}

    granting(asked(BEN, DEVELOPER), others=holds_authority).when(ApproveRoleGrant()).refused(
        *REFUSED
    )


def test_a_role_that_was_retired_keeps_nobody_away() -> None:
    retired = {DEVELOPER: role("developer", status="retired")}

    assert granting(asked(), others={**DEVELOPS, **retired}).when(ApproveRoleGrant()).events


def test_a_request_that_conflicts_says_so_at_once() -> None:
    after = granting(others=DEVELOPS).when(RequestRoleGrant(role=AUTHORITY, holder=BEN), actor=DORA)

    after.then(asked(), detected)
    assert after.state["status"] == "conflicted"


def test_a_conflict_names_the_rule_its_version_and_every_grant() -> None:
    others = {
        AUTHORITY: role("change-authority", "developer", "operator", revision=4),
        OTHER: active(BEN, DEVELOPER),
        THIRD: active(BEN_ADMIN, DEVELOPER),
        "grant/GRT0000004": active(BEN, OPERATOR),
    }

    after = granting(others=others).when(RequestRoleGrant(role=AUTHORITY, holder=BEN))

    assert after.state["conflicts"] == {
        DEVELOPER: {
            "rule": AUTHORITY,
            "rule_version": 4,
            "role_name": "developer",
            "grants": {OTHER: True, THIRD: True},
        },
        OPERATOR: {
            "rule": AUTHORITY,
            "rule_version": 4,
            "role_name": "operator",
            "grants": {"grant/GRT0000004": True},
        },
    }


def test_a_conflict_that_came_later_is_detected() -> None:
    granting(asked(), others=DEVELOPS).when(DetectSodConflict(), actor=SYSTEM).then(detected)
    granting(asked()).when(DetectSodConflict(), actor=SYSTEM).refused("conflict-is-there")


def test_an_exception_says_what_makes_up_for_the_conflict_and_until_when() -> None:
    grant = GrantSodException(compensating_control="The night shift", expires_at=IN_A_WEEK)

    granting(asked(), detected).when(grant, actor=CLEO).then(
        SodExceptionGranted(
            exception={"by": CLEO, "at": NOW, "expires_at": IN_A_WEEK},
            compensating_control="The night shift",
        )
    )
    now = GrantSodException(compensating_control="The night shift", expires_at=NOW)
    granting(asked(), detected).when(now, actor=CLEO).refused("exception-expires-later")
    assert SodExceptionGranted.personal == ("compensating_control",)


def test_an_exception_lets_two_roles_meet_until_it_expires() -> None:
    excused = granting(*EXCEPTED, others=DEVELOPS)
    agreed = granting(*EXCEPTED, approved, others=DEVELOPS)
    activate = ActivateRoleGrant(valid_to=IN_A_WEEK)

    assert excused.when(ApproveRoleGrant()).events
    assert agreed.when(activate).events
    excused.when(ApproveRoleGrant(), now=IN_A_WEEK).refused(*REFUSED)
    agreed.when(ActivateRoleGrant(), now=IN_A_WEEK).refused(*REFUSED)


@pytest.mark.parametrize("valid_to", [None, "2026-03-09T12:00:00.000001Z"])
@pytest.mark.parametrize("others", [DEVELOPS, {}])
def test_a_grant_ends_with_the_exception_that_it_rests_on(
    valid_to: str | None, others: Mapping[str, State]
) -> None:
    agreed = granting(*EXCEPTED, approved, others=others)

    agreed.when(ActivateRoleGrant(valid_to=valid_to)).refused("grant-ends-with-its-exception")


def test_an_exception_on_either_grant_lets_the_two_meet() -> None:
    excused = active(
        BEN,
        DEVELOPER,
        conflicts={AUTHORITY: {**FOUND[DEVELOPER], "role_name": "change-authority"}},
        exception={"by": CLEO, "at": YESTERDAY, "expires_at": IN_A_WEEK},
    )
    reinstating = holding(active(status="suspended"), {OTHER: excused})

    assert reinstating.when(ReinstateRole()).events
    reinstating.when(ReinstateRole(), now=IN_A_WEEK).refused(*REFUSED)


def test_an_exception_is_about_the_conflicts_that_were_found() -> None:
    clashes = role("change-authority", "developer", "operator")
    others = {**DEVELOPS, THIRD: active(BEN, OPERATOR), AUTHORITY: clashes}

    granting(*EXCEPTED, others=others).when(ApproveRoleGrant()).refused(*REFUSED)


def test_a_conflict_that_came_later_ends_the_exception() -> None:
    clashes = role("change-authority", "developer", "operator")
    others = {**DEVELOPS, THIRD: active(BEN, OPERATOR), AUTHORITY: clashes}

    after = granting(*EXCEPTED, others=others).when(DetectSodConflict(), actor=SYSTEM)

    assert after.state["conflicts"].keys() == {DEVELOPER, OPERATOR}
    assert {"exception", "compensating_control"}.isdisjoint(after.state)


@pytest.mark.parametrize(
    "other",
    [
        active(DORA, DEVELOPER),
        active(DORA, DEVELOPER, status="approved"),
        active(CLEO, DEVELOPER, delegations={"DLG-1": delegation(DORA)}),
    ],
)
def test_a_role_is_not_delegated_to_whoever_has_one_that_it_conflicts_with(other: State) -> None:
    delegate = DelegateRole(to=DORA, until=TOMORROW)

    holding(active(), {OTHER: other}).when(delegate, actor=BEN).refused(
        "delegate-has-no-conflicting-role"
    )
    assert holding(active(), {OTHER: {**other, "valid_to": NOW}}).when(delegate, actor=BEN).events


def test_the_holders_exception_is_not_the_delegates() -> None:
    found: SodConflictDetected = detected
    excused = active(**found.data() | excepted.data() | {"status": "active", "valid_to": IN_A_WEEK})
    others = {OTHER: active(DORA, DEVELOPER), THIRD: active(BEN, DEVELOPER)}

    holding(excused, others).when(DelegateRole(to=DORA, until=TOMORROW), actor=BEN).refused(
        "delegate-has-no-conflicting-role"
    )


def test_a_conflict_and_an_exception_are_told_to_policy() -> None:
    def told(case_of: Given) -> set[str]:
        return set(ApproveRoleGrant().circumstances(case_of.case()))

    assert told(granting(asked(), others=DEVELOPS)) == {"conflict-open", "no-end"}
    assert told(granting(*EXCEPTED, others=DEVELOPS)) == {"exception-stands", "no-end"}
    assert told(granting(asked())) == {"no-end"}
    request = RequestRoleGrant(role=AUTHORITY, holder=BEN, valid_to=IN_A_MONTH)
    assert set(request.circumstances(granting(others=DEVELOPS).case())) == {"conflict-open"}


def test_two_principals_whose_roles_must_be_apart_are_not_one_human_yet() -> None:
    others = {**WORLD, **DEVELOPS, THIRD: active(DORA, AUTHORITY)}
    dora = standing(DORA, PERSON, others)
    identify = IdentifyPrincipal(person=BEN, reason="Found out")

    dora.when(identify).refused(*REFUSED)
    ended = {**others, OTHER: active(BEN, DEVELOPER, status="revoked")}
    standing(DORA, PERSON, ended).when(identify).then(PrincipalIdentified(person=BEN))


def test_an_approval_alone_does_not_excuse_who_has_both_already() -> None:
    """Two grants approved before their roles came to conflict: neither is activated."""
    both = {OTHER: active(BEN, DEVELOPER, status="approved")}

    granting(asked(), RoleGrantApproved(approved_by=CLEO), others=both).when(
        ActivateRoleGrant()
    ).refused(*REFUSED)
