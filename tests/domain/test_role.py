"""Roles: defined once by a name, revised by number, retired for good."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.event import Event, State
from domain.role import (
    DefineRole,
    RetireRole,
    ReviseRole,
    RoleDefined,
    RoleRetired,
    RoleRevised,
)
from domain.rosters import ROLES, rosters_of
from tests.domain.grants import DEVELOPER, WORLD, role
from tests.given import ADA, BEN, CLEO, GONE, NAMED, Given, fold_from, given
from tests.open_door import open_door

TESTER = "role/ROL0000009"
defined = RoleDefined(
    name="tester",
    title="Tests",
    owner=CLEO,
    conflicts={"developer": True},
    privileged=False,
    activities={"test changes": "R"},
    defined_by=ADA,
)
define = DefineRole(
    name="tester",
    title="Tests",
    owner=CLEO,
    conflicts=frozenset({"developer"}),
    activities={"test changes": "R"},
)


def a_role(*events: Event, **others: State) -> Given:
    return given(*events, subject=TESTER, others={**WORLD, **others}, may=open_door)


def test_a_definition_says_owner_conflicts_and_who_does_what() -> None:
    a_role().when(define).then(defined)


def test_a_name_belongs_to_one_role_until_that_is_retired() -> None:
    again = define.model_copy(update={"name": "developer", "conflicts": frozenset()})
    retired = {DEVELOPER: role("developer", status="retired")}

    a_role().when(again).refused("role-name-is-free")
    assert a_role(**retired).when(again).state["name"] == "developer"


@pytest.mark.parametrize("name", ["Change Authority", "", "x" * 65, "change authority"])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        DefineRole(name=name, title="X", owner=CLEO)


@pytest.mark.parametrize("owner", [GONE, NAMED, "principal/PRN0000099"])
def test_an_owner_can_act(owner: str) -> None:
    a_role().when(define.model_copy(update={"owner": owner})).refused("owner-is-registered")
    a_role(defined).when(ReviseRole(owner=owner)).refused("owner-is-registered")


@pytest.mark.parametrize(
    ("name", "rule"),
    [("tester", "role-conflicts-with-another"), ("develper", "conflicting-role-exists")],
)
def test_a_conflict_names_another_role_that_exists(name: str, rule: str) -> None:
    conflicts = frozenset({name})

    a_role().when(define.model_copy(update={"conflicts": conflicts})).refused(rule)
    a_role(defined).when(ReviseRole(conflicts=conflicts)).refused(rule)


def test_a_revision_changes_what_it_names_and_has_a_number() -> None:
    after = a_role(defined).when(ReviseRole(title="Tests changes", privileged=True))

    after.then(RoleRevised(title="Tests changes", privileged=True, revision=2, revised_by=ADA))
    again = a_role(defined, *after.events).when(ReviseRole(owner=BEN), actor=CLEO)
    again.then(RoleRevised(owner=BEN, revision=3, revised_by=CLEO))


def test_a_revision_gives_conflicts_and_activities_whole() -> None:
    revise = ReviseRole(conflicts=frozenset({"operator"}), activities={"plan tests": "A"})

    after = a_role(defined).when(revise)

    assert after.state["conflicts"] == {"operator": True}
    assert after.state["activities"] == {"plan tests": "A"}
    none_left = a_role(defined).when(ReviseRole(conflicts=frozenset(), activities={}))
    assert (none_left.state["conflicts"], none_left.state["activities"]) == ({}, {})


def test_a_conflict_that_is_there_may_stay_after_its_role_was_retired() -> None:
    retired = {DEVELOPER: role("developer", status="retired")}
    keep_and_add = ReviseRole(conflicts=frozenset({"developer", "operator"}))

    after = a_role(defined, **retired).when(keep_and_add)

    assert after.state["conflicts"] == {"developer": True, "operator": True}


def test_a_revision_changes_something() -> None:
    a_role(defined).when(ReviseRole()).refused("revision-changes-something")
    a_role(defined).when(ReviseRole(title=None)).refused("revision-changes-something")


def test_a_role_is_retired_with_a_reason_and_for_good() -> None:
    retired = RoleRetired(retired_by=ADA)

    a_role(defined).when(RetireRole(reason="Merged")).then(retired)
    a_role(defined).when(RetireRole()).refused("reason-required")
    a_role(defined, retired).when(ReviseRole(title="X")).refused("transition")
    a_role(defined, retired).when(RetireRole(reason="Again")).refused("transition")


def test_a_role_stands_on_the_roster_until_it_is_retired() -> None:
    assert rosters_of(TESTER, defined.data()) == {ROLES}
    assert rosters_of(TESTER, fold_from({}, [defined, RoleRetired(retired_by=ADA)])) == set()


def test_owner_and_definer_are_its_parts() -> None:
    case = a_role(defined).case()

    assert ReviseRole(title="X").parts(case) == {"owner": {CLEO}, "definer": {ADA}}


@pytest.mark.parametrize(
    ("revise", "words"),
    [
        (ReviseRole(title="X"), []),
        (ReviseRole(privileged=True), ["privileged"]),
        (ReviseRole(conflicts=frozenset()), ["removes-conflict"]),
        (ReviseRole(conflicts=frozenset({"developer", "operator"})), ["adds-conflict"]),
        (ReviseRole(owner=BEN), ["changes-owner"]),
        (ReviseRole(owner=CLEO), []),
    ],
)
def test_what_a_revision_does_is_told_in_words(revise: ReviseRole, words: list[str]) -> None:
    assert list(revise.circumstances(a_role(defined).case())) == words


def test_privilege_is_told_and_so_is_its_loss() -> None:
    privileged = a_role(defined.model_copy(update={"privileged": True})).case()

    assert list(ReviseRole(title="X").circumstances(privileged)) == ["privileged"]
    loses = list(ReviseRole(privileged=False).circumstances(privileged))
    assert loses == ["privileged", "drops-privileged"]
    grand = define.model_copy(update={"privileged": True})
    assert list(grand.circumstances(a_role().case())) == ["privileged"]
