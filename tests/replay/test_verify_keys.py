"""Whose signatures count: the keys that the log's own entries name, each endorsed by the one before."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.acts import LEDGER, RotateKey
from domain.command import Command
from ledger.checkpoints import Signer
from ledger.govern import Order
from ledger.open import open_database
from ledger.rotate import endorsement_text, rotate
from replay.errors import CheckpointRefused
from replay.report import Report
from replay.verify import verify
from replay.verify_head import head_of
from tests.contract.databases import fresh_database_url
from tests.replay.given_log import OPERATOR, ORIGIN, Desk, desk

TODAY = date(2026, 3, 2)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return fresh_database_url("sqlite", tmp_path)


def verified(url: str, *checkpoints: str) -> Report:
    with closing(open_database(url)) as database:
        return verify(database, checkpoints)


def rotated(at: Desk, directory: Path) -> Signer:
    key_file = directory / "ledger.key"
    return rotate(at.house.ledger, at.house.signer, key_file, actor=OPERATOR, today=TODAY)


def test_checkpoints_before_and_after_a_rotation_count(url: str, tmp_path: Path) -> None:
    with desk(url, tmp_path) as at:
        before = at.house.checkpoint()
        fresh = rotated(at, tmp_path)
        at.observes("incident/INC0000001", "commented", {})
        after = at.house.ledger.checkpoints.publish(fresh, TODAY)

    report = verified(url, before, after)

    assert report.is_clean, report.problems
    assert report.checkpoints_checked == 3 + 2


def test_a_key_that_the_old_one_did_not_endorse_signs_for_nobody(url: str, tmp_path: Path) -> None:
    thief = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with desk(url, tmp_path) as at:
        forged = RotateKey(
            vkey=str(thief.vkey),
            previous_vkey=str(at.house.signer.vkey),
            endorsement=thief.note(endorsement_text(ORIGIN, str(thief.vkey))),
        )
        position = at.house.ledger.execute(Order(forged, OPERATOR, LEDGER)).receipts[0].position
        head = at.house.ledger.head()
        theirs = thief.checkpoint(head.size, head.root())

    report = verified(url, theirs)

    assert {(problem.position, problem.kind) for problem in report.problems} == {
        (position, "key"),
        (1, "checkpoint"),
    }


@pytest.mark.parametrize("what", ["previous_vkey", "endorsement"])
def test_a_rotation_that_endorses_something_else_is_named(
    url: str, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RotateKey, "decide", Command.decide)  # whoever forges asks for no guard
    fresh = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with desk(url, tmp_path) as at:
        old = at.house.signer
        told = {
            "vkey": str(fresh.vkey),
            "previous_vkey": str(old.vkey),
            "endorsement": old.note(endorsement_text(ORIGIN, str(fresh.vkey))),
        }
        told[what] = str(fresh.vkey) if what == "previous_vkey" else old.note("something else\n")
        at.house.ledger.execute(Order(RotateKey(**told), OPERATOR, LEDGER))

    (problem,) = verified(url).problems

    assert problem.kind == "key"


def test_another_key_under_the_same_name_is_an_input_error(url: str, tmp_path: Path) -> None:
    thief = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with desk(url, tmp_path) as at:
        head = at.house.ledger.head()
        theirs = thief.checkpoint(head.size, head.root())

    with pytest.raises(CheckpointRefused) as refused:
        verified(url, theirs)

    assert refused.value.facts["reason"] == "unsigned"


def test_a_log_that_grows_meanwhile_is_clean(url: str, tmp_path: Path) -> None:
    """What was there at the start is looked at; entries and checkpoints that come later are not missed."""
    with desk(url, tmp_path) as at, closing(open_database(url)) as database:
        at.observes("incident/INC0000001", "commented", {})
        grown: list[int] = []

        def grows(_done: int, _total: int) -> None:
            grown.append(at.observes("incident/INC0000002", "commented", {}).position)
            at.house.checkpoint()

        report = verify(database, progress=grows)

    assert report.is_clean, report.problems
    assert grown
    assert report.size < grown[0] + 1


def test_a_checkpoint_published_while_the_head_is_read_is_no_missing_tail(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk(url, tmp_path) as at:

        def head_and_then_more(*asked: Any) -> Any:
            head = head_of(*asked)
            at.observes("incident/INC0000001", "commented", {})
            at.house.checkpoint()
            return head

        monkeypatch.setattr("replay.verify.head_of", head_and_then_more)
        report = verified(url)

    assert report.is_clean, report.problems


def test_the_entries_name_the_origin(url: str, tmp_path: Path) -> None:
    with desk(url, tmp_path) as at:
        first = orjson.loads(at.house.ledger.entry(1).raw)

    assert verified(url).origin == first["data"]["origin"] == ORIGIN
