"""The key is replaced while a server runs, and a backup is older than the rotation."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from api.compose import House, open_house
from api.settings import Settings
from domain.incident_commands import ReportIncident
from ledger.errors import KeyFileUnusable
from ledger.genesis import OPERATOR
from ledger.govern import Actor, Order
from ledger.notes import Unsigned, verify_checkpoint
from ledger.rotate import rotate
from tests.staffing import init

TODAY = date(2026, 11, 24)
ACTOR = Actor(OPERATOR, "system")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(database_url=f"sqlite:///{tmp_path / 'ledger.db'}")
    init(made, origin="ledger.example/rotation", administrator="Ada")
    return made


def rotated(settings: Settings) -> None:
    """As the command line does it, in a process of its own."""
    house = open_house(settings)
    rotate(house.ledger, house.signer, settings.resolved_key_file, actor=ACTOR, today=TODAY)
    house.close()


def report(house: House) -> None:
    command = ReportIncident(title="Mail is late", service="mail", impact=2, urgency=2)
    house.ledger.execute(Order(command, ACTOR))


def test_a_server_signs_with_the_new_key_from_its_next_checkpoint_on(settings: Settings) -> None:
    server = open_house(settings)
    old = server.signer.vkey

    rotated(settings)
    report(server)
    note = server.checkpoint()

    assert server.signer.vkey != old
    verify_checkpoint(note, [server.signer.vkey])
    with pytest.raises(Unsigned):
        verify_checkpoint(note, [old])
    server.close()


def test_while_the_new_key_is_not_in_its_place_nothing_is_signed(settings: Settings) -> None:
    server = open_house(settings)
    key_file, kept = settings.resolved_key_file, settings.resolved_key_file.with_name("kept")
    shutil.copy(key_file, kept)
    rotated(settings)
    shutil.copy(kept, key_file)

    with pytest.raises(KeyFileUnusable, match="not hold the new one yet"):
        server.checkpoint()
    server.close()


def test_a_backup_from_before_the_rotation_opens_with_the_retired_key(
    settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")
    rotated(settings)
    shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")

    with pytest.raises(KeyFileUnusable, match="retired"):
        open_house(settings)

    (retired,) = tmp_path.glob("ledger.key.*.retired")
    assert retired.stat().st_mode & 0o777 == 0o600
    restored = open_house(settings.model_copy(update={"key_file": retired}))
    report(restored)
    restored.checkpoint()
    restored.close()


def test_a_key_that_was_replaced_rotates_nothing_and_touches_no_file(settings: Settings) -> None:
    stale = open_house(settings)
    rotated(settings)
    before = settings.resolved_key_file.read_bytes()

    with pytest.raises(KeyFileUnusable, match="replaced already"):
        rotate(stale.ledger, stale.signer, settings.resolved_key_file, actor=ACTOR, today=TODAY)

    assert settings.resolved_key_file.read_bytes() == before
    assert not list(settings.resolved_key_file.parent.glob("*.new"))
    stale.close()
