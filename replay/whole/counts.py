"""How many subjects there were of each kind, over time: counted from intervals, without making any state."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, Literal

import duckdb

from domain.moments import from_text, to_text
from replay.errors import MomentRefused
from replay.moment import Basis
from replay.whole.held_table import GROUPED, microseconds
from replay.whole.where import Choice, member_sql, to_sql

Every = Literal["hour", "day", "week", "month"]
MOST_MOMENTS: Final = 20_000
MOST_MEMBERS: Final = 3
_STEPS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=1),  # what the firsts of all months are whole numbers of
}
_INTERVALS: Final = {
    "known": ("recorded_from_us", "recorded_to_us"),
    "effect": ("effect_from_us", "effect_to_us"),
}


@dataclass(frozen=True, slots=True)
class Counting:
    """What to count: the subjects of `families` that `where` chooses, at each of `moments`, which are `every` so far
    apart, as `moments_between` gives them.

    `by`: `family`, or members of states, `a.b` inside an object.
    """

    moments: Sequence[str]
    every: Every
    by: Sequence[str]
    basis: Basis = "effect"
    families: Collection[str] | None = None
    where: Choice | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.by) <= MOST_MEMBERS:
            raise MomentRefused(
                f"expected 1 to {MOST_MEMBERS} members to count by, got {len(self.by)}"
            )


@dataclass(frozen=True, slots=True)
class Counted:
    """`values`: of the members counted by, None where a subject has none. `counts`: one for each moment."""

    values: tuple[Any, ...]
    counts: tuple[int, ...]


def moments_between(start: str, end: str, every: Every) -> list[str]:
    """`start`, and each that is a whole number of steps later, up to `end`; of months: the first of each, in UTC.

    Raises MomentRefused for none or too many, Malformed for a time without zone.
    """
    first, last = from_text(start).astimezone(UTC), from_text(end).astimezone(UTC)
    if last < first:
        raise MomentRefused(f"expected an end that is not before the start, got {start} to {end}")
    moments: list[datetime] = []
    moment: datetime | None = first
    while moment is not None and moment <= last:
        moments.append(moment)
        if len(moments) > MOST_MOMENTS:
            raise MomentRefused(f"expected at most {MOST_MOMENTS} moments, got more: ask for fewer")
        moment = _following(moment, every)
    return [to_text(each) for each in moments]


def _following(moment: datetime, every: Every) -> datetime | None:
    """None: the calendar ends before that."""
    try:
        if every != "month":
            return moment + _STEPS[every]
        first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return (first + timedelta(days=32)).replace(day=1)
    except OverflowError:
        return None


def counts(connection: duckdb.DuckDBPyConnection, asked: Counting) -> list[Counted]:
    """Of the rows of `held`: how many subjects there were at each moment with each value of `by`.

    The most frequent come first. Raises WhereRefused.
    """
    bounds = [microseconds(moment) for moment in asked.moments]
    condition = "true"
    parameters: list[Any] = []
    if asked.families is not None:
        condition += " AND family IN (SELECT unnest(?))"
        parameters.append(list(asked.families))
    if asked.where is not None:
        chosen, values = to_sql(asked.where, "state")
        condition += f" AND {chosen}"
        parameters += values
    start, end = _INTERVALS[asked.basis]
    columns = [f"{_column(name)} AS by_{at}" for at, name in enumerate(asked.by)]
    keys = ", ".join(f"by_{at}" for at in range(len(asked.by)))
    # A row counts from the first moment that is not before its interval to the first behind it. Which that is,
    # is arithmetic: looking it up among the moments takes ten times as long.
    found = connection.execute(
        f"""
        WITH rows AS (SELECT {", ".join([*columns, start, end])} FROM held WHERE {condition} AND {start} < {end}
                      AND {start} <= ? AND {end} > ?),
        changes AS (
          SELECT {keys}, {_ROUNDED_UP.format(bound=start)} AS bound, count(*) AS change FROM rows GROUP BY ALL
          UNION ALL
          SELECT {keys}, {_ROUNDED_UP.format(bound=end)} AS bound, -count(*) AS change FROM rows WHERE {end} <= ?
          GROUP BY ALL)
        SELECT {keys}, bound, sum(change)::BIGINT FROM changes GROUP BY ALL
        """,
        [
            *parameters,
            bounds[-1],
            bounds[0],
            *_grid(asked, bounds),
            *_grid(asked, bounds),
            bounds[-1],
        ],
    ).fetchall()
    return _summed(found, len(asked.by), bounds)


_ROUNDED_UP: Final = "CASE WHEN {bound} <= ? THEN ? ELSE ? + (({bound} - ? + ? - 1) // ?) * ? END"


def _grid(asked: Counting, bounds: Sequence[int]) -> list[int]:
    """What rounds a time up to the next moment: the first moment, and an origin and a step that all others lie on."""
    step = _STEPS[asked.every] // timedelta(microseconds=1)
    origin = bounds[0] if asked.every != "month" else bounds[0] // step * step
    return [bounds[0], bounds[0], origin, origin, step, step, step]


def _column(name: str) -> str:
    if name == "family" or name in GROUPED:
        return f'"{name}"'
    return member_sql("state", name)


def _summed(rows: Sequence[tuple[Any, ...]], width: int, bounds: Sequence[int]) -> list[Counted]:
    changes: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        steps = changes.setdefault(row[:width], [0] * len(bounds))
        steps[bisect_left(bounds, row[width])] += row[width + 1]
    series = []
    for values, steps in changes.items():
        running = tuple(accumulate(steps))
        if any(running):
            series.append(Counted(values, running))
    return sorted(series, key=lambda one: (-sum(one.counts), [str(value) for value in one.values]))
