"""Where the projections stand: how far behind, what is parked, what is being built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from projections.generations import parked_count
from projections.projection import Projection
from projections.views import Generation, Views

State = Literal["current", "behind", "building", "rebuilding", "failing", "replaced"]


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """`lag`: positions between the log's head and `position`. `parked`: entries that did not fit.

    `state`: `building` while nothing live can be read by this software, `rebuilding` while newer tables
    are made beside live ones, `failing` while the database refuses, `replaced` when newer software has
    taken over. `building_position`: how far the new tables are.
    """

    projection: str
    version: int
    position: int
    lag: int
    parked: int
    state: State
    building_position: int | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """An entry that a projection could not take, and why; `error` holds no values of the entry."""

    projection: str
    position: int
    error: str
    time: str


def status_of(
    views: Views, projections: Sequence[Projection], head: int, *, failing: bool = False
) -> list[ProjectionStatus]:
    """Where each projection stands against the log's head, in one consistent picture."""
    with views.looking() as connection:
        known = views.generations_of(connection, *(p.name for p in projections))
        counts = {(g.projection, g.generation): parked_count(views, connection, g) for g in known}
    told = []
    for projection in projections:
        mine = [g for g in known if g.projection == projection.name]
        live = next((g for g in mine if g.role == "live"), None)
        building = next((g for g in mine if g.role == "building"), None)
        position = live.position if live else 0
        told.append(
            ProjectionStatus(
                projection.name,
                live.version if live else projection.version,
                position,
                head - position,
                counts[live.projection, live.generation] if live else 0,
                "failing" if failing else _state(projection, live, building, head),
                building.position if building else None,
            )
        )
    return told


def parked_in(views: Views, name: str) -> list[Parked]:
    """The entries that the live tables of a projection are without, by position."""
    parked, state = views.parked, views.generations
    statement = (
        select(parked.c.projection, parked.c.position, parked.c.error, parked.c.time)
        .join(
            state,
            (state.c.projection == parked.c.projection)
            & (state.c.generation == parked.c.generation),
        )
        .where(parked.c.projection == name, state.c.role == "live")
        .order_by(parked.c.position)
    )
    with views.looking() as connection:
        return [Parked(*row) for row in connection.execute(statement)]


def _state(
    projection: Projection, live: Generation | None, building: Generation | None, head: int
) -> State:
    is_rebuilt_here = building is not None and building.version == projection.version
    if live is None:
        return "building"
    if live.version > projection.version and not is_rebuilt_here:
        return "replaced"
    if live.version not in projection.readable | {projection.version}:
        return "building"
    if building is not None:
        return "rebuilding"
    return "current" if live.position >= head else "behind"
