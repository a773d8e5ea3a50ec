"""Archiving, interrupted or out of room: the archive is what it was, and the next run goes on."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from replay.archive.read import open_archive
from replay.archive.store import Store
from replay.archive.write import archive
from replay.errors import ArchiveUnusable
from tests.contract.databases import fresh_database_url
from tests.replay.archive.places import archived, files, is_whole, lives
from tests.replay.given_log import Desk, desk

pytestmark = pytest.mark.usefixtures("small_segments")


class Full(Store):
    """A disk that takes so many more files."""

    def __init__(self, location: str, files: int) -> None:
        super().__init__(location)
        self._left = files

    def write(self, name: str, content: bytes) -> None:
        if not self._left:
            raise self._unusable(name, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._left -= 1
        super().write(name, content)


@pytest.mark.parametrize("room", range(3))
def test_a_full_disk_leaves_the_archive_as_it_was(
    at: Desk, tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file there is no room for, the former manifest stands; with room again the next run goes on."""
    monkeypatch.setattr("replay.archive.write.MANY_SEGMENTS", 99)
    directory = tmp_path / "archive"
    lives(at)
    before = archived(at.house, directory)
    lives(at)
    checkpoint, url = at.house.checkpoint(), at.house.settings.database_url

    with suppress(ArchiveUnusable):
        archive(at.house.ledger, url, checkpoint, Full(str(directory), room))
        raise AssertionError("the disk was full")

    assert is_whole(directory, before.size)
    after = archived(at.house, directory)
    assert is_whole(directory, after.size)


def test_a_disk_that_is_full_in_the_middle_of_a_file_is_told(at: Desk, tmp_path: Path) -> None:
    """The file is no file: neither its name nor what was begun of it is left."""
    lives(at)
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "from replay.archive.store import Store\n"
        "Store(sys.argv[1]).write('entries/000000000.parquet', bytes(2_000))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "archive"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ArchiveUnusable" in done.stderr
    assert files(tmp_path / "archive") == {}


_KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from api.compose import open_house
from replay.archive.store import KEEP_SECONDS, Store
from replay.archive.write import archive
from tests.replay.given_log import settings_for

for module in ("manifest", "segment", "write"):
    __import__("replay.archive." + module)
    sys.modules["replay.archive." + module].SEGMENT_ENTRIES = 128
sys.modules["replay.archive.write"].MANY_SEGMENTS = 99

class Killed(Store):
    left = int(sys.argv[4])
    def write(self, name, content):
        if not self.left:
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.{os.getpid()}.new").write_bytes(content[:100])
            os.kill(os.getpid(), signal.SIGKILL)
        Killed.left -= 1
        super().write(name, content)

house = open_house(settings_for(sys.argv[1], Path(sys.argv[2])))
archive(house.ledger, sys.argv[1], house.checkpoint(), Killed(sys.argv[3]))
"""


@pytest.mark.parametrize("written", range(3))
def test_kill_9_in_the_middle_leaves_the_archive_as_it_was(tmp_path: Path, written: int) -> None:
    """Whatever it had written when it was killed, the former manifest stands, and the next run goes on."""
    url, directory = fresh_database_url("sqlite", tmp_path), tmp_path / "archive"
    with desk(url, tmp_path) as at:
        lives(at)
        before = archived(at.house, directory)
        lives(at)

        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, url, tmp_path, directory, str(written)], check=False
        )

        assert killed.returncode == -signal.SIGKILL
        assert is_whole(directory, before.size)
        after = archived(at.house, directory)
        assert after.size > before.size
        assert is_whole(directory, after.size)


def test_a_first_run_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    """What it left without a manifest is no archive, and does not hinder the next run."""
    url, directory = fresh_database_url("sqlite", tmp_path), tmp_path / "archive"
    with desk(url, tmp_path) as at:
        lives(at)
        subprocess.run([sys.executable, "-c", _KILLED, url, tmp_path, directory, "1"], check=False)
        with pytest.raises(ArchiveUnusable, match="no archive"):
            open_archive(str(directory))

        done = archived(at.house, directory)

        assert is_whole(directory, done.size)
