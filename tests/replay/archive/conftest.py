"""An archive of small segments that was written once, and a copy of it for whoever breaks it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.databases import fresh_database_url
from tests.replay.archive.places import archived, lives
from tests.replay.given_log import desk

SEGMENT_ENTRIES = 128
_USED_BY = ("manifest", "segment", "write")


@dataclass(frozen=True)
class Written:
    """`directory`: an archive of `size` entries in segments of 128. `checkpoint`: one of before, kept elsewhere."""

    directory: Path
    size: int
    checkpoint: str


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred entries fill several segments, each still the leaves of one node of the tree."""
    _shrink(monkeypatch)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Never changed: `copy` hands out a copy."""
    directory = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        _shrink(patch)
        with desk(fresh_database_url("sqlite", directory), directory) as at:
            lives(at)
            checkpoint = at.house.checkpoint()
            lives(at)
            done = archived(at.house, directory / "archive")
    assert done.size > 2 * SEGMENT_ENTRIES
    return Written(directory / "archive", done.size, checkpoint)


@pytest.fixture
def copy(written: Written, small_segments: None, tmp_path: Path) -> Written:
    """To be broken."""
    shutil.copytree(written.directory, tmp_path / "copy")
    return Written(tmp_path / "copy", written.size, written.checkpoint)


def _shrink(patch: pytest.MonkeyPatch) -> None:
    for module in _USED_BY:
        patch.setattr(f"replay.archive.{module}.SEGMENT_ENTRIES", SEGMENT_ENTRIES)
