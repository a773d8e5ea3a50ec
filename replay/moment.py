"""A moment to look at a subject from, and what it means once the log's head is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.errors import Malformed
from domain.moments import canonical_time
from ledger.database import Database
from ledger.past import Extent, position_recorded_by
from replay.errors import BeyondHead, MomentRefused

Basis = Literal["known", "effect"]
MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Moment:
    """As somebody asks for it. All None: now.

    `at`, `known_at`: RFC 3339 text with a zone. `position`: implies `known`. `basis` None: `effect` with
    `at`, else `known`.
    """

    at: str | None = None
    known_at: str | None = None
    position: int | None = None
    basis: Basis | None = None


def moment_of(text: str | None, basis: Basis | None = None) -> Moment:
    """A position if it is digits, else a time; None: now. Raises Malformed for neither."""
    if text is None:
        return Moment(basis=basis)
    if text.isascii() and text.isdigit():
        if len(text) > MOST_DIGITS or int(text) < 1:
            raise Malformed("expected a position of 1 or more, or an RFC 3339 time")
        return Moment(position=int(text), basis=basis)
    try:
        return Moment(at=canonical_time(text), basis=basis)
    except Malformed as error:
        raise Malformed(f"expected a moment or a position: {error.message}") from None


def two_moments(
    start: str, end: str | None, basis: Basis | None = None, at: str | None = None
) -> tuple[Moment, Moment]:
    """The two that a difference lies between; without an `end` the second is now, on the basis of the first.

    `at`: what was known of this moment, at each of the two. Raises Malformed.
    """
    if at is not None:
        if basis == "known":
            raise Malformed(
                "what was known of a moment at two others is of the basis effect: leave out the basis"
            )
        return Moment(at, start), Moment(at, end)
    before = moment_of(start, basis)
    if end is None and before.at is not None and basis is None:
        # What the ledger says now may differ from what was so then by late facts alone.
        return before, Moment(basis="effect")
    return before, moment_of(end, basis)


@dataclass(frozen=True, slots=True)
class Located:
    """The moment in a given log. `position`: the last ledger position that an answer reflects.

    `at`, `known_at`: canonical; None where the basis does not ask.
    """

    basis: Basis
    position: int
    at: str | None = None
    known_at: str | None = None


def locate(moment: Moment, database: Database, extent: Extent, now: str) -> Located:
    """Raises MomentRefused for a contradiction, Malformed for a time without zone, BeyondHead."""
    if moment.basis not in {None, "known", "effect"}:
        raise MomentRefused(f"expected basis known or effect, got {moment.basis!r}")
    if moment.position is not None:
        return Located("known", _within(moment, moment.position, extent))
    at = None if moment.at is None else canonical_time(moment.at)
    basis = moment.basis or ("known" if at is None else "effect")
    if basis == "known":
        _refuse_known_at(moment)
        position = extent.size if at is None else _last_by(at, database, extent)
        return Located("known", position, at)
    if moment.known_at is None:
        return Located("effect", extent.size, at or now, extent.recordedtime)
    if at is None:
        raise MomentRefused("known_at says how much was known of a moment: give `at` as well")
    known_at = canonical_time(moment.known_at)
    return Located("effect", _last_by(known_at, database, extent), at, known_at)


def _within(moment: Moment, position: int, extent: Extent) -> int:
    if moment.at is not None or moment.known_at is not None:
        raise MomentRefused("a position says all: leave out `at` and `known_at`")
    if moment.basis == "effect":
        raise MomentRefused("a position implies the basis known; with effect, give `at`")
    if not 1 <= position <= extent.size:
        raise BeyondHead(
            f"expected a position from 1 to {extent.size}, got {position}",
            position=position,
            size=extent.size,
        )
    return position


def _refuse_known_at(moment: Moment) -> None:
    if moment.known_at is not None:
        raise MomentRefused(
            "known_at goes with the basis effect; the basis known asks for `at` alone, "
            "which is then the moment of knowing"
        )


def _last_by(time: str, database: Database, extent: Extent) -> int:
    # Most questions are about now: the head answers them without a search.
    if extent.recordedtime <= time:
        return extent.size
    return position_recorded_by(database, extent.size, time)
