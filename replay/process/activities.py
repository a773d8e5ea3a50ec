"""A case as a sequence of activities: what happened, where it stood, or who had it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, get_args

from domain.errors import Malformed
from replay.process.steps import Case

By = Literal["type", "status", "group"]
WAYS: Final[tuple[By, ...]] = get_args(By)


class Stretch(NamedTuple):
    """From `start` to `end` in microseconds; `end` None where it runs on. `position`: the entry it began with."""

    name: str
    start: int
    end: int | None
    position: int


class Activity(NamedTuple):
    name: str
    at: int


def activities(case: Case, by: By) -> list[Activity]:
    """In order. `type`: every event by its type's name. `status`: where it stood, see `visits`. `group`: who had it, see
    `held`; where nobody had it in between, the next follows the last all the same.
    """
    if by == "type":
        return [Activity(step.name, step.at) for step in case.steps]
    stretches = visits(case) if by == "status" else joined(held(case))
    return [Activity(stretch.name, stretch.start) for stretch in stretches]


def visits(case: Case) -> Iterator[Stretch]:
    """The statuses that it stood in, one after the other, never the same twice in a row.

    What happened at the same moment is one move: a status that was left the moment it was entered was no stay, and
    stands in no answer about that moment either.
    """
    current: Stretch | None = None
    for index, step in enumerate(case.steps):
        is_last = index + 1 == len(case.steps)
        if not is_last and case.steps[index + 1].at == step.at:
            continue
        if current is not None and current.name == step.status:
            continue
        if current is not None:
            yield current._replace(end=step.at)
        current = (
            None if step.status is None else Stretch(step.status, step.at, None, step.position)
        )
    if current is not None:
        yield current


def held(case: Case) -> Iterator[Stretch]:
    """Who had it, one after the other, from when a step says so until another does, or says that nobody has it.

    Steps of the same moment count one by one: each says that somebody handed it on.
    """
    current: Stretch | None = None
    for step in case.steps:
        if current is not None and current.name == step.holder:
            continue
        if current is not None:
            yield current._replace(end=step.at)
        current = (
            None if step.holder is None else Stretch(step.holder, step.at, None, step.position)
        )
    if current is not None:
        yield current


def joined(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """As one where the same had it again and nobody in between."""
    last: Stretch | None = None
    for stretch in stretches:
        if last is None:
            last = stretch
        elif last.name == stretch.name:
            last = last._replace(end=stretch.end)
        else:
            yield last
            last = stretch
    if last is not None:
        yield last


def way_named(by: str) -> By:
    """Raises Malformed."""
    for way in WAYS:
        if by == way:
            return way
    raise Malformed(f"expected one of {', '.join(WAYS)}, got {by!r}")
