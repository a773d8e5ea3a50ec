"""The time machine: a million events over a hundred thousand tickets, as of a moment, over time, and as an archive."""

from __future__ import annotations

import heapq
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

import orjson

from domain.event import Json, event_class
from domain.fold import patch_in_place
from domain.moments import to_text
from ledger.ledger import Ledger
from replay.archive.read import open_archive
from replay.archive.store import Store
from replay.archive.versions import build_versions, open_versions
from replay.archive.write import archive
from replay.as_of import subject_as_of
from replay.moment import Located, Moment
from replay.whole.counts import Counting, moments_between
from replay.whole.entries import Entries
from replay.whole.held import Base
from replay.whole.machine import TimeMachine
from replay.whole.slide import Slide
from tests.bench.desks import Told, facts, register_source
from tests.bench.houses import a_house, a_place
from tests.bench.measuring import Figure, Sides, rate, seconds
from tests.bench.stock import Desk, Ticket, stock_desk
from tests.contract.databases import fresh_database_url

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


TICKETS = 100_000
ROUNDS = 3
STOCK_TICKETS = 5_000
ONE_SUBJECT_MS = 5.0
COUNTS_SECONDS = 0.5
LATE = "2025-12-01T00:00:00.000000Z"


def estate(kind: str) -> Iterator[Figure]:
    """On SQLite: behind the archive no database is asked for more than what was appended since."""
    if kind != "sqlite":
        return
    with (
        a_place(kind) as place,
        a_house(place) as house,
        tempfile.TemporaryDirectory() as directory,
    ):
        ledger, url = house.ledger, place.settings.database_url
        record(ledger, register_source(ledger), TICKETS)
        note = house.checkpoint()
        size = ledger.head().size
        rate_of_archiving = rate(size, lambda: archive(ledger, url, note, Store(directory)))
        yield Figure("a year of tickets archived, against 150,000/s", kind, rate_of_archiving, 150_000, "entries/s", 1.0)  # fmt: skip
        found = open_archive(directory)
        folded_at = rate(size, lambda: build_versions(found))
        yield Figure("every state there was folded and written", kind, folded_at, 1, "entries/s")
        plain, base = TimeMachine(ledger, found), open_versions(found)
        yield from _as_of(kind, ledger, plain, TimeMachine(ledger, found, base))
        assert base is not None
        yield from _nearby(kind, base, plain.located(Moment())[1])
        yield from _others(kind, ledger, TimeMachine(ledger, found, base))


def _as_of(kind: str, ledger: Ledger, plain: TimeMachine, fast: TimeMachine) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        stock = stock_desk(fresh_database_url(kind, Path(directory)))
        ids = _stock_tickets(stock)
        sides = Sides().rounds(
            ROUNDS,
            partial(_states_a_second, fast),
            lambda: rate(len(ids), lambda: [stock.repository.get(one) for one in ids]),
        )
        stock.close()
    what = f"the estate of {TICKETS:,} subjects in effect at a moment"
    yield Figure(f"{what}, against stock get of each", kind, *sides.medians(), "subjects/s", 80.0)
    for engine, told, target in (
        (fast, "by intervals", 6.0),
        (plain, "by the generic fold in DuckDB", 0.8),
    ):
        sides = Sides().rounds(
            ROUNDS,
            partial(_states_a_second, engine),
            lambda: rate(TICKETS, lambda: _plain_fold(ledger, LATE)),
        )
        yield Figure(f"{what} {told}, against a plain fold with orjson", kind, *sides.medians(), "subjects/s", target)  # fmt: skip


def _states_a_second(machine: TimeMachine) -> float:
    return rate(TICKETS, lambda: machine.states(Moment(at=LATE), ["incident"]))


def _stock_tickets(stock: Desk) -> list[UUID]:
    """Of ten events each, as ours."""
    ids = []
    for first in range(0, STOCK_TICKETS, 100):
        tickets = []
        for number in range(first, first + 100):
            ticket = Ticket(number=f"T{number}", title="Mail is down", group="Group 1", priority=3)
            for step in range(EVENTS_PER_TICKET - 1):
                ticket.reassign(group=f"Group {step}", reason="Belongs to them")
            tickets.append(ticket)
        stock.save(*tickets)
        ids += [ticket.id for ticket in tickets]
    return ids


def _plain_fold(ledger: Ledger, at: str) -> Mapping[str, Json]:
    """What somebody writes who knows RFC 7396 and orjson, over the rows as they come."""
    states: dict[str, dict[str, Json]] = {}
    with ledger.database.reading() as transaction:
        for (raw,) in transaction.stream("SELECT entry FROM events ORDER BY position"):
            told = orjson.loads(raw)
            if told["time"] <= at:
                patch_in_place(states.setdefault(told["subject"], {}), told["data"])
    return states


def _nearby(kind: str, base: Base, entries: Entries) -> Iterator[Figure]:
    """A day further, and a day back, of a year that is slid along."""

    def at(day: int) -> Located:
        return Located("effect", entries.size, f"2025-11-{day:02d}T00:00:00.000000Z")

    slide = Slide(base, entries, ["incident"])
    first = statistics.median(_afresh(base, entries, at(day)) for day in range(10, 13))
    slide.to(at(15))
    further = statistics.median(seconds(partial(slide.to, at(day))) for day in range(16, 21))
    back = statistics.median(seconds(partial(slide.to, at(day))) for day in range(19, 14, -1))
    slide.close()
    yield Figure("the estate a day further, against the first answer", kind, further * 1e3, first * 1e3, "ms", 0.2, at_most=True)  # fmt: skip
    yield Figure("the estate a day back, against the first answer", kind, back * 1e3, first * 1e3, "ms")  # fmt: skip


def _afresh(base: Base, entries: Entries, moment: Located) -> float:
    slide = Slide(base, entries, ["incident"])
    taken = seconds(lambda: slide.to(moment))
    slide.close()
    return taken


def _others(kind: str, ledger: Ledger, machine: TimeMachine) -> Iterator[Figure]:
    chosen = [f"incident/EXT-{number:07d}" for number in range(0, TICKETS, TICKETS // 200)]
    one = rate(
        len(chosen), lambda: [subject_as_of(ledger, name, at=LATE) for name in chosen if name]
    )
    yield Figure(
        "one subject as of a moment in it, against 5 ms", kind, 1e3 / one, ONE_SUBJECT_MS, "ms", 1.0, at_most=True
    )  # fmt: skip
    days = moments_between("2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "day")
    asked = Counting(days, "day", ["status"], families=["incident"])
    taken = statistics.median(seconds(lambda: machine.counts(asked)) for _ in range(5))
    yield Figure(
        "counts of it by status on each day of the year, against 0.5 s", kind, taken, COUNTS_SECONDS, "s", 1.0,
        at_most=True,
    )  # fmt: skip
