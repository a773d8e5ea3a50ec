"""What became of a subject between two moments, field by field, and which events did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.effect import Fact
from domain.errors import UnknownSubject
from domain.event import Json
from ledger.ledger import Ledger
from replay.as_of import AsOf, Reading, answer, read, state_of
from replay.changes import changed_fields, states
from replay.moment import Moment

NOW = Moment()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`before`, `after`: None where there was, or is, nothing. `positions`: the entries that touched it."""

    path: str
    before: Json
    after: Json
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """`before`, `after`: the subject at each moment; of version 0 and empty where it did not exist yet."""

    subject: str
    before: AsOf
    after: AsOf
    fields: tuple[FieldChange, ...]


def difference(ledger: Ledger, subject: str, before: Moment, after: Moment = NOW) -> Difference:
    """From one moment to the other; either may be the earlier one, and each has its own basis.

    `positions` names the entries that count at one of the moments and not, or otherwise, at the other.
    Raises UnknownSubject if the subject exists at neither, and what `subject_as_of` raises.
    """
    return difference_between(subject, read(ledger, subject, before), read(ledger, subject, after))


def difference_between(subject: str, old: Reading, new: Reading) -> Difference:
    """From one reading to the other. Raises UnknownSubject."""
    if not (old.version or new.version):
        raise UnknownSubject(f"{subject} is not known at either moment", subject=subject)
    was, became = answer(subject, old), answer(subject, new)
    return Difference(subject, was, became, fields_between(old, new))


def fields_between(old: Reading, new: Reading) -> tuple[FieldChange, ...]:
    """What differs between two readings of one subject, and which entries did it."""
    facts = {fact.position: fact for reading in (old, new) for fact in reading.facts}
    between = [(position, _patches(position, facts)) for position in words_between(old, new)]
    return tuple(
        FieldChange(
            path,
            change["from"],
            change["to"],
            tuple(at for at, patches in between if any(states(one, path) for one in patches)),
        )
        for path, change in changed_fields(state_of(old), state_of(new)).items()
    )


def words_between(old: Reading, new: Reading) -> list[int]:
    """The entries whose word counts at one moment only."""
    return sorted(set(_words(old)) ^ set(_words(new)))


def _words(reading: Reading) -> Iterator[int]:
    if reading.counted is None:
        return (fact.position for fact in reading.facts)
    return (one.said_by for one in reading.counted)


def _patches(position: int, facts: Mapping[int, Fact]) -> list[dict[str, Json]]:
    """What the entry speaks about: a correction about whatever was said in its target's place, which it
    may retract. Its own `data` would tell too much: it restates whole objects.
    """
    fact = facts[position]
    if fact.corrects is None:
        return [fact.data]
    same_place = (one.replacement or {} for one in facts.values() if one.corrects == fact.corrects)
    target = facts.get(fact.corrects)
    return [*same_place, target.data if target else {}]
