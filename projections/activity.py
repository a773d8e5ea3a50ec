"""Activity by actor: who did how much of what on which day.

The actor is the event's `authid`, a principal's id; the day is that of `time`, in UTC: when it happened,
not when it was recorded. Names stand nowhere here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Index, MetaData, Table, func, select

from ledger.entry import Entry
from projections.bulk import upsert
from projections.projection import Answer, BinaryText, Integer64, Projection, Tables
from projections.views import Views

DAY_LENGTH = len("2026-03-02")


class ActivityByActor(Projection):
    """One row for each actor, day, family and event type: how many, and the positions of the first and last."""

    name = "activity"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        table = Table(
            prefix,
            metadata,
            *(
                Column(name, BinaryText, primary_key=True)
                for name in ("actor", "day", "family", "type")
            ),
            *(
                Column(name, Integer64, nullable=False)
                for name in ("count", "first_position", "last_position")
            ),
        )
        Index(f"{prefix}_day", table.c.day)
        return {"activity": table}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        counted: dict[tuple[str, str, str, str], list[int]] = {}
        for entry in batch:
            told, position = entry.attributes, entry.position
            family = told["subject"].partition("/")[0]
            key = (told["authid"], told["time"][:DAY_LENGTH], family, told["type"])
            seen = counted.setdefault(key, [0, position, position])
            seen[0] += 1
            seen[2] = position
        rows = [(*key, *seen) for key, seen in counted.items()]
        upsert(connection, tables["activity"], rows, add=("count",), keep=("first_position",))


_ACTIVITY = ActivityByActor()


def activity_of(
    views: Views, actor: str, *, since: str | None = None, until: str | None = None
) -> Answer:
    """Rows by day, family and type. `since`, `until`: days in UTC such as `2026-03-02`, both included."""
    with views.reading(_ACTIVITY) as reading:
        table = reading.tables["activity"]
        statement = (
            select(table)
            .where(table.c.actor == actor, *_between(table, since, until))
            .order_by(table.c.day, table.c.family, table.c.type)
        )
        rows = [dict(row) for row in reading.connection.execute(statement).mappings()]
    return Answer(reading.position, rows)


def top_actors(
    views: Views,
    *,
    since: str | None = None,
    until: str | None = None,
    family: str | None = None,
    limit: int = 20,
) -> Answer:
    """Who did most: rows of actor, count, days on which they acted, and last position; the busiest first."""
    with views.reading(_ACTIVITY) as reading:
        table = reading.tables["activity"]
        count = func.sum(table.c.count).label("count")
        statement = (
            select(
                table.c.actor,
                count,
                func.count(table.c.day.distinct()).label("days"),
                func.max(table.c.last_position).label("last_position"),
            )
            .where(*_between(table, since, until))
            .group_by(table.c.actor)
            .order_by(count.desc(), table.c.actor)
            .limit(limit)
        )
        if family is not None:
            statement = statement.where(table.c.family == family)
        found = reading.connection.execute(statement).mappings()
        # PostgreSQL sums to a decimal.
        rows = [{**row, "count": int(row["count"])} for row in found]
    return Answer(reading.position, rows)


def _between(table: Table, since: str | None, until: str | None) -> list[ColumnElement[Any]]:
    conditions: list[ColumnElement[Any]] = []
    if since is not None:
        conditions.append(table.c.day >= since)
    if until is not None:
        conditions.append(table.c.day <= until)
    return conditions
