"""Somebody who holds a role, and somebody they delegated it to: for tests of every way in."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from domain.grant_commands import DelegateRole, EndDelegation
from domain.moments import later
from domain.principal import RegisterPrincipal
from domain.rosters import grants_held_by
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.ledger import Ledger


class Delegated(NamedTuple):
    """`holder` holds every role, `delegate` none: nothing but what `grant` delegates to them."""

    holder: str
    delegate: str
    grant: str
    delegation: str

    def end(self, ledger: Ledger) -> None:
        ended = EndDelegation(delegation=self.delegation, reason="Back")
        ledger.execute(Order(ended, Actor(self.holder), self.grant))


def delegated(
    ledger: Ledger, role: str = "dispatcher", *, delegate: str | None = None
) -> Delegated:
    """The first person delegates the role to `delegate`, by default to somebody new, for a day."""
    if delegate is None:
        new = RegisterPrincipal(kind="person", name="Dan Delegate")
        delegate = ledger.execute(Order(new, Actor(FIRST_PERSON))).receipts[-1].subject
    grant = next(
        grant
        for grant in ledger.roster(grants_held_by(FIRST_PERSON)).members
        if ledger.subject(grant).state["role_name"] == role
    )
    until = later(ledger.now(), timedelta(days=1))
    order = Order(DelegateRole(to=delegate, until=until, reason="Away"), Actor(FIRST_PERSON), grant)
    done = ledger.execute(order).receipts[-1]
    (delegation,) = ledger.entry(done.position).data["delegations"]
    return Delegated(FIRST_PERSON, delegate, grant, delegation)
