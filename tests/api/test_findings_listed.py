"""Findings as both ways in list them: now, by what they are, and as of a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.errors import EXIT_BAD_INPUT
from tests.api.shell import Shell, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def test_what_is_seen_only_now_is_raised_and_listed(shell: Shell) -> None:
    told = shell.ok("findings", "--rule", "unratified-genesis", "--json").json

    (one,) = told["items"]
    assert (one["status"], one["severity"], one["count"]) == ("raised", "high", 1)
    assert "ledger/LDG0000001" in one["about"]
    assert shell.ok("findings", "--rule", "no-such-rule", "--json").json["items"] == []
    assert "unratified-genesis" in shell.ok("findings").out


def test_a_moment_is_answered_from_the_log_and_raises_nothing(shell: Shell) -> None:
    raised = shell.ok("findings", "--rule", "unratified-genesis", "--json").json["items"][0]
    before = shell.ok("findings", "--position", "1", "--json").json
    after = shell.ok("findings", "--position", str(raised["raised_position"]), "--json").json

    assert (before["items"], before["basis"], before["position"]) == ([], "known", 1)
    assert [one["subject"] for one in after["items"]][-1] == raised["subject"]
    assert shell.ok("history", "ledger/LDG0000001", "--json").out.count('"past-state"') >= 1
    shared = raised.keys() & after["items"][-1].keys()
    assert {"subject", "number", "rule", "about", "controls", "count"} <= shared


@pytest.mark.parametrize(
    "words",
    [
        ("findings", "--severity", "grave"),
        ("findings", "--state", "open"),
        ("deployments", "--status", "bogus"),
        ("review", "list", "--status", "bogus"),
    ],
)
def test_a_word_that_nothing_has_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    refused = shell(*words)

    assert (refused.code, refused.out) == (EXIT_BAD_INPUT, "")
    assert words[-1] in refused.err
