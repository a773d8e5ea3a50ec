"""Checking a proof-carrying answer from its file alone: no database, no ledger, no key but the one that is trusted.

In the order in which things may be believed: the checkpoint is signed; the entries are in its tree; they are all
of their subjects' from version 1 on, without a gap; and the answer is what they add up to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from domain.commitment import check, commitments_in, digest_of
from domain.effect import Fact
from domain.errors import LedgerError
from domain.event import Json
from ledger.merkle import leaf_hash
from ledger.multiproof import verify_multiproof
from ledger.notes import (
    Checkpoint,
    MalformedVkey,
    VerifiedCheckpoint,
    VerifierKey,
    parse_vkey,
    verify_checkpoint,
)
from ledger.spelling import Unexpected, parse_hash
from replay.answers.chain import facts_by_subject
from replay.answers.parsing import AnswerFile, StateAnswer, Told, parse_answer
from replay.answers.question import Instant, answer_about, reading_at
from replay.answers.when import instants_of, require_positions
from replay.errors import AnswerRefuted, MalformedAnswer


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """What a file established. `question` and `answer` are as in the file, personal values as they are stored.

    `signed_by`: those of the keys at hand that have signed, the file's own among them. `open_ended`: of so many
    subjects the last version in the file counts, and that another followed it within `checkpoint` cannot be seen.
    `is_whole_log`: all entries are in the file, so that nothing at all can be missing. `values`: digest → personal
    value, of those that the file discloses.
    """

    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    subjects: Sequence[str]
    entries: int
    checkpoint: Checkpoint
    signed_by: Sequence[str]
    open_ended: int
    is_whole_log: bool
    values: Mapping[str, Json]

    def shown(self) -> dict[str, Any]:
        """The answer with the disclosed values in place of their commitments."""
        return {name: _with(value, self.values) for name, value in self.answer.items()}


def check_answer(
    raw: bytes, vkeys: Sequence[VerifierKey] = (), kept: Iterable[Checkpoint] = ()
) -> CheckedAnswer:
    """Return if the answer follows from entries of the log that has signed the checkpoint in the file.

    `vkeys`: keys that are trusted, one of which must have signed. `kept`: checkpoints kept elsewhere, each of which
    must be the one in the file. With neither, all rests on the key that the file itself names.
    Raises MalformedAnswer, AnswerRefuted.
    """
    file, told = parse_answer(raw)
    head = _checkpoint(file, vkeys, kept)
    _require_inclusion(file, head.checkpoint)
    subjects = file.question.subjects
    facts = facts_by_subject(file.entries, subjects)
    instants = instants_of(file.question, told, head.checkpoint.size)
    require_positions(instants, chain.from_iterable(facts.values()))
    _require_same(told, subjects, facts, instants)
    is_whole_log = len(file.entries) == head.checkpoint.size
    last = max(instant.found.position for instant in instants)
    ends = sum(of_one[-1].position <= last for of_one in facts.values())
    return CheckedAnswer(
        question=msgspec.to_builtins(file.question),
        answer=file.answer,
        subjects=subjects,
        entries=len(file.entries),
        checkpoint=head.checkpoint,
        signed_by=[str(signature.key) for signature in head.signatures],
        open_ended=0 if is_whole_log else ends,
        is_whole_log=is_whole_log,
        values=_values(file),
    )


def _checkpoint(
    file: AnswerFile, vkeys: Sequence[VerifierKey], kept: Iterable[Checkpoint]
) -> VerifiedCheckpoint:
    try:
        own = parse_vkey(file.vkey)
    except MalformedVkey as fault:
        raise MalformedAnswer(f"the file's own verifier key: {fault.message}") from None
    try:
        found = verify_checkpoint(file.checkpoint, [own], origin=file.origin)
        if vkeys:
            trusted = verify_checkpoint(file.checkpoint, vkeys, origin=file.origin)
            both = dict.fromkeys((*trusted.signatures, *found.signatures))
            found = VerifiedCheckpoint(found.checkpoint, tuple(both))
    except LedgerError as fault:
        raise AnswerRefuted(f"the checkpoint is not to be trusted: {fault.message}") from fault
    for one in kept:
        _require_kept(one, found.checkpoint)
    return found


def _require_kept(kept: Checkpoint, found: Checkpoint) -> None:
    if (kept.origin, kept.size) != (found.origin, found.size):
        raise MalformedAnswer(
            f"the checkpoint that was kept is of {kept.size} entries of {kept.origin}, the file's of {found.size} of "
            f"{found.origin}: from a file alone only the same one can be compared"
        )
    if kept.root != found.root:
        raise AnswerRefuted(
            f"the log was another when the checkpoint of {kept.size} entries was kept"
        )


def _require_inclusion(file: AnswerFile, head: Checkpoint) -> None:
    """Hash before decoding: entries that are not in the log must never reach the JSON parser."""
    try:
        leaves = {one.position - 1: leaf_hash(one.entry.encode()) for one in file.entries}
        if len(leaves) != len(file.entries):
            raise MalformedAnswer("a position is there twice")
        hashes = [parse_hash(one, Unexpected) for one in file.inclusion]
    except (UnicodeEncodeError, Unexpected) as fault:
        raise MalformedAnswer(f"entries or hashes cannot be read: {fault}") from None
    try:
        verify_multiproof(leaves, hashes, size=head.size, root=head.root)
    except LedgerError as fault:
        raise AnswerRefuted(
            f"the entries are not those that the checkpoint was signed over: {fault.message}"
        ) from fault


def _require_same(
    told: Told,
    subjects: Sequence[str],
    facts: Mapping[str, Sequence[Fact]],
    instants: Sequence[Instant],
) -> None:
    answers = told.states if isinstance(told, StateAnswer) else told.differences
    if len(answers) != len(subjects):
        raise AnswerRefuted(f"expected an answer about each of {len(subjects)} subjects")
    for subject, answer in zip(subjects, answers, strict=True):
        try:
            readings = [reading_at(instant.found, facts[subject]) for instant in instants]
            computed = answer_about(subject, readings)
        except LedgerError as fault:
            raise AnswerRefuted(fault.message) from fault
        if _canonical(computed) != _canonical(answer):
            raise AnswerRefuted(
                f"the answer about {subject} is not what its entries add up to", subject=subject
            )


def _canonical(told: dict[str, Any]) -> str:
    """Equal for what is the same JSON, in whatever order members and fields stand; true is not 1 here."""
    fields = told.get("fields")
    if isinstance(fields, list):
        told = {**told, "fields": sorted(json.dumps(one, sort_keys=True) for one in fields)}
    return json.dumps(told, sort_keys=True)


def _values(file: AnswerFile) -> dict[str, Json]:
    """Each disclosure belongs to a commitment that stands in the answer, and so in the log."""
    wanted = commitments_in(file.answer) if file.disclosures else set()
    values: dict[str, Json] = {}
    for disclosure in file.disclosures:
        try:
            digest = digest_of(disclosure)
            value = check(digest, disclosure)[1]
        except LedgerError as fault:
            raise MalformedAnswer(f"a disclosure cannot be read: {fault.message}") from None
        if digest not in wanted or digest in values:
            raise AnswerRefuted(f"a disclosure belongs to no commitment in the answer: {digest}")
        values[digest] = value
    return values


def _with(told: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(told, dict):
        return {name: _with(value, values) for name, value in told.items()}
    if isinstance(told, list):
        return [_with(value, values) for value in told]
    return values.get(told, told) if isinstance(told, str) else told
