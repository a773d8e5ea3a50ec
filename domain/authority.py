"""In which granted roles somebody acts at a moment.

A grant ends by its `valid_to`, whether or not anybody has recorded that: whether it counts is asked of the
times it names and of `now`. Deactivating its holder, or retiring its role, stops it at once in the same way.
Only rosters and states of the case are read, and those are remembered: what was seen here is checked again
before the commit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from domain.command import Case
from domain.event import Json, State
from domain.person import principals_of
from domain.rosters import grants_delegated_to, grants_held_by

Roles = Mapping[str, tuple[str, ...]]
"""Role name → ids of the grants that give it now, sorted."""


class Authority(NamedTuple):
    """`people`: every principal of the acting humans, of whoever acts and of whoever is acted for."""

    roles: Roles
    people: frozenset[str]


def authority_of(
    case: Case, services: Iterable[str], among: Container[str] | None = None
) -> Authority:
    """The roles that the actor acts in on all of `services`.

    Alone: those of the grants the actor holds, of the roles `among` these names where only they matter; grants of
    the same human's other principals do not add up. On behalf of another: those that the other delegated to a
    principal of the actor's human, and no others.
    """
    about = frozenset(services)
    people = principals_of(case, case.actor)
    if case.on_behalf_of is None:
        return Authority(roles_held(case, case.actor, about, among), people)
    roles = _roles_delegated(case, case.on_behalf_of, people, about)
    return Authority(roles, people | principals_of(case, case.on_behalf_of))


def roles_held(
    case: Case, principal: str, services: Iterable[str] = (), among: Container[str] | None = None
) -> Roles:
    """The roles that `principal` holds now on all of `services`; without any, those granted for everything.

    `among`: of the roles with these names only.
    """
    if not _is_registered(case, principal):
        return {}
    about = frozenset(services)
    return _by_name(
        (grant, state)
        for grant in case.rosters.get(grants_held_by(principal), ())
        for state in [case.states.get(grant, {})]
        if (among is None or state.get("role_name") in among) and _counts(case, state, about)
    )


def holds_role(case: Case, principal: str, role: str, services: Iterable[str]) -> bool:
    """Does `principal` hold the role of this name now, on all of `services`?"""
    return role in roles_held(case, principal, services)


def is_delegated_now(delegation: Mapping[str, Json], now: str) -> bool:
    """`now`: RFC 3339 text, as everywhere here."""
    return "ended_at" not in delegation and delegation["from"] <= now < delegation["until"]


def _roles_delegated(
    case: Case, holder: str, delegates: frozenset[str], about: frozenset[str]
) -> Roles:
    if not _is_registered(case, holder):
        return {}
    return _by_name(
        (grant, state)
        for delegate in delegates
        for grant in case.rosters.get(grants_delegated_to(delegate), ())
        for state in [case.states.get(grant, {})]
        if state.get("holder") == holder
        and any(
            one["to"] == delegate and is_delegated_now(one, case.now)
            for one in state["delegations"].values()
        )
        and _counts(case, state, about)
        and _is_registered(case, delegate)
    )


def is_in_force(grant: State, now: str) -> bool:
    """By its status and the times it names, whether or not a timer has run."""
    if grant.get("status") != "active" or now < grant["valid_from"]:
        return False
    valid_to = grant.get("valid_to")
    return valid_to is None or bool(now < valid_to)


def _counts(case: Case, grant: State, about: frozenset[str]) -> bool:
    """Its holder's and its delegate's standing are asked elsewhere."""
    if not is_in_force(grant, case.now):
        return False
    scope = grant.get("services")
    if scope is not None and not (about and about <= scope.keys()):
        return False
    return bool(case.states.get(grant["role"], {}).get("status") == "defined")


def _is_registered(case: Case, principal: str) -> bool:
    return bool(case.states.get(principal, {}).get("status") == "registered")


def _by_name(grants: Iterable[tuple[str, State]]) -> Roles:
    giving: dict[str, tuple[str, ...]] = {}
    for grant, state in grants:
        name = state["role_name"]
        # The same grant may be delegated to two principals of one human.
        giving[name] = tuple(sorted({*giving[name], grant})) if name in giving else (grant,)
    return giving
