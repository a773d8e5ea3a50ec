"""As-of as a filter: the states are there already, each with the interval in which it held."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from replay.engines.duck import DuckEngine, connected
from replay.engines.engine import STATES, Engine
from replay.moment import Located
from replay.whole.entries import Entries
from replay.whole.held import MANY_TOUCHED, Base, holding, is_near, register_held


class IntervalEngine:
    """`base`: of the same log as the entries. A moment that it is far from is left to `otherwise`: more than
    `most_touched` entries lie in between.
    """

    def __init__(
        self, base: Base, otherwise: Engine | None = None, most_touched: int = MANY_TOUCHED
    ) -> None:
        self._base, self._otherwise = base, otherwise or DuckEngine()
        self._most = most_touched

    def states(
        self, entries: Entries, moment: Located, families: Collection[str] | None = None
    ) -> pa.Table:
        if not is_near(self._base, moment, self._most):
            return self._otherwise.states(entries, moment, families)
        condition, parameters = holding(moment)
        asked: list[Any] = list(parameters)
        if families is not None:
            condition += " AND family IN (SELECT unnest(?))"
            asked.append(list(families))
        with connected() as connection:
            register_held(connection, self._base, entries, moment)
            found = connection.sql(
                f"SELECT subject, version, state FROM held WHERE {condition}", params=asked
            )
            return found.to_arrow_table().cast(STATES).sort_by("subject")
