"""Any number of processes append to one database."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

from tests.contract.conftest import Desk
from tests.contract.test_appending import whole_log

PROCESSES, EACH = 4, 40
ROOT = Path(__file__).parents[2]


def test_four_processes_append_without_a_gap_or_a_number_twice(desk: Desk) -> None:
    command = [
        sys.executable, "-m", "tests.contract.appending_process",
        desk.url, f"sqlite:///{desk.directory / 'vault.db'}",
        base64.b64encode(desk.master_key).decode(), str(EACH),
    ]  # fmt: skip
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]

    assert [process.returncode for process in running] == [0] * PROCESSES
    positions = [int(word) for output in outputs for word in output.split()]
    assert len(positions) == len(set(positions)) == PROCESSES * EACH * 2
    entries = whole_log(desk.open())
    subjects = {entry.subject for entry in entries if entry.subject.startswith("incident/")}
    assert len(subjects) == PROCESSES * EACH
