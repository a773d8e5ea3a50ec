"""The declared state machine of a family, as far as the views of processes ask: where work is done.

Where it leads from and to is declared by the event types of the domain, and by nothing else.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from domain.errors import Malformed
from domain.event import events_of
from domain.families import BY_PLURAL, FAMILIES
from replay.errors import NoStateMachine

_REOPENED: Final = "Reopened"
NOT_SOLVED: Final = frozenset({"cancelled", "rejected"})
"""Where work is done with, and nothing was solved."""
HOLDERS: Final[tuple[str, ...]] = ("assignment_group", "assigned_to", "owner", "source_owner")
"""Members of states that say who has a case. Persons are principals: no names."""
_COLUMN: Final = re.compile(r"source\.(.{1,100})", re.DOTALL)


def family_named(name: str) -> str:
    """By name or plural. Raises Malformed."""
    if name in BY_PLURAL:
        return BY_PLURAL[name].name
    if name not in FAMILIES:
        raise Malformed(
            f"expected one of the families {', '.join(FAMILIES)}, got {name!r}", family=name
        )
    return name


@cache
def statuses_of(family: str) -> frozenset[str]:
    """That its machine declares; empty for a family without one."""
    return frozenset(event.to_status for event in events_of(family) if event.to_status is not None)


@cache
def done_statuses(family: str) -> frozenset[str]:
    """Where nothing is to be done any more: no way leads out, or none but reopening and what ends it for good.

    Of an incident resolved, closed and cancelled; of a problem resolved, closed and rejected. Empty where a way leads
    from anywhere, as of deployments.
    """
    moving = [event for event in events_of(family) if event.to_status is not None]
    if any(event.from_statuses is None for event in moving):
        return frozenset()
    left = {status for event in moving for status in event.from_statuses or ()}
    reopening = [event for event in moving if event.__name__.endswith(_REOPENED)]
    reopened = {status for event in reopening for status in event.from_statuses or ()}
    return (statuses_of(family) - left) | reopened


@cache
def has_machine(family: str) -> bool:
    """Does any event lead from one status to another? Deployments and other facts are observed only."""
    return any(event.from_statuses and event.to_status for event in events_of(family))


def require_machine(family: str) -> None:
    """Raises NoStateMachine."""
    if not has_machine(family):
        declared = ", ".join(name for name in FAMILIES if has_machine(name))
        raise NoStateMachine(
            f"no state machine is declared for {family}; there is one for {declared}",
            family=family,
        )


def holder_path(family: str, member: str) -> tuple[str, ...]:
    """Where states of the family say who has a case. Raises Malformed for what is no such member of them.

    A column that its source kept (`source.organization`) never names a person: the importer refuses that.
    """
    stated = {name for event in events_of(family) for name in event.model_fields}
    column = _COLUMN.fullmatch(member)
    if column is not None and "source" in stated:
        return ("source", column[1])
    if member in HOLDERS and member in stated:
        return (member,)
    possible: list[str] = [name for name in HOLDERS if name in stated]
    possible += ["source.COLUMN"] if "source" in stated else []
    raise Malformed(
        f"expected what says who has a case: {', '.join(possible) or f'{family} has none'}; got {member!r}",
        family=family,
    )
