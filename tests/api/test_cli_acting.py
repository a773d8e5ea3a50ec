"""Who acts: the principal of a token, or the local operator; and what each may see and do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.shell import Shell, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def issued(shell: Shell, *scopes: str, **more: str) -> str:
    options = [option for scope in scopes for option in ("--scope", scope)]
    options += [part for name, value in more.items() for part in (f"--{name}", value)]
    done = shell.ok("token", "issue", "principal/PRN0000002", *options, "--json")
    return str(done.json["token"])


def steps(shell: Shell, subject: str) -> list[dict[str, Any]]:
    return list(shell.ok("history", subject, "--json").json["events"])


def test_without_a_token_the_record_says_the_local_operator(shell: Shell) -> None:
    subject = shell.report()

    (step,) = steps(shell, subject)

    assert (step["authid"], step["authtype"]) == ("principal/PRN0000003", "system")


def test_with_a_token_the_record_says_its_principal(shell: Shell) -> None:
    token = issued(shell, "incident:append", "incident:read")

    data = '{"title":"Mail is slow"}'
    done = shell.ok("order", "incident", "report", "--data", data, ITSM_LEDGER_TOKEN=token)

    assert "incident/INC0010001 version 1" in done.out
    (step,) = steps(shell, "incident/INC0010001")
    assert (step["authid"], step["authtype"]) == ("principal/PRN0000002", "user")


@pytest.mark.parametrize("token", ["x", "itl_LDG0000002_" + "a" * 32, "itl_LDG0000099_" + "a" * 32])
def test_a_token_that_signs_nobody_in_never_becomes_the_operator(shell: Shell, token: str) -> None:
    done = shell("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token)

    assert done.code == 7
    assert "unknown, revoked or expired" in done.err


def test_a_revoked_token_signs_nobody_in(shell: Shell) -> None:
    token = issued(shell, "*:read")
    shell.ok("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token)

    shell.ok("token", "revoke", "ledger/LDG0000003", "--reason", "Laptop lost")

    assert shell("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token).code == 7


def test_an_expired_token_signs_nobody_in(shell: Shell) -> None:
    token = issued(shell, "*:read", expires="2020-01-01T00:00:00Z")

    assert shell("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token).code == 7


@pytest.mark.parametrize(
    ("scopes", "arguments"),
    [
        (("problem:read",), ("show", "incident/INC0010001")),
        (("incident:read",), ("order", "incident", "declare-major", "INC0010001")),
        (("incident:read",), ("events",)),
        (("incident:read",), ("tiles", "-o", "out")),
        (("*:read", "*:append"), ("token", "issue", "principal/PRN0000002", "--scope", "*:read")),
        (("*:read", "*:append"), ("erase", "incident/INC0010001", "--reason", "x")),
        (("*:read", "*:append"), ("key", "rotate")),
        (
            ("*:append",),
            ("order", "principal", "register", "--data", '{"kind":"person","name":"E"}'),
        ),
    ],
)
def test_a_scope_that_a_token_lacks_is_named(
    shell: Shell, scopes: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    shell.report()
    token = issued(shell, *scopes)

    done = shell(*arguments, ITSM_LEDGER_TOKEN=token)

    assert done.code == 7
    assert "takes the scope" in done.err


def test_an_unknown_scope_is_not_issued(shell: Shell) -> None:
    done = shell("token", "issue", "principal/PRN0000002", "--scope", "gadget:read")

    assert done.code == 2
    assert "gadget:read" in done.err


def test_tokens_are_listed_without_their_secrets(shell: Shell) -> None:
    token = issued(shell, "incident:read")

    done = shell.ok("token", "list", "--json")

    assert [found["token"] for found in done.json["tokens"]] == [
        "ledger/LDG0000002",
        "ledger/LDG0000003",
    ]
    assert done.json["tokens"][1]["scopes"] == ["incident:read"]
    assert token not in done.out


def test_personal_values_are_shown_to_who_has_the_right(shell: Shell) -> None:
    subject = shell.report("Ada's payslip is wrong")
    blind = issued(shell, "*:read")
    seeing = issued(shell, "*:read", "personal")

    def title(**env: str) -> str:
        return str(shell.ok("show", subject, "--json", **env).json["state"]["title"])

    assert title() == "Ada's payslip is wrong"
    assert title(ITSM_LEDGER_TOKEN=seeing) == "Ada's payslip is wrong"
    assert title(ITSM_LEDGER_TOKEN=blind) == "[personal]"


def test_what_was_erased_nobody_sees(shell: Shell) -> None:
    subject = shell.report("Ada's payslip is wrong")
    proof = shell.ok("prove", "6").out

    shell.ok("erase", subject, "--reason", "GDPR article 17")

    assert shell.ok("show", subject, "--json").json["state"]["title"] == "[erased]"
    assert proof.splitlines()[:2] == shell.ok("prove", "6").out.splitlines()[:2]


def test_a_legal_hold_forbids_erasing_until_it_is_lifted(shell: Shell) -> None:
    subject = shell.report("Ada's payslip is wrong")
    hold = shell.ok("hold", "place", subject, "--reason", "Litigation").out.strip()

    refused = shell("erase", subject, "--reason", "GDPR article 17")
    shell.ok("hold", "lift", hold, "--reason", "Litigation ended")
    shell.ok("erase", subject, "--reason", "GDPR article 17")

    assert refused.code == 4
    assert "legal hold" in refused.err
