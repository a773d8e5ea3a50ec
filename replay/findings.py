"""The findings as they stood at a moment, told from the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.event import State
from ledger.ledger import Ledger
from ledger.past import Extent, entries_of_family, facts_of
from replay.as_of import counted_at, state_of
from replay.moment import Basis, Located, Moment, locate


@dataclass(frozen=True, slots=True)
class Findings:
    """Subject → state, of those that were raised by then. The rest as in `replay.as_of.AsOf`."""

    basis: Basis
    at: str | None
    known_at: str | None
    position: int
    found: dict[str, State]


def findings_at(ledger: Ledger, moment: Moment) -> Findings:
    """Raises MomentRefused, BeyondHead, Malformed for a time without zone, CorruptEntry."""
    head = ledger.head()
    located = locate(moment, ledger.database, Extent(head.size, head.recordedtime), ledger.now())
    return Findings(
        located.basis,
        located.at,
        located.known_at,
        located.position,
        dict(_states(ledger, located)),
    )


def _states(ledger: Ledger, located: Located) -> Iterator[tuple[str, State]]:
    rows: dict[str, list[tuple[int, bytes]]] = {}
    for one in entries_of_family(ledger.database, "finding", located.position):
        rows.setdefault(one.subject, []).append((one.position, one.raw))
    until = located.at if located.basis == "effect" else None
    for subject, of_it in rows.items():
        state = state_of(counted_at(located, facts_of(of_it, until)))
        if state:
            yield subject, state
