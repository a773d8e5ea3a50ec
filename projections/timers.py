"""What waits for a time: each governed subject that the system has something to do about, and when it is due.

It tells the scheduler where to look. What is ordered is told from the state under the lock, and decided there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Column, Connection, Index, MetaData, Table, select

from domain.event import State
from domain.fold import merge_patch
from domain.timers import MEMBERS, has_timers, timers_of
from ledger.entry import Entry
from projections.bulk import upsert
from projections.folding import state_text, stored_states, without_nul
from projections.projection import BinaryText, Projection, Tables, family_of
from projections.views import Views


class Timers(Projection):
    """`due`: of the earliest timer, NULL where there is none. `state`: the members that timers are told from.

    Subjects that a source recorded have no row: the workflow is there.
    """

    name = "timers"
    version = 2

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        timers = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            Column("due", BinaryText),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_due", timers.c.due, timers.c.subject)
        return {"timers": timers}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        ours = [entry for entry in batch if has_timers(family_of(entry)) and _says_something(entry)]
        if not ours:
            return
        table = tables["timers"]
        states = stored_states(connection, table, {entry.subject for entry in ours})
        touched: set[str] = set()
        for entry in ours:
            before = {} if _is_first_governed(entry) else states.get(entry.subject)
            if before is None:
                continue  # a source's
            said = {name: value for name, value in entry.data.items() if name in MEMBERS}
            states[entry.subject] = merge_patch(before, said)
            touched.add(entry.subject)
        upsert(connection, table, [_row(subject, states[subject]) for subject in sorted(touched)])


def _says_something(entry: Entry) -> bool:
    return entry.version == 1 or any(member in entry.data for member in MEMBERS)


def _is_first_governed(entry: Entry) -> bool:
    return entry.version == 1 and entry.attributes.get("decision") != "observed"


def _row(subject: str, state: State) -> tuple[str | None, ...]:
    due = next((timer.due for timer in timers_of(subject, state)), None)
    text = state_text(state)
    return without_nul((subject, due, text), text)


class Due(NamedTuple):
    subject: str
    due: str


_TIMERS = Timers()


def due_by(views: Views, moment: str, limit: int = 500) -> tuple[int, list[Due]]:
    """The position that the answer reflects, and what is due at `moment` or earlier, the earliest first.

    Raises ViewNotReady.
    """
    with views.reading(_TIMERS) as reading:
        table = reading.tables["timers"]
        rows = reading.connection.execute(
            select(table.c.subject, table.c.due)
            .where(table.c.due <= moment)
            .order_by(table.c.due, table.c.subject)
            .limit(limit)
        )
        return reading.position, [Due(*row) for row in rows]
