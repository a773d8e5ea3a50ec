"""Orders on somebody's behalf from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.compose import open_house
from api.settings import Settings
from tests.api.delegating import Delegated, delegated
from tests.api.shell import Shell, shell_with_ledger

ASSIGN = ("order", "incident", "assign", "INC0010001", "--data", '{"assignment_group":"mail"}')


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def at_work(shell: Shell, role: str) -> tuple[Delegated, Shell]:
    """A reported incident, and the shell of somebody who has that role by delegation only."""
    shell.report()
    house = open_house(Settings(database_url=shell.env["ITSM_LEDGER_DATABASE_URL"]))
    try:
        found = delegated(house.ledger, role)
    finally:
        house.close()
    scopes = ("*:append", "*:administer", "*:read")
    options = [option for scope in scopes for option in ("--scope", scope)]
    token = shell.ok("token", "issue", found.delegate, *options, "--json").json["token"]
    return found, Shell(shell.directory, {**shell.env, "ITSM_LEDGER_TOKEN": token})


def test_both_who_acted_and_for_whom_are_in_the_history(shell: Shell) -> None:
    found, delegate = at_work(shell, "dispatcher")

    delegate.ok(*ASSIGN, "--on-behalf-of", found.holder)

    step = shell.ok("history", "incident/INC0010001", "--json").json["events"][-1]
    assert (step["authid"], step["onbehalfof"]) == (found.delegate, found.holder)
    (act,) = shell.ok("delegated", "--json").json["items"]
    assert (act["by"], act["on_behalf_of"]) == (found.delegate, found.holder)


def test_without_a_delegation_the_order_is_refused_by_its_rule(shell: Shell) -> None:
    found, delegate = at_work(shell, "dispatcher")

    done = delegate(*ASSIGN, "--on-behalf-of", "principal/PRN0000003")

    assert done.code == 4
    assert "no-delegation-without-grant" in done.err
    refusal = shell.ok("show", found.delegate, "--json").json["state"]["last_refusal"]
    assert refusal["on_behalf_of"] == "principal/PRN0000003"


@pytest.mark.parametrize(
    ("holder", "told"),
    [("PRN0000002", "expected on whose behalf"), ("principal/PRN0000099", "not a known principal")],
)
def test_what_is_no_principal_is_bad_input(shell: Shell, holder: str, told: str) -> None:
    shell.report()

    done = shell(*ASSIGN, "--on-behalf-of", holder)

    assert done.code == 2
    assert told in done.err


def test_the_local_operator_acts_for_nobody_without_a_delegation(shell: Shell) -> None:
    shell.report()

    done = shell(*ASSIGN, "--on-behalf-of", "principal/PRN0000002")

    assert done.code == 4
    assert "no-delegation-without-grant" in done.err


def test_whatever_gives_orders_takes_the_option(shell: Shell) -> None:
    found, delegate = at_work(shell, "privacy-officer")
    behalf = ("--reason", "Pending", "--on-behalf-of", found.holder)

    hold = delegate.ok("hold", "place", "incident/INC0010001", *behalf).out.strip()
    delegate.ok("hold", "lift", hold, *behalf)
    delegate.ok("erase", "incident/INC0010001", *behalf)

    acts = shell.ok("delegated", "--json").json["items"]
    assert [act["type"].split(".")[2] for act in acts] == [
        "legal-hold-placed", "legal-hold-lifted", "subject-key-destroyed",
    ]  # fmt: skip


def test_tokens_roles_and_policies_are_handled_on_behalf_of_others_too(shell: Shell) -> None:
    found, delegate = at_work(shell, "administrator")
    behalf = ("--on-behalf-of", found.holder)

    delegate.ok("token", "issue", found.delegate, "--scope", "*:read", *behalf)
    asked = delegate.ok("grant", "ask", "auditor", "--for", "principal/PRN0000003", *behalf).out
    drafted = delegate("policy", "draft", "in-force", "--title", "Stricter", *behalf)

    assert "grant/" in asked
    assert drafted.code == 4  # the role that was delegated does not draft policies
    revoked = shell.ok("token", "list", "--json").json["tokens"][-1]["token"]
    delegate.ok("token", "revoke", revoked, "--reason", "Spare", *behalf)
