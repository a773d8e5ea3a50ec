"""RACI at any moment: each activity of the roles that are in use, and who had which part in it, by which grant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.authority import is_in_force
from domain.event import State
from domain.raci import Activities, Assignment, Holding, Violation, assignments, holding
from domain.role import Involvement
from domain.rosters import ROLES, grants_held_by
from ledger.ledger import Ledger
from ledger.past import Extent, entries_of_family
from replay.looking import Looking, Rows
from replay.moment import Basis, Moment


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody with a part in an activity. `human`: the first principal of the same human, which may be another."""

    holder: str
    human: str
    grant: str
    role: str
    role_name: str


@dataclass(frozen=True, slots=True)
class Responsibility:
    """`scope`: a service, or `*` for everywhere."""

    activity: str
    scope: str
    accountable: tuple[Part, ...]
    responsible: tuple[Part, ...]
    consulted: tuple[Part, ...]
    informed: tuple[Part, ...]
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Raci:
    """`moment`: the time that the grants' times were compared with; the others as in `replay.as_of.AsOf`.

    `violations`: in how many of `items` something is wrong.
    """

    basis: Basis
    at: str | None
    known_at: str | None
    position: int
    moment: str
    violations: int
    items: tuple[Responsibility, ...]


def raci(ledger: Ledger, moment: Moment, scope: str | None = None) -> Raci:
    """Of one scope, or of every one that there is. Raises MomentRefused, Malformed, BeyondHead."""
    head = ledger.head()
    looking = Looking(ledger, moment, Extent(head.size, head.recordedtime))
    roles = {role: state for role, state in _folded(looking, "role") if _is_in_use(state)}
    holdings = [
        holding(grant, state, looking.human_of(state["holder"]))
        for grant, state in _folded(looking, "grant")
        if state.get("role") in roles and looking.counts(state)
    ]
    found = assignments(
        {role: _activities(state) for role, state in roles.items()}, holdings, scope
    )
    located = looking.located
    return Raci(
        basis=located.basis,
        at=located.at,
        known_at=located.known_at,
        position=located.position,
        moment=looking.compared,
        violations=sum(bool(one.violations) for one in found),
        items=tuple(map(_told, found)),
    )


def standing_now(
    states: Mapping[str, State], rosters: Mapping[str, Sequence[str]], now: str
) -> tuple[Activities, list[Holding]]:
    """What `domain.raci.gaps` asks for, in an estate (`replay.estate`): the rosters have to be listed, not only asked."""
    activities = {role: _activities(states[role]) for role in rosters.get(ROLES, ())}
    return activities, list(_holdings(states, rosters, now, activities))


def _holdings(
    states: Mapping[str, State],
    rosters: Mapping[str, Sequence[str]],
    now: str,
    activities: Activities,
) -> Iterator[Holding]:
    held_by = grants_held_by("")
    for name in rosters:
        principal = name.removeprefix(held_by)
        if principal == name or states[principal].get("status") != "registered":
            continue
        for grant in rosters[name]:
            state = states[grant]
            if is_in_force(state, now) and state["role"] in activities:
                human = states[principal].get("person") or principal
                yield holding(grant, state, str(human))


def _folded(looking: Looking, family: str) -> Iterator[tuple[str, State]]:
    """The family's subjects as they stood at the moment."""
    rows: dict[str, Rows] = {}
    for one in entries_of_family(looking.ledger.database, family, looking.located.position):
        rows.setdefault(one.subject, []).append((one.position, one.raw))
    for subject, of_it in rows.items():
        yield subject, looking.folded(of_it)[0]


def _is_in_use(role: State) -> bool:
    return role.get("status") == "defined"


def _activities(role: State) -> Mapping[str, Involvement]:
    return role.get("activities") or {}


def _told(one: Assignment) -> Responsibility:
    def parts(held: tuple[Holding, ...]) -> tuple[Part, ...]:
        return tuple(Part(h.holder, h.human, h.grant, h.role, h.role_name) for h in held)

    return Responsibility(
        one.activity,
        one.scope,
        parts(one.accountable),
        parts(one.responsible),
        parts(one.consulted),
        parts(one.informed),
        one.violations,
    )
