"""The database of the read models: its engine, its bookkeeping, and reading what is live.

Everything in it can be rebuilt from the log, so it is not synced to disk at each commit. On SQLite it is
a file of its own; on PostgreSQL the schema `views`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Row,
    Table,
    create_engine,
    event,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ProgrammingError

from projections.bulk import POSTGRESQL
from projections.errors import ViewNotReady
from projections.projection import BinaryText, Integer64, Projection, Tables

SCHEMA = "views"
LOCK_TIMEOUT_SECONDS = 30
CACHE_KIBIBYTES = 64 * 1024
WAL_CHECKPOINT_PAGES = 8_000
"""32 MiB: a page that many batches change is written back to the file only once."""
STRUCTURE_LOCK = 0x1757_0001
"""Our PostgreSQL advisory lock: one process at a time creates, swaps or drops tables."""
RESOLVE_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Generation:
    """One set of tables of a projection, and how far it has come.

    `role`: `live` answers questions, `building` is to take its place, `retired` waits to be dropped.
    `last_entry`: leaf hash of the entry at `position`, by which a log with another past is noticed.
    `tables`: their names in the database, separated by spaces: whoever drops them need not know their
    definitions, which an older version of the software had.
    """

    projection: str
    generation: int
    version: int
    role: str
    position: int
    last_entry: bytes
    tables: str = ""

    @property
    def prefix(self) -> str:
        return f"{self.projection}_v{self.version}_g{self.generation}"


@dataclass(frozen=True, slots=True)
class Reading:
    """The live tables as they stand at `position`, in one consistent picture."""

    connection: Connection
    tables: Tables
    generation: Generation

    @property
    def position(self) -> int:
        return self.generation.position


class Views:
    """The read models' database. Safe from any number of threads and processes."""

    def __init__(self, url: str) -> None:
        """Connect, and make the bookkeeping tables where they are missing.

        `url`: `sqlite:///FILE` or `postgresql://…`, as the setting `views_url` has it.
        """
        self._engine = _engine(url)
        self.dialect = self._engine.dialect.name
        self._schema = SCHEMA if self.dialect == POSTGRESQL else None
        self._writer = self._engine.execution_options(itsm_ledger_writing=True)
        reading: dict[str, Any] = {}
        if self.dialect == POSTGRESQL:
            reading["isolation_level"] = "REPEATABLE READ"
        self._reader = self._engine.execution_options(**reading)
        self._tables: dict[tuple[type[Projection], str], Tables] = {}
        metadata = MetaData(schema=self._schema)
        self.generations = Table(
            "projection_state",
            metadata,
            Column("projection", BinaryText, primary_key=True),
            Column("generation", Integer64, primary_key=True, autoincrement=False),
            Column("version", Integer64, nullable=False),
            Column("role", BinaryText, nullable=False),
            Column("position", Integer64, nullable=False),
            Column("last_entry", LargeBinary, nullable=False),
            Column("tables", BinaryText, nullable=False),
        )
        self.parked = Table(
            "projection_parked",
            metadata,
            Column("projection", BinaryText, primary_key=True),
            Column("generation", Integer64, primary_key=True, autoincrement=False),
            Column("position", Integer64, primary_key=True, autoincrement=False),
            Column("error", BinaryText, nullable=False),
            Column("time", BinaryText, nullable=False),
        )
        self.log = Table(
            "projection_log",
            metadata,
            Column("origin", BinaryText, primary_key=True),
            Column("first_entry", LargeBinary, nullable=False),
        )
        with self.writing() as connection:
            self.lock_structure(connection)
            if self._schema:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            metadata.create_all(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction. It is committed on leaving, and rolled back on any exception."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """One consistent picture, which never waits for a writer."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def reading(self, projection: Projection) -> Iterator[Reading]:
        """The live tables of a projection, which stay until this is left, whatever is swapped meanwhile.

        Raises ViewNotReady when none is live that this version of the software can read.
        """
        with self.looking() as connection:
            for _ in range(RESOLVE_ATTEMPTS):
                live = self._readable(connection, projection)
                tables = self.tables_of(projection, live)
                if self._hold(connection, tables):
                    yield Reading(connection, tables, live)
                    return
                connection.rollback()
        raise ViewNotReady(projection=projection.name)

    def tables_of(self, projection: Projection, generation: Generation) -> Tables:
        """The definitions of a generation's tables; made once, so that statements stay compiled."""
        key = (type(projection), generation.prefix)
        if key not in self._tables:
            self._tables[key] = projection.tables(MetaData(schema=self._schema), generation.prefix)
        return self._tables[key]

    def generations_of(self, connection: Connection, *names: str) -> list[Generation]:
        """All generations of these projections, or of all that there are; the oldest first."""
        table = self.generations
        statement = select(table).order_by(table.c.generation)
        if names:
            statement = statement.where(table.c.projection.in_(names))
        return [_generation(row) for row in connection.execute(statement)]

    def qualified(self, table: str) -> str:
        """The name of a table for text SQL."""
        return f'{self._schema}."{table}"' if self._schema else f'"{table}"'

    def lock_structure(self, connection: Connection) -> None:
        """Until the transaction ends nobody else creates, swaps or drops tables."""
        if self.dialect == POSTGRESQL:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({STRUCTURE_LOCK})"))

    def close(self) -> None:
        self._engine.dispose()

    def _readable(self, connection: Connection, projection: Projection) -> Generation:
        for found in self.generations_of(connection, projection.name):
            if found.role == "live":
                if found.version == projection.version or found.version in projection.readable:
                    return found
                raise ViewNotReady(
                    f"the live tables of {projection.name} are version {found.version}, this software "
                    f"reads version {projection.version}; "
                    + (
                        "`itsm-ledger project` builds them"
                        if found.version < projection.version
                        else "run the newer software, or `itsm-ledger rebuild` to go back"
                    ),
                    projection=projection.name,
                    expected=projection.version,
                    got=found.version,
                )
        raise ViewNotReady(projection=projection.name)

    def _hold(self, connection: Connection, tables: Tables) -> bool:
        """Keep the tables from being dropped under the reader; False if they are gone already.

        On SQLite the transaction's snapshot holds them.
        """
        if self.dialect != POSTGRESQL:
            return True
        names = ", ".join(self.qualified(table.name) for table in tables.values())
        try:
            connection.execute(text(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))
        except ProgrammingError:
            return False
        return True


def _generation(row: Row[Any]) -> Generation:
    told = row._mapping  # noqa: SLF001 - the public name of a row's mapping in SQLAlchemy
    return Generation(**{name: told[name] for name in Generation.__slots__})


def _engine(url: str) -> Engine:
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.drivername == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True
        )
    engine = create_engine(
        parsed, hide_parameters=True, connect_args={"timeout": LOCK_TIMEOUT_SECONDS}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by its own rules, and none for SELECT.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("itsm_ledger_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
