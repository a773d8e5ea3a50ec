"""Reading a proof-carrying answer strictly: one file, one meaning, and nothing in it that no rule speaks of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NoReturn, TypeAlias

import msgspec
import orjson

from domain.event import MAX_SAFE_INTEGER, Json
from domain.moments import is_canonical
from replay.answers.question import FORMAT
from replay.errors import MalformedAnswer

MOST_BYTES: Final = 1 << 30
"""An answer about a hundred thousand subjects takes about a fifth of it."""


class MomentOf(msgspec.Struct, forbid_unknown_fields=True):
    """Of a question or of its answer: in the answer, `position` is there always."""

    basis: Literal["known", "effect"]
    at: str | None
    known_at: str | None
    position: int | None


class StateQuestion(msgspec.Struct, tag="state", tag_field="kind", forbid_unknown_fields=True):
    as_of: MomentOf
    chosen_by: str | None
    subjects: list[str]


class DifferenceQuestion(
    msgspec.Struct,
    tag="difference",
    tag_field="kind",
    forbid_unknown_fields=True,
    rename={"start": "from", "end": "to"},
):
    start: MomentOf
    end: MomentOf
    chosen_by: str | None
    subjects: list[str]


class StateAnswer(msgspec.Struct, forbid_unknown_fields=True):
    as_of: MomentOf
    states: list[dict[str, Any]]


class DifferenceAnswer(
    msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    start: MomentOf
    end: MomentOf
    differences: list[dict[str, Any]]


class EntryAt(msgspec.Struct, forbid_unknown_fields=True):
    position: int
    entry: str


class AnswerFile(msgspec.Struct, forbid_unknown_fields=True):
    """Every member is there, and no other. Believed by nobody yet."""

    format: Literal["itsm-ledger-answer@v1"]
    origin: str
    vkey: str
    checkpoint: str
    question: StateQuestion | DifferenceQuestion
    answer: dict[str, Any]
    entries: list[EntryAt]
    inclusion: list[str]
    disclosures: list[str]


Told: TypeAlias = StateAnswer | DifferenceAnswer


def parse_answer(raw: bytes) -> tuple[AnswerFile, Told]:
    """Raises MalformedAnswer."""
    if len(raw) > MOST_BYTES:
        raise MalformedAnswer(f"expected a file of at most {MOST_BYTES} bytes, got more")
    try:
        parsed = strict_json(raw.decode(), "the file")
        if not isinstance(parsed, dict) or parsed.get("format") != FORMAT:
            raise MalformedAnswer(f"expected a JSON object whose format is {FORMAT}, got another")
        file = msgspec.convert(parsed, AnswerFile)
        told: Told = (
            msgspec.convert(file.answer, StateAnswer)
            if isinstance(file.question, StateQuestion)
            else msgspec.convert(file.answer, DifferenceAnswer)
        )
    except msgspec.ValidationError as fault:
        raise MalformedAnswer(f"the file is not of the format {FORMAT}: {fault}") from None
    except UnicodeDecodeError:
        raise MalformedAnswer("the file is not UTF-8 text") from None
    return file, told


def strict_json(text: str, what: str) -> Json:
    """Raises MalformedAnswer for what is no I-JSON (RFC 7493): two parsers might read two things in it."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=_refused,
            parse_int=_integer,
        )
        text.encode()
    except (ValueError, RecursionError) as fault:
        raise MalformedAnswer(f"{what} is no JSON that has one meaning: {_told(fault)}") from None
    return value


def entry_json(text: str, what: str) -> Json:
    """`strict_json`, five times as fast for what the ledger wrote."""
    raw = text.encode()
    try:
        value: Json = orjson.loads(raw)
        # What is written back the same names no member twice.
        if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == raw:
            return value
    except (ValueError, TypeError):
        pass  # said better below
    return strict_json(text, what)


def require_canonical(times: Iterable[str | None], what: str) -> None:
    """Raises MalformedAnswer for a time that does not sort as text."""
    for time in times:
        if time is not None and not is_canonical(time):
            raise MalformedAnswer(f"{what} has a time that is not canonical: {time[:40]!r}")


def _members(pairs: list[tuple[str, Json]]) -> Mapping[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _integer(digits: str) -> int:
    number = int(digits)
    if abs(number) > MAX_SAFE_INTEGER:
        raise ValueError("an integer is beyond ±(2^53 − 1)")
    return number


def _refused(spelling: str) -> NoReturn:
    raise ValueError(f"{spelling} is no number")


def _told(fault: Exception) -> str:
    return "it is nested too deep" if isinstance(fault, RecursionError) else str(fault)
