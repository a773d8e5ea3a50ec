"""Keyset pages: a cursor says after which row to go on, so that pages neither skip nor repeat a row that stayed."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, tuple_

from domain.errors import Malformed

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
