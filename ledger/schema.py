"""The log's tables, defined once for both databases, and the migrations that make them.

Integer keys stand for subjects inside: an index over random text halves the append rate by 400,000 rows.
Append-only tables carry triggers. Those stop accidents; checkpoints kept elsewhere stop an attacker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["int", "text", "bytes"]
Dialect = Literal["sqlite", "postgresql"]

_TYPES: dict[Dialect, dict[Kind, str]] = {
    "sqlite": {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"},
    "postgresql": {"int": "BIGINT", "text": 'TEXT COLLATE "C"', "bytes": "BYTEA"},
}
ARRAY_TYPES: dict[Kind, str] = {"int": "bigint[]", "text": "text[]", "bytes": "bytea[]"}


@dataclass(frozen=True, slots=True)
class Table:
    """`key` is the primary key. `append_only` rows are never changed or removed.

    `evidence`: on SQLite an INSERT OR REPLACE, which passes by the other triggers, is refused as well.
    """

    name: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]
    unique: tuple[str, ...] = ()
    nullable: frozenset[str] = frozenset()
    append_only: bool = True
    evidence: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


def _table(name: str, columns: str, key: str, **more: object) -> Table:
    pairs = tuple(tuple(part.split(":")) for part in columns.split())
    return Table(name, pairs, tuple(key.split()), **more)  # type: ignore[arg-type]  # parsed from text above


EVENTS = _table(
    "events",
    "position:int subject:int version:int type:text entry:bytes leaf:bytes",
    "position",
    unique=("subject", "version"),
    evidence=True,
)
SUBJECTS = _table(
    "subjects",
    "id:int name:text owner:text",
    "id",
    unique=("name",),
    nullable=frozenset({"owner"}),
    evidence=True,
)
TILES = _table("tiles", "level:int idx:int hashes:bytes root:bytes", "level idx", evidence=True)
HEAD = _table("head", "id:int size:int recordedtime:text frontier:bytes", "id", append_only=False)
CHECKPOINTS = _table("checkpoints", "size:int note:text", "size", evidence=True)
REQUESTS = _table("requests", "client:text key:text request:bytes first:int last:int", "client key")
ROWS = _table("import_rows", "source:text number:text ordinal:int", "source number ordinal")
NUMBERS = _table("numbers", "family:text next:int", "family", append_only=False)
SNAPSHOTS = _table(
    "snapshots",
    "subject:int version:int position:int state:bytes",
    "subject version",
    append_only=False,
)
SUBJECT_KEYS = _table("subject_keys", "subject:int since:int key:int", "subject since")
DISCLOSURES = _table(
    "disclosures",
    "subject:int digest:text key:int sealed:bytes",
    "subject digest",
    append_only=False,
)

ROSTERS = _table("rosters", "name:text version:int members:text", "name", append_only=False)

FIRST_TABLES: tuple[Table, ...] = (
    SUBJECTS, EVENTS, TILES, HEAD, CHECKPOINTS, REQUESTS, ROWS, NUMBERS, SNAPSHOTS, SUBJECT_KEYS, DISCLOSURES,
)  # fmt: skip
TABLES: tuple[Table, ...] = (*FIRST_TABLES, ROSTERS)


def create_statements(table: Table, dialect: Dialect) -> list[str]:
    """The table, its unique constraint and its triggers."""
    types = _TYPES[dialect]
    columns = [
        f"{name} {types[kind]}{'' if name in table.nullable else ' NOT NULL'}"
        for name, kind in table.columns
    ]
    keys = [f"PRIMARY KEY ({', '.join(table.key)})"]
    if table.unique:
        keys.append(f"UNIQUE ({', '.join(table.unique)})")
    # A single integer key is SQLite's own rowid: VACUUM keeps it, and rows lie in its order.
    rowid = table.key == table.names[:1] and table.columns[0][1] == "int"
    suffix = " WITHOUT ROWID" if dialect == "sqlite" and not rowid else ""
    create = f"CREATE TABLE {table.name} ({', '.join([*columns, *keys])}){suffix}"
    return [create, *(_append_only(table, dialect) if table.append_only else ())]


def _append_only(table: Table, dialect: Dialect) -> list[str]:
    name = table.name
    if dialect == "postgresql":
        return [
            (
                f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON {name} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
            (
                f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            ),
        ]
    refuse = f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
    triggers = [
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {refuse}",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {refuse}",
    ]
    if table.evidence:
        # INSERT OR REPLACE deletes rows without firing a delete trigger, so an insert that would meet an
        # existing row is refused before it can.
        taken = [" AND ".join(f"{column} = NEW.{column}" for column in table.key)]
        if table.unique:
            taken.append(" AND ".join(f"{column} = NEW.{column}" for column in table.unique))
        met = " OR ".join(f"EXISTS (SELECT 1 FROM {name} WHERE {condition})" for condition in taken)
        triggers.append(
            f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {met} "
            f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {name} is append-only'); END"
        )
    return triggers


def _first(dialect: Dialect) -> list[str]:
    refuse_change = (
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END$$"
    )
    return [
        *([refuse_change] if dialect == "postgresql" else []),
        *(statement for table in FIRST_TABLES for statement in create_statements(table, dialect)),
    ]


def _rosters(dialect: Dialect) -> list[str]:
    return create_statements(ROSTERS, dialect)


MIGRATIONS = (_first, _rosters)
"""Migration n takes a database from schema n to n + 1. Only ever added to."""
ROSTERS_SINCE = 2
"""The schema that brought the table of rosters."""

VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)"
