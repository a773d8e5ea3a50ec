"""Live read models against read models rebuilt from nothing: what `verify --deep` asks.

The scratch tables stand in a temporary SQLite file, so that nothing is written to the live database, and
both are read as ordered streams, so that memory stays bounded whatever their size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Select, select

from ledger.entry import Entry
from ledger.log import Head
from projections.errors import UnknownProjection, ViewNotReady
from projections.feed import AppendSignal, Feed
from projections.identity import check_log
from projections.projection import Projection
from projections.registry import PROJECTIONS
from projections.runner import Progress, Runner
from projections.views import Reading, Views

STREAMED_ROWS = 1_000
DIFFERENCES_TOLD = 100

Cells: TypeAlias = Mapping[str, Any]
Keyed: TypeAlias = tuple[tuple[Any, ...], Cells]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log makes it. `live` and `rebuilt`: the columns that differ, or None
    where there is no such row. Values are the stored form: no personal text.
    """

    projection: str
    table: str
    key: tuple[Any, ...]
    live: Cells | None
    rebuilt: Cells | None


def compare_rebuilt(
    feed: Feed,
    views: Views,
    name: str,
    *,
    limit: int = DIFFERENCES_TOLD,
    progress: Progress | None = None,
) -> list[Difference]:
    """The first `limit` differences between a projection's live tables and rebuilt ones at the same position.

    Parked entries are compared as well. Raises UnknownProjection, ForeignLog, and ViewNotReady when no
    tables of this software's version are live.
    """
    projection = next((p for p in PROJECTIONS if p.name == name), None)
    if projection is None:
        raise UnknownProjection(f"there is no projection {name!r}", name=name)
    return compare(feed, views, projection, limit=limit, progress=progress)


def compare(
    feed: Feed,
    views: Views,
    projection: Projection,
    *,
    limit: int = DIFFERENCES_TOLD,
    progress: Progress | None = None,
) -> list[Difference]:
    """As `compare_rebuilt`, for a projection that need not be registered."""
    check_log(feed, views, [projection.name])
    with tempfile.TemporaryDirectory(prefix="itsm-ledger-") as directory:
        scratch = Views(f"sqlite:///{Path(directory) / 'scratch.db'}")
        try:
            with views.reading(projection) as live:
                about = live.position
            # The bulk of the work is done before the live tables' picture is held to be compared.
            Runner(_UpTo(feed, about), scratch, [projection]).run_until(progress=progress)
            with views.reading(projection) as live:
                _require_same_version(projection, live)
                Runner(_UpTo(feed, live.position), scratch, [projection]).run_until()
                with scratch.reading(projection) as rebuilt:
                    found = _differences(projection, (views, live), (scratch, rebuilt))
                    return list(islice(found, limit))
        finally:
            scratch.close()


class _UpTo:
    """A log as it was when it had `size` entries."""

    def __init__(self, feed: Feed, size: int) -> None:
        self._feed, self._size = feed, size

    @property
    def database(self) -> AppendSignal:
        return self._feed.database

    def entries(self, after: int, limit: int, up_to: int | None = None) -> list[Entry]:
        return self._feed.entries(after, limit, up_to)

    def head(self) -> Head:
        return replace(self._feed.head(), size=self._size)

    def now(self) -> str:
        return self._feed.now()


def _require_same_version(projection: Projection, live: Reading) -> None:
    if live.generation.version != projection.version:
        raise ViewNotReady(
            f"the live tables of {projection.name} are version {live.generation.version}; version "
            f"{projection.version} is built first: run `itsm-ledger project`",
            projection=projection.name,
            expected=projection.version,
            got=live.generation.version,
        )


def _differences(
    projection: Projection, live: tuple[Views, Reading], rebuilt: tuple[Views, Reading]
) -> Iterator[Difference]:
    for name in live[1].tables:
        pairs = _side_by_side(_rows(live[1], name), _rows(rebuilt[1], name))
        yield from _told(projection.name, name, pairs)
    pairs = _side_by_side(_parked(*live), _parked(*rebuilt))
    yield from _told(projection.name, "parked", pairs)


def _told(
    projection: str, table: str, pairs: Iterator[tuple[Keyed | None, Keyed | None]]
) -> Iterator[Difference]:
    for live, rebuilt in pairs:
        if live is None or rebuilt is None:
            key = (live or rebuilt or ((), {}))[0]
            yield Difference(
                projection, table, key, live[1] if live else None, rebuilt[1] if rebuilt else None
            )
        elif live[1] != rebuilt[1]:
            differing = [name for name, value in live[1].items() if rebuilt[1][name] != value]
            yield Difference(
                projection,
                table,
                live[0],
                {name: live[1][name] for name in differing},
                {name: rebuilt[1][name] for name in differing},
            )


def _side_by_side(
    left: Iterator[Keyed], right: Iterator[Keyed]
) -> Iterator[tuple[Keyed | None, Keyed | None]]:
    """Merge two streams that are ordered by key; a key that one side lacks has None there."""
    mine, other = next(left, None), next(right, None)
    while mine is not None or other is not None:
        if other is None or (mine is not None and mine[0] < other[0]):
            yield mine, None
            mine = next(left, None)
        elif mine is None or other[0] < mine[0]:
            yield None, other
            other = next(right, None)
        else:
            yield mine, other
            mine, other = next(left, None), next(right, None)


def _rows(reading: Reading, name: str) -> Iterator[Keyed]:
    table = reading.tables[name]
    keys = list(table.primary_key.columns)
    return _stream(reading, select(table).order_by(*keys), [key.name for key in keys])


def _parked(views: Views, reading: Reading) -> Iterator[Keyed]:
    """Positions alone: when an entry was parked, and by which line of code, may differ."""
    parked, generation = views.parked, reading.generation
    statement = (
        select(parked.c.position)
        .where(
            parked.c.projection == generation.projection,
            parked.c.generation == generation.generation,
        )
        .order_by(parked.c.position)
    )
    return _stream(reading, statement, ["position"])


def _stream(reading: Reading, statement: Select[Any], keys: list[str]) -> Iterator[Keyed]:
    streamed = reading.connection.execute(statement, execution_options={"yield_per": STREAMED_ROWS})
    for row in streamed.mappings():
        yield tuple(row[key] for key in keys), dict(row)
