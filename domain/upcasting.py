"""Typed reading of old event types: each is lifted, step by step, to the newest version of its type.

Only readers that want a typed event come here. The fold takes `data` as it was recorded, whatever the
version: what a type of 2026 asserted is what it asserts for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.event import Event, Json, event_class

Lift = Callable[[Mapping[str, Json]], Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Upcaster:
    """`lift` turns the data of one version into data of the next, `to`. Pure, and total over the old version."""

    to: str
    lift: Lift


UPCASTERS: dict[str, Upcaster] = {}
"""By the old type's name. `docs/events.md` says how a version is added."""


def upcaster(old: str, to: str) -> Callable[[Lift], Lift]:
    """Register a lift: `@upcaster("itsm.incident.reported.v1", to="itsm.incident.reported.v2")`."""

    def register(lift: Lift) -> Lift:
        if old in UPCASTERS:
            raise TypeError(f"{old} is lifted twice")
        UPCASTERS[old] = Upcaster(to, lift)
        return lift

    return register


def read_event(type_name: str, data: Mapping[str, Json]) -> Event:
    """The newest typed form of what an entry asserts. Raises UnknownType or Malformed."""
    while (step := UPCASTERS.get(type_name)) is not None:
        type_name, data = step.to, step.lift(data)
    return event_class(type_name).from_data(data)
