"""One moment after another: what is near the last one costs what changed in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from replay.engines.duck import connect
from replay.moment import Located
from replay.whole.entries import Entries
from replay.whole.held import Base, bound_of, register_held


class Slide:
    """Answers about one log as far as `entries` go. Close it when done. Not for several threads at once."""

    def __init__(
        self, base: Base, entries: Entries, families: Collection[str] | None = None
    ) -> None:
        self._base, self._entries, self._families = base, entries, families
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._at: Located | None = None
        self._states: dict[str, tuple[int, str]] = {}

    def to(self, moment: Located) -> Mapping[str, tuple[int, str]]:
        """Subject → (version, state as JSON text) at the moment. It is one object, which changes with the next answer.

        Raises CorruptEntry, and what the base raises.
        """
        before = self._at
        if self._connection is None or before is None or not self._is_same_view(before, moment):
            self._connection = self._opened(moment)
            self._states = {}
            self._take(self._connection, moment, "", {})
        else:
            self._move(self._connection, before, moment)
        self._at = moment
        return self._states

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _move(
        self, connection: duckdb.DuckDBPyConnection, before: Located, moment: Located
    ) -> None:
        start, end, at = bound_of(moment)
        was = bound_of(before)[2]
        if at >= was:
            # A subject that is there stays there: each state holds until the next one does.
            self._take(connection, moment, f" AND {start} > $was", {"was": was})
            return
        gone = connection.execute(
            f"SELECT subject FROM chosen WHERE {start} > $at AND {start} <= $was "
            f"EXCEPT SELECT subject FROM chosen WHERE {start} <= $at AND {end} > $at",
            {"at": at, "was": was},
        )
        for (subject,) in gone.fetchall():
            self._states.pop(subject, None)
        self._take(connection, moment, f" AND {end} <= $was", {"was": was})

    def _take(
        self,
        connection: duckdb.DuckDBPyConnection,
        moment: Located,
        narrowed: str,
        asked: dict[str, Any],
    ) -> None:
        start, end, at = bound_of(moment)
        found = connection.execute(
            f"SELECT subject, version, state FROM chosen WHERE {start} <= $at AND {end} > $at{narrowed}",
            {"at": at, **asked},
        )
        for subject, version, state in found.fetchall():
            self._states[subject] = (version, state)

    def _is_same_view(self, before: Located, moment: Located) -> bool:
        if before.basis != moment.basis:
            return False
        if moment.basis == "effect":
            return before.position == moment.position
        return max(before.position, moment.position) <= self._base.head

    def _opened(self, moment: Located) -> duckdb.DuckDBPyConnection:
        self.close()
        connection = connect()
        register_held(connection, self._base, self._entries, moment)
        among = ""
        if self._families is not None:
            connection.register("families", pa.table({"name": sorted(self._families)}))
            among = " WHERE family IN (FROM families)"
        connection.execute(f"CREATE TEMP VIEW chosen AS SELECT * FROM held{among}")
        return connection
