"""`webhook …` as a shell sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.delivering.progress import Hold, Progress, Try
from tests.api.shell import Shell, shell_with_ledger

URL = "https://hooks.example.com/itsm"
AT = "2026-03-02T09:30:00.000000Z"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def added(shell: Shell, *more: str) -> str:
    told = shell.ok("webhook", "add", URL, "--events", "incident", *more, "--json").json
    return str(told["subject"])


def test_adding_prints_the_secret_once_and_nothing_else(shell: Shell) -> None:
    done = shell.ok("webhook", "add", URL, "--events", "incident", "--events", "change")

    assert done.out.startswith("whsec_")
    assert len(done.out.splitlines()) == 1
    assert "ledger/LDG" in done.err
    (hook,) = shell.ok("webhook", "list", "--json").json["webhooks"]
    assert hook["events"] == ["change", "incident"]
    assert done.out.strip() not in shell.ok("webhook", "show", hook["webhook"], "--json").out


def test_a_webhook_begins_with_what_comes_or_where_it_is_told(shell: Shell) -> None:
    for more, position in (((), shell.genesis), (("--after", "3"), 3)):
        hook = added(shell, *more)

        assert shell.ok("webhook", "show", hook, "--json").json["position"] == position


def test_its_life_is_ordered_by_its_own_commands(shell: Shell) -> None:
    hook = added(shell)

    shell.ok("webhook", "change", hook, "--events", "change", "--reason", "Too many")
    assert shell.ok("webhook", "rotate", hook).out.startswith("whsec_")
    shell.ok("webhook", "replay", hook, "--after", "1")
    assert shell.ok("webhook", "show", hook, "--json").json["position"] == 1
    shell.ok("webhook", "disable", hook)
    assert "disabled" in shell.ok("webhook", "list").out
    shell.ok("webhook", "enable", hook)
    shell.ok("webhook", "end", hook)

    assert shell.ok("webhook", "list", "--json").json == {"webhooks": []}


def test_what_needs_a_secret_or_a_look_at_its_address_has_a_command_of_its_own(
    shell: Shell,
) -> None:
    hook = added(shell)

    for verb in ("change-webhook", "rotate-webhook-secret", "end-webhook"):
        refused = shell("order", "ledger", verb, hook, "--data", "{}")

        assert refused.code == 2
        assert "itsm-ledger webhook" in refused.err


def test_tries_and_dead_letters_are_listed(shell: Shell, tmp_path: Path) -> None:
    hook = added(shell)
    progress, hold = Progress(f"sqlite:///{tmp_path / 'ledger.deliveries.db'}"), Hold("me", AT)
    progress.claim(hook, hold, AT)
    progress.failed(hold, Try(hook, 7, 1, AT, "timed-out"), next_try=None)
    progress.close()

    assert shell.ok("webhook", "deliveries", hook, "--json").json["deliveries"] == [
        {"receiver": hook, "position": 7, "number": 1, "at": AT, "outcome": "timed-out"}
    ]
    (letter,) = shell.ok("webhook", "dead-letters", hook, "--json").json["dead_letters"]
    assert (letter["position"], letter["tries"]) == (7, 1)
    assert "timed-out" in shell.ok("webhook", "deliveries", hook).out
    assert "timed-out" in shell.ok("webhook", "dead-letters", hook).out


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://hooks.example.com", "hooks"])
def test_a_receiver_that_is_not_allowed_says_why(shell: Shell, url: str) -> None:
    refused = shell("webhook", "add", url, "--events", "incident")

    assert refused.code == 2
    assert "receiver-not-allowed" in refused.err
    assert shell.ok("webhook", "list", "--json").json == {"webhooks": []}


def test_a_setting_allows_it_for_development(shell: Shell) -> None:
    shell.ok(
        "webhook", "add", "http://127.0.0.1:8080/", "--events", "incident",
        ITSM_LEDGER_WEBHOOK_ALLOW_PRIVATE="1",
    )  # fmt: skip


def test_what_is_no_webhook_is_said_to_be_none(shell: Shell) -> None:
    for command in (("show",), ("deliveries",), ("dead-letters",), ("end",), ("rotate",)):
        refused = shell("webhook", *command, "LDG0000001")

        assert (refused.code, "no webhook" in refused.err) == (5, True)
