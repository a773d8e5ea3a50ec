"""`review open`, `items`, `certify`, `revoke`, `close`, `list` and `show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.review_commands import MOST_AT_ONCE
from tests.api.shell import Shell, shell_with_ledger

DUE = "2999-01-01T00:00:00Z"
FIRST = "principal/PRN0000002"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell, made = shell_with_ledger(tmp_path)
    return Shell(shell.directory, {**shell.env, "ITSM_LEDGER_TOKEN": made["token"]})


def granted(shell: Shell, name: str) -> str:
    """A grant of the role tester to a new person who asked for it: its number."""
    person = shell.order("principal", "register", json.dumps({"kind": "person", "name": name}))[
        "subject"
    ]
    token = shell.ok("token", "issue", person, "--scope", "grant:administer").out.strip()
    asked = shell.ok("grant", "ask", "tester", "--json", ITSM_LEDGER_TOKEN=token).json
    number = str(asked["receipts"][-1]["subject"]).partition("/")[2]
    shell.order("grant", "approve", "{}", number)
    shell.order("grant", "activate", "{}", number)
    return number


def opened(shell: Shell, *bounds: str) -> str:
    subject = shell.ok("review", "open", *bounds, "--json").json["receipts"][-1]["subject"]
    return str(subject).partition("/")[2]


def test_a_review_is_worked_on_from_the_shell(shell: Shell) -> None:
    ben, cleo = granted(shell, "Ben"), granted(shell, "Cleo")
    number = opened(shell, "--role", "tester", "--due", DUE, "--title", "Testers")
    own = shell.ok("review", "items", number, "--limit", "1", "--json").json["items"][0]
    assert own["holder"] == FIRST

    shell.ok("review", "certify", number, f"grant/{ben}")
    shell.ok("review", "revoke", number, "-", "--due", DUE, stdin=f"{cleo}\n")

    told = shell.ok("review", "items", number).out
    assert f"review/{number}, open: 4 items, 2 undecided" in told
    assert "tester: certified by principal/PRN0000002" in told
    assert "tester: revocation_ordered by" in told
    assert f", due {DUE[:-1]}.000000Z: ordered" in told
    undecided = shell.ok("review", "items", number, "--verdict", "undecided", "--json").json
    assert [one["verdict"] for one in undecided["items"]] == [None, None]

    half = shell("review", "close", number)
    assert (half.code, "2 of 4 items are undecided" in half.err) == (4, True)
    mine = shell("review", "certify", number, own["grant"])
    assert (mine.code, "nobody-reviews-themself" in mine.err) == (4, True)


def test_reviews_are_listed_and_shown_without_their_items(shell: Shell) -> None:
    ben = granted(shell, "Ben")
    number = opened(shell, "--service", "mail")
    shell.ok("review", "certify", number, ben, "--json")

    line = shell.ok("review", "list", "--status", "open").out
    (row,) = shell.ok("review", "list", "--json").json["items"]
    told = shell.ok("review", "show", number, "--json").json

    assert line.startswith(f"{number}  open, service mail, {row['undecided']} of ")
    assert row["items"] - row["undecided"] == row["certified"] == 1
    assert told["undecided"] == row["undecided"]
    assert "items" not in told["state"]
    assert "undecided" in shell.ok("review", "show", number).out
    assert shell.ok("review", "list", "--role", "tester", "--json").json["items"] == []


def test_more_grants_than_one_order_takes_are_several_orders(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is carried out by itself, and what was done is told when a later one is refused."""
    ben, cleo = granted(shell, "Ben"), granted(shell, "Cleo")
    number = opened(shell, "--role", "tester")
    assert MOST_AT_ONCE == 500
    monkeypatch.setattr("domain.review_commands.MOST_AT_ONCE", 1)

    done = shell("review", "certify", number, ben, cleo, "GRT0009999", "--json")

    assert done.code == 4
    assert len(done.json["receipts"]) == 4
    assert "population" in done.err


def test_what_names_nothing_is_bad_input(shell: Shell) -> None:
    number = opened(shell, "--service", "mail")

    assert shell("review", "certify", number, "-", stdin="").code == 2
    assert shell("review", "certify", number, "INC/1").code == 2
    assert shell("review", "items", "REV0009999").code != 0
    assert shell("review", "open", "--role", "testr").code == 5
