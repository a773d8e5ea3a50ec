"""The time machine: one log's estate at any moment, however it is to be had cheapest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from ledger.ledger import Ledger
from ledger.past import Extent
from replay.engines.duck import DuckEngine, connected
from replay.engines.engine import Engine
from replay.engines.intervals import IntervalEngine
from replay.engines.python import PythonEngine
from replay.moment import Located, Moment, locate
from replay.whole.counts import Counted, Counting, counts
from replay.whole.differences import SubjectDifference, differences
from replay.whole.entries import Archived, Entries, entries_of_log
from replay.whole.held import Base, folded, is_near, register_held
from replay.whole.where import Choice, to_sql


@dataclass(frozen=True, slots=True)
class States:
    """Every subject's state at a moment: `table` is STATES."""

    located: Located
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Differences:
    """`subjects` are found as they are asked for, once."""

    before: Located
    after: Located
    subjects: Iterator[SubjectDifference]


class TimeMachine:
    """`archive`: of this ledger, as somebody has checked. `base`: held states of it, if there are any.

    Without either the whole log is read and folded for each answer.
    """

    def __init__(
        self, ledger: Ledger, archive: Archived | None = None, base: Base | None = None
    ) -> None:
        self._ledger, self._archive, self._base = ledger, archive, base

    def states(
        self,
        moment: Moment,
        families: Collection[str] | None = None,
        where: Choice | None = None,
    ) -> States:
        """Of every subject that is there at the moment; of `families`, and those that `where` chooses, only.

        Raises MomentRefused, BeyondHead, Malformed for a time without zone, CorruptEntry.
        """
        located, entries = self.located(moment)
        table = self._engine().states(entries, located, families)
        return States(located, table if where is None else _chosen(table, where))

    def differences(
        self, before: Moment, after: Moment, families: Collection[str] | None = None
    ) -> Differences:
        """What differs between the two; either may be the earlier one. Raises as `states`."""
        old, new = self.states(before, families), self.states(after, families)
        _, entries = self.located(Moment())
        found = differences(entries, (old.located, old.table), (new.located, new.table))
        return Differences(old.located, new.located, found)

    def counts(self, asked: Counting, known_at: str | None = None) -> tuple[Located, list[Counted]]:
        """`known_at`: with the basis effect, by what was known at that moment.

        Raises MomentRefused, Malformed, WhereRefused, CorruptEntry.
        """
        located, entries = self.located(Moment(asked.moments[-1], known_at, basis=asked.basis))
        with connected() as connection:
            register_held(connection, self._base_for(located, entries), entries, located)
            return located, counts(connection, asked)

    def _base_for(self, located: Located, entries: Entries) -> Base:
        if self._base is not None and is_near(self._base, located):
            return self._base
        return folded(replace(entries, size=located.position))

    def located(self, moment: Moment) -> tuple[Located, Entries]:
        """The moment, and the entries that an answer about it may rest on."""
        head = self._ledger.head()
        extent = Extent(head.size, head.recordedtime)
        located = locate(moment, self._ledger.database, extent, self._ledger.now())
        return located, entries_of_log(self._ledger.database, extent.size, self._archive)

    def _engine(self) -> Engine:
        if self._base is not None:
            return IntervalEngine(self._base)
        return PythonEngine() if self._archive is None else DuckEngine()


def _chosen(table: pa.Table, where: Choice) -> pa.Table:
    condition, parameters = to_sql(where, "state")
    asked: list[Any] = list(parameters)
    with connected() as connection:
        connection.register("states", table)
        found = connection.sql(
            f"SELECT * FROM states WHERE {condition} ORDER BY subject", params=asked
        )
        return found.to_arrow_table().cast(table.schema)
