"""The log on SQLite: one file, WAL, full durability, one writer at a time over all processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from eventsourcing.persistence import AggregateRecorder, PersistenceError
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
    SQLiteFactory,
)

from ledger.database import Param, Row
from ledger.errors import StorageFailed
from ledger.lending import Lender
from ledger.migrate import migrate
from ledger.recorder import LogRecorder
from ledger.schema import Dialect, Table
from ledger.snapshots import SnapshotRecorder

LOCK_TIMEOUT_SECONDS = 30
MOST_CONNECTIONS = 64
CACHE_KIBIBYTES = 64 * 1024
WAL_CHECKPOINT_PAGES = 4_000
"""16 MiB: rarer checkpoints write an index page that changes often only once."""
POLL_SECONDS = 0.01


class SQLiteTransactionCursor:
    row_lock = ""  # BEGIN IMMEDIATE has locked the file already.

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def rows(self, sql: str, params: Sequence[Param] = ()) -> list[Row]:
        return self._cursor.execute(sql, cast(Any, params)).fetchall()

    def row(self, sql: str, params: Sequence[Param] = ()) -> Row | None:
        return cast("Row | None", self._cursor.execute(sql, cast(Any, params)).fetchone())

    def execute(self, sql: str, params: Sequence[Param] = ()) -> None:
        self._cursor.execute(sql, cast(Any, params))

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, "")

    def insert_new(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, " ON CONFLICT DO NOTHING")

    def _insert(self, table: Table, rows: Sequence[Row], when_there: str) -> None:
        places = ", ".join("?" * len(table.columns))
        self._cursor.executemany(f"INSERT INTO {table.name} VALUES ({places}){when_there}", rows)

    def stream(self, sql: str, params: Sequence[Param] = ()) -> Iterable[Row]:
        return self._cursor.execute(sql, cast(Any, params))

    def among(self, column: str, values: Sequence[str | int | bytes]) -> tuple[str, list[Param]]:
        return f"{column} IN ({', '.join('?' * len(values))})", list(values)


class LogPool(SQLiteConnectionPool):
    def connect(self) -> sqlite3.Connection:
        """A new connection with our settings. Raises StorageFailed."""
        try:
            made = self._create_connection()
        except (PersistenceError, sqlite3.Error) as error:
            raise StorageFailed(
                f"the database cannot be opened: {error}", reason=str(error)
            ) from error
        return made._sqlite_conn  # noqa: SLF001 - the library offers no way to it

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection._sqlite_conn  # noqa: SLF001 - the library offers no way to its connection
        cursor.row_factory = None
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}")
        return connection


class LogDatastore(SQLiteDatastore):
    """The library's datastore with our pool, which is the `Database` of `ledger.database` too."""

    dialect: Dialect = "sqlite"

    def __init__(self, db_name: str, **options: Any) -> None:
        super().__init__(db_name, **options)
        self.pool = self._maker = LogPool(
            db_name=db_name, lock_timeout=LOCK_TIMEOUT_SECONDS, pool_timeout=LOCK_TIMEOUT_SECONDS
        )
        self._connections = Lender(
            self._maker.connect, most=MOST_CONNECTIONS, wait_seconds=LOCK_TIMEOUT_SECONDS
        )
        self._one_writer = threading.Lock()
        self._appended = threading.Condition()
        self._told = threading.local()
        self._appends = 0
        self._watch: sqlite3.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[SQLiteTransactionCursor]:
        with self._one_writer:
            connection = self._connections.lend()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield SQLiteTransactionCursor(connection.cursor())
                connection.execute("COMMIT")
            except BaseException as error:
                # A failed COMMIT (disk full) leaves the transaction open: roll it back as well.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise StorageFailed(
                        f"the database refused: {error}", reason=str(error)
                    ) from error
                raise
            finally:
                self._connections.take_back(connection)
        with self._appended:
            self._appends += 1
            self._appended.notify_all()

    @contextmanager
    def reading(self) -> Iterator[SQLiteTransactionCursor]:
        connection = self._connections.lend()
        try:
            connection.execute("BEGIN")
            yield SQLiteTransactionCursor(connection.cursor())
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._connections.take_back(connection)

    def query(self, sql: str, params: Sequence[Param] = ()) -> list[Row]:
        connection = self._connections.lend()
        try:
            return connection.execute(sql, cast("Any", params)).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        finally:
            self._connections.take_back(connection)

    def wait_for_append(self, seconds: float) -> None:
        """Woken by this process at once; another process's commit is seen by polling its counter.

        What was appended since this thread's last call returned counts: whoever looked at the log in between
        may have looked too early. The first call returns at once.
        """
        with self._appended:
            seen, deadline = getattr(self._told, "seen", None), time.monotonic() + seconds
            stands = (self._appends, self._data_version())
            while stands == seen and time.monotonic() < deadline:
                self._appended.wait(min(POLL_SECONDS, seconds))
                stands = (self._appends, self._data_version())
            self._told.seen = stands

    def _data_version(self) -> int:
        if self._watch is None:
            self._watch = sqlite3.connect(
                self.pool.db_name, uri=True, check_same_thread=False, isolation_level=None
            )
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        # The library closes what its constructor could not finish, before there is anything of ours.
        if hasattr(self, "_connections"):
            self._connections.close()
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        super().close()


def _unreadable(error: sqlite3.Error) -> StorageFailed:
    return StorageFailed(f"the database cannot be read: {error}", reason=str(error))


class SQLiteLogRecorder(LogRecorder, SQLiteApplicationRecorder):
    def __init__(self, datastore: LogDatastore, events_table_name: str = "events") -> None:
        SQLiteApplicationRecorder.__init__(self, datastore, "events")
        self.database = datastore

    def construct_create_table_statements(self) -> list[str]:
        return []

    def create_table(self) -> None:
        migrate(self.database)


class LogFactory(SQLiteFactory):
    """`PERSISTENCE_MODULE=ledger.sqlite:LogFactory`."""

    application_recorder_class = cast("type[SQLiteApplicationRecorder]", SQLiteLogRecorder)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.datastore.close()
        self.datastore = LogDatastore(
            self.datastore.pool.db_name, originator_id_type=self.datastore.originator_id_type
        )

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose != "snapshots":
            return cast(AggregateRecorder, self.application_recorder())
        return SnapshotRecorder(cast(LogDatastore, self.datastore))
