"""Roles by their names: people know `change-authority`, the ledger `role/ROL0000019`."""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import UnknownSubject
from domain.event import State
from domain.rosters import ROLES
from ledger.ledger import Ledger


def roles_in_use(ledger: Ledger) -> Iterator[tuple[str, State]]:
    """Each role that can be granted, in the order in which they were defined."""
    for role in ledger.roster(ROLES).members:
        yield role, ledger.subject(role).state


def role_named(ledger: Ledger, name: str) -> str:
    """Raises UnknownSubject, naming those that there are."""
    names = {str(state["name"]): role for role, state in roles_in_use(ledger)}
    if name not in names:
        told = f"no role is called {name!r}; there are {', '.join(sorted(names))}"
        raise UnknownSubject(told, role=name)
    return names[name]
