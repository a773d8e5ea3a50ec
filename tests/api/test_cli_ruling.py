"""`policy export`, and `check` on what it wrote: the policy in force, out and in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def test_what_is_exported_is_the_same_policy_when_it_is_handed_in(
    shell: Shell, tmp_path: Path
) -> None:
    shell.ok("policy", "export", "in-force", str(tmp_path / "mine"))

    differs = shell.ok("policy", "diff", "in-force", str(tmp_path / "mine"), "--json").json

    assert not any(differs.values())
    shell.ok("policy", "validate", str(tmp_path / "mine"))


def test_thresholds_are_exported_and_read_again(shell: Shell, tmp_path: Path) -> None:
    shell.ok("policy", "export", "in-force", str(tmp_path / "mine"))
    thresholds = {"quorum_normal": {"medium": 2}}
    (tmp_path / "mine" / "thresholds.json").write_text(json.dumps(thresholds))
    drafted = shell.ok("policy", "draft", str(tmp_path / "mine"), "--title", "Two", "--json").json
    policy = drafted["receipts"][-1]["subject"]

    shell.ok("policy", "export", policy, str(tmp_path / "theirs"))

    assert json.loads((tmp_path / "theirs" / "thresholds.json").read_text()) == thresholds


def test_a_directory_that_is_there_is_left_alone(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()

    done = shell("policy", "export", "in-force", str(tmp_path / "mine"))

    assert done.code == 4
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_policy_in_force_decides_again_as_it_did(shell: Shell) -> None:
    shell.report()

    told = shell.ok("check", "--policy", "in-force", "--json").json

    assert told["otherwise"] == []
    assert told["asked"] > 0
