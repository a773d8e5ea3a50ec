"""The moments of an answer: those that were asked for, and such that the entries in the file decide what counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.effect import Fact
from replay.answers.parsing import (
    DifferenceAnswer,
    DifferenceQuestion,
    MomentOf,
    StateAnswer,
    StateQuestion,
    Told,
    require_canonical,
)
from replay.answers.question import Instant
from replay.errors import AnswerRefuted, MalformedAnswer
from replay.moment import Located, Moment


def instants_of(
    question: StateQuestion | DifferenceQuestion, told: Told, size: int
) -> list[Instant]:
    """Each moment of the question, and where the answer found it. Raises MalformedAnswer, AnswerRefuted."""
    if isinstance(question, StateQuestion) and isinstance(told, StateAnswer):
        return [_instant(question.as_of, told.as_of, size)]
    if isinstance(question, DifferenceQuestion) and isinstance(told, DifferenceAnswer):
        return [
            _instant(question.start, told.start, size),
            _instant(question.end, told.end, size),
        ]
    raise MalformedAnswer("the answer is of another kind than the question")


def _instant(asked: MomentOf, found: MomentOf, size: int) -> Instant:
    """Raises MalformedAnswer for a contradiction, AnswerRefuted for an answer about another moment."""
    require_canonical((asked.at, asked.known_at), "the question")
    _require_possible(asked)
    position = found.position
    if position is None or not 0 <= position <= size:
        raise AnswerRefuted(f"expected a position up to {size}, got {position}")
    if (asked.basis, asked.at, asked.known_at) != (found.basis, found.at, found.known_at):
        raise AnswerRefuted("the answer is about another moment than the question")
    instant = Instant(
        Moment(asked.at, asked.known_at, asked.position, asked.basis),
        Located(found.basis, position, found.at, found.known_at),
    )
    if asked.position is not None and asked.position != position:
        raise AnswerRefuted(f"asked as of position {asked.position}, answered as of {position}")
    if asked.position is None and instant.bound is None and position != size:
        raise AnswerRefuted(f"asked as of the head, {size}, answered as of {position}")
    return instant


def _require_possible(asked: MomentOf) -> None:
    """As `replay.moment.locate` would: what contradicts itself names no moment."""
    if asked.basis == "effect":
        is_possible = asked.at is not None and asked.position is None
    else:
        is_possible = asked.known_at is None and (asked.at is None or asked.position is None)
    if not is_possible:
        raise MalformedAnswer("the question names a moment that contradicts itself")


def require_positions(instants: Sequence[Instant], facts: Iterable[Fact]) -> None:
    """Where a time says how much was known, the position told says the same of every entry. Raises AnswerRefuted."""
    bounds = [(instant.bound, instant.found.position) for instant in instants]
    for fact in facts:
        for bound, position in bounds:
            if bound is not None and (fact.recordedtime <= bound) != (fact.position <= position):
                raise AnswerRefuted(
                    f"the entry at position {fact.position} was recorded at {fact.recordedtime}, so that position "
                    f"{position} is not what was known at {bound}",
                    position=fact.position,
                )
