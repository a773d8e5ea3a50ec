"""A log that is consistent in itself shows against the heads that were signed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from replay.errors import CheckpointRefused
from tests.replay.given_log import Filled, desk, tamper
from tests.replay.tampering import (
    SEALED,
    TAIL,
    cut,
    entry_at,
    forged,
    found,
    rewrite,
    set_entry,
    verified,
)


def test_a_log_cut_with_its_head_shows_against_its_own_checkpoints(log: Filled) -> None:
    cut(log, 400)

    problems = verified(log).problems

    assert {(problem.position, problem.kind) for problem in problems} == {(401, "missing")}
    assert "signed over 520" in problems[0].message


def test_a_log_cut_with_head_and_checkpoints_shows_against_one_kept_elsewhere(log: Filled) -> None:
    cut(log, 400)
    tamper(log.url, "DELETE FROM checkpoints WHERE size > 400")

    assert found(log) == []
    assert found(log, [log.checkpoints[520]]) == [(401, "missing")]
    assert found(log, [log.checkpoints[300]]) == []


def test_a_log_rewritten_and_rebuilt_shows_against_a_checkpoint_kept_elsewhere(log: Filled) -> None:
    rewrite(log, {TAIL: forged(entry_at(log, TAIL))})
    tamper(log.url, "DELETE FROM checkpoints WHERE size > 520")

    assert found(log) == []
    assert found(log, [log.checkpoints[520]]) == []
    (problem,) = verified(log, [log.checkpoints[520], log.checkpoints[600]]).problems

    assert (problem.position, problem.kind) == (521, "checkpoint")
    assert "from 521 to 600" in problem.message


def test_a_rewritten_log_shows_against_its_own_stored_checkpoint(log: Filled) -> None:
    rewrite(log, {SEALED: forged(entry_at(log, SEALED))})

    assert found(log) == [(1, "checkpoint")]


def test_a_checkpoint_altered_in_the_database_is_named(log: Filled) -> None:
    note = log.checkpoints[300].replace("\n300\n", "\n301\n")
    tamper(
        log.url,
        ("UPDATE checkpoints SET note = ? WHERE size = 300", [note]),
        ("INSERT INTO checkpoints VALUES (44, ?)", [log.checkpoints[520]]),
        ("INSERT INTO checkpoints VALUES (45, 'no note')", []),
    )

    assert found(log) == [(44, "checkpoint"), (45, "checkpoint"), (300, "checkpoint")]


def test_a_checkpoint_of_another_log_is_an_input_error(log: Filled, tmp_path: Path) -> None:
    with desk(f"sqlite:///{tmp_path}/other.db", tmp_path) as other:
        theirs = other.house.checkpoint()

    with pytest.raises(CheckpointRefused, match="checkpoint 2 of those handed in"):
        verified(log, [log.checkpoints[300], theirs])


@pytest.mark.parametrize("text", ["", "no note\n", "ledger\n1\nAAAA\n\n— x AAAA\n"])
def test_what_is_no_checkpoint_is_an_input_error(log: Filled, text: str) -> None:
    with pytest.raises(CheckpointRefused):
        verified(log, [text])


def test_an_altered_checkpoint_is_an_input_error(log: Filled) -> None:
    altered = log.checkpoints[300].replace("\n300\n", "\n299\n")

    with pytest.raises(CheckpointRefused) as refused:
        verified(log, [altered])

    assert refused.value.facts["reason"] == "bad-signature"


def test_keys_that_were_tampered_with_are_the_logs_fault_not_the_inputs(log: Filled) -> None:
    raw = entry_at(log, 1).replace(b'"origin":"ledger', b'"origin":"ladger')
    tamper(log.url, set_entry(1, raw))

    problems = found(log, [log.checkpoints[300]])

    assert problems[0] == (1, "entry")
