"""Reading audit data by command is recorded: who, what, how many, once for each command and kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.acts import LEDGER
from domain.reading import LedgerRead
from ledger.errors import StorageFailed
from ledger.genesis import FIRST_PERSON, OPERATOR
from tests.api.shell import Shell, fill, house_of, shell_with_ledger

INCIDENT, CHANGE = "incident/INC0010001", "change/CHG0010001"
DRAFT = '{"type":"normal","title":"Move the queue","services":["mail"]}'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A ledger with one incident and one drafted change, in which nobody has read anything."""
    shell = shell_with_ledger(tmp_path)[0]
    assert shell.report() == INCIDENT
    assert shell.order("change", "draft", DRAFT)["subject"] == CHANGE
    return shell


def readings(shell: Shell) -> list[dict[str, Any]]:
    """Those that are in the log, without reading as a command would."""
    house = house_of(shell)
    try:
        return [one.data["reading"] for one in house.ledger.entries_of(LEDGER, LedgerRead)]
    finally:
        house.close()


def told(shell: Shell) -> list[tuple[str, int, int, list[str]]]:
    """What, requests, entries, subjects of each."""
    return [(r["what"], r["requests"], r["entries"], r["about"]) for r in readings(shell)]


@pytest.mark.parametrize(
    ("command", "what", "entries", "about"),
    [
        ("history incident/INC0010001", "history", 1, [INCIDENT]),
        ("show ledger/LDG0000001 --position 2", "past-state", 1, [LEDGER]),
        ("show incident/INC0010001 --at 2999-01-01T00:00:00Z", "past-state", 1, [INCIDENT]),
        (
            "show incident/INC0010001 --at 2999-01-01T00:00:00Z --basis known",
            "past-state",
            1,
            [INCIDENT],
        ),
        ("show principal/PRN0000002", "personal", 1, ["principal/PRN0000002"]),
        ("authority CHG0010001", "authority", 0, [CHANGE]),
        ("holders recovery", "holders", 3, ["role/ROL0000001"]),
        ("changes late-approvals", "late-approvals", 0, []),
        ("changes emergencies", "emergencies", 0, []),
        ("changes in-freezes", "in-freezes", 0, []),
        ("delegated", "delegated", 0, []),
        ("check --policy policy/POL0000001", "check", 0, []),
    ],
)
def test_each_kind_of_audit_data_is_recorded_with_how_much_it_showed(
    shell: Shell, command: str, what: str, entries: int, about: list[str]
) -> None:
    shell.ok(*command.split())

    assert told(shell) == [(what, 1, entries, about)]
    assert [one["by"] for one in readings(shell)] == [OPERATOR]


def test_a_difference_is_recorded_with_the_members_that_it_showed(shell: Shell) -> None:
    started = shell.order("incident", "declare-major", "{}", INCIDENT)["position"]

    shown = shell.ok("diff", INCIDENT, "--from", str(started - 1), "--json").json

    assert told(shell) == [("past-state", 1, len(shown["fields"]), [INCIDENT])]


def test_the_log_is_recorded_as_one_reading_of_so_many_pages(shell: Shell) -> None:
    fill(shell, 600)

    shown = shell.ok("events").out.splitlines()

    assert told(shell) == [("entries", 2, len(shown), [])]


def test_the_log_as_files_is_recorded_with_what_was_new_in_it(shell: Shell) -> None:
    size = shell.ok("tiles", "-o", str(shell.directory / "tiles"), "--json").json["size"]
    shell.report()
    shell.ok("tiles", "-o", str(shell.directory / "tiles"))

    assert told(shell) == [("entries", 1, size, []), ("entries", 1, 1, [])]


def test_a_history_that_shows_a_persons_name_is_two_kinds_of_reading(shell: Shell) -> None:
    steps = shell.ok("history", FIRST_PERSON, "--json").json["events"]

    assert sorted(told(shell)) == [
        ("history", 1, len(steps), [FIRST_PERSON]),
        ("personal", len(steps), len(steps), [FIRST_PERSON]),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "show incident/INC0010001",
        "list changes",
        "list grants",
        "calendar --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z",
        "checkpoint",
        "vkey",
        "prove 1",
        "verify",
        "policy diff policy/POL0000001 policy/POL0000001",
        "token list",
    ],
)
def test_the_present_state_and_what_shows_no_content_is_not(shell: Shell, command: str) -> None:
    shell.ok(*command.split())

    assert told(shell) == []


@pytest.mark.parametrize(
    "command", ["history incident/INC0099999", "authority CHG0099999", "holders nobody-knows-it"]
)
def test_what_was_not_found_showed_nothing(shell: Shell, command: str) -> None:
    assert shell(*command.split()).code != 0

    assert told(shell) == []


def test_whoever_signs_in_is_the_reader_and_who_is_refused_read_nothing(shell: Shell) -> None:
    issue = ("token", "issue", FIRST_PERSON, "--scope", "incident:read", "--json")
    token = shell.ok(*issue).json["token"]

    shell.ok("history", INCIDENT, ITSM_LEDGER_TOKEN=token)
    refused = shell("history", CHANGE, ITSM_LEDGER_TOKEN=token)

    assert refused.code == 7
    assert [(one["by"], one["about"]) for one in readings(shell)] == [(FIRST_PERSON, [INCIDENT])]


def test_a_reading_that_cannot_be_recorded_is_told_and_the_answer_given(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageFailed("the database refused: the disk is full")

    with monkeypatch.context() as failing:
        failing.setattr("ledger.writer.Writer.settle_reads", refuse)
        done = shell.ok("history", INCIDENT)

    assert "itsm.incident.reported.v1" in done.out
    assert "1 readings of audit data could not be recorded" in done.err
    assert "the disk is full" in done.err
    assert told(shell) == []


def test_the_estate_is_recorded_with_how_many_it_showed_and_persons_by_name(shell: Shell) -> None:
    """Values of persons only where they were asked for; what shows nobody is no reading."""
    shell.ok("state", "--family", "principal", "--where", "kind = nothing")
    hidden = shell.ok("state", "--family", "principal", "--json").out.splitlines()
    assert told(shell) == [("past-state", 1, len(hidden), [])]

    shell.ok("state", "--family", "principal", "--personal", "--json")

    (_, personal) = sorted(told(shell)[1:])
    what, requests, entries, about = personal
    assert (what, requests, entries) == ("personal", len(hidden), len(hidden))
    assert "principal/PRN0000002" in about
