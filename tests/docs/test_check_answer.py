"""What proof.md says of answers that carry their proof holds, with nothing of ours in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """With an answer about an incident of two versions."""
    shell = shell_with_ledger(tmp_path)[0]
    subject = shell.report("Mail is slow", service="mail")
    shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)
    shell.ok("show", subject, "--proof", str(tmp_path / "answer.json"), "--disclose")
    return shell


def run(shell: Shell, *arguments: str) -> tuple[int, str, str]:
    """Isolated: it finds no package of ours, and none that was installed."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", DOCS / "check_answer.py", *arguments],
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def size_in(shell: Shell) -> int:
    file = json.loads((shell.directory / "answer.json").read_text())
    return int(file["checkpoint"].split("\n")[1])


def test_the_script_accepts_an_answer_in_one_sentence(shell: Shell) -> None:
    code, out, err = run(shell, "answer.json", shell.ok("vkey").out)

    assert (code, err) == (0, "")
    assert out == (
        f"accepted: the answer about incident/INC0010001 is what 2 of the first {size_in(shell)} entries of "
        f"ledger.example/acme say; not shown: what was recorded after entry {size_in(shell)}, "
        "whether a newest version within them was left out\n"
    )


def test_without_a_key_the_script_says_whose_it_believed(shell: Shell) -> None:
    code, out, _ = run(shell, "answer.json")

    assert code == 0
    assert out.endswith(f", whose key {shell.ok('vkey').out.strip()} is\n")


@pytest.mark.parametrize("where", range(17))
def test_the_script_refuses_an_answer_of_which_one_byte_was_changed(
    shell: Shell, where: int
) -> None:
    path = shell.directory / "answer.json"
    raw = bytearray(path.read_bytes())
    raw[where * len(raw) // 17] ^= 1
    path.write_bytes(raw)

    code, out, err = run(shell, "answer.json")

    assert (code, out) == (1, "")
    assert err.startswith("REFUSED: ")
    assert len(err.splitlines()) == 1


def test_the_script_refuses_another_key(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, made = shell_with_ledger(tmp_path / "other")

    code, _, err = run(shell, "answer.json", made["vkey"])

    assert code == 1
    assert "NOT signed by" in err


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 10_000, b"\xff", b"null", b'{"a":1,"a":2}', b"9" * 10_000]
)
def test_the_script_says_one_line_about_garbage(shell: Shell, raw: bytes) -> None:
    (shell.directory / "garbage").write_bytes(raw)

    code, out, err = run(shell, "garbage")

    assert (code, out, len(err.splitlines())) == (1, "", 1)


@pytest.mark.parametrize("arguments", [(), ("not there",), (".",)])
def test_the_script_says_one_line_where_there_is_no_file(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    code, out, err = run(shell, *arguments)

    assert (code, out, len(err.splitlines())) == (1, "", 1)


def test_the_page_names_every_member_of_the_file(shell: Shell) -> None:
    section = (
        (DOCS / "proof.md").read_text().split("## An answer with its proof")[1].split("\n## ")[0]
    )

    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE)))

    assert named == list(json.loads((shell.directory / "answer.json").read_text()))
