"""Keyset pages: a cursor says after which row to go on, so that pages neither skip nor repeat a row that stayed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, select, tuple_

from domain.errors import Malformed
from projections.projection import Answer
from projections.views import Reading

LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """Sorted by `column`, then by `key`, which is unique. `name` as the client says it, with `-` to descend."""

    name: str
    column: ColumnElement[Any]
    key: ColumnElement[Any]

    def page(self, statement: Select[Any], limit: int, cursor: str | None) -> Select[Any]:
        """At most `limit` + 1 rows after the cursor: one more tells whether a page follows.

        Raises Malformed for a limit outside 1 … LARGEST_PAGE, or a cursor of another order.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise Malformed(f"expected a limit from 1 to {LARGEST_PAGE}, got {limit}", limit=limit)
        descends = self.name.startswith("-")
        if cursor is not None:
            here, last = tuple_(self.column, self.key), tuple_(*read_cursor(cursor, self.name))
            statement = statement.where(here < last if descends else here > last)
        columns = (self.column, self.key)
        return statement.order_by(*(c.desc() if descends else c.asc() for c in columns)).limit(
            limit + 1
        )


def check_sort(sort: str, known: Sequence[str]) -> str:
    """The name that `sort` has without its `-`. Raises Malformed for one that is not known."""
    name = sort.removeprefix("-")
    if name not in known:
        raise Malformed(
            f"expected to sort by one of {', '.join(known)}, with - to descend; got {sort!r}",
            sort=sort,
        )
    return name


def page_of(
    reading: Reading,
    columns: Iterable[ColumnElement[Any]],
    conditions: Iterable[ColumnElement[bool]],
    order: Order,
    *,
    limit: int,
    cursor: str | None,
) -> Answer:
    """At most `limit` rows of `columns` that meet the conditions, `order.key` among them, and where to go on.

    Raises Malformed for a limit or a cursor that is none.
    """
    statement = select(*columns, order.column.label("sorted_by")).where(*conditions)
    page = order.page(statement, limit, cursor)
    rows = [dict(row) for row in reading.connection.execute(page).mappings()]
    sorted_by = [row.pop("sorted_by") for row in rows]
    more = len(rows) > limit
    following = None
    if more:
        key = order.key.name
        following = write_cursor(order.name, sorted_by[limit - 1], rows[limit - 1][key])
    return Answer(reading.position, rows[:limit], following)


def write_cursor(order: str, value: str | int, key: str) -> str:
    """Opaque to clients: base64url of the JSON `[order, value, key]`."""
    return base64.urlsafe_b64encode(orjson.dumps([order, value, key])).decode().rstrip("=")


def read_cursor(cursor: str, order: str) -> tuple[str | int, str]:
    """Raises Malformed."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told, value, key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if told == order and isinstance(value, str | int) and isinstance(key, str):
            return value, key
    except (binascii.Error, ValueError, TypeError):
        pass
    raise Malformed(
        f"expected a cursor of a page sorted by {order}; begin again without a cursor", sort=order
    )
