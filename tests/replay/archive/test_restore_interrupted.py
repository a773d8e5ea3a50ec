"""Restoring, interrupted or hindered: there is no ledger, and a second try succeeds."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import AlreadyALedger, NotALedger, NotConsistent, StorageFailed
from ledger.open import open_database
from ledger.restore import restore as restore_log
from ledger.urls import sqlite_path
from replay.archive.read import open_archive
from replay.archive.restore import kept_in
from tests.contract.databases import fresh_database_url
from tests.replay.archive.places import archived, examined, lives, restored, rows
from tests.replay.given_log import Desk

_KILLED = """
import os, signal, sys
from ledger.rebuild import Rebuilding
from replay.archive.read import open_archive
from replay.archive.restore import restore

class Killed(Rebuilding):
    def finish(self, transaction):
        super().finish(transaction)
        os.kill(os.getpid(), signal.SIGKILL)

import ledger.restore
ledger.restore.Rebuilding = Killed
restore(sys.argv[1], open_archive(sys.argv[2]), lambda done, total: None)
"""


@pytest.fixture
def archive(at: Desk, tmp_path: Path) -> Path:
    lives(at)
    archived(at.house, tmp_path / "archive")
    return tmp_path / "archive"


@pytest.fixture
def url(at: Desk, tmp_path: Path) -> str:
    """An empty database of the same kind."""
    kind = "sqlite" if at.house.settings.database_url.startswith("sqlite") else "postgresql"
    return fresh_database_url(kind, tmp_path)


def test_a_restore_that_was_killed_leaves_no_ledger_and_can_be_run_again(
    archive: Path, url: str
) -> None:
    """Kill -9 when all entries are written and nothing is finished: no ledger; the next run makes a whole one."""
    killed = subprocess.run([sys.executable, "-c", _KILLED, url, archive], check=False)
    assert killed.returncode == -signal.SIGKILL

    with pytest.raises(NotALedger):
        open_database(url)
    told = restored(archive, url)

    report = examined(url)
    assert (report.is_clean, report.size) == (True, told.size)


def test_nothing_is_left_beside_the_restored_file(archive: Path, tmp_path: Path) -> None:
    """Neither by a restore that succeeded after one that was killed, nor by one that failed."""
    url = fresh_database_url("sqlite", tmp_path)
    path = sqlite_path(url)
    assert path is not None
    subprocess.run([sys.executable, "-c", _KILLED, url, archive], check=False)
    assert path.with_name(path.name + ".restoring").exists()

    restored(archive, url)

    assert [one.name for one in tmp_path.iterdir() if "restoring" in one.name] == []


def test_two_restores_at_the_same_time_make_one_ledger(archive: Path, tmp_path: Path) -> None:
    """Whoever comes second is refused while the first is at work, and the first is not disturbed."""
    url = fresh_database_url("sqlite", tmp_path)
    refusals: list[str] = []

    def second(done: int, total: int) -> None:
        try:
            restored(archive, url)
        except StorageFailed as refusal:
            refusals.append(refusal.message)

    restore_log(url, kept_in(open_archive(str(archive))), second, lambda: None)

    assert "another process is restoring" in refusals[0]
    assert examined(url).is_clean


def _wrote(path: Path) -> None:
    path.write_text("somebody's")


def test_a_ledger_that_was_made_meanwhile_is_not_overwritten(archive: Path, tmp_path: Path) -> None:
    """What appeared at the place while the restore was at work stays as it is."""
    url = fresh_database_url("sqlite", tmp_path)
    path = sqlite_path(url)
    assert path is not None

    with pytest.raises(AlreadyALedger):
        restore_log(
            url,
            kept_in(open_archive(str(archive))),
            lambda done, total: None,
            lambda: _wrote(path),
        )

    assert path.read_text() == "somebody's"


def test_entries_that_do_not_lead_to_the_signed_root_make_no_ledger(
    archive: Path, url: str
) -> None:
    """Blocks that end early, though each entry in them is whole and in its place, are refused."""
    kept = kept_in(open_archive(str(archive)))
    (block,) = kept.blocks()
    kept.blocks = lambda: iter([block._replace(entries=block.entries[:-1])])  # type: ignore[method-assign]  # an archive that lost its last entry

    with pytest.raises(NotConsistent):
        restore_log(url, kept, lambda done, total: None, lambda: None)

    with pytest.raises(NotALedger):
        open_database(url)


def test_an_empty_database_with_tables_is_filled(archive: Path, url: str, tmp_path: Path) -> None:
    """On PostgreSQL, tables that an interrupted `init` left behind are no ledger."""
    if sqlite_path(url) is not None:
        return
    from ledger.migrate import migrate
    from ledger.open import connect

    database = connect(url)
    migrate(database)
    database.close()

    told = restored(archive, url)

    assert rows(url, "head", "size") == [(told.size,)]


def test_a_full_disk_makes_no_ledger(archive: Path, tmp_path: Path) -> None:
    """The database refuses in the middle: it is named, and nothing is left."""
    directory = tmp_path / "small"
    directory.mkdir()
    url = f"sqlite:///{directory / 'ledger.db'}"
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))\n"
        "from replay.archive.read import open_archive\n"
        "from replay.archive.restore import restore\n"
        "restore(sys.argv[1], open_archive(sys.argv[2]), lambda done, total: None)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, url, archive], capture_output=True, text=True, check=False
    )

    assert "StorageFailed" in done.stderr
    assert list(directory.iterdir()) == []
