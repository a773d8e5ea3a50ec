"""A real service desk's log goes in by the command line, and answers about it go out that anyone can check."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger
from tests.e2e.real_logs import incident_states, rows_by_number
from tests.replay.given_answers import SCRIPT
from tests.shared import shared_path

pytestmark = pytest.mark.slow

ROWS = 400


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """With the first rows of the ServiceNow log, and the key that was kept from before."""
    directory = tmp_path_factory.mktemp("answers")
    shell, made = shell_with_ledger(directory)
    (directory / "kept.vkey").write_text(made["vkey"])
    with gzip.open(shared_path("data", "uci_incident_event_log.csv.gz"), "rt", newline="") as log:
        rows = list(islice(csv.reader(log), ROWS + 1))
    with gzip.open(directory / "log.csv.gz", "wt", newline="") as few:
        csv.writer(few).writerows(rows)
    shell.ok("import", str(directory / "log.csv.gz"), "--mapping", "servicenow-incidents")
    return shell


def checked_by_both(shell: Shell, file: Path) -> tuple[int, int]:
    """The exit codes of `verify FILE`, where there is no ledger, and of the script."""
    key = (shell.directory / "kept.vkey").read_text()
    elsewhere = Shell(shell.directory, {"ITSM_LEDGER_DATABASE_URL": "sqlite:///nowhere.db"})
    ours = elsewhere("verify", str(file), "--vkey", key)
    theirs = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, str(file), key], capture_output=True, check=False
    )
    return ours.code, theirs.returncode


def reopened(shell: Shell) -> str:
    """The incident with the most rows."""
    rows = rows_by_number(shell.directory / "log.csv.gz", "number")
    return max(rows, key=lambda number: len(rows[number]))


@pytest.mark.parametrize("basis", ["known", "effect"])
def test_an_answer_about_an_incident_is_accepted_and_with_one_byte_changed_refused(
    shell: Shell, basis: str
) -> None:
    number = reopened(shell)
    rows = rows_by_number(shell.directory / "log.csv.gz", "number")[number]
    steps = shell.ok("history", f"incident/{number}", "--json").json["events"]
    moment = steps[-1]["recordedtime" if basis == "known" else "time"]
    file = shell.directory / f"{basis}.json"

    shell.ok("show", f"incident/{number}", "--at", moment, "--basis", basis, "--proof", str(file))

    (*_, last) = incident_states(rows)
    (told,) = json.loads(file.read_text())["answer"]["states"]
    assert (told["state"]["status"], told["state"]["priority"]) == (
        last["status"],
        last["priority"],
    )
    assert checked_by_both(shell, file) == (0, 0)
    for at in range(0, file.stat().st_size, 997):
        changed = bytearray(file.read_bytes())
        changed[at] ^= 1
        (shell.directory / "changed.json").write_bytes(changed)
        ours, theirs = checked_by_both(shell, shell.directory / "changed.json")
        assert ours in (2, 3), at
        assert theirs == 1, at


def test_a_difference_is_accepted_and_with_one_position_changed_refused(shell: Shell) -> None:
    subject = f"incident/{reopened(shell)}"
    steps = shell.ok("history", subject, "--json").json["events"]
    file = shell.directory / "diff.json"

    shell.ok("diff", subject, "--from", steps[0]["time"], "--proof", str(file))

    answer = json.loads(file.read_text())
    fields = answer["answer"]["differences"][0]["fields"]
    assert checked_by_both(shell, file) == (0, 0)
    assert len(fields) > 3
    fields[0]["positions"][0] += 1
    (shell.directory / "changed.json").write_text(json.dumps(answer))
    assert checked_by_both(shell, shell.directory / "changed.json") == (3, 1)
