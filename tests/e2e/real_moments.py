"""What the ServiceNow log's file says of every incident at a moment, by a second reading.

The order rule: rows of an incident count in the order of their times, and those of the same minute in the file's
order. What a row says is compared with the row before it *in the file*, as the importer does; so where a clock ran
backwards, a column counts from the row that changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.e2e.real_logs import Expected, Row, incident_states

TIME = "%d/%m/%Y %H:%M"


def time_of(row: Row) -> datetime:
    return datetime.strptime(row["sys_updated_at"], TIME).replace(tzinfo=UTC)


def spread(rows: Mapping[str, Sequence[Row]], count: int) -> list[datetime]:
    """So many moments from before the first row to behind the last."""
    times = [time_of(row) for its in rows.values() for row in its]
    first, last = min(times), max(times)
    step = (last - first) / (count - 3)
    return [first + step * at for at in range(-1, count - 2)] + [last + timedelta(days=1)]


class Said:
    """One incident's rows, in the order in which they count."""

    def __init__(self, rows: list[Row]) -> None:
        told = list(zip(map(time_of, rows), incident_states(rows), strict=True))
        self.runs_backwards = any(one[0] > other[0] for one, other in pairwise(told))
        # Sorting keeps the order of the file where times are the same.
        self._steps = sorted(self._changes(told), key=lambda step: step[0])
        self._next = 0
        self._state: Expected = {}

    @staticmethod
    def _changes(told: list[tuple[datetime, Expected]]) -> list[tuple[datetime, Expected]]:
        before: Expected = {}
        changes = []
        for time, state in told:
            changed = {name: value for name, value in state.items() if before.get(name) != value}
            changes.append((time, changed if before else state))
            before = state
        return changes

    def at(self, moment: datetime) -> Expected | None:
        """None: nothing is said yet. Moments are asked for in their order."""
        while self._next < len(self._steps) and self._steps[self._next][0] <= moment:
            self._state = {**self._state, **self._steps[self._next][1]}
            self._next += 1
        return self._state or None
