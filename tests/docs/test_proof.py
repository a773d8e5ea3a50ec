"""What proof.md tells strangers to do works, with nothing of ours in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = shell_with_ledger(tmp_path)[0]
    subject = shell.report("Mail is slow", service="mail")
    shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)
    return shell


def check_proof(
    shell: Shell, position: int, *, vkey: str | None = None, old: str = "", new: str = ""
) -> tuple[int, str]:
    """Run the script on the entry, in which `old` was replaced. Isolated: it finds no package of ours."""
    entry = shell.ok("events", "--after", str(position - 1)).out.splitlines()[0]
    (shell.directory / "entry").write_text((entry.replace(old, new) if old else entry) + "\n")
    shell.ok("prove", str(position), "-o", str(shell.directory / "proof"))
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            DOCS / "check_proof.py",
            vkey or shell.ok("vkey").out,
            "entry",
            "proof",
        ],
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("nth_last", [0, 3, None])
def test_the_script_accepts_an_entry_that_is_in_the_log(shell: Shell, nth_last: int | None) -> None:
    size = shell.genesis + 2

    code, said = check_proof(shell, 1 if nth_last is None else size - nth_last)

    assert code == 0
    # The script is given the log as it is after somebody, who is recorded, has read the entry.
    expected = (
        f"in the log ledger.example/acme of {size + 1} entries, signed by ledger.example/acme\n"
    )
    assert said == expected


def test_the_script_refuses_an_entry_that_was_changed(shell: Shell) -> None:
    code, said = check_proof(shell, shell.genesis + 2, old="mail", new="mall")

    assert code == 1
    assert "NOT in the log" in said


def test_the_script_refuses_another_key(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, made = shell_with_ledger(tmp_path / "other")

    code, said = check_proof(shell, shell.genesis + 2, vkey=made["vkey"])

    assert other.directory != shell.directory
    assert code == 1
    assert "NOT signed by this key" in said


def test_the_script_refuses_a_signature_that_was_changed(shell: Shell) -> None:
    vkey = shell.ok("vkey").out.strip()
    note = shell.ok("prove", str(shell.genesis + 2)).out
    line = note.splitlines()[-1]
    forged = line[:60] + ("A" if line[60] != "A" else "B") + line[61:]
    (shell.directory / "proof").write_text(note.replace(line, forged))
    (shell.directory / "entry").write_text(
        shell.ok("events", "--after", str(shell.genesis + 1)).out
    )

    done = subprocess.run(
        [sys.executable, DOCS / "check_proof.py", vkey, "entry", "proof"],
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq, which is not installed")
def test_the_fold_in_jq_is_the_state(shell: Shell) -> None:
    program = re.search(r"\$ cat fold\.jq\n(.*?)\n\n\$", (DOCS / "proof.md").read_text(), re.DOTALL)
    assert program is not None
    subject = "incident/INC0010001"

    folded = subprocess.run(
        ["jq", "-n", "--arg", "subject", subject, program[1]],
        input=shell.ok("events").out,
        capture_output=True,
        text=True,
        check=True,
    )

    state = shell.ok("show", subject, "--json").json["state"]
    assert json.loads(folded.stdout) | {"title": None} == state | {"title": None}
