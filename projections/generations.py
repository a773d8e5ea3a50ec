"""Generations of a projection's tables: created, advanced batch by batch, swapped in, dropped.

Each function is one transaction of the read models' database, and checks what it relies on inside it, so
that any number of processes may work on the same projections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from domain.errors import LedgerError
from ledger.entry import Entry
from ledger.merkle import leaf_hash
from projections.bulk import POSTGRESQL
from projections.projection import Projection, Tables
from projections.views import Generation, Views

UNFIT = (
    LedgerError, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError, DataError, IntegrityError,
)  # fmt: skip
"""What an entry that a projection cannot take raises. A database that fails raises other errors, and
those stop the runner: parking for them would lose entries."""

DROP_TIMEOUT_MILLISECONDS = 100


def create(views: Views, projection: Projection, *, rebuild: bool = False) -> Generation | None:
    """Tables of this version from nothing: live at once if nothing is live, else to be built beside it.

    None when they exist already, or when a newer version is live. `rebuild` makes new ones all the
    same, and gives up others that are being built.
    """
    with views.writing() as connection:
        views.lock_structure(connection)
        known = views.generations_of(connection, projection.name)
        live = next((g for g in known if g.role == "live"), None)
        building = [g for g in known if g.role == "building"]
        if not rebuild:
            if any(g.version == projection.version for g in (live, *building) if g):
                return None
            if live and live.version > projection.version:
                return None
        for old in building:
            if rebuild or old.version < projection.version:
                _set_role(views, connection, old, "retired")
        made = Generation(
            projection.name,
            max((g.generation for g in known), default=0) + 1,
            projection.version,
            "building" if live else "live",
            0,
            b"",
        )
        tables = views.tables_of(projection, made)
        made = replace(made, tables=" ".join(table.name for table in tables.values()))
        row = {name: getattr(made, name) for name in Generation.__slots__}
        connection.execute(insert(views.generations), row)
        for table in tables.values():
            table.create(connection)
        return made


def advance(
    views: Views,
    projection: Projection,
    generation: Generation,
    batch: Sequence[Entry],
    now: Callable[[], str],
) -> Generation | None:
    """Apply the batch and move the position, in one transaction. Entries that do not fit are parked.

    The batch follows on `generation.position`. Returns the generation as it is afterwards. None, and
    nothing is changed, if another process moved the position first, or retired the generation.
    """
    with views.writing() as connection:
        if not _hold(views, connection, generation):
            return None
        tables = views.tables_of(projection, generation)
        for entry, error in _unfit(connection, projection, tables, batch):
            connection.execute(
                insert(views.parked),
                {
                    "projection": generation.projection,
                    "generation": generation.generation,
                    "position": entry.position,
                    "error": told(error),
                    "time": now(),
                },
            )
        last = batch[-1]
        moved = replace(generation, position=last.position, last_entry=leaf_hash(last.raw))
        _update(views, connection, moved, position=moved.position, last_entry=moved.last_entry)
    return moved


def swap(views: Views, building: Generation, *, at_least: int = 0) -> bool:
    """Let a generation that has caught up take the live one's place, which is then retired.

    Answers never go back: False while it is behind the live one, or behind `at_least`.
    """
    with views.writing() as connection:
        views.lock_structure(connection)
        known = views.generations_of(connection, building.projection)
        mine = next((g for g in known if g.generation == building.generation), None)
        if mine is None or mine.role != "building":
            return False
        live = [g for g in known if g.role == "live"]
        # The live one may be moving at this moment: its row is held, then read.
        if any(not _hold(views, connection, g) for g in live):
            return False
        if mine.position < max([at_least, *(g.position for g in live)]):
            return False
        for old in live:
            _set_role(views, connection, old, "retired")
        _set_role(views, connection, mine, "live")
        return True


def drop_retired(views: Views, retired: Generation) -> bool:
    """Drop a retired generation's tables. False if somebody still reads them: try again later."""
    try:
        with views.writing() as connection:
            views.lock_structure(connection)
            if views.dialect == POSTGRESQL:
                connection.execute(
                    text(f"SET LOCAL lock_timeout = '{DROP_TIMEOUT_MILLISECONDS}ms'")
                )
            _drop(views, connection, retired)
    except OperationalError:
        return False
    return True


def clear(views: Views) -> None:
    """Drop everything, so that the next run builds it from nothing: the way out of ForeignLog."""
    with views.writing() as connection:
        views.lock_structure(connection)
        for generation in views.generations_of(connection):
            _drop(views, connection, generation)
        connection.execute(delete(views.log))


def parked_count(views: Views, connection: Connection, generation: Generation) -> int:
    parked = views.parked
    return int(
        connection.scalar(
            select(func.count()).where(
                parked.c.projection == generation.projection,
                parked.c.generation == generation.generation,
            )
        )
        or 0
    )


def told(error: BaseException) -> str:
    """What went wrong and where. Only our own errors' texts are kept: others may repeat values."""
    kind = type(error).__name__
    if isinstance(error, LedgerError):
        return f"{error.code}: {error.message}"
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).parent.name == "projections":
            place = f" at {Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return kind + place


def _unfit(
    connection: Connection, projection: Projection, tables: Tables, batch: Sequence[Entry]
) -> Iterator[tuple[Entry, BaseException]]:
    """Apply what can be applied, in order, and yield the rest. Halves the batch around a failure."""
    waiting = [batch]
    while waiting:
        part = waiting.pop()
        try:
            with connection.begin_nested():
                projection.apply(connection, tables, part)
        except UNFIT as error:
            if len(part) == 1:
                yield part[0], error
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]


def _hold(views: Views, connection: Connection, generation: Generation) -> bool:
    """Lock the generation's row until the transaction ends. False if it is not as it was read."""
    table = views.generations
    row = connection.execute(
        select(table.c.position, table.c.role)
        .where(
            table.c.projection == generation.projection,
            table.c.generation == generation.generation,
        )
        .with_for_update()
    ).one_or_none()
    return row is not None and (row.position, row.role) == (generation.position, generation.role)


def _set_role(views: Views, connection: Connection, generation: Generation, role: str) -> None:
    _update(views, connection, generation, role=role)


def _update(views: Views, connection: Connection, generation: Generation, **values: object) -> None:
    table = views.generations
    connection.execute(
        update(table)
        .where(
            table.c.projection == generation.projection,
            table.c.generation == generation.generation,
        )
        .values(**values)
    )


def _drop(views: Views, connection: Connection, generation: Generation) -> None:
    for table in (views.generations, views.parked):
        connection.execute(
            delete(table).where(
                table.c.projection == generation.projection,
                table.c.generation == generation.generation,
            )
        )
    for name in generation.tables.split():
        connection.execute(text(f"DROP TABLE IF EXISTS {views.qualified(name)}"))
