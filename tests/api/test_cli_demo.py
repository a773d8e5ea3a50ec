"""`demo`: what it builds, what it leaves alone, and that the lines it prints work as printed."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from api.demo import build, demo_settings
from api.settings import Settings
from tests.api.shell import ITSM_LEDGER, Shell, shell_in

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A directory with a demo in it, and what was printed."""
    directory = tmp_path_factory.mktemp("demo")
    (directory / "docs").symlink_to(ROOT / "docs")
    done = subprocess.run(
        [ITSM_LEDGER, "demo", "--no-serve", "--days", "7"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    )
    return directory, done.stdout


def printed_commands(guide: str) -> list[str]:
    """The lines to try, those that need the server excepted."""
    lines = [line.strip() for line in guide.split("Things to try")[1].splitlines()[1:]]
    starts = ("export ", "rm ", "python3 ", "ITSM_LEDGER_", str(ITSM_LEDGER))
    return [line for line in lines if line.startswith(starts)]


def test_the_printed_lines_work_as_printed(built: tuple[Path, str]) -> None:
    directory, guide = built
    commands = printed_commands(guide)
    fails = re.compile(r" verify$|=\$(REQUESTER|IMPLEMENTER) ")
    script = "\n".join(f"! {line}" if fails.search(line) else line for line in commands)

    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=directory, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert len(commands) == 27
    assert "TAMPERED. First bad position: " in done.stdout
    assert "in the log demo.example/service-desk" in done.stdout
    assert "change-approver-is-independent" in done.stderr
    assert "no-permit:change:grant-approval" in done.stderr
    assert "itsm.change.approval-granted.v1 at " in done.stdout
    assert " for principal/" in done.stdout
    assert '  quorum_normal: null → {"medium":2}' in done.stdout
    assert "quorum-authorizes" in done.stdout
    assert "lone-self-approval" in done.stdout
    assert " subjects, in effect at " in done.stdout
    assert "accepted: the answer about incident/" in done.stdout


def test_the_policy_in_force_decides_the_demo_again_as_it_did(built: tuple[Path, str]) -> None:
    """In a process of its own: what it asks must not depend on what was imported before."""
    directory, _ = built

    done = subprocess.run(
        [ITSM_LEDGER, "check", "--policy", "in-force", "--json"],
        cwd=directory,
        env={**os.environ, "ITSM_LEDGER_DATABASE_URL": "sqlite:///demo/ledger.db"},
        capture_output=True,
        text=True,
        check=True,
    )

    told = json.loads(done.stdout)
    # Nobody ordered that: a supplier's tool told of it.
    assert [one["subject"] for one in told["otherwise"]] == ["change/SUP-2041"]
    assert told["asked"] > 0.8 * told["to"]


@pytest.mark.parametrize(
    ("word", "family", "may"),
    [
        ("ADMINISTRATOR", "grant", True),
        ("AUDITOR", "grant", True),
        ("AUTHORITY", "change", True),
        ("AUTHORITY", "grant", False),
        ("IMPLEMENTER", "ledger", False),
    ],
)
def test_each_of_the_demos_people_reads_what_they_may(
    built: tuple[Path, str], word: str, family: str, may: bool
) -> None:
    directory, guide = built
    token = next(re.finditer(rf"export {word}=(\S+)", guide))[1]
    subjects = {"grant": "GRT0000003", "change": "CHG0010001", "ledger": "LDG0000001"}
    shell = Shell(
        directory, {"ITSM_LEDGER_DATABASE_URL": f"sqlite:///{directory / 'demo/ledger.db'}"}
    )

    done = shell("show", f"{family}/{subjects[family]}", ITSM_LEDGER_TOKEN=token)

    assert (done.code == 0) is may, done.err


def test_the_tampered_position_is_the_one_that_was_changed(built: tuple[Path, str]) -> None:
    directory, guide = built
    commands = printed_commands(guide)
    script = "\n".join(line for line in commands if line.startswith(("export", "rm", "python3 -c")))
    subprocess.run(["bash", "-e", "-c", script], cwd=directory, check=True)
    changed = int(script.rsplit(", ", 1)[1].split(")")[0])

    shell = Shell(directory, {"ITSM_LEDGER_DATABASE_URL": _copy_of(directory)})
    done = shell("verify", "--json")

    assert done.code == 3
    assert done.json["first_bad_position"] == changed


def _copy_of(directory: Path) -> str:
    return f"sqlite:///{directory / 'demo-tampered' / 'ledger.db'}"


def test_a_former_demo_is_made_anew(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path / "demo", Settings())

    first = build(tmp_path / "demo", settings, span=timedelta(hours=1))
    again = build(tmp_path / "demo", settings, span=timedelta(hours=1))

    assert first.made.vkey != again.made.vkey
    assert first.quarter.entries == again.quarter.entries


def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    done = shell_in(tmp_path)("demo", str(tmp_path), "--no-serve")

    assert done.code == 4
    assert "was not made by a demo" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_taken_port_is_told_before_anything_is_built(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = shell_in(tmp_path)("demo", str(tmp_path / "demo"), ITSM_LEDGER_PORT=port)

    assert done.code == 6
    assert "ITSM_LEDGER_PORT" in done.err
    assert not (tmp_path / "demo").exists()


def test_the_environment_of_another_ledger_does_not_reach_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        is_place = name.endswith(("url", "key", "key_file"))
        if is_place or name in {"token", "checkpoint_copies", "oidc_issuers"}:
            monkeypatch.setenv(f"ITSM_LEDGER_{name.upper()}", str(tmp_path / "other"))
    monkeypatch.setenv("ITSM_LEDGER_PORT", "9999")

    settings = demo_settings(tmp_path / "demo", Settings())

    assert "other" not in str(settings)
    assert settings.token is None
    assert settings.resolved_key_file == tmp_path / "demo" / "ledger.key"
    assert settings.port == 9999
