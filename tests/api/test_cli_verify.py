"""`verify`: what it ends with, and that it names the position; how the log is searched is tested in replay/."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from api.cli.proving import EXIT_TAMPERED
from api.errors import EXIT_TAMPERED as EXIT_TAMPERED_IN_THE_TABLE
from ledger.keyfiles import read_signing_key
from tests.api.shell import Shell, shell_with_ledger, staffed


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = shell_with_ledger(tmp_path)[0]
    for title in ("one", "two", "three"):
        shell.report(title)
    return shell


def forge(database: Path, statement: str, *parameters: object) -> None:
    """As somebody with the file would: triggers are no obstacle."""
    connection = sqlite3.connect(database)
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement, parameters)
    connection.commit()
    connection.close()


def test_the_exit_code_is_the_one_of_the_table() -> None:
    assert EXIT_TAMPERED == EXIT_TAMPERED_IN_THE_TABLE == 3


def test_a_log_that_is_what_was_recorded_is_clean(shell: Shell) -> None:
    shell.ok("checkpoint")

    told = shell.ok("verify", "--json").json

    size = shell.genesis + 3
    assert (told["clean"], told["size"], told["first_bad_position"]) == (True, size, None)
    assert told["checkpoints_checked"] == 1
    assert f"{size} entries are what was recorded" in shell.ok("verify").out


def test_a_changed_byte_is_named_by_position(shell: Shell) -> None:
    changed = "UPDATE events SET entry = CAST(replace(entry, ?, ?) AS BLOB) WHERE position = ?"
    bad = shell.genesis + 2
    forge(shell.directory / "ledger.db", changed, "unclassified", "unclassifiee", bad)

    done = shell("verify", "--json")
    said = shell("verify")

    assert (done.code, said.code) == (3, 3)
    assert done.json["first_bad_position"] == bad
    assert f"TAMPERED. First bad position: {bad}" in said.out


def test_a_rewritten_log_shows_against_a_checkpoint_kept_elsewhere(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forger holds the key, and rebuilds a log that is consistent in itself."""
    kept = shell.directory / "kept"
    kept.write_text(shell.ok("checkpoint").out)
    url = f"sqlite:///{shell.directory / 'forged.db'}"
    key = str(shell.directory / "ledger.key")
    forger = Shell(
        shell.directory,
        {**shell.env, "ITSM_LEDGER_DATABASE_URL": url, "ITSM_LEDGER_KEY_FILE": key},
    )
    monkeypatch.setattr(
        "api.compose.write_signing_key",
        lambda path: read_signing_key(shell.directory / "ledger.key"),
    )
    forger.ok("init", "--origin", "ledger.example/acme")
    forger = staffed(forger)
    for title in ("four", "five", "six"):
        forger.report(title)

    alone = forger("verify")
    against = forger("verify", "--checkpoint", str(kept), "--json")

    assert alone.code == 0
    assert against.code == 3
    assert [problem["kind"] for problem in against.json["problems"]] == ["checkpoint"]


def test_copies_kept_by_the_setting_are_checked_too(shell: Shell) -> None:
    copies = {"ITSM_LEDGER_CHECKPOINT_COPIES": str(shell.directory / "elsewhere")}
    shell.ok("checkpoint", **copies)

    told = shell.ok("verify", "--json", **copies).json

    assert told["checkpoints_checked"] > shell.ok("verify", "--json").json["checkpoints_checked"]


def test_a_checkpoint_that_is_none_is_bad_input(shell: Shell) -> None:
    (shell.directory / "note").write_text("not a note")

    done = shell("verify", "--checkpoint", str(shell.directory / "note"))

    assert done.code == 2
    assert shell("verify", "--checkpoint", "nowhere").code == 2


def test_verify_needs_no_key(shell: Shell) -> None:
    for name in ("ledger.key", "ledger.master.key", "ledger.vault.db"):
        (shell.directory / name).unlink()

    shell.ok("verify")


def test_deep_finds_a_read_model_that_says_something_else(shell: Shell) -> None:
    shell.ok("project", "--until-caught-up")
    clean = shell.ok("verify", "--deep", "--json").json
    views = sqlite3.connect(shell.directory / "ledger.views.db")
    (table,) = views.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tickets%' ORDER BY name"
    ).fetchone()
    views.execute(f"UPDATE {table} SET status = 'closed'")
    views.commit()
    views.close()

    done = shell("verify", "--deep", "--json")

    assert clean["clean"]
    assert done.code == 3
    assert {problem["kind"] for problem in done.json["problems"]} == {"read-model"}
    assert shell("verify").code == 0


def test_deep_makes_no_read_models_that_were_not_there(shell: Shell) -> None:
    shell.ok("verify", "--deep")

    assert not (shell.directory / "ledger.views.db").exists()


def test_a_bar_is_shown_to_a_terminal_and_never_among_the_results(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cli.output.BAR_AFTER_SECONDS", 0.0)

    seen = shell.ok("verify", "--json", FORCE_COLOR="1")
    unseen = shell.ok("verify", "--json")

    assert "Verifying" in seen.err
    assert seen.json == unseen.json
    assert unseen.err == ""
