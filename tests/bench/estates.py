"""The time machine: a million events over a hundred thousand tickets, as of a moment, over time, and as an archive."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from domain.event import event_class
from domain.moments import to_text
from ledger.ledger import Ledger
from tests.bench.desks import Told, facts

START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
LONGEST_GAP_SECONDS = 4 * 86_400
GROUPS = 70
_LIFE: Final[tuple[tuple[str, Mapping[str, str | int]], ...]] = (
    ("reported", {"category": "Category 7", "impact": 2, "urgency": 2, "contact_type": "phone"}),
    ("assigned", {"reassignment_count": 0}),
    ("work-started", {}),
    ("reassigned", {"reassignment_count": 1}),
    ("put-on-hold", {"hold_reason": "vendor"}),
    ("resumed", {}),
    ("reprioritised", {"impact": 3}),
    ("reassigned", {"reassignment_count": 2}),
    ("resolved", {"resolution_code": "restarted"}),
    ("closed", {"closure_code": "confirmed"}),
)
EVENTS_PER_TICKET = len(_LIFE)
_WITH_GROUP = frozenset({"assigned", "reassigned"})


def year(tickets: int) -> Iterator[Told]:
    """Tickets of ten events each, begun evenly over a year, in the order in which things happen; always the same."""
    chance = Random(1)
    begins = (YEAR - timedelta(days=40)) / tickets
    waiting: list[tuple[datetime, int, int]] = []
    for ticket in range(tickets):
        begun = START + begins * ticket
        while waiting and waiting[0][0] <= begun:
            yield _next(waiting, chance)
        heapq.heappush(waiting, (begun, ticket, 0))
    while waiting:
        yield _next(waiting, chance)


def _next(waiting: list[tuple[datetime, int, int]], chance: Random) -> Told:
    moment, ticket, step = heapq.heappop(waiting)
    name, stated = _LIFE[step]
    data: dict[str, str | int] = dict(stated)
    if name in _WITH_GROUP:
        data["assignment_group"] = f"Group {chance.randrange(GROUPS)}"
    if step == 0:
        data["priority"] = 1 + ticket % 5
    if step + 1 < EVENTS_PER_TICKET:
        gap = timedelta(seconds=chance.randrange(1, LONGEST_GAP_SECONDS))
        heapq.heappush(waiting, (moment + gap, ticket, step + 1))
    subject = f"incident/EXT-{ticket:07d}"
    event = event_class(f"itsm.incident.{name}.v1")
    return event, subject, data, to_text(moment), f"{ticket:07d}-{step}"


def record(ledger: Ledger, source: str, tickets: int) -> None:
    """The whole year, by a source that observes it."""
    batch: list[Told] = []
    for told in year(tickets):
        batch.append(told)
        if len(batch) == 1_000:
            ledger.observe(facts(source, batch, keyed=False))
            batch = []
    ledger.observe(facts(source, batch, keyed=False))
