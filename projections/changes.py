"""Change register: one row for each change, as the log tells it now.

Texts of people (the title) stand as their commitments, as in the ticket register. Sets (services,
implementers, approvers) are columns of JSON arrays; `of_services` finds changes by one of their services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    delete,
    func,
    or_,
    select,
)

from domain.change import parts
from domain.event import Json
from domain.sets import members
from ledger.entry import Entry
from projections.bulk import among, upsert
from projections.folding import (
    Touched,
    folded,
    is_terminal,
    names_text,
    nul_replaced,
    state_text,
    without_nul,
)
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

FROM_VERSION_ONE: Final = ("number", "source", "opened", "opened_position")
MEMBERS: Final = (
    "status", "type", "risk", "title", "model", "closure_code", "started_at", "break_glass_by", "emergency_incident",
    "retro_approval", "retro_due_at", "content_hash", "authorized_hash",
)  # fmt: skip
"""Columns that are the state's member of the same name."""
TEXTS: Final = (
    *FROM_VERSION_ONE[:3], "updated", "requester", *MEMBERS, "window_start", "window_end",
)  # fmt: skip
NAMES: Final = ("services", "implementers", "approvers")
"""Columns that are JSON arrays of names."""
FLAGS: Final = ("emergency", "break_glass", "terminal")
SORTS: Final = ("updated", "opened", "number", "window_start")


class ChangeRegister(Projection):
    """`changes`: `opened`, `updated` are RFC 3339 times of a change's first and latest event,
    `opened_position` and `position` where these stand. `approvers`: whose approval was granted, of whatever
    content. `of_services`: the services of each change.
    """

    name = "changes"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        changes = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in (*TEXTS, *NAMES)),
            *(Column(name, Integer64) for name in ("opened_position", "position", "version")),
            *(Column(name, Boolean, nullable=False) for name in FLAGS),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_updated", changes.c.updated, changes.c.subject)
        Index(f"{prefix}_window", changes.c.window_start)
        of_services = Table(
            f"{prefix}_of_services",
            metadata,
            Column("service", BinaryText, primary_key=True),
            Column("subject", BinaryText, primary_key=True),
        )
        Index(f"{prefix}_of_services_subject", of_services.c.subject)
        return {"changes": changes, "of_services": of_services}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        changes, of_services = tables["changes"], tables["of_services"]
        ours = (entry for entry in batch if family_of(entry) == "change")
        touched = folded(connection, changes, ours)
        upsert(connection, changes, [_row(one) for one in touched], keep=FROM_VERSION_ONE)
        moved = {
            one.subject: _services(one.state)
            for one in touched
            if _services(one.before) != _services(one.state)
        }
        if moved:
            connection.execute(
                delete(of_services).where(among(connection, of_services.c.subject, moved))
            )
            rows = [(service, subject) for subject, about in moved.items() for service in about]
            upsert(connection, of_services, rows)


def _services(state: Mapping[str, Json]) -> set[str]:
    return set(map(nul_replaced, members(state.get("services"))))


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns."""
    state, text = one.state, state_text(one.state)
    window: Mapping[str, Json] = state.get("window") or {}
    approvers = dict.fromkeys(filter(None, parts(state)["approver"]), True)
    row = (
        one.subject,
        one.number,
        one.first.attributes["source"],
        one.first.time,
        one.latest.time,
        state.get("requested_by"),
        *map(state.get, MEMBERS),
        window.get("start"),
        window.get("end"),
        names_text(state.get("services")),
        names_text(state.get("implementers")),
        names_text(approvers),
        one.first.position,
        one.latest.position,
        one.latest.version,
        state.get("type") == "emergency",
        "break_glass_at" in state or "break_glass_by" in state,
        is_terminal("change", state.get("status")),
        text,
    )
    return without_nul(row, text)


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """What is asked for; None asks for all. Times are RFC 3339 UTC text with microseconds.

    Of several values any may hold. `window_from`, `window_to`: its window has a moment in common with the
    time from the one, inclusive, to the other, exclusive. `open_retro_approval`: one is requested and undecided.
    """

    status: Sequence[str] = ()
    type: Sequence[str] = ()
    risk: Sequence[str] = ()
    service: str | None = None
    requester: str | None = None
    model: str | None = None
    emergency: bool | None = None
    break_glass: bool | None = None
    open_retro_approval: bool | None = None
    window_from: str | None = None
    window_to: str | None = None
    updated_since: str | None = None
    terminal: bool | None = None


_REGISTER = ChangeRegister()


def find_changes(
    views: Views,
    wanted: ChangeFilter | None = None,
    *,
    sort: str = "-updated",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of changes: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    name = check_sort(sort, SORTS)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["changes"]
        column: ColumnElement[Any] = table.c[name]
        if name == "window_start":
            # A change without a window comes before all others.
            column = func.coalesce(column, "")
        columns = [column for column in table.columns if column.name != "state"]
        conditions = list(_conditions(reading.tables, wanted or ChangeFilter()))
        order = Order(sort, column, table.c.subject)
        found = page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)
    return Answer(found.position, [_told(row) for row in found.rows], found.next_cursor)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, **{name: orjson.loads(row[name]) for name in NAMES}}


def _conditions(tables: Tables, wanted: ChangeFilter) -> Iterator[ColumnElement[bool]]:
    table, of_services = tables["changes"], tables["of_services"]
    for name in ("requester", "model", "emergency", "break_glass", "terminal"):
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
    for name in ("status", "type", "risk"):
        if getattr(wanted, name):
            yield table.c[name].in_(getattr(wanted, name))
    if wanted.service is not None:
        about = select(of_services.c.subject).where(of_services.c.service == wanted.service)
        yield table.c.subject.in_(about)
    if wanted.open_retro_approval is not None:
        undecided = table.c.retro_approval == "requested"
        otherwise = or_(table.c.retro_approval.is_(None), table.c.retro_approval != "requested")
        yield undecided if wanted.open_retro_approval else otherwise
    if wanted.window_from is not None:
        yield table.c.window_end > wanted.window_from
    if wanted.window_to is not None:
        yield table.c.window_start < wanted.window_to
    if wanted.updated_since is not None:
        yield table.c.updated >= wanted.updated_since
