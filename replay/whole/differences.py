"""What differs in the whole estate between two moments, subject by subject, and which entries did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson
import pyarrow as pa

from domain.effect import Fact
from domain.event import Json
from domain.terminal import is_finished
from replay.as_of import counted_at
from replay.diff import FieldChange, fields_between, words_between
from replay.engines.duck import connected
from replay.moment import Located
from replay.whole.entries import Entries

Became = Literal["added", "changed", "finished", "gone"]
"""`finished`: its workflow ended in between. `gone`: it was there at the first moment and is not at the second, as
when the second is the earlier one, or when the fact it began with was retracted.
"""
Why = Literal["in-time", "late", "backdated", "corrected", "replaced"]
"""What an entry is to a report of the first moment: recorded when it happened, or only after the report (`late`), and then
before something that the report already told (`backdated`); or it corrects what was told, which it replaces.
"""


@dataclass(frozen=True, slots=True)
class Word:
    """An entry whose word counts at one of the moments and not, or otherwise, at the other."""

    position: int
    why: Why


@dataclass(frozen=True, slots=True)
class SubjectDifference:
    """`version_before`, `version_after`: 0 where the subject is not there."""

    subject: str
    became: Became
    version_before: int
    version_after: int
    fields: tuple[FieldChange, ...]
    words: tuple[Word, ...]


_DIFFERING: Final = """
SELECT coalesce(a.subject, b.subject) AS subject, coalesce(a.version, 0) AS before, coalesce(b.version, 0) AS after,
       a.state AS was, b.state AS became
FROM before AS a FULL JOIN after AS b ON a.subject = b.subject
WHERE a.subject IS NULL OR b.subject IS NULL OR a.state <> b.state
ORDER BY 1"""


def differences(
    entries: Entries,
    before: tuple[Located, pa.Table],
    after: tuple[Located, pa.Table],
) -> Iterator[SubjectDifference]:
    """In the order of the subjects. The tables are STATES at each moment; who is in neither is not looked at.

    A subject that was changed and changed back does not differ. Raises CorruptEntry.
    """
    with connected() as connection:
        connection.register("before", before[1])
        connection.register("after", after[1])
        rows = connection.execute(_DIFFERING).fetchall()
    last = max(before[0].position, after[0].position)
    for subject, version_before, version_after, was, became in rows:
        facts = [line.fact for line in entries.of_subjects([subject], last)]
        old, new = (
            counted_at(located, _recorded(facts, located)) for located in (before[0], after[0])
        )
        positions = words_between(old, new)
        fields = fields_between(old, new)
        if not fields and was is not None and became is not None:
            continue  # the same state, with its members in another order
        yield SubjectDifference(
            subject,
            _became(subject, _state(was), _state(became)),
            version_before,
            version_after,
            fields,
            tuple(_words(facts, positions, before[0], after[0])),
        )


def _recorded(facts: Sequence[Fact], located: Located) -> list[Fact]:
    return [fact for fact in facts if fact.position <= located.position]


def _state(text: str | None) -> dict[str, Json] | None:
    return None if text is None else orjson.loads(text)


def _became(
    subject: str, was: Mapping[str, Json] | None, became: Mapping[str, Json] | None
) -> Became:
    if became is None:
        return "gone"
    family = subject.partition("/")[0]
    if is_finished(family, became) and not is_finished(family, was or {}):
        return "finished"
    return "added" if was is None else "changed"


def _words(
    facts: Sequence[Fact], positions: Sequence[int], before: Located, after: Located
) -> Iterator[Word]:
    first = min(before.position, after.position)
    # Two moments of knowing about one moment: a word that was there already counts no more, or does again.
    reported = [fact.time for fact in facts if fact.position <= first and fact.corrects is None]
    newest = max(reported, default="")
    among = {fact.position: fact for fact in facts}
    for position in positions:
        fact = among[position]
        if position <= first and before.at == after.at and before.position != after.position:
            yield Word(position, "replaced")
        else:
            yield Word(position, _why(fact, first, newest, before))


def _why(fact: Fact, first: int, newest: str, before: Located) -> Why:
    if fact.corrects is not None:
        return "corrected"
    if fact.position <= first or before.at is None or fact.time > before.at:
        return "in-time"
    return "backdated" if fact.time < newest else "late"
