"""Subjects with tangled histories, answers about them with their proofs, and both checkers of those.

with desk(url, directory) as at:
    tangle(at, random.Random(7), subjects=4, facts=20)
    raw = written(proof_of_states(at.house.ledger, subjects, checkpoint=at.house.checkpoint))
    assert checked(raw) is None
"""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from domain.errors import LedgerError
from ledger.entry import Correction
from ledger.notes import parse_vkey
from ledger.view import Receipt
from replay.answers.checking import CheckedAnswer, check_answer
from replay.answers.making import AnswerProof, proof_of_states
from replay.errors import AnswerRefuted, MalformedAnswer
from replay.moment import Moment
from tests.replay.given_log import Desk

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "check_answer.py"
FAULTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


ONE, TWO = "incident/INC0000001", "incident/INC0000002"
MARCH_1 = "2026-03-01T{}:00.000000Z"


def named(number: int) -> str:
    return f"incident/INC{number:07d}"


def tangle(at: Desk, chance: random.Random, *, subjects: int, facts: int) -> None:
    """Late facts, facts of the same time, restated, corrected, corrected again and retracted ones, in turns."""
    told: dict[str, list[Receipt]] = {named(number): [] for number in range(1, subjects + 1)}
    for _ in range(facts):
        # Some are recorded in the same microsecond as others, most are not.
        at.clock.advance(chance.choice((0.0, 1.0, 3600.0)))
        subject = chance.choice(sorted(told))
        if told[subject] and chance.random() < 0.3:
            correct(at, chance, subject, chance.choice(told[subject]))
        else:
            data = patch(chance)
            told[subject].append(
                at.observes(subject, "source-status-recorded", data, time=moment(chance))
            )
    for subject, receipts in told.items():
        if not receipts:
            at.observes(subject, "source-status-recorded", patch(chance), time=moment(chance))


def correct(at: Desk, chance: random.Random, subject: str, target: Receipt) -> None:
    replacement = patch(chance) if chance.random() < 0.8 else {}
    restated = moment(chance) if chance.random() < 0.4 else None
    told = Correction(target.position, replacement, restated)
    at.observes(subject, "fact-corrected", {}, correction=told, time=moment(chance))


def moment(chance: random.Random) -> str:
    """Of few, so that many happened at the same one."""
    return f"2026-03-01T{chance.randrange(8, 14):02d}:00:00.000000Z"


def patch(chance: random.Random) -> dict[str, Any]:
    source: dict[str, Any] = {
        name: chance.choice((None, 0, 1, True, False, "a", "b"))
        for name in ("x", "x.y", "y", "ü")
        if chance.random() < 0.5
    }
    told: dict[str, Any] = {"source": source}
    if chance.random() < 0.6:
        told["source_status"] = chance.choice("ABC")
    return told


def written(proof: AnswerProof) -> bytes:
    return b"".join(proof.chunks())


def parsed(raw: bytes) -> dict[str, Any]:
    return dict(json.loads(raw))


def rewritten(file: dict[str, Any]) -> bytes:
    return json.dumps(file, ensure_ascii=False).encode()


@cache
def script() -> ModuleType:
    """`docs/check_answer.py`, in this process: searches ask it a thousand times."""
    found = importlib.util.spec_from_file_location("check_answer", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def refused(raw: bytes, vkeys: Sequence[str] = ()) -> str | None:
    """Why the answer is refused, if it is. Ours and the script agree on whether."""
    ours = theirs = None
    try:
        check_answer(raw, [parse_vkey(one) for one in vkeys])
    except (MalformedAnswer, AnswerRefuted) as fault:
        ours = fault.message
    try:
        script().check(raw, list(vkeys))
    except FAULTS as fault:
        theirs = repr(fault)
    assert (ours is None) == (theirs is None), f"ours: {ours}; the script: {theirs}"
    return ours


def refusal(raw: bytes, vkeys: Sequence[str] = ()) -> LedgerError:
    """What ours raises, and the script refuses as well."""
    assert refused(raw, vkeys) is not None
    try:
        check_answer(raw, [parse_vkey(one) for one in vkeys])
    except LedgerError as fault:
        return fault
    raise AssertionError


def say(at: Desk, subject: str, status: str, hour: str = "10:00", **more: Any) -> Any:
    at.clock.advance(3600.0)
    data = {"source_status": status, **more}
    return at.observes(subject, "source-status-recorded", data, time=MARCH_1.format(hour))


def states(at: Desk, *subjects: str, moment: Moment = Moment(), **more: Any) -> AnswerProof:  # noqa: B008 - it is frozen
    checkpoint = at.house.checkpoint
    return proof_of_states(at.house.ledger, subjects, moment, checkpoint=checkpoint, **more)


def accepted(raw: bytes) -> CheckedAnswer:
    """Once both checkers have accepted it."""
    assert refused(raw) is None
    return check_answer(raw)
