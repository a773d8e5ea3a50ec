"""Who may read what: asked of the policy in force, as the log tells it at one moment."""

from __future__ import annotations

from domain.by_policy import may_read
from domain.command import Case
from domain.families import FAMILIES
from domain.policy_schema import READ, READ_PERSONAL, action_of
from ledger.case import Rosters, States
from ledger.database import Transaction
from ledger.govern import Actor
from ledger.ids import new_uuid7
from ledger.ledger import Ledger
from ledger.rosters import Roster, load_roster
from ledger.states import Loaded, load


class Readable:
    """What an actor may read, as of the moment that it is first asked; hand out a new one to ask anew."""

    def __init__(self, ledger: Ledger, actor: Actor) -> None:
        self._ledger, self._actor = ledger, actor
        self._families: dict[str, frozenset[str]] = {}

    def families(self, action: str = READ) -> frozenset[str]:
        """The families whose subjects (`READ`), or whose personal values (`READ_PERSONAL`), may be read."""
        if not self._families:
            self._families = self._asked()
        return self._families[action]

    def _asked(self) -> dict[str, frozenset[str]]:
        with self._ledger.database.reading() as transaction:
            looks = _InTransaction(transaction)
            states, rosters = States(looks), Rosters(looks)
            now = self._ledger.now()
            return {
                action: frozenset(
                    family
                    for family in FAMILIES
                    if may_read(
                        Case(
                            f"{family}/*",
                            {},
                            states,
                            self._actor.principal,
                            now,
                            new_uuid7,
                            rosters,
                            on_behalf_of=self._actor.on_behalf_of,
                        ),
                        action_of(family, action),
                    ).permit
                )
                for action in (READ, READ_PERSONAL)
            }


class _InTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def load(self, subject: str) -> Loaded:
        return load(self._transaction, subject)

    def roster(self, name: str) -> Roster:
        return load_roster(self._transaction, name)
