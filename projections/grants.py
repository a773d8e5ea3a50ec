"""Register of grants: who has which role, on which services, since when and until when, on whose word.

Whether a grant counts is asked of its times and of now, never of whether a timer has run: one past its
`valid_to` counts no more, though its status may still say active. The standing of holders and roles is kept
beside it, since deactivating a holder or retiring a role stops grants at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    and_,
    func,
    or_,
    select,
)

from domain.event import Json
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

FROM_VERSION_ONE: Final = ("number", "opened", "opened_position")
MEMBERS: Final = (
    "holder", "role", "role_name", "status", "valid_from", "valid_to", "requested_by", "approved_by", "granted_by",
    "suspended_by", "revoked_by",
)  # fmt: skip
"""Columns that are the state's member of the same name."""
STANDING: Final = {"principal": "registered", "role": "defined"}
"""The status in which a holder's, or a role's, grants count."""
SORTS: Final = ("updated", "opened", "number", "valid_to")
_ENDLESS: Final = "9999-12-31T23:59:59.999999Z"


class GrantRegister(Projection):
    """`grants`: `services` is a JSON array, NULL where the grant is for everything; `delegations` a JSON array
    of `{id, to, from, until}`, with `ended_at` and `ended_by` where one was ended. `standing`: the status of
    every principal and role.
    """

    name = "grants"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        grants = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in ("number", "opened", "updated", *MEMBERS)),
            *(Column(name, BinaryText) for name in ("services", "delegations", "exception_until")),
            *(Column(name, Integer64) for name in ("opened_position", "position", "version")),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_updated", grants.c.updated, grants.c.subject)
        Index(f"{prefix}_role", grants.c.role)
        Index(f"{prefix}_holder", grants.c.holder)
        standing = Table(
            f"{prefix}_standing",
            metadata,
            Column("subject", BinaryText, primary_key=True),
            Column("status", BinaryText, nullable=False),
        )
        return {"grants": grants, "standing": standing}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        ours = (entry for entry in batch if family_of(entry) == "grant")
        touched = folded(connection, tables["grants"], ours)
        upsert(connection, tables["grants"], [_row(one) for one in touched], keep=FROM_VERSION_ONE)
        moved = {
            entry.subject: str(entry.data["status"])
            for entry in batch
            if family_of(entry) in STANDING and entry.data.get("status")
        }
        upsert(connection, tables["standing"], list(moved.items()))


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns."""
    state, text = one.state, state_text(one.state)
    services = state.get("services")
    row = (
        one.subject,
        one.number,
        one.first.time,
        one.latest.time,
        *map(state.get, MEMBERS),
        None if services is None else names_text(services),
        orjson.dumps(_delegations(state)).decode(),
        (state.get("exception") or {}).get("expires_at"),
        one.first.position,
        one.latest.position,
        one.latest.version,
        text,
    )
    return without_nul(row, text)


def _delegations(state: Mapping[str, Json]) -> list[dict[str, Json]]:
    return [
        {"id": name, **dict(sorted(one.items()))}
        for name, one in sorted((state.get("delegations") or {}).items())
    ]


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """What is asked for; None asks for all. `counts_at`: RFC 3339 UTC text; those that give the role at that
    moment, as the register knows them now, `counts` False: all others.
    """

    status: Sequence[str] = ()
    holder: str | None = None
    role: str | None = None
    role_name: str | None = None
    counts_at: str | None = None
    counts: bool = True


_REGISTER = GrantRegister()


def find_grants(
    views: Views,
    wanted: GrantFilter | None = None,
    *,
    sort: str = "-updated",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of grants: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    name = check_sort(sort, SORTS)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["grants"]
        column: ColumnElement[Any] = table.c[name]
        if name == "valid_to":
            column = func.coalesce(column, _ENDLESS)
        columns = [column for column in table.columns if column.name != "state"]
        conditions = list(_conditions(reading.tables, wanted or GrantFilter()))
        order = Order(sort, column, table.c.subject)
        found = page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)
    return Answer(found.position, [_told(row) for row in found.rows], found.next_cursor)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    services = row["services"]
    return {
        **row,
        "services": None if services is None else orjson.loads(services),
        "delegations": orjson.loads(row["delegations"]),
    }


def _conditions(tables: Tables, wanted: GrantFilter) -> Iterator[ColumnElement[bool]]:
    table = tables["grants"]
    for name in ("holder", "role", "role_name"):
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
    if wanted.status:
        yield table.c.status.in_(wanted.status)
    if wanted.counts_at is not None:
        counting = _counting(tables, wanted.counts_at)
        # NULL, where a grant has no times yet, is no.
        yield counting if wanted.counts else func.coalesce(counting, False).is_(False)


def _counting(tables: Tables, at: str) -> ColumnElement[bool]:
    table, standing = tables["grants"], tables["standing"]
    stands = [
        table.c[column].in_(select(standing.c.subject).where(standing.c.status == STANDING[family]))
        for column, family in (("holder", "principal"), ("role", "role"))
    ]
    return and_(
        table.c.status == "active",
        table.c.valid_from <= at,
        or_(table.c.valid_to.is_(None), table.c.valid_to > at),
        *stands,
    )
