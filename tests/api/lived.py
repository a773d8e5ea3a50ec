"""Ledgers that have lived through a simulated span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.compose import init, open_house
from api.examining import Examiner
from api.settings import Settings
from api.simulator import Quarter, SimulatedClock, simulate
from ledger.ledger import Ledger
from projections.views import Views
from projections.violations import Violations

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = timedelta(days=22)
"""Long enough for the stricter policy to be in force."""


@dataclass(frozen=True)
class Lived:
    ledger: Ledger
    quarter: Quarter


def live(
    directory: Path, *, seed: int = 7, span: timedelta = SPAN, start: datetime = MONDAY
) -> Lived:
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    clock = SimulatedClock(start)
    init(settings, origin="demo.example/x", administrator="Ada", clock=clock)
    house = open_house(settings, clock=clock)
    views = Views(settings.resolved_views_url)
    try:
        examiner = Examiner(house.ledger, Violations(views))
        return Lived(house.ledger, simulate(house.ledger, examiner, clock, seed=seed, span=span))
    finally:
        views.close()
