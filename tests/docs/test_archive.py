"""The page about the archive: its lines of Python accept an archive, and its tables are whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from replay.archive.segment import schema
from tests.contract.databases import fresh_database_url
from tests.replay.archive.forging import alter, file_of, row_at
from tests.replay.archive.places import archived, lives
from tests.replay.given_log import desk

PAGE = (Path(__file__).parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")


def test_the_lines_that_are_shown_accept_an_archive_and_refuse_a_forged_one(tmp_path: Path) -> None:
    """An auditor needs pyarrow and SHA-256, and no code of ours."""
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as at:
        lives(at)
        archived(at.house, tmp_path / "archive")
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    def accepted() -> bool:
        told = subprocess.run(
            [sys.executable, "-I", "-c", lines], cwd=tmp_path / "archive", check=False
        )
        return told.returncode == 0

    assert accepted()
    alter(
        file_of(tmp_path / "archive", 0),
        lambda rows: row_at(rows, 7).update(entry=row_at(rows, 7)["entry"] + b" "),
    )
    assert not accepted()


def test_every_column_is_explained() -> None:
    """The table names each column of a segment."""
    table = PAGE.partition("| in a segment |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z]+)`", table)) >= set(schema().names)
