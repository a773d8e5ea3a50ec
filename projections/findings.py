"""Register of findings: which rule is broken, how gravely, since when, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Index, MetaData, Table, case, select

from ledger.entry import Entry
from projections.bulk import upsert
from projections.folding import Touched, folded, names_text, state_text, without_nul
from projections.paging import Order, check_sort, page_of
from projections.projection import (
    Answer,
    BinaryText,
    Integer64,
    Projection,
    Tables,
    family_of,
)
from projections.views import Views

FROM_VERSION_ONE: Final = ("number", "raised", "raised_position")
TEXTS: Final = (
    "rule", "rule_version", "severity", "status", "sentence", "group", "happened_at", "seen_at",
    "acknowledged_by", "accepted_until",
)  # fmt: skip
NUMBERS: Final = ("count", "first_position", "last_position", "evidence_position")
"""Columns that are the state's member of the same name."""
GRAVEST_FIRST: Final = ("critical", "high", "medium", "low")
SORTS: Final = ("updated", "raised", "number", "severity", "happened_at")


class FindingRegister(Projection):
    """`findings`: `about` and `controls` are JSON arrays. `about`: one row for each subject that a finding names."""

    name = "findings"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        findings = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in ("number", "raised", "updated", *TEXTS)),
            *(Column(name, BinaryText) for name in ("about", "controls")),
            *(
                Column(name, Integer64)
                for name in ("raised_position", "position", "version", *NUMBERS)
            ),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_updated", findings.c.updated, findings.c.subject)
        Index(f"{prefix}_rule", findings.c.rule, findings.c.status)
        about = Table(
            f"{prefix}_about",
            metadata,
            Column("about", BinaryText, primary_key=True),
            Column("finding", BinaryText, primary_key=True),
        )
        return {"findings": findings, "about": about}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        ours = (entry for entry in batch if family_of(entry) == "finding")
        touched = folded(connection, tables["findings"], ours)
        rows = [_row(one) for one in touched]
        upsert(connection, tables["findings"], rows, keep=FROM_VERSION_ONE)
        named = {(name, one.subject) for one in touched for name in one.state.get("about", {})}
        upsert(connection, tables["about"], sorted(named))


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns."""
    state, text = one.state, state_text(one.state)
    row = (
        one.subject,
        one.number,
        one.first.time,
        one.latest.time,
        *map(state.get, TEXTS),
        names_text(state.get("about")),
        names_text(state.get("controls")),
        one.first.position,
        one.latest.position,
        one.latest.version,
        *map(state.get, NUMBERS),
        text,
    )
    return without_nul(row, text)


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """What is asked for; empty asks for all. `about`: a subject that the finding names."""

    rule: Sequence[str] = ()
    severity: Sequence[str] = ()
    status: Sequence[str] = ()
    about: str | None = None


_REGISTER = FindingRegister()


def find_findings(
    views: Views,
    wanted: FindingFilter | None = None,
    *,
    sort: str = "-updated",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of findings: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend; by `severity`
    the gravest come first.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    name = check_sort(sort, SORTS)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["findings"]
        column: ColumnElement[Any] = table.c[name]
        if name == "severity":
            ranks = {one: rank for rank, one in enumerate(GRAVEST_FIRST)}
            column = case(ranks, value=column, else_=len(ranks))
        columns = [column for column in table.columns if column.name != "state"]
        conditions = list(_conditions(reading.tables, wanted or FindingFilter()))
        order = Order(sort, column, table.c.subject)
        found = page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)
    return Answer(found.position, [_told(row) for row in found.rows], found.next_cursor)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "about": orjson.loads(row["about"]), "controls": orjson.loads(row["controls"])}


def _conditions(tables: Tables, wanted: FindingFilter) -> Iterator[ColumnElement[bool]]:
    table, about = tables["findings"], tables["about"]
    for name in ("rule", "severity", "status"):
        values = getattr(wanted, name)
        if values:
            yield table.c[name].in_(values)
    if wanted.about is not None:
        yield table.c.subject.in_(select(about.c.finding).where(about.c.about == wanted.about))
