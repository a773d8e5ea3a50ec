"""`state --proof` and `diff --proof` of the estate: what was told of many subjects goes out with all that proves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.shell import Shell, shell_with_ledger
from tests.replay.given_answers import parsed, refused

ONE, TWO = "incident/INC0010001", "incident/INC0010002"
DRAFT = '{"type":"normal","title":"Move the queue","services":["mail"]}'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Two incidents, the first of which was assigned between, and a change."""
    shell = shell_with_ledger(tmp_path)[0]
    shell.report("Mail is slow", impact=2, urgency=3)
    shell.report("No printer")
    shell.order("incident", "assign", '{"assignment_group":"mail"}', ONE)
    shell.order("change", "draft", DRAFT)
    return shell


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def time_of(shell: Shell, subject: str, version: int) -> str:
    return str(shell.ok("history", subject, "--json").json["events"][version - 1]["recordedtime"])


@pytest.mark.parametrize("moment", ["now", "effect now", "effect", "known", "position"])
def test_what_is_told_of_the_estate_is_what_is_proven(shell: Shell, moment: str) -> None:
    file = shell.directory / "answer.json"
    time = time_of(shell, TWO, 1)
    asked = {
        "now": [],
        "effect now": ["--basis", "effect"],
        "effect": ["--at", time],
        "known": ["--at", time, "--basis", "known"],
        "position": ["--position", str(shell.genesis + 2)],
    }[moment]

    told = lines(
        shell.ok("state", "--family", "incident", *asked, "--proof", str(file), "--json").out
    )

    proven = parsed(file.read_bytes())
    assert refused(file.read_bytes(), [shell.ok("vkey").out.strip()]) is None
    assert [(one["subject"], one["version"]) for one in told] == [
        (one["subject"], one["version"]) for one in proven["answer"]["states"]
    ]
    assert [one["state"]["status"] for one in told] == [
        one["state"]["status"] for one in proven["answer"]["states"]
    ]
    assert {one["position"] for one in told} == {proven["answer"]["as_of"]["position"]}


def test_the_file_says_how_the_subjects_were_chosen_and_verify_that_this_is_not_shown(
    shell: Shell,
) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("state", "--family", "incident", "--where", "priority <= 3", "--proof", file, "--json")

    checked = shell.ok("verify", file, "--json").json

    assert checked["question"]["subjects"] == [ONE]
    assert checked["question"]["chosen_by"] == "family incident, where priority <= 3"
    assert "that the subjects were chosen by 'family incident, where priority <= 3'." in checked["not_shown"]  # fmt: skip


def test_of_some_subjects_verify_says_that_one_may_have_been_left_out_and_of_all_not(
    shell: Shell,
) -> None:
    some, everything = str(shell.directory / "some.json"), str(shell.directory / "all.json")
    shell.ok("state", "--family", "incident", "--proof", some, "--json")
    shell.ok("state", "--proof", everything, "-o", str(shell.directory / "states.csv"))

    of_some, of_all = shell.ok("verify", some).out, shell.ok("verify", everything).out

    assert "Not shown: that no subject was left out" in of_some
    assert "2 subjects; --json prints the answer about each." in of_some
    assert "left out" not in of_all
    assert (shell.directory / "states.csv").exists()


def test_a_difference_of_the_estate_is_proven_as_it_is_told(shell: Shell) -> None:
    file = shell.directory / "answer.json"
    start = str(shell.genesis + 1)

    told = lines(
        shell.ok(
            "diff", "--from", start, "--family", "incident", "--proof", str(file), "--json"
        ).out
    )

    proven = parsed(file.read_bytes())
    assert refused(file.read_bytes()) is None
    assert proven["question"]["chosen_by"] == "differing, family incident"
    assert [one["subject"] for one in told] == [ONE, TWO]
    for shown, answer in zip(told, proven["answer"]["differences"], strict=True):
        assert shown["subject"] == answer["subject"]
        assert [one["field"] for one in shown["fields"]] == [
            one["field"] for one in answer["fields"]
        ]
        assert [one["positions"] for one in shown["fields"]] == [
            one["positions"] for one in answer["fields"]
        ]


def test_personal_values_of_many_subjects_are_disclosed_by_choice(shell: Shell) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("state", "--family", "incident", "--proof", file, "--disclose", "--json")

    checked = shell.ok("verify", file, "--json").json

    titles = [one["state"]["title"] for one in checked["answer"]["states"]]
    assert titles == ["Mail is slow", "No printer"]
    assert refused(Path(file).read_bytes()) is None


def test_where_nothing_is_told_nothing_is_proven(shell: Shell) -> None:
    file = shell.directory / "answer.json"

    nothing = shell("state", "--where", "priority = 5", "--proof", str(file))
    without = shell("state", "--disclose")
    no_difference = shell("diff", "--from", str(shell.genesis + 1), "--disclose")

    assert (nothing.code, without.code, no_difference.code) == (2, 2, 2)
    assert "[nothing-to-prove]" in nothing.err
    assert not file.exists()
