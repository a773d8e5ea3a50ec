"""What is owed, from the command line: the same answers as over HTTP, and a form for people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.audited import Audited
from tests.api.shell import Shell
from tests.replay.given_changes import hours_later

EVER = ("--state", "open", "--state", "met", "--state", "overdue", "--state", "lapsed")


@pytest.fixture
def shell(audit: Audited) -> Shell:
    return audit.shell


def asked(shell: Shell, *arguments: str) -> Any:
    return shell.ok("owed", *arguments, "--json").json


def test_owed_says_who_owes_what_until_when(audit: Audited, shell: Shell) -> None:
    told = asked(shell, *EVER, "--kind", "retro-approval")
    said = shell.ok("owed", *EVER, "--kind", "retro-approval").out

    (one,) = told["items"]
    assert (one["subject"], one["state"]) == (audit.broken, "met")
    for part in (
        f"(known, position {told['position']})",
        f"{one['due_at']}  met       {audit.broken}  retro-approval, emergency-authority on",
        f"since {one['arose_at']} (position {one['arose_position']})",
        f"settled {one['settled_at']} (position {one['settled_position']})",
    ):
        assert part in said


def test_owed_is_asked_as_of_a_moment_and_of_an_owner(audit: Audited, shell: Shell) -> None:
    (one,) = asked(shell, *EVER, "--kind", "retro-approval")["items"]

    then = asked(shell, "--at", one["arose_at"], "--owner", "emergency-authority")
    known = asked(shell, "--position", str(one["arose_position"]), "--subject", audit.broken)

    assert [row["state"] for row in then["items"]] == ["open"]
    assert (then["basis"], known["basis"]) == ("effect", "known")
    assert known["items"][0]["due_at"] == one["due_at"]
    assert asked(shell, "--at", hours_later(-1))["items"] == []


def test_owed_comes_in_pages(audit: Audited, shell: Shell) -> None:
    first = shell.ok("owed", *EVER, "--limit", "1")

    cursor = first.err.strip().rpartition(" ")[2]
    rest = asked(shell, *EVER, "--cursor", cursor)

    assert len(rest["items"]) == len(asked(shell, *EVER)["items"]) - 1


@pytest.mark.parametrize(
    "wrong", [("--kind", "debt"), ("--state", "gone"), ("--at", "yesterday"), ("--known-at", "x")]
)
def test_owed_refuses_what_is_no_question(shell: Shell, wrong: tuple[str, str]) -> None:
    assert shell("owed", *wrong).code == 2
