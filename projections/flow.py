"""Flow of states by day: how often tickets went from which status to which, and whether the state machine
knows that way.

The day is that of `time`, in UTC; the order in which events meet a ticket is that of the log. What an
observing source reports is recorded whatever it did, so a way that is not `listed` is a conformance
deviation: counted here, refused nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    false,
    func,
    select,
)

from domain.event import event_class
from ledger.entry import Entry
from projections.bulk import among, upsert
from projections.projection import (
    Answer,
    BinaryText,
    Integer64,
    Projection,
    Tables,
    of_tickets,
)
from projections.views import Reading, Views

NO_STATUS = ""
"""Stands for "none yet" in keys, which hold no NULL: the status before a ticket's first event."""
DAY_LENGTH = len("2026-03-02")

Way: TypeAlias = tuple[str, str, str, str, str, bool]
WAY = ("day", "family", "type", "from_status", "to_status", "listed")


class FlowOfStates(Projection):
    """`flow`: one row for each day, family, event type and way between statuses. `statuses`: where each
    ticket stands now, from which the next way begins.

    Events that neither state a status nor are bound to one (comments, links) are no flow. Those that are
    bound to some but leave it (a new priority) go from a status to itself, and may deviate as well.
    """

    name = "flow"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        flow = Table(
            prefix,
            metadata,
            *(Column(name, BinaryText, primary_key=True) for name in WAY[:-1]),
            Column("listed", Boolean, nullable=False),
            Column("count", Integer64, nullable=False),
        )
        statuses = Table(
            f"{prefix}_statuses",
            metadata,
            Column("subject", BinaryText, primary_key=True),
            Column("status", BinaryText, nullable=False),
        )
        return {"flow": flow, "statuses": statuses}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        tickets = list(of_tickets(batch))
        stored = _statuses(connection, tables["statuses"], {subject for _, subject, _ in tickets})
        statuses = dict(stored)
        ways: Counter[Way] = Counter()
        for entry, subject, family in tickets:
            way = _way(entry, family, statuses.get(subject, NO_STATUS))
            if way is not None:
                ways[way] += 1
                statuses[subject] = way[4]
        moved = [
            (subject, status)
            for subject, status in statuses.items()
            if stored.get(subject) != status
        ]
        upsert(connection, tables["statuses"], moved)
        counts = [(*way, count) for way, count in ways.items()]
        upsert(connection, tables["flow"], counts, add=("count",))


def _way(entry: Entry, family: str, before: str) -> Way | None:
    told = entry.attributes
    kind = event_class(told["type"])
    data: Mapping[str, object] = told["data"]
    if "status" not in data and kind.from_statuses is None:
        return None
    after = str(data.get("status", before) or NO_STATUS)
    listed = kind.takes_place_in(before or None)
    return told["time"][:DAY_LENGTH], family, told["type"], before, after, listed


def _statuses(connection: Connection, table: Table, subjects: set[str]) -> dict[str, str]:
    rows = connection.execute(select(table).where(among(connection, table.c.subject, subjects)))
    return {row.subject: row.status for row in rows}


_FLOW = FlowOfStates()


def flow_between(
    views: Views, *, since: str | None = None, until: str | None = None, family: str | None = None
) -> Answer:
    """Rows of day, family, from_status, to_status, listed and count, by day.

    `since`, `until`: days in UTC such as `2026-03-02`, both included.
    """
    with views.reading(_FLOW) as reading:
        table = reading.tables["flow"]
        way = (table.c.day, table.c.family, table.c.from_status, table.c.to_status, table.c.listed)
        count = func.sum(table.c.count).label("count")
        statement = select(*way, count).where(*_within(table, since, until, family))
        return _answer(reading, statement.group_by(*way).order_by(*way))


def deviations(
    views: Views, *, since: str | None = None, until: str | None = None, family: str | None = None
) -> Answer:
    """What the state machine does not know: rows of family, type, from_status and count, the most frequent first.

    Their sum is the number of deviations.
    """
    with views.reading(_FLOW) as reading:
        table = reading.tables["flow"]
        kind = (table.c.family, table.c.type, table.c.from_status)
        count = func.sum(table.c.count).label("count")
        statement = (
            select(*kind, count)
            .where(table.c.listed == false(), *_within(table, since, until, family))
            .group_by(*kind)
            .order_by(count.desc(), *kind)
        )
        return _answer(reading, statement)


def deviation_total(views: Views, *, family: str | None = None) -> tuple[int, int]:
    """The position, and how many transitions up to it the state machine does not know."""
    found = deviations(views, family=family)
    return found.position, sum(row["count"] for row in found.rows)


def occupancy(views: Views, *, since: str, until: str, family: str | None = None) -> Answer:
    """How many tickets stood in which status at the end of each day: rows of day, family, status and count.

    A day without a row of a status has the count of the day before. Days are those of `time`; where a
    source's clock ran backwards, a status can be left on an earlier day than it was entered, and a
    count between the two be one less than anyone saw.
    """
    with views.reading(_FLOW) as reading:
        table = reading.tables["flow"]
        way = (table.c.day, table.c.family, table.c.from_status, table.c.to_status)
        statement = (
            select(*way, func.sum(table.c.count).label("count"))
            .where(table.c.from_status != table.c.to_status, *_within(table, None, until, family))
            .group_by(*way)
            .order_by(table.c.day, table.c.family)
        )
        standing: dict[tuple[str, str], int] = {}
        told: dict[tuple[str, str, str], int] = {}
        for day, of, left, entered, count in reading.connection.execute(statement):
            # What stood when the period began is told on its first day.
            day_told = max(day, since)
            for status, change in ((left, -int(count)), (entered, int(count))):
                if status != NO_STATUS:
                    standing[of, status] = standing.get((of, status), 0) + change
                    told[day_told, of, status] = standing[of, status]
    rows = [
        {"day": day, "family": of, "status": status, "count": count}
        for (day, of, status), count in sorted(told.items())
    ]
    return Answer(reading.position, rows)


def _answer(reading: Reading, statement: Select[Any]) -> Answer:
    rows: list[Mapping[str, Any]] = [
        # PostgreSQL sums to a decimal.
        {**row, "from_status": row["from_status"] or None, "count": int(row["count"])}
        for row in reading.connection.execute(statement).mappings()
    ]
    return Answer(reading.position, rows)


def _within(
    table: Table, since: str | None, until: str | None, family: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(table.c.day >= since)
    if until is not None:
        conditions.append(table.c.day <= until)
    if family is not None:
        conditions.append(table.c.family == family)
    return conditions
