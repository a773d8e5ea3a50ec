"""How many subjects there were of each kind, over time: counted from intervals, without making any state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
_STEPS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_INTERVALS: Final = {
    "known": ("recorded_from_us", "recorded_to_us"),
    "effect": ("effect_from_us", "effect_to_us"),
}


@dataclass(frozen=True, slots=True)
class Counting:
    """What to count: the subjects of `families` that `where` chooses, at each of `moments`, which are in order.

    `by`: `family`, or members of states, `a.b` inside an object.
    """

    moments: Sequence[str]
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
    # A row counts from the first moment that is not before its interval to the first behind it.
    found = connection.execute(
        f"""
        WITH bounds AS (SELECT unnest(?::BIGINT[]) AS bound, generate_subscripts(?::BIGINT[], 1) - 1 AS n),
        rows AS (SELECT {", ".join([*columns, start, end])} FROM held WHERE {condition} AND {start} < {end}
                 AND {start} <= ? AND {end} > ?),
        starts AS (SELECT {keys}, {start} AS bound, count(*) AS change FROM rows GROUP BY ALL),
        ends AS (SELECT {keys}, {end} AS bound, -count(*) AS change FROM rows WHERE {end} <= ? GROUP BY ALL),
        changes AS (FROM starts UNION ALL FROM ends)
        SELECT {keys}, n, sum(change)::BIGINT FROM changes ASOF JOIN bounds ON bounds.bound >= changes.bound GROUP BY ALL
        """,
        [bounds, bounds, *parameters, bounds[-1], bounds[0], bounds[-1]],
    ).fetchall()
    return _summed(found, len(asked.by), len(bounds))


def _column(name: str) -> str:
    if name == "family" or name in GROUPED:
        return f'"{name}"'
    return member_sql("state", name)


def _summed(rows: Sequence[tuple[Any, ...]], width: int, length: int) -> list[Counted]:
    changes: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        changes.setdefault(row[:width], [0] * length)[row[width]] += row[width + 1]
    series = []
    for values, steps in changes.items():
        count = 0
        running = []
        for step in steps:
            count += step
            running.append(count)
        if any(running):
            series.append(Counted(values, tuple(running)))
    return sorted(series, key=lambda one: (-sum(one.counts), [str(value) for value in one.values]))
