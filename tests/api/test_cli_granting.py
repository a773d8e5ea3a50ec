"""`role list` and `grant ask`: roles by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell, made = shell_with_ledger(tmp_path)
    return Shell(shell.directory, {**shell.env, "ITSM_LEDGER_TOKEN": made["token"]})


def test_a_role_is_listed_with_what_it_must_be_apart_from(shell: Shell) -> None:
    listed = {each["name"]: each for each in shell.ok("role", "list", "--json").json["roles"]}

    assert listed["change-authority"]["apart_from"] == ["implementer"]
    assert listed["administrator"]["privileged"]
    assert "change-authority     Authorises changes (apart from implementer)" in (
        shell.ok("role", "list").out
    )


def test_a_role_is_asked_for_by_its_name_for_a_time_and_a_service(shell: Shell) -> None:
    done = shell.ok(
        "grant", "ask", "tester", "--service", "mail", "--days", "10", "--reason", "Migration"
    )

    subject = done.out.split()[0]
    state = shell.ok("show", subject, "--json").json["state"]
    assert state["role_name"] == "tester"
    assert state["services"] == {"mail": True}
    assert state["status"] == "requested"
    assert "valid_to" in state


def test_who_lets_people_in_asks_for_others_too(shell: Shell) -> None:
    ben = shell.order("principal", "register", '{"kind": "person", "name": "Ben"}')["subject"]

    done = shell.ok("grant", "ask", "auditor", "--for", ben, "--json")

    grant = done.json["receipts"][-1]["subject"]
    assert shell.ok("show", grant, "--json").json["state"]["holder"] == ben


def test_a_role_that_there_is_not_is_refused_with_those_that_there_are(shell: Shell) -> None:
    done = shell("grant", "ask", "administrater")

    assert done.code == 5
    assert "administrator" in done.err


def test_a_holder_that_is_no_principal_is_bad_input(shell: Shell) -> None:
    done = shell("grant", "ask", "auditor", "--for", "me")

    assert done.code == 2
    assert "holder" in done.err


def test_raci_says_who_has_which_part_and_where_that_is_wrong(shell: Shell) -> None:
    role = next(
        each["role"]
        for each in shell.ok("role", "list", "--json").json["roles"]
        if each["name"] == "tester"
    )
    shell.order("role", "revise", '{"activities": {"test changes": "A"}}', role.partition("/")[2])

    told = shell.ok("raci", "--json").json
    said = shell.ok("raci").out

    (one,) = told["items"]
    assert one["violations"] == ["several-accountable", "nobody-responsible"]
    assert "1 of 1 are not as they should be" in said
    assert "test changes, everywhere (several-accountable, nobody-responsible)" in said
    assert "accountable: principal/PRN0000002 as tester (grant/" in said
    assert "responsible: nobody" in said
    assert "consulted" not in said
    assert shell.ok("raci", "--at", "2026-01-01T00:00:00Z", "--json").json["items"] == []
    assert shell.ok("raci", "--scope", "mail", "--json").json["items"][0]["scope"] == "mail"
    assert shell("raci", "--position", "99999").code == 2
