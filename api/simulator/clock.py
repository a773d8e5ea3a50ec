"""A quarter in seconds: a clock that goes where it is told, and the hours in which people work."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

OPENS = time(8)
CLOSES = time(18)
DAY = timedelta(days=1)
SATURDAY = 5


class SimulatedClock:
    """`ledger.clock.Clock`: wall and monotonic time move together, so that nothing looks like a jump."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic_seconds(self) -> float:
        return (self._now - self._start).total_seconds()

    def move_to(self, moment: datetime) -> None:
        """Never backwards: what is due in the past happens now."""
        self._now = max(self._now, moment)


def is_open(moment: datetime) -> bool:
    return moment.weekday() < SATURDAY and OPENS <= moment.time() < CLOSES


def next_opening(moment: datetime) -> datetime:
    """The moment itself if somebody is there, else when the next working day begins."""
    while not is_open(moment):
        early = moment.weekday() < SATURDAY and moment.time() < OPENS
        day = moment.date() if early else moment.date() + DAY
        moment = datetime.combine(day, OPENS, UTC)
    return moment


def working_time_after(moment: datetime, span: timedelta) -> datetime:
    """`span` of open hours after the moment."""
    moment = next_opening(moment)
    while span > (left := datetime.combine(moment.date(), CLOSES, UTC) - moment):
        span -= left
        moment = next_opening(datetime.combine(moment.date(), CLOSES, UTC))
    return moment + span
