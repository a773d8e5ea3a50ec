"""`import`: the counts that others script against, and what a bad file ends in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from api.importing.mapping import shipped_mappings
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
    before = events_but_readings(shell)

    done = shell("import", str(shell.directory / file), "--mapping", mapping, "--json")

    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert events_but_readings(shell) == before


def events_but_readings(shell: Shell) -> list[str]:
    told = shell.ok("events").out.splitlines()
    return [entry for entry in told if "itsm.ledger.read.v1" not in entry]


def test_the_help_and_the_documentation_name_every_shipped_mapping(shell: Shell) -> None:
    told = " ".join(shell.ok("import", "--help").out.split())
    page = (Path(__file__).resolve().parents[2] / "docs" / "import-mappings.md").read_text("utf-8")

    assert [name for name in shipped_mappings() if name not in told] == []
    assert [name for name in shipped_mappings() if f"\n### {name}\n" not in page] == []


def test_reviewed_changes_can_be_shown(shell: Shell) -> None:
    log = shared_path("data", "go_changes_crypto_mod.csv.gz")

    told = shell.ok("import", str(log), "--mapping", "reviewed-changes", "--json").json

    change = "change/I33240faf1b8620d0cd600de661928d8e422ebdbc"
    shown = shell.ok("show", change, "--json").json["state"]
    assert (told["rows"], told["recorded"], told["subjects"]) == (1_267, 1_267, 1_267)
    assert shown["status"] == "implemented"
    assert [set(approval) for approval in shown["approvals"].values()] == [{"by", "verdict"}]
