"""Folding a batch into rows that keep their subject's whole state: what registers have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Table, select

from domain.event import Json, events_of
from domain.fold import merge_patch
from ledger.entry import Entry
from projections.bulk import among

ESCAPED_NUL: Final = "\\u0000"


@dataclass(slots=True)
class Touched:
    """A subject that the batch is about. `before`: its state as the table had it; `first`: its first entry here."""

    subject: str
    first: Entry
    latest: Entry
    before: Mapping[str, Json]
    state: dict[str, Json]

    @property
    def family(self) -> str:
        return self.subject.partition("/")[0]

    @property
    def number(self) -> str:
        return self.subject.partition("/")[2]


def folded(connection: Connection, table: Table, entries: Iterable[Entry]) -> list[Touched]:
    """The subjects of `entries`, each folded on from the state in its row of `table` (`subject`, `state`)."""
    batch = list(entries)
    known = stored_states(connection, table, {entry.subject for entry in batch})
    touched: dict[str, Touched] = {}
    for entry in batch:
        subject = entry.subject
        one = touched.get(subject)
        if one is None:
            before = known.get(subject, {})
            one = touched[subject] = Touched(subject, entry, entry, before, before)
        one.latest, one.state = entry, merge_patch(one.state, entry.data)
    return list(touched.values())


def state_text(state: Mapping[str, Json]) -> str:
    """As the column `state` holds it: the same text for the same state."""
    return orjson.dumps(state, option=orjson.OPT_SORT_KEYS).decode()


def names_text(members: Mapping[str, Json] | None) -> str:
    """The members of a set, sorted, as a JSON array."""
    return orjson.dumps(sorted(name for name, is_in in (members or {}).items() if is_in)).decode()


def without_nul(row: tuple[Any, ...], text: str) -> tuple[Any, ...]:
    """PostgreSQL keeps no U+0000 in text: U+FFFD stands for it in columns, on both databases alike.

    `text`: the state that the row was made from.
    """
    if ESCAPED_NUL not in text:
        return row
    return tuple(nul_replaced(cell) if isinstance(cell, str) else cell for cell in row)


def nul_replaced(cell: str) -> str:
    return cell.replace("\0", "\N{REPLACEMENT CHARACTER}")


@lru_cache(maxsize=256)
def is_terminal(family: str, status: str | None) -> bool:
    """Does the state machine know no transition out of this status?"""
    return status is not None and not any(
        status in (event.from_statuses or ())
        for event in events_of(family)
        if event.to_status is not None
    )


def stored_states(
    connection: Connection, table: Table, subjects: set[str]
) -> dict[str, dict[str, Json]]:
    """As the rows of `table` hold them; of a subject without a row, nothing."""
    rows = connection.execute(
        select(table.c.subject, table.c.state).where(among(connection, table.c.subject, subjects))
    )
    return {subject: orjson.loads(state) for subject, state in rows}
