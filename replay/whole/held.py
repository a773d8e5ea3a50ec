"""Held states to ask: a base that holds for a head, and what was touched since folded anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import duckdb
import pyarrow as pa

from replay.moment import Located
from replay.whole.entries import Entries
from replay.whole.held_table import HELD, held_table, microseconds

MANY_TOUCHED: Final = 20_000
"""Above so many entries between a base and the moment, folding them all is cheaper than folding subject by subject."""


class Base(Protocol):
    """Held states of every subject, by the entries up to `head`."""

    @property
    def head(self) -> int: ...

    def register(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Let the connection read them, as HELD, under that name."""


@dataclass(frozen=True, slots=True)
class InMemory:
    head: int
    table: pa.Table

    def register(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        connection.register(name, self.table)


def folded(entries: Entries) -> InMemory:
    """A base for a log that has none yet. It takes about a KiB of memory for each entry."""
    return InMemory(entries.size, held_table(entries.lines()))


def is_near(base: Base, moment: Located, most_touched: int = MANY_TOUCHED) -> bool:
    """Does the base hold for the moment, but for what a few entries touched?"""
    if moment.basis == "known":
        return moment.position - base.head <= most_touched
    return abs(moment.position - base.head) <= most_touched


def register_held(
    connection: duckdb.DuckDBPyConnection, base: Base, entries: Entries, moment: Located
) -> None:
    """Let the connection read `held`: HELD as it was once the entry at the moment's position was recorded.

    On the basis known a base also holds for each position before its head.
    """
    base.register(connection, "base")
    touched = _touched(base, entries, moment)
    if not touched:
        connection.execute(f"CREATE TEMP VIEW held AS SELECT {_COLUMNS} FROM base")
        return
    anew = held_table(entries.of_subjects(touched, moment.position))
    connection.register("anew", anew)
    connection.register("touched", pa.table({"subject": sorted(touched)}))
    connection.execute(
        f"CREATE TEMP VIEW held AS SELECT {_COLUMNS} FROM base WHERE subject NOT IN (FROM touched) "
        f"UNION ALL SELECT {_COLUMNS} FROM anew"
    )


_COLUMNS: Final = ", ".join(HELD.names)


def _touched(base: Base, entries: Entries, moment: Located) -> set[str]:
    first, last = sorted((base.head, moment.position))
    if moment.basis == "known" and moment.position <= base.head:
        return set()
    return entries.touched(first, last)


def holding(moment: Located) -> tuple[str, list[int]]:
    """The condition that a row of `held` holds at the moment, with its parameters."""
    start, end, at = bound_of(moment)
    return f"{start} <= ? AND {end} > ?", [at, at]


def bound_of(moment: Located) -> tuple[str, str, int]:
    """The columns in which its basis has an interval's beginning and end, and the moment as it stands there."""
    if moment.basis == "known":
        return "known_from", "known_to", moment.position
    return "effect_from_us", "effect_to_us", microseconds(moment.at or "")
