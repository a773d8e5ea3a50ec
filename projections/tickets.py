"""Ticket register: one row for each incident, request and problem, as the log tells it now.

Rows hold the stored form: where a person's text belongs (title, reasons) stands its commitment,
`sd:sha-256:…`, so there is nothing here to erase. Whoever has the right `personal` has the values
revealed when a question is answered, by the caller of these queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    func,
    select,
)

from domain.errors import Malformed, UnknownSubject
from ledger.entry import Entry
from projections.bulk import upsert
from projections.folding import Touched, folded, is_terminal, state_text, without_nul
from projections.paging import Order, check_sort, page_of
from projections.projection import (
    Answer,
    BinaryText,
    Integer64,
    Projection,
    Tables,
    of_tickets,
)
from projections.views import Views

TEXT_MEMBERS = ("status", "title", "service", "assignment_group", "source_status")
NUMBER_MEMBERS = ("priority", "impact", "urgency", "reassignment_count", "reopen_count")
"""Columns that are the state's member of the same name, in every family."""

ASSIGNED_TO = {"incident": "assigned_to", "request": "fulfiller", "problem": "owner"}
REPORTED_BY = {"incident": "reported_by", "request": "requested_by", "problem": "raised_by"}
FROM_VERSION_ONE = ("family", "number", "source", "opened")


class TicketRegister(Projection):
    """`source`: who records the ticket (CloudEvents `source` of its first event). `opened`, `updated`:
    RFC 3339 times of its first and its latest event. `terminal`: no transition leads out of its status.
    `state` is the whole state as JSON text.
    """

    name = "tickets"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        texts = (*FROM_VERSION_ONE, "updated", "assigned_to", "reported_by", *TEXT_MEMBERS)
        table = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in texts),
            *(Column(name, Integer64) for name in ("version", "position", *NUMBER_MEMBERS)),
            Column("terminal", Boolean, nullable=False),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_updated", table.c.updated, table.c.subject)
        Index(f"{prefix}_number", table.c.number, table.c.subject)
        return {"tickets": table}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        table = tables["tickets"]
        touched = folded(connection, table, (entry for entry, _, _ in of_tickets(batch)))
        # A ticket that is there already keeps what its first event said.
        upsert(connection, table, [_row(one) for one in touched], keep=FROM_VERSION_ONE)


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns."""
    member, text = one.state.get, state_text(one.state)
    row = (
        one.subject,
        one.family,
        one.number,
        one.first.attributes["source"],
        one.first.time,
        one.latest.time,
        member(ASSIGNED_TO[one.family]),
        member(REPORTED_BY[one.family]),
        *map(member, TEXT_MEMBERS),
        one.latest.version,
        one.latest.position,
        *map(member, NUMBER_MEMBERS),
        is_terminal(one.family, member("status")),
        text,
    )
    return without_nul(row, text)


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What is asked for; None asks for all. `updated_since`: RFC 3339 UTC text with microseconds.

    Of several values any may hold: `status=("new", "assigned")`.
    """

    family: str | None = None
    status: Sequence[str] = ()
    priority: Sequence[int] = ()
    assignment_group: str | None = None
    assigned_to: str | None = None
    service: str | None = None
    source: str | None = None
    number_prefix: str | None = None
    updated_since: str | None = None
    terminal: bool | None = None


SORTS = ("updated", "opened", "number", "priority")
COUNTED_BY = (
    "family", "status", "priority", "assignment_group", "assigned_to", "service", "source", "terminal",
)  # fmt: skip
NO_PRIORITY = 9
"""Tickets without a priority sort behind priority 5, the lowest."""

_REGISTER = TicketRegister()
_BEYOND_ANY_NUMBER = "\U0010ffff"


def find_tickets(
    views: Views,
    wanted: TicketFilter | None = None,
    *,
    sort: str = "-updated",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of tickets: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    with views.reading(_REGISTER) as reading:
        table = reading.tables["tickets"]
        order = _order(table, sort)
        columns = [column for column in table.columns if column.name != "state"]
        conditions = _conditions(table, wanted or TicketFilter())
        return page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)


def count_tickets(
    views: Views, wanted: TicketFilter | None = None, *, by: str | None = None
) -> Answer:
    """Rows `{by: value, "count": n}`, the largest first; without `by` one row, the total.

    Raises Malformed for a column that is not in COUNTED_BY, and ViewNotReady.
    """
    if by is not None and by not in COUNTED_BY:
        raise Malformed(f"expected to count by one of {', '.join(COUNTED_BY)}, got {by!r}", by=by)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["tickets"]
        count = func.count().label("count")
        told = [] if by is None else [table.c[by]]
        statement = (
            select(*told, count)
            .where(*_conditions(table, wanted or TicketFilter()))
            .group_by(*told)
            .order_by(count.desc(), *told)
        )
        rows = [dict(row) for row in reading.connection.execute(statement).mappings()]
    return Answer(reading.position, rows)


def one_ticket(views: Views, subject: str) -> tuple[int, Mapping[str, Any]]:
    """The position, and the ticket's row with `state` decoded. Raises UnknownSubject, ViewNotReady."""
    with views.reading(_REGISTER) as reading:
        table = reading.tables["tickets"]
        statement = select(table).where(table.c.subject == subject)
        row = reading.connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise UnknownSubject(
            f"{subject} is not in the register at position {reading.position}", subject=subject
        )
    return reading.position, {**row, "state": orjson.loads(row["state"])}


def _order(table: Table, sort: str) -> Order:
    name = check_sort(sort, SORTS)
    column: ColumnElement[Any] = table.c[name]
    if name == "priority":
        column = func.coalesce(column, NO_PRIORITY)
    return Order(sort, column, table.c.subject)


def _conditions(table: Table, wanted: TicketFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name in ("family", "assignment_group", "assigned_to", "service", "source", "terminal"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(table.c[name] == value)
    if wanted.status:
        conditions.append(table.c.status.in_(wanted.status))
    if wanted.priority:
        conditions.append(table.c.priority.in_(wanted.priority))
    if wanted.updated_since is not None:
        conditions.append(table.c.updated >= wanted.updated_since)
    if wanted.number_prefix:
        # Not LIKE: SQLite's ignores case, and a range can use the index.
        conditions.append(table.c.number >= wanted.number_prefix)
        conditions.append(table.c.number < wanted.number_prefix + _BEYOND_ANY_NUMBER)
    return conditions
