"""Every state a subject was ever in, with the interval in which each held, on both bases.

As-of is then a filter: the row whose interval holds the moment. Intervals are half open, `from` ≤ moment < `to`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple, TypeVar

import orjson

from domain.effect import Fact, standing
from domain.fold import JsonObject, patch_in_place

T = TypeVar("T")


class Held(NamedTuple):
    """A state and where it held. `known`: positions; `recorded`: the same as the times at which those were recorded;
    `effect`: times. None where it was none of that basis.

    An interval without an end (None) goes on. `version`: how many of the subject's entries count there.
    `position`: of the fact that led to it. `members`: what `state` says; read it before the next row is asked for.
    """

    position: int
    version: int
    known: tuple[int, int | None] | None
    recorded: tuple[str, str | None] | None
    effect: tuple[str, str | None] | None
    state: bytes
    members: JsonObject


def held_states(facts: Sequence[Fact]) -> Iterator[Held]:
    """Of one subject's facts, in the order of their positions.

    Where they were recorded in the order in which they happened and none was corrected, a state is of both bases;
    else each basis has rows of its own.
    """
    if _in_order(facts):
        return _known(facts, in_effect=True)
    return _in_each(facts)


def _in_order(facts: Sequence[Fact]) -> bool:
    return all(fact.corrects is None for fact in facts) and all(
        one.time <= other.time for one, other in pairwise(facts)
    )


def _in_each(facts: Sequence[Fact]) -> Iterator[Held]:
    yield from _known(facts, in_effect=False)
    yield from _in_effect(facts)


def _known(facts: Sequence[Fact], *, in_effect: bool) -> Iterator[Held]:
    """`in_effect`: each state was so as well, until the next fact's time."""
    state: JsonObject = {}
    for version, (fact, follower) in enumerate(_followed(facts), 1):
        patch_in_place(state, fact.data)
        end = ended = until = None
        if follower is not None:
            end, ended, until = follower.position, follower.recordedtime, follower.time
        yield Held(
            fact.position,
            version,
            (fact.position, end),
            (fact.recordedtime, ended),
            _span(fact.time, until) if in_effect else None,
            orjson.dumps(state),
            state,
        )


def _in_effect(facts: Sequence[Fact]) -> Iterator[Held]:
    state: JsonObject = {}
    count, corrections = 0, _corrections(facts)
    for one, after in _followed(sorted(standing(facts))):
        patch_in_place(state, one.data)
        # An entry that corrects counts where its target does.
        count += 1 + corrections.get(one.position, 0)
        span = _span(one.time, None if after is None else after.time)
        if span is not None:
            yield Held(one.position, count, None, None, span, orjson.dumps(state), state)


def _corrections(facts: Sequence[Fact]) -> dict[int, int]:
    """How many there are of each position."""
    counts: dict[int, int] = {}
    for fact in facts:
        if fact.corrects is not None:
            counts[fact.corrects] = counts.get(fact.corrects, 0) + 1
    return counts


def _span(start: str, until: str | None) -> tuple[str, str | None] | None:
    """None: of facts of the same moment, only what the last of them led to was so."""
    return None if start == until else (start, until)


def _followed(items: Sequence[T]) -> Iterator[tuple[T, T | None]]:
    return zip_longest(items, items[1:])
