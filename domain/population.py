"""The population of an access review: which grants were live at one moment, as the log had come to one position.

What lies below a position never changes, so position, moment and bounds tell the population for ever: whoever
has the log counts it again, and compares the hash. It is not listed anywhere else, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.canonical import content_hash
from domain.event import Count, Moment, Sha256, State
from domain.grant import DELEGABLE, has_ended


class Bounds(NamedTuple):
    """The grants by the entries up to `position` that are live at the moment `at`, RFC 3339 UTC text.

    `role`: those of this role only. `service`: those that reach this service, among others or with all.
    """

    position: int
    at: str
    role: str | None = None
    service: str | None = None


@with_config(ConfigDict(extra="forbid", strict=True))
class Population(TypedDict):
    """`hash`: SHA-256 of the RFC 8785 form of the sorted list of the grants' ids."""

    position: Count
    at: Moment
    count: Count
    hash: Sha256


class Census(Protocol):
    """Counts grants in the log as it was. `position`: the last entry that a new review can count by."""

    @property
    def position(self) -> int: ...

    def live_grants(self, bounds: Bounds) -> tuple[str, ...]:
        """The ids of the grants within the bounds, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class NoCensus:
    """Where nobody counts: nothing is in any population, so that nothing can be decided about it."""

    position: int = 0

    def live_grants(self, bounds: Bounds) -> tuple[str, ...]:
        return ()


NO_CENSUS: Final = NoCensus()


def is_within(grant: State, bounds: Bounds) -> bool:
    """Is a grant in this state, that of the bounds' position, one of the population?

    One that is suspended is: it may be reinstated. One that was only asked for gives nobody anything yet.
    """
    if grant.get("status") not in DELEGABLE or has_ended(grant, bounds.at):
        return False
    if bounds.role is not None and grant.get("role") != bounds.role:
        return False
    services = grant.get("services")
    return bounds.service is None or services is None or bounds.service in services


def counted(states: Iterable[tuple[str, State]], bounds: Bounds) -> tuple[str, ...]:
    """Of (id, state) of grants as they were at the bounds' position, the ids of the population, sorted."""
    return tuple(sorted(grant for grant, state in states if is_within(state, bounds)))


def population_of(bounds: Bounds, grants: tuple[str, ...]) -> Population:
    """What a review says of the grants that were counted within the bounds."""
    told = content_hash(list(grants))
    return {"position": bounds.position, "at": bounds.at, "count": len(grants), "hash": told}


def bounds_of(review: Mapping[str, Any]) -> Bounds:
    """Those that the state of a review names."""
    population = review["population"]
    return Bounds(
        population["position"], population["at"], review.get("role"), review.get("service")
    )
