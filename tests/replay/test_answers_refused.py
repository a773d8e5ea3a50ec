"""A file that was changed, or that never was an answer, is refused by both checkers, and it is said why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.entry import Correction
from replay.answers.checking import check_answer
from replay.errors import MalformedAnswer
from replay.moment import Moment
from tests.replay.given_answers import (
    MARCH_1,
    ONE,
    TWO,
    named,
    parsed,
    refusal,
    refused,
    rewritten,
    say,
    states,
    written,
)
from tests.replay.given_log import Desk


@pytest.fixture
def answer(here: Desk) -> dict[str, Any]:
    """About two subjects in effect, one of which was corrected; parsed, to be changed."""
    first = say(here, ONE, "A")
    say(here, TWO, "x")
    say(here, ONE, "B", "11:00")
    here.observes(
        ONE, "fact-corrected", {}, correction=Correction(first.position, {"source_status": "C"})
    )
    say(here, TWO, "y")
    moment = Moment(at=MARCH_1.format("12:00"))
    return parsed(written(states(here, ONE, TWO, moment=moment)))


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a["entries"].pop(1), "not those that the checkpoint"),
        (lambda a: a["entries"].append(a["entries"][0]), "there twice"),
        (lambda a: a["entries"].reverse(), "got version"),
        (lambda a: a["inclusion"].pop(), "not those that the checkpoint"),
        (lambda a: a["inclusion"].append(a["inclusion"][0]), "not those that the checkpoint"),
        (lambda a: a["inclusion"].__setitem__(0, "AAAA"), "cannot be read"),
        (lambda a: a["question"]["subjects"].pop(), "no further subject"),
        (lambda a: a["question"]["subjects"].append(named(9)), "no entries of"),
        (lambda a: a["question"]["subjects"].append(ONE), "each of them once"),
        (lambda a: a["question"]["subjects"].clear(), "each of them once"),
        (lambda a: a["answer"]["states"].pop(), "about each of 2"),
        (lambda a: a["answer"]["states"].reverse(), "is not what its entries add up to"),
        (lambda a: a["answer"]["states"][0].update(version=2), "is not what its entries"),
        (lambda a: a["answer"]["states"][0]["state"].update(x=1), "is not what its entries"),
        (lambda a: a["answer"]["as_of"].update(at=MARCH_1.format("13:00")), "another moment"),
        (lambda a: a["answer"]["as_of"].update(position=1), "answered as of 1"),
        (lambda a: a["answer"]["as_of"].update(position=None), "got None"),
        (lambda a: a["answer"]["as_of"].update(basis="known"), "another moment"),
        (lambda a: a["question"]["as_of"].update(position=3), "contradicts itself"),
        (lambda a: both(a, at=None), "contradicts itself"),
        (lambda a: both(a, at="9"), "not canonical"),
        (lambda a: both(a, at="2026-03-01T12:00:00.000000z"), "not canonical"),
        (lambda a: both(a, at=MARCH_1.format("10:30")), "is not what its entries"),
        (lambda a: both(a, known_at=MARCH_1.format("10:30")), "is not what was known at"),
        (lambda a: both(a, basis="known"), "is not what was known at"),
        (lambda a: a.update(origin="other.example"), "origin"),
        (lambda a: a.update(format="itsm-ledger-answer@v2"), "itsm-ledger-answer@v1"),
        (lambda a: a.update(more=1), "more"),
        (lambda a: a.pop("disclosures"), "disclosures"),
        (lambda a: a.update(vkey="x"), "verifier key"),
        (lambda a: a.update(checkpoint="x"), "checkpoint"),
        (lambda a: a["entries"][0].update(position=True), "position"),
        (lambda a: a["entries"][0].update(position=0), "not those that the checkpoint"),
        (lambda a: a["entries"][0].update(position=10**12), "not those that the checkpoint"),
        (lambda a: a["entries"][0].update(entry="\ud800"), "cannot be read"),
        (lambda a: a["entries"][0].update(more=1), "more"),
        (lambda a: a["entries"].clear(), "not those that the checkpoint"),
        (lambda a: a["disclosures"].append("WyJ4IiwieCIsIngiXQ"), "a disclosure cannot be read"),
        (lambda a: a["disclosures"].append("é"), "ASCII"),
    ],
)  # fmt: skip
def test_what_was_changed_is_refused_and_it_is_said_why(
    answer: dict[str, Any], change: Change, why: str
) -> None:
    assert refused(rewritten(answer)) is None

    change(answer)

    raw = json.dumps(answer).encode()
    assert why in (refused(raw) or "accepted")


def both(answer: dict[str, Any], **moment: Any) -> None:
    """Question and answer alike, so that they fit."""
    answer["question"]["as_of"].update(moment)
    answer["answer"]["as_of"].update(moment)


def test_an_answer_as_of_another_position_than_was_asked_for_is_refused(here: Desk) -> None:
    """Though nothing of the subject lies between them."""
    first = say(here, ONE, "A")
    say(here, TWO, "x")
    answer = parsed(written(states(here, ONE, moment=Moment(position=first.position))))

    answer["answer"]["as_of"]["position"] += 1

    assert "answered as of" in (refused(rewritten(answer)) or "accepted")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x00\xff",
        b'{"format":"itsm-ledger-answer@v1"}',
        b'{"format":"itsm-ledger-answer@v1","format":"itsm-ledger-answer@v1"}',
        b'{"format":NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format":"itsm-ledger-answer@v1","x":' + b"9" * 10_000 + b"}",
        b'"itsm-ledger-answer@v1"',
    ],
)
def test_garbage_is_refused_without_a_traceback(raw: bytes) -> None:
    assert isinstance(refusal(raw), MalformedAnswer)


def test_a_file_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.answers.parsing.MOST_BYTES", 100)

    with pytest.raises(MalformedAnswer, match="at most 100 bytes"):
        check_answer(b" " * 101)


def test_a_member_named_twice_is_refused_wherever_it_stands(answer: dict[str, Any]) -> None:
    text = rewritten(answer).decode()

    for member in ('"version": 3', '"kind": "state"', '"position": '):
        assert member in text
        doubled = text.replace(member, f"{member.split(':', maxsplit=1)[0]}: 0, {member}", 1)
        assert "twice" in (refused(doubled.encode()) or "accepted")
