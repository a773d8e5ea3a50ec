"""Set-based reads and writes, written once: the few places where SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

Rows = Sequence[Mapping[str, Any]]
POSTGRESQL = "postgresql"


def upsert(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    add: Collection[str] = (),
    keep: Collection[str] = (),
) -> None:
    """Insert the rows. Where a key is there already its `add` columns are added to what they hold, its
    `keep` columns stay, and all others are replaced.

    Each row names every column. No key may occur twice in one call: PostgreSQL refuses that.
    """
    if not rows:
        return
    if connection.dialect.name == POSTGRESQL:
        names = [column.name for column in table.columns]
        arrays = {name: [row[name] for row in rows] for name in names}
        connection.execute(_on_conflict(_insert_arrays(table), table, add, keep), arrays)
    else:
        connection.execute(_on_conflict(sqlite.insert(table), table, add, keep), rows)


def among(
    connection: Connection, column: Column[Any], values: Collection[str]
) -> ColumnElement[bool]:
    """`column` is one of `values`: one parameter however many, so that the statement stays prepared."""
    if connection.dialect.name == POSTGRESQL:
        return column == func.any(literal(list(values), ARRAY(Text)))
    each = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
    return column.in_(select(each.c.value))


def _insert_arrays(table: Table) -> postgresql.Insert:
    """One statement for any number of rows: psycopg would send them one by one."""
    columns = list(table.columns)
    arrays = [bindparam(column.name, type_=_array_of(column.type)) for column in columns]
    names = [column.name for column in columns]
    given = func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    return postgresql.insert(table).from_select(names, select(*(given.c[name] for name in names)))


def _array_of(kind: TypeEngine[Any]) -> ARRAY[Any]:
    if isinstance(kind, Boolean):
        return ARRAY(Boolean)
    return ARRAY(BigInteger if isinstance(kind, BigInteger) else Text)


def _on_conflict(
    insert: postgresql.Insert | sqlite.Insert,
    table: Table,
    add: Collection[str],
    keep: Collection[str],
) -> postgresql.Insert | sqlite.Insert:
    keys = [column.name for column in table.primary_key.columns]
    changes: dict[str, Any] = {}
    for column in table.columns:
        name = column.name
        if name in add:
            changes[name] = column + insert.excluded[name]
        elif name not in keys and name not in keep:
            changes[name] = insert.excluded[name]
    # Both dialects spell it alike; only the class of the statement differs.
    return cast(Any, insert).on_conflict_do_update(index_elements=keys, set_=changes)  # type: ignore[no-any-return]  # as above
