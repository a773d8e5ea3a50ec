"""What is owed: each obligation of the governed subjects, from the entry that made it owed to the one that settled it.

Rows are intervals, so that what was owed at any moment is a filter. That something is overdue is recorded nowhere:
it is told from the moment that is asked about. What a source recorded owes nothing here: its workflow is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Column, Connection, Index, MetaData, Table, or_, select

from domain.event import State
from domain.fold import merge_patch
from domain.moments import LATEST
from domain.obligations import (
    MEMBERS,
    Obligation,
    ended_as,
    has_ended,
    has_obligations,
    obligations_of,
)
from ledger.entry import Entry
from projections.bulk import among, upsert
from projections.folding import state_text, stored_states
from projections.projection import BinaryText, Integer64, Projection, Tables, family_of

HEAD: Final = 2**63 - 1
"""Beyond every position: until where an interval holds that has no end yet."""
RESTATED: Final = "restated"
"""The outcome of an interval that goes on in another: the due date, the owners or the services changed."""
COLUMNS: Final = (
    "id", "subject", "kind", "item", "owners", "services", "due_at", "arose_position", "arose_at", "since_position",
    "since_at", "until_position", "until_at", "outcome", "until_end_of",
)  # fmt: skip
_NUMBERS: Final = frozenset({"arose_position", "since_position", "until_position"})
_NULLABLE: Final = frozenset({"outcome", "until_end_of"})


class Obligations(Projection):
    """`obligations`: what was so from the entry at `since_position` until just before that at `until_position`.

    `since_at`, `until_at`: when those entries happened; `arose_…`: the one that made it owed, in a former interval
    perhaps. `owners` and `services` are JSON arrays; `owned` has a row for each owner. `outcome` is NULL as long as
    it is owed. `states`: the members that obligations are told from.
    """

    name = "obligations"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        obligations = Table(
            prefix,
            metadata,
            *(
                Column(
                    name,
                    Integer64 if name in _NUMBERS else BinaryText,
                    primary_key=name == "id",
                    nullable=name in _NULLABLE,
                )
                for name in COLUMNS
            ),
        )
        Index(f"{prefix}_until", obligations.c.until_position, obligations.c.due_at)
        Index(f"{prefix}_subject", obligations.c.subject, obligations.c.until_position)
        Index(f"{prefix}_waits", obligations.c.until_end_of)
        owned = Table(
            f"{prefix}_owned",
            metadata,
            Column("owner", BinaryText, primary_key=True),
            Column("id", BinaryText, primary_key=True),
        )
        states = Table(
            f"{prefix}_states",
            metadata,
            Column("subject", BinaryText, primary_key=True),
            Column("state", BinaryText, nullable=False),
        )
        return {"obligations": obligations, "owned": owned, "states": states}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        ours = [one for one in batch if has_obligations(family_of(one)) and _says_something(one)]
        if not ours:
            return
        named = {grant for entry in ours for grant in _grants_named(entry)}
        subjects = {entry.subject for entry in ours}
        states = stored_states(connection, tables["states"], subjects | named)
        books = _Books(_open_rows(connection, tables["obligations"], subjects), states)
        for entry in ours:
            books.take(entry)
        upsert(connection, tables["obligations"], [_cells(row) for row in books.changed.values()])
        owned = [(owner, row.id) for row in books.changed.values() for owner in row.owed.owners]
        upsert(connection, tables["owned"], owned)
        told = [(subject, state_text(states[subject])) for subject in sorted(books.touched)]
        upsert(connection, tables["states"], told)


@dataclass(slots=True)
class _Row:
    """One interval of an obligation; open as long as `until_position` is HEAD."""

    subject: str
    owed: Obligation
    arose_position: int
    arose_at: str
    since_position: int
    since_at: str
    until_position: int = HEAD
    until_at: str = LATEST
    outcome: str | None = None

    @property
    def id(self) -> str:
        """Of the interval: unique, and the same whenever it is built anew."""
        kind, item = self.owed.key
        return " ".join(filter(None, (self.subject, kind, item, f"{self.since_position:019d}")))


@dataclass(slots=True)
class _Books:
    """The open intervals and states of a batch's subjects, and what the batch made of them."""

    rows: list[_Row]
    states: dict[str, dict[str, Any]]
    changed: dict[str, _Row] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    _open: dict[tuple[str, str, str], _Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open = {(row.subject, *row.owed.key): row for row in self.rows}

    def take(self, entry: Entry) -> None:
        subject = entry.subject
        before = {} if _is_first_governed(entry) else self.states.get(subject)
        if before is None:
            return  # a source's
        said = {name: value for name, value in entry.data.items() if name in MEMBERS}
        after: dict[str, Any] = merge_patch(before, said)
        self.states[subject] = after
        self.touched.add(subject)
        self._compare(entry, before, after)
        if has_ended(subject, after) and not has_ended(subject, before):
            waiting = [row for row in self._open.values() if row.owed.until_end_of == subject]
            for row in waiting:
                self._end(row, entry, "met")

    def _compare(self, entry: Entry, before: State, after: State) -> None:
        # An access review has ten thousand items: those that the entry does not name stay as they are.
        items = entry.data.get("items") or ()
        subject = entry.subject
        stood = {one.key: one for one in obligations_of(subject, before, items)}
        stands = {one.key: one for one in obligations_of(subject, after, items)}
        for key in stood.keys() | stands.keys():
            self._move(entry, stood.get(key), stands.get(key), after)

    def _move(
        self, entry: Entry, stood: Obligation | None, stands: Obligation | None, after: State
    ) -> None:
        was_owed = stood is not None and stood.ended is None
        is_owed = stands is not None and stands.ended is None
        row = self._open.get((entry.subject, *stood.key)) if stood and was_owed else None
        if row is not None and stands != stood:
            if stands is None:
                self._end(row, entry, ended_as(row.owed, after))
            else:
                self._end(row, entry, stands.ended or RESTATED)
        if is_owed and stands is not None and (not was_owed or (row and stands != stood)):
            self._begin(entry, stands, row)

    def _begin(self, entry: Entry, owed: Obligation, former: _Row | None) -> None:
        position, time = entry.position, entry.time
        arose = (former.arose_position, former.arose_at) if former else (position, time)
        row = _Row(entry.subject, owed, *arose, position, time)
        self._open[entry.subject, *owed.key] = row
        self.changed[row.id] = row
        gone = owed.until_end_of
        if gone is not None and has_ended(gone, self.states.get(gone, {})):
            self._end(row, entry, "met")

    def _end(self, row: _Row, entry: Entry, outcome: str) -> None:
        row.until_position, row.until_at, row.outcome = entry.position, entry.time, outcome
        self._open.pop((row.subject, *row.owed.key), None)
        self.changed[row.id] = row


def _open_rows(connection: Connection, table: Table, subjects: set[str]) -> list[_Row]:
    """Of the subjects, and of others that wait for their end."""
    statement = select(table).where(
        table.c.until_position == HEAD,
        or_(
            among(connection, table.c.subject, subjects),
            among(connection, table.c.until_end_of, subjects),
        ),
    )
    return [_row(told) for told in connection.execute(statement).mappings()]


def _row(told: Any) -> _Row:
    owed = Obligation(
        told["kind"],
        told["due_at"],
        tuple(orjson.loads(told["owners"])),
        tuple(orjson.loads(told["services"])),
        told["item"],
        None,
        told["until_end_of"],
    )
    return _Row(
        told["subject"],
        owed,
        told["arose_position"],
        told["arose_at"],
        told["since_position"],
        told["since_at"],
    )


def _cells(row: _Row) -> tuple[Any, ...]:
    """In the order of COLUMNS."""
    owed = row.owed
    return (
        row.id,
        row.subject,
        owed.kind,
        owed.item,
        orjson.dumps(owed.owners).decode(),
        orjson.dumps(owed.services).decode(),
        owed.due,
        row.arose_position,
        row.arose_at,
        row.since_position,
        row.since_at,
        row.until_position,
        row.until_at,
        row.outcome,
        owed.until_end_of,
    )


def _says_something(entry: Entry) -> bool:
    return entry.version == 1 or any(member in entry.data for member in MEMBERS)


def _is_first_governed(entry: Entry) -> bool:
    return entry.version == 1 and entry.attributes.get("decision") != "observed"


def _grants_named(entry: Entry) -> Iterator[str]:
    yield from (name for name in entry.data.get("items") or () if name.startswith("grant/"))
