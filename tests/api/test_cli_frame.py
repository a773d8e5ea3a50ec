"""What goes wrong ends in a sentence and an exit code, never in a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_in, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def test_where_there_is_no_ledger_it_says_how_to_make_one(tmp_path: Path) -> None:
    done = shell_in(tmp_path)("show", "incident/INC0010001")

    assert done.code == 5
    assert "itsm-ledger init" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "incident/INC0099999"), 5, "not known"),
        (("show", "nonsense"), 2, "incident/INC0010001"),
        (("show", "ledger/LDG0000001", "--at", "yesterday"), 2, "RFC 3339"),
        (("show", "ledger/LDG0000001", "--position", "9999"), 2, "from 1 to"),
        (("diff", "ledger/LDG0000001", "--from", "then"), 2, "a moment or a position"),
        (("order", "incident", "report", "--data", "{"), 2, "not JSON"),
        (("order", "incident", "report", "--data", "[]"), 2, "JSON object"),
        (("order", "incident", "report", "--data", "{}"), 2, "title"),
        (("order", "incident", "explode", "INC0010001"), 2, "no command 'explode'"),
        (("order", "incident", "start-work"), 2, "name the incident"),
        (("order", "incident", "report", "INC1", "--data", '{"title":"x"}'), 2, "leave out"),
        (("order", "incident", "start-work", "problem/PRB1"), 2, "no incident"),
        (("order", "gadget"), 2, "expected one of"),
        (("prove", "9999"), 5, "no entry at position 9999"),
        (("erase", "principal/PRN0000002"), 2, "--reason"),
        (("no-such-command",), 2, "no-such-command"),
    ],
)
def test_bad_input_is_told_and_has_its_exit_code(
    shell: Shell, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = shell(*arguments)

    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_a_refusal_names_the_rule(shell: Shell) -> None:
    subject = shell.report()

    done = shell("order", "incident", "close", subject)

    assert done.code == 4
    assert "it is" in done.err or "is new" in done.err


def test_a_stale_version_is_refused(shell: Shell) -> None:
    subject = shell.report()

    done = shell("order", "incident", "declare-major", subject, "--if-version", "7")

    assert done.code == 4
    assert "at version 1, not 7" in done.err


def test_a_key_file_that_is_open_to_others_is_refused(shell: Shell) -> None:
    (shell.directory / "ledger.key").chmod(0o644)

    done = shell("checkpoint")

    assert done.code == 6
    assert "chmod 600" in done.err


def test_a_setting_that_cannot_be_used_is_named_without_its_value(shell: Shell) -> None:
    done = shell("vkey", ITSM_LEDGER_PORT="s3cret")

    assert done.code == 2
    assert "port" in done.err
    assert "s3cret" not in done.err


def test_a_file_that_cannot_be_written_is_named(shell: Shell) -> None:
    (shell.directory / "taken").write_text("")

    done = shell("tiles", "-o", str(shell.directory / "taken"))

    assert done.code == 2
    assert "taken" in done.err


def test_a_reader_that_stops_reading_ends_the_command_quietly(shell: Shell) -> None:
    for _ in range(3):
        shell.report(description="x" * 10_000)

    events = shell.process("events", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert events.stdout is not None
    assert events.stderr is not None
    events.stdout.close()

    assert events.stderr.read() == b""
    assert events.wait(10) == 141
    events.stderr.close()


def test_ctrl_c_ends_the_command_quietly(shell: Shell) -> None:
    follow = shell.process("events", "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert follow.stdout is not None
    first = json.loads(follow.stdout.readline())

    follow.send_signal(signal.SIGINT)
    _, complaints = follow.communicate(timeout=10)

    assert first["type"] == "itsm.ledger.created.v1"
    assert complaints == b""
    assert follow.returncode == 130


def test_help_does_not_wait_for_what_only_commands_need() -> None:
    heavy = "{'sqlalchemy', 'fastapi', 'eventsourcing', 'psycopg', 'cryptography', 'pydantic'}"
    code = f"import sys, api.cli; sys.exit(' '.join({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "ledger/LDG0000001"),
        ("history", "ledger/LDG0000001"),
        ("holders", "operator"),
        ("delegated",),
        ("changes", "late-approvals"),
        ("changes", "emergencies"),
        ("changes", "in-freezes"),
        ("process", "times"),
        ("process", "graph"),
        ("check", "--policy", "policy/POL0000001"),
    ],
)
def test_a_question_does_not_wait_for_what_only_others_need(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    heavy = "{'sqlalchemy', 'fastapi', 'uvicorn', 'psycopg', 'rich', 'yaml', 'duckdb', 'pyarrow'}"
    code = f"""
import sys
from contextlib import suppress
import api.cli
sys.argv[1:] = {[*arguments, "--json"]}
with suppress(SystemExit):
    api.cli.main()
print(*({heavy} & set(sys.modules)), file=sys.stderr)
"""

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=shell.directory,
        env={**os.environ, **shell.env},
    )

    assert done.stderr.strip() == ""
    assert json.loads(done.stdout)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    shell = shell_with_ledger(tmp_path)[0]
    (tmp_path / "ledger.db").write_text("this is a text, and a long one" * 100)
    for leftover in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)

    looked, verified = shell("vkey"), shell("verify")

    assert (looked.code, verified.code) == (6, 6)
    assert "not a database" in looked.err


def test_a_database_without_a_ledger_in_it_says_how_to_make_one(tmp_path: Path) -> None:
    shell = shell_with_ledger(tmp_path)[0]
    for leftover in tmp_path.glob("ledger.db*"):
        leftover.unlink()
    import sqlite3

    sqlite3.connect(tmp_path / "ledger.db").execute("CREATE TABLE other (x)").connection.close()

    looked, verified = shell("vkey"), shell("verify")

    assert (looked.code, verified.code) == (5, 5)
