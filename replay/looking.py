"""Subjects as they stood at one moment: what somebody's authority then is told from.

A grant counts by the times it names, whether or not a timer has run; a deactivated holder stops it at once.
"""

from __future__ import annotations

from domain.authority import is_in_force
from domain.event import State
from ledger.ledger import Ledger
from ledger.past import Extent, entries_of, facts_of
from replay.as_of import counted_at, state_of
from replay.moment import Moment, locate

Rows = list[tuple[int, bytes]]
"""(position, bytes) of a subject's entries, in order."""


class Looking:
    """At one moment. `compared`: the time that the times of grants are compared with."""

    def __init__(self, ledger: Ledger, moment: Moment, extent: Extent) -> None:
        """Raises MomentRefused, Malformed, BeyondHead."""
        now = ledger.now()
        self.ledger = ledger
        self.located = locate(moment, ledger.database, extent, now)
        self.compared = self.located.at or now
        if moment.position is not None:
            self.compared = ledger.entry(moment.position).recordedtime
        self._principals: dict[str, State] = {}

    def folded(self, rows: Rows) -> tuple[State, tuple[int, ...]]:
        """The subject of these rows at the moment, and the positions of what counts; `{}`: not there yet."""
        located = self.located
        until = located.at if located.basis == "effect" else None
        by_then = [row for row in rows if row[0] <= located.position]
        reading = counted_at(located, facts_of(by_then, until))
        if reading.counted is None:
            positions = [fact.position for fact in reading.facts]
        else:
            positions = [one.said_by for one in reading.counted]
        return state_of(reading), tuple(sorted(positions))

    def principal(self, principal: str) -> State:
        if principal not in self._principals:
            rows = [row[:2] for row in entries_of(self.ledger.database, principal)]
            self._principals[principal] = self.folded(rows)[0]
        return self._principals[principal]

    def is_registered(self, principal: str) -> bool:
        return bool(self.principal(principal).get("status") == "registered")

    def human_of(self, principal: str) -> str:
        """The first principal of the human that it belongs to."""
        return str(self.principal(principal).get("person") or principal)

    def counts(self, grant: State) -> bool:
        """Does the grant in this state give its holder the role? That the role is in use is asked elsewhere."""
        return is_in_force(grant, self.compared) and self.is_registered(grant["holder"])
