"""Going on after a loss: a decision that an interruption must not make impossible."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from api.compose import open_house, open_ledger
from api.recovery import accept_loss
from api.settings import Settings
from domain.acts import LEDGER
from ledger.errors import BehindCheckpoint, StorageFailed
from ledger.genesis import OPERATOR
from ledger.govern import Actor, Order
from tests.contract.conftest import ORIGIN, a
from tests.staffing import init

TODAY = date(2026, 11, 24)


def test_a_loss_that_was_recorded_but_not_published_can_still_be_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a single entry is lost, the entry that accepts the loss stands in its very place."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'ledger.db'}", checkpoint_copies=tmp_path / "copies"
    )
    actor = Actor(OPERATOR)
    init(settings, origin=ORIGIN, administrator="Ada")
    backup_and_lose_one_entry(settings, tmp_path)

    with monkeypatch.context() as failing:
        failing.setattr("ledger.checkpoints.Copies.keep", refuse)
        with pytest.raises(StorageFailed):
            accept(settings, actor)
    accept(settings, actor)

    house = open_house(settings)
    told = [entry.type for entry in house.ledger.entries_of(LEDGER)]
    house.close()
    assert told.count("itsm.ledger.checkpoint-loss-accepted.v1") == 1


def refuse(*_: object) -> None:
    raise StorageFailed("read-only")


def accept(settings: Settings, actor: Actor) -> None:
    ledger = open_ledger(settings)
    try:
        accept_loss(ledger, settings, actor, "Restored from a backup", TODAY)
    finally:
        ledger.close()


def backup_and_lose_one_entry(settings: Settings, directory: Path) -> None:
    house = open_house(settings)
    subject = house.ledger.execute(Order(a("incident", "report"), Actor(OPERATOR))).receipts[0]
    house.close()
    shutil.copy(directory / "ledger.db", directory / "backup.db")
    house = open_house(settings)
    house.ledger.execute(Order(a("incident", "comment"), Actor(OPERATOR), subject.subject))
    house.checkpoint()
    house.close()
    for left in directory.glob("ledger.db*"):
        left.unlink()
    shutil.copy(directory / "backup.db", directory / "ledger.db")
    with pytest.raises(BehindCheckpoint):
        open_house(settings)
