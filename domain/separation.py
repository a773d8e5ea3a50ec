"""Separation of duties: which roles one human has, and which of them must be apart.

Two roles must be apart when either lists the other among its conflicts. What counts is the human: grants of
all of its principals, and what was delegated to any of them. An exception lets two roles meet until it expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from domain.command import Case
from domain.event import Json, State
from domain.grant import Conflict, exception_stands, has_ended, is_open
from domain.person import human_of, principals_of
from domain.rosters import grants_delegated_to, grants_held_by

_BINDING: Final = frozenset({"approved", "active"})
_NOTHING: Final[State] = {}


class Had(NamedTuple):
    """A role that a human has. `is_own`: held, and not merely delegated."""

    grant: str
    state: State
    is_own: bool

    @property
    def role(self) -> str:
        return str(self.state["role"])


def roles_had_by(case: Case, people: Iterable[str]) -> Iterator[Had]:
    """By these principals of one human: grants approved or active, and delegations that are not over.

    A delegation of a suspended grant is among them, since a reinstatement brings it back.
    """
    for one in people:
        for grant in case.rosters.get(grants_held_by(one), ()):
            state = case.states.get(grant, _NOTHING)
            if state.get("status") in _BINDING and not has_ended(state, case.now):
                yield Had(grant, state, is_own=True)
        for grant in case.rosters.get(grants_delegated_to(one), ()):
            state = case.states.get(grant, _NOTHING)
            delegations = state.get("delegations", {}).values()
            stands = any(d["to"] == one and is_open(d, case.now) for d in delegations)
            if stands and not has_ended(state, case.now):
                yield Had(grant, state, is_own=False)


def conflicts_with(
    case: Case, role: str, people: Iterable[str], grant: State = _NOTHING
) -> dict[str, Conflict]:
    """What keeps `role` from these principals of one human: conflicting role → what was found.

    `grant`: the one that is to give `role`; an exception on it or on the grant that it meets lets them meet.
    """
    found: dict[str, Conflict] = {}
    for had in roles_had_by(case, people):
        rule = rule_between(case, role, had.role)
        if rule is None or _excepted(case, role, grant, had):
            continue
        version, name = case.states[rule]["revision"], had.state["role_name"]
        fresh = Conflict(rule=rule, rule_version=version, role_name=name, grants={})
        found.setdefault(had.role, fresh)["grants"][had.grant] = True
    return found


def rule_between(case: Case, role: str, other: str) -> str | None:
    """The role whose list of conflicts keeps the two apart, while both are in use."""
    roles = (case.states.get(role, _NOTHING), case.states.get(other, _NOTHING))
    if any(state.get("status") != "defined" for state in roles):
        return None
    if roles[1]["name"] in roles[0]["conflicts"]:
        return role
    return other if roles[0]["name"] in roles[1]["conflicts"] else None


def covers(grant: State, role: str, now: str) -> bool:
    """Does an exception on `grant` let its holder have `role` as well? It is about the conflicts found."""
    return exception_stands(grant, now) and role in grant.get("conflicts", _NOTHING)


def in_a_circle(case: Case, role: str, delegate: str, holder: str) -> bool:
    """Does `delegate` pass the same role on, by grants of their own, until it is back at `holder`?"""
    target, waiting, seen = human_of(case, holder), [human_of(case, delegate)], set[str]()
    while waiting:
        human = waiting.pop()
        if human == target:
            return True
        if human not in seen:
            seen.add(human)
            waiting += [human_of(case, to) for to in _delegates(case, role, human)]
    return False


def _delegates(case: Case, role: str, human: str) -> Iterator[str]:
    for had in roles_had_by(case, principals_of(case, human)):
        if had.is_own and had.role == role:
            delegations: Mapping[str, Mapping[str, Json]] = had.state.get("delegations", {})
            yield from (one["to"] for one in delegations.values() if is_open(one, case.now))


def _excepted(case: Case, role: str, grant: State, had: Had) -> bool:
    by_the_other = had.is_own and covers(had.state, role, case.now)
    return by_the_other or covers(grant, had.role, case.now)
