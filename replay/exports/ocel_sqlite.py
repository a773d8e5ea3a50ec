"""OCEL 2.0 as an SQLite database: https://www.ocel-standard.org/specification/formats/sqlite"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BOOLEAN,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Column,
    Connection,
    ForeignKey,
    MetaData,
    Table,
    create_engine,
    insert,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine, UserDefinedType

from replay.errors import ExportFailed
from replay.exports.columns import Columns, Kind
from replay.exports.ocel import (
    INITIALLY,
    Object,
    Survey,
    attributes_of,
    event_id,
    objects,
    survey,
)
from replay.exports.selection import Selection

BATCH_ROWS: Final = 2_000
_ID, _TIME, _CHANGED = "ocel_id", "ocel_time", "ocel_changed_field"
_OWN: Final = (_ID, _TIME, _CHANGED)

Rows = list[dict[str, Any]]


class Moment(UserDefinedType[str]):
    """Declared a TIMESTAMP as the standard has it, and handed over as the text that it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return TIMESTAMP.__visit_name__


_KINDS: Final[Mapping[Kind, TypeEngine[Any]]] = {
    "string": TEXT(),
    "integer": INTEGER(),
    "boolean": BOOLEAN(),
    "time": Moment(),
}


def write_ocel_sqlite(selection: Selection, path: Path) -> None:
    """A new database at `path`, where nothing may be. Raises ExportFailed when it cannot be written."""
    surveyed = survey(selection)
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with engine.connect() as connection:
            # The file gets its name when it is whole. Until then nobody needs it to survive anything.
            connection.exec_driver_sql("PRAGMA journal_mode = OFF")
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            _Writing(connection, surveyed).write(selection)
            connection.commit()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error)
        raise ExportFailed(f"the export cannot be written: {reason}", reason=reason) from error
    finally:
        engine.dispose()


class _Writing:
    def __init__(self, connection: Connection, surveyed: Survey) -> None:
        self._connection, self._surveyed = connection, surveyed
        self._tables = MetaData()
        self._waiting: dict[str, Rows] = {}
        self._rows = 0
        self._inserts: dict[str, str] = {}
        self._columns: dict[str, dict[str, str]] = {}
        self._make()

    def write(self, selection: Selection) -> None:
        for name, columns in sorted(self._surveyed.event_types.items()):
            self._type("event", name, columns)
        for name, columns in sorted(self._surveyed.object_types.items()):
            self._type("object", name, columns)
        self._tables.create_all(self._connection)
        self._name_types("event", self._surveyed.event_types)
        self._name_types("object", self._surveyed.object_types)
        self._events(selection)
        for one in objects(selection, self._surveyed):
            self._object(one)
        self._flush()

    def _make(self) -> None:
        """The tables that are the same for every log."""
        tables = self._tables
        for kind in ("event", "object"):
            Table(kind, tables, _key(_ID), _text("ocel_type"))
            Table(f"{kind}_map_type", tables, _key("ocel_type"), _text("ocel_type_map"))
        Table(
            "event_object",
            tables,
            _part("ocel_event_id", "event"),
            _part("ocel_object_id", "object"),
            Column("ocel_qualifier", TEXT(), primary_key=True),
        )
        Table(
            "object_object",
            tables,
            _part("ocel_source_id", "object"),
            _part("ocel_target_id", "object"),
            Column("ocel_qualifier", TEXT(), primary_key=True),
        )

    def _type(self, kind: str, name: str, columns: Columns) -> None:
        table = _table_name(kind, name)
        named = self._columns[table] = column_names(columns.kinds)
        own = [_part(_ID, kind, primary=kind == "event"), Column(_TIME, Moment())]
        if kind == "object":
            own.append(_text(_CHANGED))
        told = [Column(named[each], _KINDS[type_]) for each, type_ in columns.kinds.items()]
        Table(table, self._tables, *own, *told)

    def _name_types(self, kind: str, types: Iterable[str]) -> None:
        for name in sorted(types):
            self._add(f"{kind}_map_type", {"ocel_type": name, "ocel_type_map": _mapped(name)})

    def _events(self, selection: Selection) -> None:
        counts = selection.counts
        for one in selection.counted(selection.by_position()):
            id_, columns = event_id(one), self._surveyed.event_types[one.activity]
            self._add("event", {_ID: id_, "ocel_type": one.activity})
            told = dict(columns.typed(attributes_of(one)))
            self._add_typed("event", one.activity, {_ID: id_, _TIME: one.time}, told)
            for qualifier, name in one.named():
                counts.relations += 1
                ends = {"ocel_event_id": id_, "ocel_object_id": name}
                self._add("event_object", {**ends, "ocel_qualifier": qualifier})

    def _object(self, one: Object) -> None:
        self._add("object", {_ID: one.id, "ocel_type": one.type})
        initially = {_ID: one.id, _TIME: INITIALLY, _CHANGED: None}
        self._add_typed("object", one.type, initially, one.initial)
        for time, name, value in one.changes():
            changed = self._columns[_table_name("object", one.type)][name]
            own = {_ID: one.id, _TIME: time, _CHANGED: changed}
            self._add_typed("object", one.type, own, {name: value})
        for qualifier, name in one.relations():
            ends = {"ocel_source_id": one.id, "ocel_target_id": name}
            self._add("object_object", {**ends, "ocel_qualifier": qualifier})

    def _add_typed(
        self, kind: str, type_: str, own: dict[str, Any], told: Mapping[str, Any]
    ) -> None:
        table = _table_name(kind, type_)
        named = self._columns[table]
        self._add(table, {**{named[name]: value for name, value in told.items()}, **own})

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._waiting.setdefault(table, []).append(row)
        self._rows += 1
        if self._rows >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        for name, rows in self._waiting.items():
            table = self._tables.tables[name]
            if name not in self._inserts:
                self._inserts[name] = str(insert(table).compile(self._connection))
            columns = table.columns.keys()
            # Past SQLAlchemy's handling of each value, of which none needs any.
            self._connection.exec_driver_sql(
                self._inserts[name], [tuple(map(row.get, columns)) for row in rows]
            )
        self._waiting.clear()
        self._rows = 0


def _text(name: str) -> Column[str]:
    return Column(name, TEXT())


def _key(name: str) -> Column[str]:
    return Column(name, TEXT(), primary_key=True)


def _part(name: str, of: str, *, primary: bool = True) -> Column[str]:
    return Column(name, TEXT(), ForeignKey(f"{of}.{_ID}"), primary_key=primary)


def _mapped(name: str) -> str:
    """Types are named in words with dots and hyphens between, so no two of them meet here."""
    return re.sub("[^a-z0-9]", "_", name)


def _table_name(kind: str, name: str) -> str:
    return f"{kind}_{_mapped(name)}"


def column_names(names: Iterable[str]) -> dict[str, str]:
    """SQLite takes `source.Group` and `source.group` for one name: a later one is told apart by a number."""
    named: dict[str, str] = {}
    taken = set(_OWN)
    for name in names:
        column, number = name, 1
        while column.lower() in taken:
            number += 1
            column = f"{name} ({number})"
        taken.add(column.lower())
        named[name] = column
    return named
