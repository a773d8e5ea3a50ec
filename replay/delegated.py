"""What was done on somebody's behalf in a stretch of the log, with the grant and the delegation that let it happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.ledger import Ledger
from ledger.past import envelope_of
from replay.acts import Act, act_of
from replay.before import Before

MOST_ACTS: Final = 10_000
_ATTRIBUTE: Final = b'"onbehalfof":'


@dataclass(frozen=True, slots=True)
class DelegatedActs:
    """Between the positions `start` and `end`, both included. `truncated`: there are more behind the last."""

    start: int
    end: int
    acts: tuple[Act, ...]
    truncated: bool


def delegated_acts(ledger: Ledger, start: int, end: int, limit: int = MOST_ACTS) -> DelegatedActs:
    """In the order of the log. The log is read through, as any entry may be one. Raises CorruptEntry."""
    before = Before(ledger.database, ledger.head().size)
    acts: list[Act] = []
    with ledger.database.reading() as transaction:
        rows = transaction.stream(
            "SELECT position, entry FROM events WHERE position >= ? AND position <= ? ORDER BY position",
            (start, end),
        )
        # Few entries have the attribute, and finding its name takes a tenth of reading an entry.
        found = [row[:2] for row in rows if _ATTRIBUTE in row[1]]
    for position, raw in found:
        said = envelope_of(position, raw)
        if said.onbehalfof is None:
            continue  # the name stood somewhere inside its data
        if len(acts) == limit:
            return DelegatedActs(start, end, tuple(acts), truncated=True)
        step = next(one for one in before.steps(said.subject) if one.position == position)
        acts.append(act_of(before, step))
    return DelegatedActs(start, end, tuple(acts), truncated=False)
