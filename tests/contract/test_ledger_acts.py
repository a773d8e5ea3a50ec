"""Acts of the ledger itself, given where they could do harm."""

from __future__ import annotations

import pytest

from domain.acts import LEDGER, DestroySubjectKey, PlaceLegalHold, RotateKey
from domain.errors import CanNot
from tests.contract.conftest import Desk
from tests.contract.test_personal_data import NAME


def test_holds_and_erasures_are_about_the_ledger_itself_only(desk: Desk) -> None:
    """Holds stand there: with another subject of its family none would be found."""
    subject, token = desk.report(title=NAME), "ledger/LDG0000002"
    desk.do(PlaceLegalHold(target=subject, reason="Litigation"), LEDGER)

    for command in (
        DestroySubjectKey(target=subject, reason="Asked for"),
        PlaceLegalHold(target=subject, reason="Litigation"),
    ):
        for about in (token, None):
            with pytest.raises(CanNot) as refusal:
                desk.do(command, about)
            assert refusal.value.rules == ("the-ledger-itself",)


def test_only_the_current_key_is_rotated_away(desk: Desk) -> None:
    current = desk.log.subject(LEDGER).state["vkey"]
    other = "ledger.example.com/acme+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    command = RotateKey(vkey=other, previous_vkey=other, endorsement="none")

    with pytest.raises(CanNot) as refusal:
        desk.do(command, LEDGER)

    assert refusal.value.rules == ("rotates-the-current-key",)
    assert desk.log.subject(LEDGER).state["vkey"] == current
