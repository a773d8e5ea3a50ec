"""Matching deployments with changes in the tables of a read model: what is looked up, and whom a change concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Index, MetaData, Table, delete, select

from domain.change import services_of
from domain.event import Json, State
from domain.reconciliation import (
    CHANGE_MEMBERS,
    claim_of,
    marks_of_change,
    marks_of_deployment,
)
from projections.bulk import among, upsert
from projections.folding import Touched, nul_replaced, state_text
from projections.projection import BinaryText, Tables


def tables_of_matching(metadata: MetaData, prefix: str) -> Tables:
    """`changes`: what matching looks at of each change. `claims`: when a deployment to a service can be a change's.

    The marks of changes and of deployments, which make them meet, stand apart.
    """
    changes = Table(
        f"{prefix}_changes",
        metadata,
        Column("subject", BinaryText, primary_key=True),
        Column("state", BinaryText, nullable=False),
    )
    claims = Table(
        f"{prefix}_claims",
        metadata,
        Column("service", BinaryText, primary_key=True),
        Column("subject", BinaryText, primary_key=True),
        Column("start", BinaryText, nullable=False),
        Column("end", BinaryText, nullable=False),
    )
    Index(f"{prefix}_claims_subject", claims.c.subject)
    tables = {"changes": changes, "claims": claims}
    for kind in ("change_marks", "run_marks"):
        tables[kind] = Table(
            f"{prefix}_{kind}",
            metadata,
            Column("mark", BinaryText, primary_key=True),
            Column("subject", BinaryText, primary_key=True),
        )
        Index(f"{prefix}_{kind}_subject", tables[kind].c.subject)
    return tables


def relevant(change: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in change.items() if name in CHANGE_MEMBERS}


def store_changes(connection: Connection, tables: Tables, moved: Sequence[Touched]) -> None:
    changes, claims = tables["changes"], tables["claims"]
    states = {one.subject: relevant(one.state) for one in moved}
    upsert(connection, changes, [(name, state_text(state)) for name, state in states.items()])
    _store_marks(
        connection, tables["change_marks"], {n: marks_of_change(s) for n, s in states.items()}
    )
    connection.execute(delete(claims).where(among(connection, claims.c.subject, states)))
    rows = [
        (nul_replaced(service), name, claim["start"], claim["end"])
        for name, state in states.items()
        if (claim := claim_of(state)) is not None
        for service in services_of(state)
    ]
    upsert(connection, claims, rows)


def store_marks_of_runs(connection: Connection, tables: Tables, runs: Sequence[Touched]) -> None:
    marks = {one.subject: marks_of_deployment(one.state) for one in runs}
    _store_marks(connection, tables["run_marks"], marks)


def _store_marks(connection: Connection, table: Table, marks: Mapping[str, Iterable[str]]) -> None:
    connection.execute(delete(table).where(among(connection, table.c.subject, marks)))
    rows = [(mark, name) for name, its in marks.items() for mark in sorted(set(its))]
    upsert(connection, table, rows)


def runs_concerned(connection: Connection, tables: Tables, changes: Collection[str]) -> set[str]:
    """The deployments whose verdict these changes may have a part in, as the tables stand."""
    if not changes:
        return set()
    runs, claims = tables["deployments"], tables["claims"]
    ours, theirs = tables["run_marks"], tables["change_marks"]
    covered = (claims.c.start <= runs.c.happened_at) & (runs.c.happened_at <= claims.c.end)
    statements = (
        select(runs.c.subject).where(among(connection, runs.c.named, changes)),
        select(ours.c.subject)
        .join(theirs, theirs.c.mark == ours.c.mark)
        .where(among(connection, theirs.c.subject, changes)),
        select(runs.c.subject)
        .join(claims, (claims.c.service == runs.c.service) & covered)
        .where(among(connection, claims.c.subject, changes)),
    )
    return {subject for one in statements for (subject,) in connection.execute(one)}


@dataclass(slots=True)
class StoredChanges:
    """As `reconciled` asks for them (`Changes`)."""

    connection: Connection
    tables: Tables
    _states: dict[str, State] = field(default_factory=dict)

    def state(self, subject: str) -> State:
        known = self._states.get(subject)
        if known is None:
            changes = self.tables["changes"]
            asked = select(changes.c.state).where(changes.c.subject == subject)
            found: Any = self.connection.execute(asked).scalar()
            known = self._states[subject] = orjson.loads(found) if found else {}
        return known

    def marked(self, mark: str) -> Iterator[str]:
        marks = self.tables["change_marks"]
        yield from self.connection.scalars(select(marks.c.subject).where(marks.c.mark == mark))

    def on_service(self, service: str, moment: str) -> Iterator[str]:
        claims = self.tables["claims"]
        covers = (claims.c.start <= moment) & (moment <= claims.c.end)
        is_its = claims.c.service == nul_replaced(service)
        yield from self.connection.scalars(select(claims.c.subject).where(is_its, covers))
