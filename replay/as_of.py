"""One subject as of a moment: as it was known then, or as it was in effect, corrections in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.effect import Fact, Standing, fold_in_effect, known_state, standing
from domain.errors import UnknownSubject
from domain.event import Json, State
from ledger.ledger import Ledger
from ledger.past import entries_and_extent, entries_of, facts_of
from replay.moment import Basis, Located, Moment, locate


@dataclass(frozen=True, slots=True)
class AsOf:
    """A subject's state, and the moment it holds for.

    `version`: how many of the subject's entries count. `position`: the last ledger position that the
    answer reflects. `at` is None for the newest state and for a position, `known_at` for `known`.
    """

    subject: str
    version: int
    position: int
    basis: Basis
    at: str | None
    known_at: str | None
    state: State


class Reading(NamedTuple):
    """A subject read at a moment: the facts that matter, and those that count as they stand then.

    `counted` is None on the basis `known`, where every fact counts as it was said.
    """

    located: Located
    facts: Sequence[Fact]
    counted: Sequence[Standing] | None
    version: int


def subject_as_of(
    ledger: Ledger,
    subject: str,
    *,
    at: str | None = None,
    known_at: str | None = None,
    position: int | None = None,
    basis: Basis | None = None,
) -> AsOf:
    """The subject at that moment; the newest if none is named. See `Moment` for what goes together.

    Raises UnknownSubject, also for a moment before the first entry that counts (it says from when the
    subject is known), MomentRefused, BeyondHead, Malformed for a time without zone, CorruptEntry.
    """
    reading = read(ledger, subject, Moment(at, known_at, position, basis))
    if not reading.version:
        raise not_yet(ledger, subject)
    return answer(subject, reading)


def read(ledger: Ledger, subject: str, moment: Moment) -> Reading:
    """Raises as `subject_as_of`, but for a subject that is not there at the moment: then version is 0."""
    rows, extent = entries_and_extent(ledger.database, subject, moment.position)
    located = locate(moment, ledger.database, extent, ledger.now())
    if located.position < extent.size:
        rows = [row for row in rows if row[0] <= located.position]
    until = located.at if located.basis == "effect" else None
    return counted_at(located, facts_of(rows, until))


def answer(subject: str, reading: Reading) -> AsOf:
    located = reading.located
    return AsOf(
        subject=subject,
        version=reading.version,
        position=located.position,
        basis=located.basis,
        at=located.at,
        known_at=located.known_at,
        state=state_of(reading),
    )


def counted_at(located: Located, facts: Sequence[Fact]) -> Reading:
    """What counts at the moment. `facts`: those recorded by then, as far as they matter."""
    if located.basis == "known":
        return Reading(located, facts, None, len(facts))
    until = located.at or ""
    counted = [one for one in standing(facts) if one.time <= until]
    places = {one.position for one in counted}
    corrections = sum(fact.corrects in places for fact in facts if fact.corrects is not None)
    return Reading(located, facts, counted, len(counted) + corrections)


def state_of(reading: Reading) -> dict[str, Json]:
    """`{}` where nothing counts."""
    if reading.counted is None:
        return known_state(reading.facts)
    return fold_in_effect(reading.counted)


def not_yet(ledger: Ledger, subject: str) -> UnknownSubject:
    """Says from when the subject is known, if it ever is."""
    facts = facts_of(entries_of(ledger.database, subject))
    if not facts:
        return UnknownSubject(f"{subject} is not known", subject=subject)
    first = facts[0]
    happened = min(one.time for one in standing(facts))
    return UnknownSubject(
        f"{subject} is not known at that moment: its first entry is at position {first.position}, "
        f"recorded at {first.recordedtime}; in effect it begins at {happened}",
        subject=subject,
        position=first.position,
        recordedtime=first.recordedtime,
        time=happened,
    )
