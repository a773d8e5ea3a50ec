"""Roles: what somebody may be granted, who owns it, and which roles one person must not have with it.

A role is named by what it is for (`change-authority`) and its name never changes: grants, policies and other
roles' conflicts say it. Every revision has a number, which a conflict found under it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from domain.command import Case, Command, Events, require
from domain.event import (
    Count,
    Event,
    Json,
    Principal,
    PrincipalId,
    State,
    Text,
    Word,
)
from domain.parts import has_parts
from domain.principal import require_registered
from domain.rosters import ROLES, stands_on
from domain.sets import members

Involvement = Literal["R", "A", "C", "I"]
"""RACI: responsible, accountable, consulted, informed."""


class RoleState(TypedDict, total=False):
    status: Literal["defined", "retired"]
    name: str
    title: str
    owner: str
    conflicts: dict[str, Literal[True]]
    privileged: bool
    activities: dict[str, Involvement]
    revision: int
    defined_by: str
    revised_by: str
    retired_by: str


class RoleDefined(Event, family="role", source=(), to="defined"):
    """A role exists. `conflicts`: the names of roles that nobody may have together with it."""

    asserts: ClassVar[Mapping[str, Json]] = {"revision": 1}
    example: ClassVar[Mapping[str, Json]] = {
        "name": "change-authority",
        "title": "Authorises changes",
        "owner": "principal/PRN0000012",
        "conflicts": {"developer": True},
        "privileged": True,
        "activities": {"authorise normal changes": "A", "assess changes": "C"},
        "defined_by": "principal/PRN0000002",
    }

    name: Word
    title: Text
    owner: Principal
    conflicts: dict[Word, Literal[True]]
    privileged: bool
    activities: dict[Text, Involvement]
    defined_by: Principal


class RoleRevised(Event, family="role", source=("defined",)):
    """The role is another from here on. Grants given before stay; decisions go by what it is now."""

    example: ClassVar[Mapping[str, Json]] = {
        "conflicts": {"tester": True, "developer": None},
        "revision": 2,
        "revised_by": "principal/PRN0000012",
    }

    title: Text | None = None
    owner: Principal | None = None
    conflicts: dict[Word, Literal[True] | None] | None = None
    privileged: bool | None = None
    activities: dict[Text, Involvement | None] | None = None
    revision: Count
    revised_by: Principal


class RoleRetired(Event, family="role", source=("defined",), to="retired"):
    """From this moment on no grant of the role counts. Its name is free for another role."""

    example: ClassVar[Mapping[str, Json]] = {"retired_by": "principal/PRN0000012"}

    retired_by: Principal


@stands_on("role")
def _rosters(_subject: str, state: State) -> Iterable[str]:
    return (ROLES,) if state.get("status") == "defined" else ()


has_parts(
    "role",
    lambda state: {"owner": [state.get("owner")], "definer": [state.get("defined_by")]},
)


class DefineRole(Command, yields=RoleDefined):
    """Define a role that can be granted."""

    example: ClassVar[Mapping[str, Any]] = {
        "name": "change-authority",
        "title": "Authorises changes",
        "owner": "principal/PRN0000012",
        "privileged": True,
        "activities": {"authorise normal changes": "A", "assess changes": "C"},
    }

    name: Word
    title: Text
    owner: PrincipalId
    conflicts: frozenset[Word] = frozenset()
    privileged: bool = False
    activities: dict[Text, Involvement] = Field(default_factory=dict)

    def reads(self) -> tuple[str, ...]:
        return (self.owner,)

    def circumstances(self, case: Case) -> Iterable[str]:
        return ("privileged",) if self.privileged else ()

    def decide(self, case: Case) -> Events:
        taken = role_named(case, self.name)
        require(taken is None, "role-name-is-free", f"{taken} has the name {self.name!r}", case)
        require_registered(self.owner, "owner-is-registered", case)
        _require_conflicts(self.conflicts, self.name, case)
        return self.stating(
            name=self.name,
            title=self.title,
            owner=self.owner,
            conflicts=dict.fromkeys(sorted(self.conflicts), True),
            privileged=self.privileged,
            activities=self.activities,
            defined_by=case.actor,
        )


class ReviseRole(Command, yields=RoleRevised):
    """Change what is named here; the rest stays. `conflicts` and `activities` are given whole.

    A conflict that is added binds from the next grant on; who has both roles already keeps them.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "privileged": True,
        "reason": "It may stop production",
    }

    title: Text | None = None
    owner: PrincipalId | None = None
    conflicts: frozenset[Word] | None = None
    privileged: bool | None = None
    activities: dict[Text, Involvement] | None = None

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        stated = data.get("conflicts")
        return super().recalled({**data, "conflicts": None if stated is None else members(stated)})

    def reads(self) -> tuple[str, ...]:
        return (self.owner,) if self.owner else ()

    def circumstances(self, case: Case) -> Iterable[str]:
        listed = case.state.get("conflicts", {}).keys()
        named = listed if self.conflicts is None else self.conflicts
        was = case.state.get("privileged", False)
        words = {
            "privileged": was or self.privileged,
            "drops-privileged": was and self.privileged is False,
            "adds-conflict": named - listed,
            "removes-conflict": listed - named,
            "changes-owner": self.owner not in {None, case.state.get("owner")},
        }
        return [word for word, holds in words.items() if holds]

    def decide(self, case: Case) -> Events:
        given = {name: value for name, value in self.given().items() if value is not None}
        told = "say what is to change: title, owner, conflicts, privileged or activities"
        require(bool(given), "revision-changes-something", told, case)
        if self.owner:
            require_registered(self.owner, "owner-is-registered", case)
        if self.conflicts is not None:
            listed = case.state.get("conflicts", {})
            _require_conflicts(self.conflicts - listed.keys(), case.state["name"], case)
            given["conflicts"] = _whole(dict.fromkeys(sorted(self.conflicts), True), listed)
        if self.activities is not None:
            given["activities"] = _whole(self.activities, case.state.get("activities", {}))
        revision = case.state.get("revision", 1) + 1
        return self.stating(**given, revision=revision, revised_by=case.actor)


class RetireRole(Command, yields=RoleRetired):
    """Take the role out of use: none of its grants counts any more."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "The team was merged with operations"}

    def decide(self, case: Case) -> Events:
        return self.stating(retired_by=case.actor)


def role_named(case: Case, name: str) -> str | None:
    """The subject of the role that has this name and is not retired."""
    for role in case.rosters.get(ROLES, ()):
        if case.states.get(role, {}).get("name") == name:
            return role
    return None


def _require_conflicts(names: Iterable[str], own: str, case: Case) -> None:
    """A misspelt conflict would keep nobody apart and look as if it did."""
    for name in sorted(names):
        require(name != own, "role-conflicts-with-another", f"{name} is the role itself", case)
        told = f"there is no role {name!r}; define it first"
        require(role_named(case, name) is not None, "conflicting-role-exists", told, case)


def _whole(new: Mapping[str, Json], before: Iterable[str]) -> dict[str, Json]:
    """The patch after which an object holds `new` and nothing of `before`."""
    return {**new, **{name: None for name in before if name not in new}}
