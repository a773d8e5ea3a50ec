"""What is owed as of a moment, as both ways in answer it: the right it takes, and the moment told in positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.identity import Identity
from api.readings import note
from domain.families import FAMILIES
from domain.obligations import FAMILY_OF, Kind
from ledger.ledger import Ledger
from ledger.past import Extent
from projections.owed import AsOf, OwedFilter, what_is_owed
from projections.views import Views
from replay.moment import Located, Moment, locate


@dataclass(frozen=True, slots=True)
class Owing:
    """Asked by `identity`, of the read models."""

    ledger: Ledger
    views: Views
    identity: Identity

    def owed(
        self, moment: Moment, wanted: OwedFilter, *, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page of it, with basis, moment and position. `moment` is what due dates were compared with.

        Raises ScopeMissing or MayNot for who may not read the families that owe what is asked for, what `locate`
        raises, Malformed for a limit, cursor, kind or state that is none, and ViewNotReady.
        """
        self._require_right(wanted.kinds)
        head, now = self.ledger.head(), self.ledger.now()
        located = locate(moment, self.ledger.database, Extent(head.size, head.recordedtime), now)
        compared = located.at or now
        if moment.position is not None:
            compared = self.ledger.entry(moment.position).recordedtime
        happened_by = compared if located.basis == "effect" else None
        as_of = AsOf(located.position, compared, happened_by)
        found = what_is_owed(self.views, as_of, wanted, limit=limit, cursor=cursor)
        if moment != Moment():
            note(self.ledger, self.identity, "past-state", entries=len(found.rows))
        return {
            "basis": located.basis,
            "at": located.at,
            "known_at": self._known_at(located, found.position),
            "moment": compared,
            "position": found.position,
            "items": [{str(name): value for name, value in row.items()} for row in found.rows],
            "next": found.next_cursor,
        }

    def _require_right(self, kinds: Sequence[Kind]) -> None:
        families = {FAMILY_OF[kind] for kind in kinds if kind in FAMILY_OF} or set(
            FAMILY_OF.values()
        )
        for family in sorted(families & FAMILIES.keys()):
            self.identity.require(family, "read")

    def _known_at(self, located: Located, position: int) -> str | None:
        """Read models may not have come to the head yet: then they know what was known a moment earlier."""
        if position == located.position or located.known_at is None:
            return located.known_at
        return self.ledger.entry(position).recordedtime if position else None
