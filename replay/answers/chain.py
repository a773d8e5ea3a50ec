"""The entries of an answer: all of each subject's from version 1 on, without a gap, at the positions they claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.effect import Fact
from ledger.entry import SEQUENCE_DIGITS
from replay.answers.parsing import EntryAt, entry_json, require_canonical, strict_json
from replay.errors import AnswerRefuted, MalformedAnswer


class _Told(msgspec.Struct):
    """The members of an entry that the answer rests on."""

    subject: str
    sequence: str
    subjectversion: int
    time: str
    recordedtime: str
    data: dict[str, Any]
    corrects: int | None = None
    replacement: str | None = None
    effectivetime: str | None = None


def facts_by_subject(entries: Sequence[EntryAt], subjects: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts of each subject, in order; the entries are known to be in the log.

    They stand subject by subject in the order of `subjects`, and by version within. Raises MalformedAnswer,
    AnswerRefuted: for an entry that is missing, too many, or of another subject.
    """
    if not subjects or len(set(subjects)) != len(subjects):
        raise MalformedAnswer("expected subjects, each of them once")
    facts: dict[str, list[Fact]] = {}
    waiting = iter(subjects)
    last = ""
    for one in entries:
        told = _told(one)
        if told.subject != last:
            last = next(waiting, "")
            facts[last] = []
        of_subject = facts[last]
        if told.subject != last or told.subjectversion != len(of_subject) + 1:
            raise AnswerRefuted(
                f"expected version {len(of_subject) + 1} of {last or 'no further subject'}, got version "
                f"{told.subjectversion} of {told.subject} at position {one.position}",
                position=one.position,
            )
        if of_subject and of_subject[-1].position >= one.position:
            raise AnswerRefuted(
                f"position {one.position} does not follow {of_subject[-1].position}"
            )
        of_subject.append(_fact(one.position, told))
    missing = next(waiting, None)
    if missing is not None:
        raise AnswerRefuted(f"there are no entries of {missing}", subject=missing)
    return facts


def _told(one: EntryAt) -> _Told:
    what = f"the entry at position {one.position}"
    try:
        told = msgspec.convert(entry_json(one.entry, what), _Told)
    except msgspec.ValidationError as fault:
        raise MalformedAnswer(f"{what} is none: {fault}") from None
    require_canonical((told.time, told.recordedtime, told.effectivetime), what)
    if told.sequence != f"{one.position:0{SEQUENCE_DIGITS}d}":
        raise AnswerRefuted(f"{what} says that it is number {told.sequence}", position=one.position)
    return told


def _fact(position: int, told: _Told) -> Fact:
    if told.corrects is None:
        return Fact(position, told.time, told.recordedtime, told.data)
    what = f"the replacement at position {position}"
    replacement = strict_json(told.replacement or "", what)
    if not isinstance(replacement, dict):
        raise MalformedAnswer(f"{what} is no JSON object")
    return Fact(
        position,
        told.time,
        told.recordedtime,
        told.data,
        told.corrects,
        replacement,
        told.effectivetime,
    )
