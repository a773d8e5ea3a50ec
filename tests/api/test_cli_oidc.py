"""The command line takes an issuer's token where it takes one of ours, and says which setting is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.issuer import AUDIENCE, Issuer
from tests.api.shell import Shell, shell_with_ledger

ADMINISTRATOR = "principal/PRN0000002"


@pytest.fixture
def shell(tmp_path: Path, issuer: Issuer) -> Shell:
    made = shell_with_ledger(tmp_path)[0]
    identity = json.dumps({"issuer": issuer.url, "subject": "ada"})
    made.order("principal", "link-identity", identity, ADMINISTRATOR)
    trust = {"ITSM_LEDGER_OIDC_ISSUERS": issuer.url, "ITSM_LEDGER_OIDC_AUDIENCE": AUDIENCE}
    return Shell(made.directory, {**made.env, **trust})


def test_with_an_issuers_token_the_record_says_whom_it_is_linked_to(
    shell: Shell, issuer: Issuer
) -> None:
    data = '{"title":"Mail is slow"}'
    shell.ok("order", "incident", "report", "--data", data, ITSM_LEDGER_TOKEN=issuer.token("ada"))

    (step,) = shell.ok("history", "incident/INC0010001", "--json").json["events"]
    assert (step["authid"], step["authtype"]) == (ADMINISTRATOR, "user")


@pytest.mark.parametrize("claims", [{"sub": "nobody"}, {"exp": 5}, {"aud": "x"}], ids=str)
def test_one_that_signs_nobody_in_never_becomes_the_operator(
    shell: Shell, issuer: Issuer, claims: dict[str, str]
) -> None:
    token = issuer.token(**claims)  # type: ignore[arg-type]  # claims, never the header

    done = shell("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token)

    assert done.code == 7
    assert "unknown, revoked or expired" in done.err
    assert token not in done.err + done.out


def test_an_issuer_that_is_away_is_told(shell: Shell, issuer: Issuer) -> None:
    token = issuer.token("ada")
    issuer.says(down=True)

    done = shell("show", "ledger/LDG0000001", ITSM_LEDGER_TOKEN=token)

    assert done.code == 6
    assert issuer.url in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("ISSUERS", "http://login.example.com", "https"),
        ("ISSUERS", "login.example.com", "https"),
        ("ISSUERS", "ftp://127.0.0.1", "https"),
        ("ISSUERS", "https://[", "https"),
        ("AUDIENCE", "", "ITSM_LEDGER_OIDC_AUDIENCE"),
        ("SCOPES", "incident:delete", "incident:delete"),
        ("SKEW_SECONDS", "-1", "oidc_skew_seconds"),
        ("KEYS_SECONDS", "0", "oidc_keys_seconds"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(
    shell: Shell, setting: str, value: str, told: str
) -> None:
    done = shell("show", "ledger/LDG0000001", **{f"ITSM_LEDGER_OIDC_{setting}": value})

    assert done.code == 2
    assert told in done.err
