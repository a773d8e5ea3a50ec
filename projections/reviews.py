"""Register of access reviews: which are open, of what, until when, and how many of their items are decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Index, MetaData, Table, func

from ledger.entry import Entry
from projections.bulk import upsert
from projections.folding import Touched, folded, state_text, without_nul
from projections.paging import Order, check_sort, page_of
from projections.projection import (
    Answer,
    BinaryText,
    Integer64,
    Projection,
    Tables,
    family_of,
)
from projections.views import Views

FROM_VERSION_ONE: Final = ("number", "opened", "opened_position")
MEMBERS: Final = (
    "status", "title", "role", "service", "due_at", "opened_by", "closed_by", "closed_at",
)  # fmt: skip
"""Columns that are the state's member of the same name."""
COUNTS: Final = ("items", "certified", "revocation_ordered", "undecided")
SORTS: Final = ("updated", "opened", "number", "due_at")
_NEVER: Final = "9999-12-31T23:59:59.999999Z"


class ReviewRegister(Projection):
    """`reviews`: `items` is the size of the population; how far each ordered revocation has come the grants tell."""

    name = "reviews"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        reviews = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in ("number", "opened", "updated", *MEMBERS)),
            *(Column(name, Integer64) for name in COUNTS),
            *(Column(name, Integer64) for name in ("opened_position", "position", "version")),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_updated", reviews.c.updated, reviews.c.subject)
        return {"reviews": reviews}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        ours = (entry for entry in batch if family_of(entry) == "review")
        touched = folded(connection, tables["reviews"], ours)
        upsert(connection, tables["reviews"], [_row(one) for one in touched], keep=FROM_VERSION_ONE)


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns."""
    state, text = one.state, state_text(one.state)
    decided = Counter(item.get("verdict") for item in (state.get("items") or {}).values())
    size = (state.get("population") or {}).get("count", 0)
    row = (
        one.subject,
        one.number,
        one.first.time,
        one.latest.time,
        *map(state.get, MEMBERS),
        size,
        decided["certified"],
        decided["revocation_ordered"],
        size - decided.total(),
        one.first.position,
        one.latest.position,
        one.latest.version,
        text,
    )
    return without_nul(row, text)


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """What is asked for; None asks for all. `overdue_at`: RFC 3339 UTC text; those open then and due before it."""

    status: Sequence[str] = ()
    role: str | None = None
    service: str | None = None
    overdue_at: str | None = None


_REGISTER = ReviewRegister()


def find_reviews(
    views: Views,
    wanted: ReviewFilter | None = None,
    *,
    sort: str = "-updated",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of reviews: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    name = check_sort(sort, SORTS)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["reviews"]
        column: ColumnElement[Any] = table.c[name]
        if name == "due_at":
            column = func.coalesce(column, _NEVER)
        columns = [column for column in table.columns if column.name != "state"]
        conditions = list(_conditions(table, wanted or ReviewFilter()))
        order = Order(sort, column, table.c.subject)
        return page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)


def _conditions(table: Table, wanted: ReviewFilter) -> Iterator[ColumnElement[bool]]:
    for name in ("role", "service"):
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
    if wanted.status:
        yield table.c.status.in_(wanted.status)
    if wanted.overdue_at is not None:
        yield table.c.status == "open"
        yield table.c.due_at < wanted.overdue_at
