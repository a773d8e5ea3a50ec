"""RACI: who is accountable and responsible for what, as roles say it and grants give it.

A role lists its activities with its involvement in each; whoever holds the role has that part, on the services of
the grant or everywhere. So responsibility is assigned and ended with the grant, and nothing can say otherwise.
Exactly one human is accountable and at least one responsible, for each activity and scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from domain.event import State
from domain.role import Involvement
from domain.sets import members

EVERYWHERE: Final = "*"
"""The scope of what is not about one service: who holds a role on all of them."""

Violation = Literal["nobody-accountable", "several-accountable", "nobody-responsible"]
Activities = Mapping[str, Mapping[str, Involvement]]
"""Role → its activities, with its involvement in each."""


class Holding(NamedTuple):
    """A grant that counts. `human`: the first principal of the holder's human. `services` None: everywhere."""

    human: str
    holder: str
    grant: str
    role: str
    role_name: str
    services: frozenset[str] | None

    def reaches(self, scope: str) -> bool:
        return self.services is None or scope in self.services


class Assignment(NamedTuple):
    """Who has which part in an activity on a service, or everywhere. `violations`: what is wrong with that."""

    activity: str
    scope: str
    accountable: tuple[Holding, ...]
    responsible: tuple[Holding, ...]
    consulted: tuple[Holding, ...]
    informed: tuple[Holding, ...]

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Accounts of one human count once, and so do several grants that make them accountable."""
        found: list[Violation] = []
        people = {one.human for one in self.accountable}
        if not people:
            found.append("nobody-accountable")
        if len(people) > 1:
            found.append("several-accountable")
        if not self.responsible:
            found.append("nobody-responsible")
        return tuple(found)


def holding(grant: str, state: State, human: str) -> Holding:
    """Of the state of a grant that counts."""
    services = state.get("services")
    return Holding(
        human,
        state["holder"],
        grant,
        state["role"],
        state["role_name"],
        None if services is None else members(services),
    )


def assignments(
    activities: Activities, holdings: Iterable[Holding], scope: str | None = None
) -> list[Assignment]:
    """One for each activity and scope, sorted; of one scope, for each activity there.

    Without `scope`: an activity's scopes are the services that grants of its roles name, and everywhere, if one
    of those grants is for everything or there is none at all.
    """
    by_role: dict[str, list[Holding]] = {}
    for one in holdings:
        by_role.setdefault(one.role, []).append(one)
    found = []
    for activity, involved in sorted(_by_activity(activities).items()):
        held = [(part, one) for role, part in involved for one in by_role.get(role, ())]
        scopes = _scopes(one for _, one in held) if scope is None else [scope]
        found += [_assignment(activity, each, held) for each in scopes]
    return found


def gaps(activities: Activities, holdings: Iterable[Holding]) -> list[Assignment]:
    """Those in which nobody or more than one is accountable, or nobody responsible."""
    return [one for one in assignments(activities, holdings) if one.violations]


def _by_activity(activities: Activities) -> dict[str, list[tuple[str, Involvement]]]:
    found: dict[str, list[tuple[str, Involvement]]] = {}
    for role, parts in activities.items():
        for activity, part in parts.items():
            found.setdefault(activity, []).append((role, part))
    return found


def _scopes(held: Iterator[Holding]) -> list[str]:
    grants = list(held)
    named = {service for one in grants for service in one.services or ()}
    is_everywhere = not named or any(one.services is None for one in grants)
    return [*([EVERYWHERE] if is_everywhere else []), *sorted(named)]


def _assignment(
    activity: str, scope: str, held: Sequence[tuple[Involvement, Holding]]
) -> Assignment:
    def having(part: Involvement) -> tuple[Holding, ...]:
        found = (one for has, one in held if has == part and one.reaches(scope))
        return tuple(sorted(found, key=lambda one: (one.holder, one.grant)))

    return Assignment(activity, scope, having("A"), having("R"), having("C"), having("I"))
