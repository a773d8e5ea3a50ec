"""Who is the same human: principals that are linked to one person count once."""

from __future__ import annotations

from collections.abc import Iterable

from domain.command import Case


def human_of(principal: str, case: Case) -> str:
    """The person that the principal belongs to; of one that is linked to nobody, the principal itself."""
    return str(case.states.get(principal, {}).get("person") or principal)


def humans(principals: Iterable[str], case: Case) -> frozenset[str]:
    return frozenset(human_of(principal, case) for principal in principals)


def acting(case: Case) -> dict[str, str]:
    """Who acts, and for whom: as records in a state say it."""
    return {"by": case.actor, **({"on_behalf_of": case.on_behalf_of} if case.on_behalf_of else {})}


def acted_for(case: Case, member: str) -> dict[str, str]:
    """Under a delegation the member that says for whom: their human had the part together with the delegate."""
    return {member: case.on_behalf_of} if case.on_behalf_of else {}


def all_acting(case: Case) -> dict[str, bool]:
    """The same as a set: a delegate and the one who delegated both played the part."""
    return dict.fromkeys(acting(case).values(), True)
