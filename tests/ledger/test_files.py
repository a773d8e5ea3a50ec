"""What is said to be durable has its name on the disk too, not its content alone."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path

import pytest

from ledger.checkpoints import Copies
from ledger.keyfiles import write_signing_key


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The directories, by inode, whose names were made durable."""
    seen: list[int] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            seen.append(found.st_ino)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_a_key_that_was_written_is_found_after_a_crash(tmp_path: Path, synced: list[int]) -> None:
    write_signing_key(tmp_path / "ledger.key")

    assert synced == [tmp_path.stat().st_ino]


def test_a_checkpoint_that_was_kept_is_found_after_a_crash(
    tmp_path: Path, synced: list[int]
) -> None:
    Copies(tmp_path).keep("a note\n", date(2026, 11, 24))

    assert synced[-1] == tmp_path.stat().st_ino
