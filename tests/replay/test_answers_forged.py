"""Entries that a lying writer has signed and sealed anew: what they cannot be is refused all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoints import Signer
from ledger.merkle import Frontier, leaf_hash
from ledger.multiproof import multiproof
from ledger.spelling import to_base64
from tests.replay.given_answers import (
    MARCH_1,
    ONE,
    TWO,
    accepted,
    parsed,
    refused,
    rewritten,
    say,
    states,
    written,
)
from tests.replay.given_log import ORIGIN, Desk


class Forged:
    """An answer about one subject, out of a log that holds these entries and was signed by its key."""

    def __init__(self, here: Desk, *texts: str) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._texts = texts
        self.file = parsed(written(states(here, ONE)))

    def raw(self, positions: list[int] | None = None) -> bytes:
        signer, leaves = (
            Signer(ORIGIN, self._key),
            [leaf_hash(text.encode()) for text in self._texts],
        )
        frontier = Frontier()
        frontier.extend(leaves)
        levels: dict[tuple[int, int], bytes] = {}
        again = Frontier()
        for row in again.extend(leaves):
            levels |= {(row.level, row.first_index + at): one for at, one in enumerate(row.hashes)}
        told = positions or list(range(1, len(leaves) + 1))
        hashes = multiproof(
            [at - 1 for at in told], len(leaves), lambda level, index: levels[level, index]
        )
        return rewritten(
            self.file
            | {
                "vkey": str(signer.vkey),
                "checkpoint": signer.checkpoint(len(leaves), frontier.root()),
                "entries": [{"position": at, "entry": self._texts[at - 1]} for at in told],
                "inclusion": [to_base64(one) for one in hashes],
            }
        )


def entry(position: int, version: int, **more: Any) -> str:
    told = {
        "subject": ONE,
        "sequence": f"{position:019d}",
        "subjectversion": version,
        "time": MARCH_1.format("10:00"),
        "recordedtime": MARCH_1.format("10:00"),
        "data": {"n": version},
    }
    return json.dumps({**told, **more})


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([entry(1, 1), entry(2, 2)], None),
        ([entry(1, 1), entry(2, 3)], "expected version 2"),
        ([entry(1, 1), entry(2, 1)], "expected version 2"),
        ([entry(1, 2), entry(2, 3)], "expected version 1"),
        ([entry(1, 1), entry(3, 2)], "says that it is number"),
        ([entry(1, 1), entry(2, 1, subject=TWO)], "no further subject"),
        ([entry(1, 1), entry(2, 2, time="yesterday")], "not canonical"),
        ([entry(1, 1), entry(2, 2, recordedtime="0")], "not canonical"),
        ([entry(1, 1), entry(2, 2, corrects=1, replacement="[]")], "no JSON object"),
        ([entry(1, 1), entry(2, 2, corrects=1, replacement="{")], "no JSON"),
        ([entry(1, 1), entry(2, 2, corrects=1, replacement='{"n":1,"n":2}')], "twice"),
        ([entry(1, 1), entry(2, 2, corrects=1, replacement="{}", effectivetime="x")], "canonical"),
        ([entry(1, 1), entry(2, 2).replace('"data"', '"n": 1, "n": 2, "data"')], "twice"),
        ([entry(1, 1), "null"], "is none"),
        ([entry(1, 1), "no JSON"], "no JSON"),
        ([entry(1, 1), entry(2, 2, data=[])], "is none"),
        ([entry(1, 1), entry(2, 2, subjectversion="2")], "is none"),
    ],
)
def test_signed_entries_that_are_no_history_of_the_subject_are_refused(
    here: Desk, texts: list[str], why: str | None
) -> None:
    say(here, ONE, "A")
    forged = Forged(here, *texts)
    told = {"subject": ONE, "version": 2, "state": {"n": 2}}
    forged.file["answer"] = {
        "as_of": {**forged.file["answer"]["as_of"], "position": 2},
        "states": [told],
    }

    found = refused(forged.raw())

    assert found is None if why is None else why in (found or "accepted")


def test_a_version_inside_cannot_be_left_out_but_the_last_one_can_and_that_is_said(
    here: Desk,
) -> None:
    say(here, ONE, "A")
    forged = Forged(here, *(entry(at, at) for at in (1, 2, 3)))
    forged.file["answer"]["as_of"]["position"] = 3
    forged.file["answer"]["states"] = [{"subject": ONE, "version": 2, "state": {"n": 2}}]

    without_the_last = forged.raw([1, 2])

    assert refused(forged.raw([1, 3])) is not None
    assert refused(forged.raw([2, 3])) is not None
    assert accepted(without_the_last).open_ended == 1
