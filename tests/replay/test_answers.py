"""An answer that carries its proof shows what it says, says what it cannot show, and shows nothing else."""

from __future__ import annotations

import random

import pytest

from domain.errors import UnknownSubject
from replay.answers.making import proof_of_differences
from replay.errors import BeyondHead, NothingToProve
from replay.moment import Moment
from tests.replay.given_answers import (
    ONE,
    TWO,
    accepted,
    named,
    parsed,
    say,
    states,
    tangle,
    written,
)
from tests.replay.given_log import ORIGIN, Desk


def test_it_tells_question_answer_entries_proof_and_checkpoint_and_nothing_else(at: Desk) -> None:
    first, second = say(at, ONE, "A"), say(at, ONE, "B", "11:00")
    say(at, TWO, "not asked for")

    file = parsed(written(states(at, ONE)))

    size = at.house.ledger.head().size
    moment = {"basis": "known", "at": None, "known_at": None}
    assert list(file) == [
        "format", "origin", "vkey", "checkpoint", "question", "answer", "entries", "inclusion", "disclosures",
    ]  # fmt: skip
    assert (file["format"], file["origin"]) == ("itsm-ledger-answer@v1", ORIGIN)
    assert file["question"] == {
        "kind": "state",
        "as_of": {**moment, "position": None},
        "chosen_by": None,
        "subjects": [ONE],
    }
    assert file["answer"] == {
        "as_of": {**moment, "position": size},
        "states": [{"subject": ONE, "version": 2, "state": {"source_status": "B"}}],
    }
    assert [one["position"] for one in file["entries"]] == [first.position, second.position]
    assert [one["entry"].encode() for one in file["entries"]] == [
        entry.raw for entry in at.house.ledger.entries_of(ONE)
    ]
    assert file["disclosures"] == []
    assert accepted(written(states(at, ONE))).entries == 2


def test_versions_behind_the_moment_are_in_it_so_that_none_can_be_missing_before(at: Desk) -> None:
    first = say(at, ONE, "A")
    say(at, ONE, "B")
    raw = written(states(at, ONE, moment=Moment(at=first.recordedtime, basis="known")))

    checked = accepted(raw)

    assert checked.answer["states"][0]["state"] == {"source_status": "A"}
    assert (checked.entries, checked.open_ended) == (2, 0)


def test_many_subjects_stand_in_the_order_in_which_they_were_asked_for(at: Desk) -> None:
    for number in range(1, 6):
        say(at, named(number), f"{number}")
        say(at, named(number), f"{number}{number}")
    asked = [named(number) for number in (4, 1, 5)]

    checked = accepted(written(states(at, *asked, ONE)))

    assert [told["subject"] for told in checked.answer["states"]] == asked
    assert [told["state"]["source_status"] for told in checked.answer["states"]] == [
        "44",
        "11",
        "55",
    ]


def test_more_subjects_than_are_read_at_once_are_answered(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.past.SUBJECTS_AT_ONCE", 3)
    tangle(at, random.Random(1), subjects=10, facts=60)

    checked = accepted(written(states(at, *map(named, range(1, 11)))))

    assert len(checked.answer["states"]) == 10
    assert checked.open_ended == 10


def test_a_difference_tells_versions_and_fields_with_their_entries(at: Desk) -> None:
    first = say(at, ONE, "A", source={"x": 1})
    second = say(at, ONE, "B", source={"x": None})
    proof = proof_of_differences(
        at.house.ledger,
        [ONE],
        Moment(position=first.position),
        checkpoint=at.house.checkpoint,
    )

    (told,) = accepted(written(proof)).answer["differences"]

    positions = [second.position]
    assert (told["from_version"], told["to_version"]) == (1, 2)
    assert told["fields"] == [
        {"field": "source_status", "from": "A", "to": "B", "positions": positions},
        {"field": "source.x", "from": 1, "to": None, "positions": positions},
    ]


def test_a_difference_may_begin_before_its_subject(at: Desk) -> None:
    say(at, TWO, "x")
    first = say(at, ONE, "A")
    proof = proof_of_differences(
        at.house.ledger, [ONE], Moment(position=first.position - 1), checkpoint=at.house.checkpoint
    )

    (told,) = accepted(written(proof)).answer["differences"]

    assert (told["from_version"], told["to_version"]) == (0, 1)


def test_an_answer_does_not_move_with_the_log(at: Desk) -> None:
    say(at, ONE, "A")
    proof = states(at, ONE)
    size = at.house.ledger.head().size
    say(at, ONE, "B")

    checked = accepted(written(proof))

    assert checked.answer["states"][0]["state"] == {"source_status": "A"}
    assert checked.checkpoint.size == checked.answer["as_of"]["position"] == size


def test_an_answer_about_all_of_a_log_leaves_nothing_open(here: Desk) -> None:
    say(here, ONE, "A")
    ledger = here.house.ledger
    everything = list(dict.fromkeys(entry.subject for entry in ledger.entries(0, 1000)))
    moment = Moment(position=ledger.head().size)

    checked = accepted(written(states(here, *everything, moment=moment)))

    assert checked.is_whole_log
    assert checked.open_ended == 0
    assert parsed(written(states(here, *everything, moment=moment)))["inclusion"] == []


# What is not answered


def test_nothing_is_not_proven(here: Desk) -> None:
    with pytest.raises(NothingToProve):
        states(here)


@pytest.mark.parametrize("subject", [named(99), "incident/", "", "no subject at all"])
def test_a_subject_that_is_not_there_is_unknown(here: Desk, subject: str) -> None:
    say(here, ONE, "A")

    with pytest.raises(UnknownSubject):
        written(states(here, ONE, subject))


def test_before_its_time_a_subject_is_unknown_and_the_error_says_since_when(here: Desk) -> None:
    first = say(here, ONE, "A")

    with pytest.raises(UnknownSubject, match=f"position {first.position}"):
        written(states(here, ONE, moment=Moment(at="2026-01-01T00:00:00Z", basis="known")))


def test_a_position_beyond_the_head_is_refused(here: Desk) -> None:
    say(here, ONE, "A")

    with pytest.raises(BeyondHead):
        states(here, ONE, moment=Moment(position=here.house.ledger.head().size + 1))
