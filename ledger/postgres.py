"""The log on PostgreSQL: the head row is the lock, appends are set-based inserts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
)
from psycopg.rows import tuple_row

from ledger.database import Param, Row
from ledger.errors import OutcomeUnknown, StorageFailed
from ledger.lending import Lender
from ledger.migrate import migrate
from ledger.recorder import LogRecorder
from ledger.schema import ARRAY_TYPES, Dialect, Table
from ledger.snapshots import SnapshotRecorder

CHANNEL = "itsm_ledger"
STREAM_ROWS = 2_000


@lru_cache(maxsize=512)
def _placeholders(sql: str) -> str:
    return sql.replace("?", "%s")


_PARAMETERS = ("dbname", "host", "port", "user", "password")
MOST_CONNECTIONS = 16
BORROW_SECONDS = 30.0
IDLE_IN_TRANSACTION_SECONDS = 60
CONNECT_SECONDS = 10.0
"""How long a server that is not there is waited for."""


class PostgresTransactionCursor:
    row_lock = " FOR UPDATE"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def _cursor(self) -> psycopg.Cursor[Row]:
        # One for each statement: in a pipeline a cursor may still be owed the rows of its last one.
        return self._connection.cursor(row_factory=tuple_row, binary=True)

    def rows(self, sql: str, params: Sequence[Param] = ()) -> list[Row]:
        return self._cursor().execute(_placeholders(sql), params, prepare=bool(params)).fetchall()

    def row(self, sql: str, params: Sequence[Param] = ()) -> Row | None:
        return self._cursor().execute(_placeholders(sql), params, prepare=bool(params)).fetchone()

    def execute(self, sql: str, params: Sequence[Param] = ()) -> None:
        if params:
            self._cursor().execute(_placeholders(sql), params, prepare=True)
        else:
            self._cursor().execute(sql)  # definitions hold percent signs of their own

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, "")

    def insert_new(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, " ON CONFLICT DO NOTHING")

    def _insert(self, table: Table, rows: Sequence[Row], when_there: str) -> None:
        arrays = ", ".join(f"%b::{ARRAY_TYPES[kind]}" for _, kind in table.columns)
        columns = [list(column) for column in zip(*rows, strict=True)]
        self._cursor().execute(
            f"INSERT INTO {table.name} SELECT * FROM unnest({arrays}){when_there}",
            columns,
            prepare=True,
        )

    def stream(self, sql: str, params: Sequence[Param] = ()) -> Iterable[Row]:
        with self._connection.cursor(name="stream", row_factory=tuple_row) as cursor:
            cursor.itersize = STREAM_ROWS
            cursor.execute(_placeholders(sql), params)
            yield from cursor

    def among(self, column: str, values: Sequence[str | int | bytes]) -> tuple[str, list[Param]]:
        return f"{column} = ANY(?)", [list(values)]


class LogDatastore(PostgresDatastore):
    """The library's datastore, which is the `Database` of `ledger.database` too."""

    dialect: Dialect = "postgresql"

    def __init__(self, **options: Any) -> None:
        if options.get("enable_db_functions"):
            raise StorageFailed("POSTGRES_ENABLE_DB_FUNCTIONS would bypass the log; unset it")
        super().__init__(**options)
        # The library's pool is there for its own recorders; it opens nothing until it is asked.
        wanted = cast("dict[str, Any]", self.pool.kwargs)
        self._parameters = {name: wanted[name] for name in _PARAMETERS if wanted[name]}
        self._parameters["connect_timeout"] = int(CONNECT_SECONDS)
        self._connections = Lender(
            self._connect, most=MOST_CONNECTIONS, wait_seconds=BORROW_SECONDS
        )
        self._listener: psycopg.Connection[Any] | None = None
        self._listening = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[PostgresTransactionCursor]:
        """Statements whose rows nobody asks for travel together, the COMMIT with the last of them."""
        connection, committing = self._lend(), False
        transaction = PostgresTransactionCursor(connection)
        try:
            with connection.pipeline():
                transaction.execute("BEGIN")
                yield transaction
                committing = True
                transaction.execute(f"NOTIFY {CHANNEL}")
                transaction.execute("COMMIT")
        except psycopg.Error as error:
            _roll_back(connection)
            if committing and error.sqlstate is None:
                # The server said nothing: the connection broke, before the COMMIT or behind it.
                raise OutcomeUnknown(reason=str(error)) from error
            raise StorageFailed(f"the database refused: {error}", reason=str(error)) from error
        except BaseException:
            _roll_back(connection)
            raise
        finally:
            self._take_back(connection)

    def query(self, sql: str, params: Sequence[Param] = ()) -> list[Row]:
        connection = self._lend()
        try:
            return PostgresTransactionCursor(connection).rows(sql, params)
        except psycopg.Error as error:
            raise _unreadable(error) from error
        finally:
            self._take_back(connection)

    @contextmanager
    def reading(self) -> Iterator[PostgresTransactionCursor]:
        connection = self._lend()
        transaction = PostgresTransactionCursor(connection)
        try:
            transaction.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield transaction
        except psycopg.Error as error:
            raise _unreadable(error) from error
        finally:
            _roll_back(connection)
            self._take_back(connection)

    def _lend(self) -> psycopg.Connection[Any]:
        try:
            return self._connections.lend()
        except psycopg.Error as error:
            raise StorageFailed(
                f"the database cannot be reached: {error}", reason=str(error)
            ) from error

    def _take_back(self, connection: psycopg.Connection[Any]) -> None:
        if not connection.broken and not connection.closed:
            self._connections.take_back(connection)
            return
        connection.close()
        self._connections.take_back(None)
        # What broke this one (a server that was restarted) broke those that lie idle as well.
        self._connections.forget_idle()

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self._parameters, autocommit=True)
        connection.execute(
            f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'"
        )
        return connection

    def wait_for_append(self, seconds: float) -> None:
        """One thread listens; when its connection is lost, or another listens already, this is a sleep."""
        if not self._listening.acquire(blocking=False):
            time.sleep(min(seconds, 0.02))
            return
        try:
            if self._listener is None or self._listener.closed:
                # What was appended before it listens is not told: the caller looks again first.
                self._listener = self._listening_connection()
                return
            for _ in self._listener.notifies(timeout=seconds, stop_after=1):
                return
        except psycopg.Error:
            # The connection died. Polling goes on; the next call listens anew.
            self._listener = None
            time.sleep(min(seconds, 0.02))
        finally:
            self._listening.release()

    def _listening_connection(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self._parameters, autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def close(self) -> None:
        # The library closes what its constructor could not finish, before there is anything of ours.
        if hasattr(self, "_connections"):
            self._connections.close()
            if self._listener is not None:
                self._listener.close()
        super().close()


def _unreadable(error: psycopg.Error) -> StorageFailed:
    return StorageFailed(f"the database cannot be read: {error}", reason=str(error))


def _roll_back(connection: psycopg.Connection[Any]) -> None:
    if not connection.closed:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()  # a broken connection is not lent again


class PostgresLogRecorder(LogRecorder, PostgresApplicationRecorder):
    def __init__(self, datastore: LogDatastore, *, events_table_name: str = "events") -> None:
        PostgresApplicationRecorder.__init__(self, datastore, events_table_name="events")
        self.database = datastore

    def create_table(self) -> None:
        migrate(self.database)


class LogFactory(PostgresFactory):
    """`PERSISTENCE_MODULE=ledger.postgres:LogFactory`."""

    application_recorder_class = cast("type[PostgresApplicationRecorder]", PostgresLogRecorder)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        made = self.datastore
        self.datastore = _ours(made)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose != "snapshots":
            return cast(AggregateRecorder, self.application_recorder())
        return SnapshotRecorder(cast(LogDatastore, self.datastore))


def _ours(made: PostgresDatastore) -> LogDatastore:
    wanted = cast("dict[str, Any]", made.pool.kwargs)
    return LogDatastore(
        dbname=wanted["dbname"],
        host=wanted["host"],
        port=wanted["port"],
        user=wanted["user"],
        password=wanted["password"],
        pool_size=2,
        max_overflow=14,
        connect_timeout=CONNECT_SECONDS,
        idle_in_transaction_session_timeout=60.0,
        originator_id_type=cast(Any, made.originator_id_type),
        enable_db_functions=made.enable_db_functions,
    )
