"""The quarter: who calls when, and whose turn it is."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from api.examining import Examiner
from api.simulator.authority_cases import AuthorityCases
from api.simulator.cases import Cases
from api.simulator.change_cases import ChangeCases
from api.simulator.changes import change
from api.simulator.clock import SimulatedClock, next_opening, working_time_after
from api.simulator.desk import Desk
from api.simulator.exception_cases import ExceptionCases
from api.simulator.finding_cases import FindingCases
from api.simulator.problems import problem
from api.simulator.staffing import let_in
from api.simulator.telling import Case
from api.simulator.tickets import Life, alert, incident, request
from ledger.ledger import Ledger

QUARTER = timedelta(days=91)
WORKING_MINUTES = 600
INCIDENTS_PER_DAY = 22
REQUESTS_PER_DAY = 11
PROBLEMS_PER_DAY = 0.5
CHANGES_PER_DAY = 1.5
ALERTS_PER_DAY = 2
SETTLING_IN = timedelta(minutes=30)
"""At the start the telling cases come first, so that their numbers are the same every time."""
FIRST_CHANGES = timedelta(minutes=3 * WORKING_MINUTES)
"""Working time until changes come that tell nothing: some of those that do are drafted on the third day."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Quarter:
    """What was simulated. `entries`: the size of the log afterwards. `people`: name → principal."""

    entries: int
    refused: int
    cases: dict[str, Case]
    people: dict[str, str]


@dataclass(slots=True)
class _Agenda:
    """Lives by the moment of their next step; those of one moment in the order they were entered."""

    due: list[tuple[datetime, int, Life]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def enter(self, moment: datetime, life: Life) -> None:
        heapq.heappush(self.due, (moment, next(self.numbers), life))

    def run(self, desk: Desk, end: datetime, passed: Callable[[], None]) -> None:
        """Until the end; what is due later stays open, as in life."""
        while self.due and self.due[0][0] <= end:
            moment, _, life = heapq.heappop(self.due)
            desk.give_due(moment)
            desk.clock.move_to(moment)
            following = next(life, None)
            desk.examine()
            if following is not None:
                self.enter(following, life)
            passed()


def simulate(
    ledger: Ledger,
    examiner: Examiner,
    clock: SimulatedClock,
    *,
    seed: int,
    span: timedelta = QUARTER,
    progress: Progress | None = None,
) -> Quarter:
    """Live through `span` from the clock's now on, into a ledger that was opened with this clock.

    `progress` is told the days that have passed and how many there are.
    """
    start, desk = clock.now(), Desk(ledger, examiner, clock, random.Random(seed))  # noqa: S311 - a story, not a secret
    end = start + span
    let_in(desk)
    desk.examine()
    agenda, told = _Agenda(), dict[str, Case]()
    opening = next_opening(start)
    for minute, life in enumerate(_telling(desk, told)):
        agenda.enter(opening + timedelta(minutes=minute), life)
    for arrivals in _arrivals(desk, agenda):
        agenda.enter(opening + SETTLING_IN, arrivals)
    changes = _callers(desk, agenda, lambda: change(desk), CHANGES_PER_DAY)
    agenda.enter(working_time_after(opening, FIRST_CHANGES), changes)

    def passed() -> None:
        if progress is not None:
            progress((clock.now() - start).days, span.days)

    agenda.run(desk, end, passed)
    desk.give_due(end)
    desk.examine()
    clock.move_to(end)
    return Quarter(ledger.head().size, desk.refused, told, desk.people)


def _telling(desk: Desk, told: dict[str, Case]) -> Iterator[Life]:
    """The lives that tell something, in the order in which they begin."""
    for cases in (Cases, ChangeCases, ExceptionCases, AuthorityCases, FindingCases):
        yield from cases(desk, told).lives()


def _arrivals(desk: Desk, agenda: _Agenda) -> Iterator[Life]:
    """One endless life for each kind of caller."""
    numbers = count(1)
    yield _callers(desk, agenda, lambda: incident(desk), INCIDENTS_PER_DAY)
    yield _callers(desk, agenda, lambda: request(desk), REQUESTS_PER_DAY)
    yield _callers(desk, agenda, lambda: problem(desk), PROBLEMS_PER_DAY)
    yield _around_the_clock(desk, agenda, lambda: alert(desk, f"MON-{next(numbers):06d}"))


def _callers(desk: Desk, agenda: _Agenda, begin: Callable[[], Life], per_day: float) -> Life:
    mean_minutes = WORKING_MINUTES / per_day
    while True:
        gap = desk.chance.expovariate(1 / mean_minutes)
        yield desk.after(gap, gap)
        agenda.enter(desk.clock.now(), begin())


def _around_the_clock(desk: Desk, agenda: _Agenda, begin: Callable[[], Life]) -> Life:
    mean_minutes = 24 * 60 / ALERTS_PER_DAY
    while True:
        gap = desk.chance.expovariate(1 / mean_minutes)
        yield desk.soon(gap, gap)
        agenda.enter(desk.clock.now(), begin())
