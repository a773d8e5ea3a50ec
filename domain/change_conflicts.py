"""Whether a change may be where it is planned: freezes that stand there, and other changes' windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from domain.change import services_of
from domain.command import Case
from domain.event import State
from domain.freeze import excepts, freezes_over
from domain.rosters import windows_on, windows_on_item
from domain.sets import members
from domain.windows import Span, overlap

ON_CALENDAR: Final = frozenset({
    "authorized", "scheduled", "implementing", "implemented", "rolled_back", "in_review", "reviewed", "closed",
})  # fmt: skip
"""Of changes. What is not authorized yet has no place in time that others need to heed."""
CLAIMING: Final = frozenset({"scheduled", "implementing"})
"""Who is authorized but not scheduled has no claim on a time yet: whoever is scheduled first has."""


def conflicting_changes(state: State, window: Span, case: Case) -> list[str]:
    """Other changes, scheduled or under way, whose window overlaps on a service or configuration item."""
    rosters = [
        *map(windows_on, services_of(state)),
        *map(windows_on_item, members(state.get("configuration_items"))),
    ]
    others = {change for name in rosters for change in case.rosters.get(name, ())}
    found = {other: case.states.get(other, {}) for other in others - {case.subject}}
    return sorted(
        other
        for other, its in found.items()
        if its.get("status") in CLAIMING and "window" in its and overlap(its["window"], window)
    )


def freeze_words(state: State, window: Span | None, case: Case) -> Iterator[str]:
    """`overlaps-freeze`: a freeze of one of its services overlaps the window. `freeze-excepted`: each that does
    excepts this change. Without a window, neither.
    """
    freezes = freezes_over(services_of(state), window, case) if window else {}
    if freezes:
        yield "overlaps-freeze"
        if all(excepts(freeze, case.subject) for freeze in freezes.values()):
            yield "freeze-excepted"


def conflict_words(
    state: State, window: Span | None, resolved: Iterable[str], case: Case
) -> Iterator[str]:
    """`conflicting-window`: another change claims the time on a service or item, and nobody resolved that."""
    if window and set(conflicting_changes(state, window, case)) - set(resolved):
        yield "conflicting-window"


def found_in_the_way(state: State, case: Case) -> dict[str, bool | None]:
    """The result of a conflict check, as the patch of `conflicts`: changes and freezes by id."""
    window = state.get("window")
    found = (
        [*conflicting_changes(state, window, case), *freezes_over(services_of(state), window, case)]
        if window
        else []
    )
    gone = members(state.get("conflicts")) - set(found)
    return {**dict.fromkeys(sorted(gone), None), **dict.fromkeys(found, True)}
