"""`import`: the counts that others script against, and what a bad file ends in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger
from tests.shared import shared_path

ROWS = 60


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The first rows of a real ServiceNow log."""
    whole = shared_path("data", "uci_incident_event_log.csv.gz")
    with gzip.open(whole, "rt") as file:
        lines = [next(file) for _ in range(ROWS + 1)]
    cut = tmp_path / "log.csv"
    cut.write_text("".join(lines))
    return cut


def test_the_counts_add_up_and_the_same_file_again_adds_nothing(shell: Shell, log: Path) -> None:
    arguments = ("import", str(log), "--mapping", "servicenow-incidents", "--json")

    first = shell.ok(*arguments).json
    again = shell.ok(*arguments).json

    counted = {"rows", "recorded", "merged", "skipped", "rejected", "events", "subjects"}
    assert counted <= set(first)
    assert first["rows"] == ROWS
    assert first["recorded"] + first["merged"] + first["skipped"] + first["rejected"] == ROWS
    assert (again["rows"], again["skipped"], again["events"]) == (ROWS, ROWS, 0)


def test_imported_subjects_keep_their_numbers(shell: Shell, log: Path) -> None:
    shell.ok("import", str(log), "--mapping", "servicenow-incidents")

    state = shell.ok("show", "incident/INC0000045", "--json").json["state"]

    assert state["status"] == "closed"
    assert state["source_status"] == "Closed"


def test_the_run_says_who_ran_it(shell: Shell, log: Path) -> None:
    shell.ok("import", str(log), "--mapping", "servicenow-incidents")

    last = json.loads(shell.ok("events").out.splitlines()[-1])

    assert last["type"] == "itsm.ledger.import-run.v1"
    assert last["authid"] == "principal/PRN0000003"


@pytest.mark.parametrize(
    ("file", "mapping", "told"),
    [
        ("nowhere.csv", "servicenow-incidents", "nowhere.csv"),
        ("here.csv", "no-such-mapping", "no-such-mapping"),
        ("here.csv", "servicenow-incidents", "column"),
    ],
)
def test_what_cannot_be_imported_leaves_no_trace(
    shell: Shell, file: str, mapping: str, told: str
) -> None:
    (shell.directory / "here.csv").write_text("number,colour\nINC1,red\n")
    before = shell.ok("events").out

    done = shell("import", str(shell.directory / file), "--mapping", mapping, "--json")

    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert shell.ok("events").out == before
