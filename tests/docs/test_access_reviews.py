"""The page on access reviews: its program counts a population again, without anything of ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from domain.event import Json
from tests.api.shell import Shell, shell_with_ledger

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access-reviews.md"


def counted_again(directory: Path, events: str, review: str) -> str:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path = directory / "count_again.py"
    path.write_text(program)
    # -I: nothing of this project, and of what it has installed, is at hand.
    done = subprocess.run(
        [sys.executable, "-I", "-S", path, review],
        input=events,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell, made = shell_with_ledger(tmp_path)
    return Shell(shell.directory, {**shell.env, "ITSM_LEDGER_TOKEN": made["token"]})


@pytest.mark.parametrize("bounds", [{}, {"service": "mail"}, {"role": "role/ROL0000003"}])
def test_the_program_of_the_page_counts_as_the_ledger_does(
    shell: Shell, tmp_path: Path, bounds: dict[str, Json]
) -> None:
    review = shell.order("review", "open", json.dumps(bounds))["subject"]
    shell.order("grant", "request", '{"role": "role/ROL0000004"}')
    events = shell.ok("events").out

    frozen = shell.ok("show", review, "--json").json["state"]["population"]
    assert frozen["count"] > 1
    assert counted_again(tmp_path, events, review) == "same"
    forged = events.replace(frozen["hash"], "sha256:" + "0" * 64)
    assert counted_again(tmp_path, forged, review).startswith("the log makes it {'count': ")
