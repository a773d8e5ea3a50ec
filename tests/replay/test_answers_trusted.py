"""An answer is as good as the key or the checkpoint that it is held against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoints import Signer
from ledger.notes import Checkpoint, format_note, parse_checkpoint, parse_note, parse_vkey
from ledger.notes import cosignature_of as cosigned
from ledger.spelling import to_base64
from replay.answers.checking import check_answer
from replay.errors import AnswerRefuted, MalformedAnswer
from tests.contract.databases import fresh_database_url
from tests.replay.given_answers import (
    ONE,
    parsed,
    refusal,
    refused,
    rewritten,
    say,
    states,
    written,
)
from tests.replay.given_log import ORIGIN, Desk, desk


def test_another_key_is_refused_and_the_right_one_is_told(here: Desk) -> None:
    say(here, ONE, "A")
    raw = written(states(here, ONE))
    own = str(here.house.signer.vkey)
    other = str(Signer(ORIGIN, Ed25519PrivateKey.generate()).vkey)

    assert refused(raw, [own]) is None
    assert isinstance(refusal(raw, [other]), AnswerRefuted)
    assert check_answer(raw, [parse_vkey(own)]).signed_by == [own]


def test_a_file_that_names_another_key_than_it_is_signed_by_is_refused(here: Desk) -> None:
    say(here, ONE, "A")
    file = parsed(written(states(here, ONE)))
    own, other = file["vkey"], str(Signer(ORIGIN, Ed25519PrivateKey.generate()).vkey)

    raw = rewritten(file | {"vkey": other})

    assert refused(raw) is not None
    assert check_answer(rewritten(file), [parse_vkey(own)]).signed_by == [own]


def test_a_cosigned_checkpoint_is_taken_and_the_witness_is_told_of(here: Desk) -> None:
    say(here, ONE, "A")
    file = parsed(written(states(here, ONE)))
    note, witness = parse_note(file["checkpoint"]), Ed25519PrivateKey.generate()
    line = cosigned(note.text, "witness.example", witness, 1_775_000_000)
    raw = rewritten(file | {"checkpoint": format_note(note.text, [line, *note.signatures])})
    theirs = f"witness.example+{line.key_id.hex()}+" + to_base64(
        b"\x04" + witness.public_key().public_bytes_raw()
    )

    checked = check_answer(raw, [parse_vkey(file["vkey"]), parse_vkey(theirs)])

    assert refused(raw) is None
    assert sorted(checked.signed_by) == sorted([file["vkey"], theirs])


def test_a_kept_checkpoint_must_be_the_one_in_the_file(here: Desk) -> None:
    say(here, ONE, "A")
    raw = written(states(here, ONE))
    kept = parse_checkpoint(parse_note(parsed(raw)["checkpoint"]).text)

    check_answer(raw, kept=[kept])

    with pytest.raises(AnswerRefuted, match="another when the checkpoint"):
        check_answer(raw, kept=[replace(kept, root=bytes(32))])
    for other in (replace(kept, size=kept.size - 1), Checkpoint("x", kept.size, kept.root)):
        with pytest.raises(MalformedAnswer, match="only the same one can be compared"):
            check_answer(raw, kept=[other])


def test_an_answer_of_another_ledger_is_not_one_of_this(here: Desk, tmp_path: Path) -> None:
    """The same origin, the same subject, another key."""
    say(here, ONE, "A")
    (tmp_path / "other").mkdir()
    with desk(fresh_database_url("sqlite", tmp_path / "other"), tmp_path / "other") as other:
        say(other, ONE, "A")
        raw = written(states(other, ONE))

    assert refused(raw) is None
    assert isinstance(refusal(raw, [str(here.house.signer.vkey)]), AnswerRefuted)
