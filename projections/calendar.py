"""Change calendar: the windows of changes and the freezes, by service, and where they overlap.

A change is on the calendar once it is authorized, or under way without that, and stays there when it is done:
with its window, or without one with the time of its implementation. A freeze is there from its start to its
end, or to when it was lifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    delete,
    select,
)

from domain.change_conflicts import ON_CALENDAR
from domain.errors import Malformed
from domain.event import Json
from domain.freeze import ALL_SERVICES, excepts
from ledger.entry import Entry
from projections.bulk import among, upsert
from projections.folding import Touched, folded, names_text, state_text, without_nul
from projections.projection import (
    Answer,
    BinaryText,
    Integer64,
    Projection,
    Tables,
    family_of,
)
from projections.views import Views

FAMILIES: Final = ("change", "freeze")
NEVER: Final = "9999-12-31T23:59:59.999999Z"
"""Sorts behind every moment: the end of what is not over."""
LARGEST_CALENDAR: Final = 2_000


class ChangeCalendar(Projection):
    """`calendar`: one row for each change and freeze that has a place in time. `states`: of all of them.

    `end` is exclusive, and NEVER while an implementation without a window goes on. `excepted`: the changes
    that a freeze's owner lets happen; `resolved`: those that a change may overlap.
    """

    name = "calendar"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        texts = ("kind", "status", "type", "title", "start", "end")
        sets = ("services", "configuration_items", "excepted", "resolved")
        calendar = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in (*texts, *sets)),
            *(Column(name, Integer64, nullable=False) for name in ("position", "version")),
        )
        Index(f"{prefix}_end", calendar.c.end, calendar.c.start)
        states = Table(
            f"{prefix}_states",
            metadata,
            Column("subject", BinaryText, primary_key=True),
            Column("state", BinaryText, nullable=False),
        )
        return {"calendar": calendar, "states": states}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        calendar, states = tables["calendar"], tables["states"]
        ours = (entry for entry in batch if family_of(entry) in FAMILIES)
        touched = folded(connection, states, ours)
        texts = {one.subject: state_text(one.state) for one in touched}
        upsert(connection, states, list(texts.items()))
        rows = {one.subject: _row(one, texts[one.subject]) for one in touched}
        gone = [subject for subject, row in rows.items() if row is None]
        if gone:
            connection.execute(delete(calendar).where(among(connection, calendar.c.subject, gone)))
        upsert(connection, calendar, [row for row in rows.values() if row is not None])


def _row(one: Touched, text: str) -> tuple[Any, ...] | None:
    """In the order of the columns; None for what has no place in time."""
    span = _span_of_change(one.state) if one.family == "change" else _span_of_freeze(one.state)
    if span is None or span[0] >= span[1]:
        return None
    state = one.state
    row = (
        one.subject,
        one.family,
        state.get("status"),
        state.get("type"),
        state.get("title"),
        *span,
        names_text(state.get("services")),
        names_text(state.get("configuration_items")),
        names_text(_excepted(state)),
        names_text(state.get("resolved_conflicts")),
        one.latest.position,
        one.latest.version,
    )
    return without_nul(row, text)


def _span_of_change(state: Mapping[str, Json]) -> tuple[str, str] | None:
    if state.get("status") not in ON_CALENDAR:
        return None
    window = state.get("window")
    if window:
        return window["start"], window["end"]
    started = state.get("started_at")
    if started is None:
        return None
    return started, state.get("rolled_back_at") or state.get("implemented_at") or NEVER


def _span_of_freeze(state: Mapping[str, Json]) -> tuple[str, str] | None:
    interval = state.get("interval")
    if interval is None:
        return None
    return interval["start"], min(interval["end"], state.get("lifted_at") or NEVER)


def _excepted(state: Mapping[str, Json]) -> dict[str, bool]:
    named = {one.get("change") for one in state.get("exceptions", {}).values()}
    return {change: excepts(state, change) for change in named if change}


_CALENDAR = ChangeCalendar()
_SETS: Final = ("services", "configuration_items", "excepted", "resolved")


def calendar_between(views: Views, start: str, end: str, *, service: str | None = None) -> Answer:
    """What has a moment in common with the time from `start`, inclusive, to `end`, exclusive; by its start.

    `service`: what is about it, freezes of every service included. Each row's `overlaps` are the other changes
    and freezes that share a moment, and a service or item, with it, inside the period or not; of a freeze,
    whether it excepts the change; of two changes, whether the conflict was resolved. `end` is None for what
    is not over. Raises Malformed for a period that is none, or holds more than LARGEST_CALENDAR; ViewNotReady.
    """
    if start >= end:
        raise Malformed(f"expected a period that ends after it starts, got {start} to {end}")
    with views.reading(_CALENDAR) as reading:
        table = reading.tables["calendar"]
        found = _rows(reading.connection, table, _within(table, start, end))
        first = min((row["start"] for row in found), default=start)
        # What is not over yet overlaps what the period holds, and not all that will ever be planned.
        last = max((row["end"] for row in found if row["end"] != NEVER), default=end)
        around = _rows(reading.connection, table, _within(table, first, last))
    wanted = [row for row in found if service is None or _is_about(row, service)]
    overlaps = _overlaps(around)
    rows = [_told(row, overlaps.get(row["subject"], ())) for row in wanted]
    return Answer(reading.position, rows)


def _within(table: Table, start: str, end: str) -> list[ColumnElement[bool]]:
    return [table.c.start < end, table.c.end > start]


def _rows(
    connection: Connection, table: Table, conditions: Iterable[ColumnElement[bool]]
) -> list[dict[str, Any]]:
    statement = (
        select(table)
        .where(*conditions)
        .order_by(table.c.start, table.c.subject)
        .limit(LARGEST_CALENDAR + 1)
    )
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    if len(rows) > LARGEST_CALENDAR:
        raise Malformed(
            f"the period, and what overlaps it, is more than {LARGEST_CALENDAR} changes and freezes; ask for a shorter one",
            limit=LARGEST_CALENDAR,
        )
    return [{**row, **{name: orjson.loads(row[name]) for name in _SETS}} for row in rows]


def _is_about(row: Mapping[str, Any], service: str) -> bool:
    return service in row["services"] or ALL_SERVICES in row["services"]


class _Overlap(NamedTuple):
    other: Mapping[str, Any]
    services: list[str]
    configuration_items: list[str]


def _overlaps(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[_Overlap]]:
    """`rows` by start. Two freezes may overlap as they like."""
    found: dict[str, list[_Overlap]] = {}
    open_: list[Mapping[str, Any]] = []
    for row in rows:
        open_ = [other for other in open_ if other["end"] > row["start"]]
        for other in open_:
            shared = _shared(other, row)
            if shared is not None and not other["kind"] == row["kind"] == "freeze":
                found.setdefault(row["subject"], []).append(_Overlap(other, *shared))
                found.setdefault(other["subject"], []).append(_Overlap(row, *shared))
        open_.append(row)
    return found


def _shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[list[str], list[str]] | None:
    about, others = set(one["services"]), set(other["services"])
    both = about & others
    if ALL_SERVICES in about:
        both |= others
    if ALL_SERVICES in others:
        both |= about
    items = set(one["configuration_items"]) & set(other["configuration_items"])
    return (sorted(both), sorted(items)) if both or items else None


def _told(row: Mapping[str, Any], overlaps: Iterable[_Overlap]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name != "resolved"}
    told["end"] = None if row["end"] == NEVER else row["end"]
    told["overlaps"] = [
        {
            "subject": one.other["subject"],
            "kind": one.other["kind"],
            "status": one.other["status"],
            "services": one.services,
            "configuration_items": one.configuration_items,
            **dict(_settled(row, one.other)),
        }
        for one in overlaps
    ]
    return told


def _settled(row: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    if row["kind"] == other["kind"]:
        yield "resolved", other["subject"] in row["resolved"] or row["subject"] in other["resolved"]
        return
    freeze, change = (row, other) if row["kind"] == "freeze" else (other, row)
    yield "excepted", change["subject"] in freeze["excepted"]
