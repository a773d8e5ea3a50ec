"""What the log asks of a database, so that one code serves SQLite and PostgreSQL.

SQL is written with `?` and kept to what both understand; the few differences are methods here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ledger.schema import Dialect, Table

Row = tuple[Any, ...]
Param = int | str | bytes | None | Sequence[Any]


class Transaction(Protocol):
    """One transaction's cursor. Rows are tuples; bytes columns are `bytes`.

    `row_lock` ends a SELECT whose rows are to be held until the transaction ends.
    """

    row_lock: str

    def rows(self, sql: str, params: Sequence[Param] = ()) -> list[Row]: ...

    def row(self, sql: str, params: Sequence[Param] = ()) -> Row | None: ...

    def execute(self, sql: str, params: Sequence[Param] = ()) -> None: ...

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """All rows in as few statements as the database allows."""
        ...

    def insert_new(self, table: Table, rows: Sequence[Row]) -> None:
        """The same of rows whose key is not there yet; the others are passed over."""
        ...

    def stream(self, sql: str, params: Sequence[Param] = ()) -> Iterable[Row]:
        """Rows without holding them all in memory."""
        ...

    def among(self, column: str, values: Sequence[str | int | bytes]) -> tuple[str, list[Param]]:
        """A condition `column is one of values` and its parameters."""
        ...


class Database(Protocol):
    dialect: Dialect

    def writing(self) -> AbstractContextManager[Transaction]:
        """Commits on leaving; rolls back on any exception. Writers are serialised by the head row.

        Once it has been left without an exception, what was written survives a crash of the machine.
        Raises StorageFailed (nothing written) or OutcomeUnknown.
        """
        ...

    def query(self, sql: str, params: Sequence[Param] = ()) -> list[Row]:
        """One SELECT by itself: the shortest way to rows that need no other statement beside them."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """One consistent picture of the log; never waits for the writer."""
        ...

    def wait_for_append(self, seconds: float) -> None:
        """Return when something may have been appended, by whatever process, or after `seconds`.

        What was appended since the last call counts, so whoever looks between two calls misses nothing. The
        first one may return at once.
        """
        ...

    def close(self) -> None: ...
