"""Is the population of each access review what the log says it was, and is each verdict about a grant of it?

A review names position, moment, count and hash, and nothing else lists its grants: here they are counted again,
all reviews in one walk through the entries of the grants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.event import Json
from domain.fold import merge_patch
from domain.population import Bounds, bounds_of, counted, population_of
from domain.review import (
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
)
from ledger.database import Database
from ledger.errors import CorruptEntry
from ledger.past import Envelope, each_of_family, envelope_of
from replay.report import Problems

_WRONG_TYPES: Final = (TypeError, ValueError, KeyError, AttributeError)
"""What reading a forged state may raise."""
_TOLD_GRANTS: Final = 3
_DECIDING: Final = (ReviewItemCertified.type_name, ReviewItemRevocationOrdered.type_name)

Said = tuple[int, Envelope]
"""An entry, by its position."""


class _Opened(NamedTuple):
    position: int
    review: str
    bounds: Bounds
    population: Mapping[str, Json]
    later: Sequence[Said]


def check_reviews(database: Database, size: int, problems: Problems) -> None:
    """Adds a problem `review` for each entry of a review that the log contradicts. Never fails on forged entries."""
    try:
        opened = sorted(_opened(database, size, problems), key=lambda one: one.bounds.position)
        if opened:
            _count_again(database, opened, problems)
    except CorruptEntry:
        return  # `verify` has told of it; whatever rests on it cannot be counted


def _opened(database: Database, size: int, problems: Problems) -> Iterator[_Opened]:
    entries: dict[str, list[Said]] = {}
    for one in each_of_family(database, "review", size):
        entries.setdefault(one.subject, []).append(
            (one.position, envelope_of(one.position, one.raw))
        )
    for review, said in entries.items():
        (position, first), *later = said
        if first.type != AccessReviewOpened.type_name:
            continue  # its version is missing, which is told elsewhere
        try:
            bounds, population = bounds_of(first.data), first.data["population"]
            is_possible = bounds.position < position and bounds.at == first.time
        except _WRONG_TYPES:
            problems.add(position, "review", f"{review} names no population that can be read")
            continue
        if is_possible:
            yield _Opened(position, review, bounds, population, later)
        else:
            told = f"{review} was opened at {first.time}, by entries up to {position - 1}; it says {population}"
            problems.add(position, "review", told)


def _count_again(database: Database, opened: Sequence[_Opened], problems: Problems) -> None:
    states: dict[str, dict[str, Json]] = {}
    waiting = list(reversed(opened))
    for one in each_of_family(database, "grant", opened[-1].bounds.position):
        while waiting and waiting[-1].bounds.position < one.position:
            _compare(waiting.pop(), states, problems)
        said = envelope_of(one.position, one.raw)
        states[one.subject] = merge_patch(states.get(one.subject, {}), said.data)
    for each in reversed(waiting):
        _compare(each, states, problems)


def _compare(one: _Opened, states: Mapping[str, dict[str, Json]], problems: Problems) -> None:
    try:
        grants = counted(states.items(), one.bounds)
    except _WRONG_TYPES:
        return  # a grant's entry was not written by us, which is told elsewhere
    found = population_of(one.bounds, grants)
    if found != one.population:
        told = f"{one.review} has the population {one.population}, by the log it is {found}"
        problems.add(one.position, "review", told)
        return
    population, undecided = frozenset(grants), set(grants)
    for position, said in one.later:
        if said.type in _DECIDING:
            decided = _items(said)
            undecided -= decided
            _tell(
                decided - population, f"{one.review} decides what is not of it", position, problems
            )
        if said.type == AccessReviewClosed.type_name:
            _tell(undecided, f"{one.review} was closed without a verdict on", position, problems)


def _items(said: Envelope) -> set[str]:
    items = said.data.get("items")
    return set(items) if isinstance(items, dict) else set()


def _tell(grants: set[str], told: str, position: int, problems: Problems) -> None:
    if grants:
        named = sorted(grants)[:_TOLD_GRANTS]
        more = f" and {len(grants) - len(named)} more" if len(grants) > len(named) else ""
        problems.add(position, "review", f"{told}: {', '.join(named)}{more}")
