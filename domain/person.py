"""Which principals are one human: an account, an administrator's account and an API account of one person.

A principal's `person` names the first principal of its human; the first one names nobody (`IdentifyPrincipal`
keeps chains out), so that one look in each direction finds all of them.
"""

from __future__ import annotations

from domain.command import Case
from domain.rosters import same_person_as


def human_of(case: Case, principal: str) -> str:
    """The first principal of the human that `principal` belongs to: itself, unless it names another."""
    return str(case.states.get(principal, {}).get("person") or principal)


def principals_of(case: Case, principal: str) -> frozenset[str]:
    """All principals of that human, `principal` among them."""
    first = human_of(case, principal)
    return frozenset((first, *case.rosters.get(same_person_as(first), ())))
