"""Set-based reads and writes, written once: the few places where SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
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

POSTGRESQL = "postgresql"


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    add: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
) -> None:
    """Insert the rows. Where a key is there already its `add` columns are added to what they hold, its
    `keep` columns stay, and all others are replaced.

    Rows are tuples in the order of the table's columns. No key may occur twice in one call: PostgreSQL
    refuses that.
    """
    if not rows:
        return
    if connection.dialect.name == POSTGRESQL:
        names = [column.name for column in table.columns]
        arrays = [list(cells) for cells in zip(*rows, strict=True)]
        statement = _on_conflict(_insert_arrays(table), table, add, keep)
        connection.execute(statement, dict(zip(names, arrays, strict=True)))
    else:
        # The driver takes the tuples as they are: SQLAlchemy's own handling of each row's parameters
        # would cost as much again as the row.
        connection.exec_driver_sql(_sqlite_text(table, add, keep), list(rows))


def among(
    connection: Connection, column: Column[Any], values: Collection[str]
) -> ColumnElement[bool]:
    """`column` is one of `values`: one parameter however many, so that the statement stays prepared."""
    if connection.dialect.name == POSTGRESQL:
        return column == func.any(literal(list(values), ARRAY(Text)))
    each = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
    return column.in_(select(each.c.value))


@lru_cache(maxsize=64)
def _sqlite_text(table: Table, add: tuple[str, ...], keep: tuple[str, ...]) -> str:
    names = [column.name for column in table.columns]
    statement = _on_conflict(sqlite.insert(table), table, add, keep)
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=names)
    assert compiled.positiontup == names, "parameters stand in the order of the columns"
    return str(compiled)


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
    if not changes:
        return cast(Any, insert).on_conflict_do_nothing(index_elements=keys)  # type: ignore[no-any-return]  # as below
    # Both dialects spell it alike; only the class of the statement differs.
    return cast(Any, insert).on_conflict_do_update(index_elements=keys, set_=changes)  # type: ignore[no-any-return]  # as above
