"""Time in state: how long cases stood in each status."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from ledger.ledger import Ledger
from replay.process.activities import visits
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.steps import microseconds

DEFINITION: Final = (
    "A visit lasts from the moment a case entered a status until the moment it left it; what was left the moment it was "
    "entered is none. `open`: visits that had not ended at `until`, counted apart."
)


def times_in_status(ledger: Ledger, asked: Question) -> Answer:
    """None of a family whose subjects have no status. Raises what `Cases` raises."""
    cases = Cases(ledger, asked)
    until = microseconds(cases.until, cases.located.position)
    ended: dict[str, Durations] = defaultdict(Durations)
    running: dict[str, Durations] = defaultdict(Durations)
    within: dict[str, int] = defaultdict(int)
    for case in cases:
        seen = set()
        for visit in visits(case):
            seen.add(visit.name)
            if visit.end is None:
                running[visit.name].add(visit.start, until)
            else:
                ended[visit.name].add(visit.start, visit.end)
        for status in seen:
            within[status] += 1
    items = [
        {
            "status": status,
            "cases": within[status],
            "visits": len(ended[status]),
            **ended[status].told(),
            "open": {"visits": len(running[status]), **running[status].told()},
        }
        for status in sorted(within, key=lambda name: (-within[name], name))
    ]
    return {**cases.told(), "definition": DEFINITION, "items": items}
