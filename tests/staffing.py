"""Ledgers whose first people hold every role, for tests of what comes once somebody is entitled.

How people come to hold roles is tested elsewhere, by the orders that it takes; here it is recorded as part of
the genesis, which no user can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.compose import NewLedger, open_house
from api.compose import init as plain_init
from api.settings import Settings
from domain.rosters import ROLES
from ledger.clock import Clock
from ledger.entry import Draft
from ledger.establish import granted
from ledger.genesis import FIRST_PERSON, OPERATOR, genesis_draft
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import View


def init(
    settings: Settings, *, origin: str | None, administrator: str, clock: Clock | None = None
) -> NewLedger:
    """As `api.compose.init`; then the first person and the operator hold every role."""
    made = plain_init(settings, origin=origin, administrator=administrator, clock=clock)
    house = open_house(settings, clock=clock)
    try:
        give_every_role(house.ledger, FIRST_PERSON, OPERATOR)
    finally:
        house.close()
    return made


def give_every_role(ledger: Ledger, *holders: str) -> None:
    recorded(ledger.writer.submit([_Staffing(holders)])[0])


@dataclass(slots=True)
class _Staffing(Unordered):
    holders: Sequence[str]

    def settle(self, view: View) -> Sequence[Draft]:
        return [
            genesis_draft(view, subject, event)
            for role in view.roster(ROLES).members
            for name in [str(view.load(role).state["name"])]
            for holder in self.holders
            for subject, event in granted(view, role, name, holder)
        ]
