"""The vault's database, apart from the log's so that no backup of the log holds it: SQLite or PostgreSQL.

It speaks the log's SQL through the log's cursors. What may stay behind on a disk differs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import Malformed
from ledger.database import Transaction
from ledger.errors import StorageFailed
from ledger.lending import Lender
from ledger.schema import Dialect, Table, create_statements
from ledger.sqlite import SQLiteTransactionCursor
from ledger.urls import POSTGRESQL, sqlite_path

WAIT_SECONDS = 30
"""For a connection, or for another process that writes."""
MOST_CONNECTIONS = 15

KEYS = Table("data_keys", (("id", "int"), ("wrapped", "bytes")), key=("id",), append_only=False)
NAMES = Table(
    "names", (("digest", "bytes"), ("principal", "text")), key=("digest",), append_only=False
)
SECRETS = Table(
    "secrets", (("name", "text"), ("wrapped", "bytes")), key=("name",), append_only=False
)
"""Made last, and younger than the others: where it is, they are."""
_BY_PRINCIPAL = "ix_names_principal"


@dataclass(frozen=True, slots=True)
class _Driver:
    dialect: Dialect
    connect: Callable[[], Any]
    cursor: Callable[[Any], Transaction]
    failure: type[Exception]
    begin: str
    is_there: str


class VaultDatabase:
    """Safe from any number of threads. Raises StorageFailed, which tells nothing that was stored or asked."""

    def __init__(self, url: str) -> None:
        """`url`: `sqlite:///file` or `postgresql://…`. Raises Malformed for another."""
        self._driver = _driver(url)
        self._connections = Lender(
            self._driver.connect, most=MOST_CONNECTIONS, wait_seconds=WAIT_SECONDS
        )
        self._create_tables()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Each SELECT by itself: there is nothing here that two of them would have to agree about."""
        with self._lent() as connection:
            yield self._driver.cursor(connection)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Commits on leaving; rolls back on any exception. Once left, what was written survives a crash."""
        with self._lent() as connection:
            connection.execute(self._driver.begin)
            yield self._driver.cursor(connection)
            connection.execute("COMMIT")

    def close(self) -> None:
        self._connections.close()

    def _create_tables(self) -> None:
        with self.reading() as transaction:
            if self._has(transaction, SECRETS.name):
                return
        with self.writing() as transaction:
            if self._driver.dialect == "postgresql":
                # SQLite's writer is alone already; here several processes may start together.
                transaction.execute("SELECT pg_advisory_xact_lock(hashtext('itsm-ledger vault'))")
            if not self._has(transaction, _BY_PRINCIPAL):
                for made in (KEYS, NAMES):
                    self._create(transaction, made)
                transaction.execute(f"CREATE INDEX {_BY_PRINCIPAL} ON {NAMES.name} (principal)")
            if not self._has(transaction, SECRETS.name):
                self._create(transaction, SECRETS)

    def _has(self, transaction: Transaction, name: str) -> bool:
        return bool(transaction.row(self._driver.is_there, (name,)))

    def _create(self, transaction: Transaction, table: Table) -> None:
        for statement in create_statements(table, self._driver.dialect):
            transaction.execute(statement)

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        try:
            connection = self._connections.lend()
        except self._driver.failure as error:
            raise _failed(error) from error
        try:
            yield connection
        except BaseException as error:
            # Closing it rolls back. What broke it (a server that was restarted) broke the idle ones as well.
            connection.close()
            self._connections.take_back(None)
            self._connections.forget_idle()
            if isinstance(error, self._driver.failure):
                raise _failed(error) from error
            raise
        self._connections.take_back(connection)


def _failed(error: Exception) -> StorageFailed:
    return StorageFailed(
        f"the vault cannot be used: {type(error).__name__}", reason=type(error).__name__
    )


def _driver(url: str) -> _Driver:
    path = sqlite_path(url)
    if path is not None and path.name:
        return _Driver(
            dialect="sqlite",
            connect=lambda: _sqlite_connection(path),
            cursor=SQLiteTransactionCursor,
            failure=sqlite3.Error,
            begin="BEGIN IMMEDIATE",
            is_there="SELECT 1 FROM sqlite_master WHERE name = ?",
        )
    if not url.startswith(POSTGRESQL):
        raise Malformed(
            "expected a vault's URL such as sqlite:///vault.db or postgresql://user@host/name"
        )
    import psycopg  # noqa: PLC0415 - who is on SQLite need not load it

    from ledger.postgres import CONNECT_SECONDS, PostgresTransactionCursor  # noqa: PLC0415 - the same

    return _Driver(
        dialect="postgresql",
        connect=lambda: psycopg.connect(url, autocommit=True, connect_timeout=int(CONNECT_SECONDS)),
        cursor=PostgresTransactionCursor,
        failure=psycopg.Error,
        begin="BEGIN",
        # Not to_regclass: a server process that found nothing once remembers that for a while.
        is_there="SELECT 1 FROM pg_class WHERE relname = ? AND pg_table_is_visible(oid)",
    )


def _sqlite_connection(path: Path) -> sqlite3.Connection:
    # Any thread may borrow it, one at a time; transactions are begun and ended here, not by the module.
    connection = sqlite3.connect(
        path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    # No WAL: it would hold a destroyed key until its next checkpoint. Freed pages are overwritten.
    for pragma in ("journal_mode = DELETE", "secure_delete = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
