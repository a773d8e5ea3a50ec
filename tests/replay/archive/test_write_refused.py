"""What is never written into, and what is never written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger.errors import CorruptEntry, NotConsistent
from replay.archive.store import Store
from replay.archive.write import archive
from replay.errors import ArchiveUnusable
from tests.contract.databases import fresh_database_url
from tests.replay.archive.forging import manifest_of, write_manifest
from tests.replay.archive.places import archived, files, housed, lives
from tests.replay.given_log import Desk, desk, tamper

pytestmark = pytest.mark.usefixtures("small_segments")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An archive of another ledger, whose log has the same name."""
    home = tmp_path / "other"
    home.mkdir()
    with desk(fresh_database_url("sqlite", home), home) as at:
        lives(at)
        archived(at.house, home / "archive")
    return home / "archive"


def test_the_archive_of_another_ledger_is_refused(at: Desk, other: Path) -> None:
    """Nothing is written into it, whether it is longer or shorter than this ledger."""
    before = files(other)

    with pytest.raises(ArchiveUnusable, match="backup of before, or another's"):
        archived(at.house, other)
    lives(at)
    lives(at)
    with pytest.raises(ArchiveUnusable, match="not an archive of this ledger"):
        archived(at.house, other)

    assert files(other) == before


def test_an_archive_that_is_ahead_is_refused(tmp_path: Path) -> None:
    """The ledger is a backup of before: the archive holds more than it, and is left as it is."""
    url = fresh_database_url("sqlite", tmp_path)
    path = Path(url.removeprefix("sqlite:///"))
    with desk(url, tmp_path) as at:
        pass
    shutil.copy(path, tmp_path / "backup.db")
    with housed(url, tmp_path) as house:
        lives(Desk(house, at.clock, at.recorder))
        archived(house, tmp_path / "archive")
    before = files(tmp_path / "archive")

    with (
        housed(f"sqlite:///{tmp_path / 'backup.db'}", tmp_path) as house,
        pytest.raises(ArchiveUnusable, match="backup of before"),
    ):
        archived(house, tmp_path / "archive")

    assert files(tmp_path / "archive") == before


def test_an_archive_that_contradicts_the_ledger_is_refused(at: Desk, tmp_path: Path) -> None:
    """Its checkpoint is this ledger's, over other entries than the ledger has: somebody changed the past."""
    lives(at)
    archived(at.house, tmp_path / "archive")
    manifest = manifest_of(tmp_path / "archive")
    signed = at.house.signer.checkpoint(manifest["size"], bytes(32))
    write_manifest(tmp_path / "archive", {**manifest, "checkpoint": signed})
    lives(at)

    with pytest.raises(NotConsistent):
        archived(at.house, tmp_path / "archive")


@pytest.mark.parametrize("member", ["size", "root", "segments", "checkpoint"])
def test_a_manifest_that_was_altered_is_not_built_upon(
    at: Desk, tmp_path: Path, member: str
) -> None:
    """What it says is held against the ledger before anything is written behind it."""
    directory = tmp_path / "archive"
    lives(at)
    archived(at.house, directory)
    manifest = manifest_of(directory)
    first = {**manifest["segments"][0], "peaks": manifest["segments"][-1]["peaks"][:1]}
    altered = {
        "size": manifest["size"] - 1,
        "root": "AAAA",
        "segments": [first, *manifest["segments"][1:]],
        "checkpoint": "nothing\n",
    }
    write_manifest(directory, {**manifest, member: altered[member]})
    before = files(directory)
    lives(at)

    with pytest.raises(ArchiveUnusable):
        archived(at.house, directory)

    assert files(directory) == before


def test_entries_that_were_changed_in_the_database_are_not_archived(
    at: Desk, tmp_path: Path
) -> None:
    """They do not lead to the signed root: the archive stays as it was, and `verify` is pointed to."""
    lives(at)
    checkpoint, url = at.house.checkpoint(), at.house.settings.database_url
    tamper(url, ("UPDATE events SET entry = ? WHERE position = 5", [b'{"forged": true}']))

    with pytest.raises(CorruptEntry):
        archive(at.house.ledger, url, checkpoint, Store(str(tmp_path / "archive")))

    assert not (tmp_path / "archive" / "manifest.json").exists()
