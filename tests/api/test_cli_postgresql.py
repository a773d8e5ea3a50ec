"""The command line on PostgreSQL: the same, with keys and vault in the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.shell import Shell
from tests.contract.databases import fresh_database_url


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    url = fresh_database_url("postgresql", tmp_path)
    shell = Shell(tmp_path, {"ITSM_LEDGER_DATABASE_URL": url})
    shell.ok("init", "--origin", "ledger.example/acme")
    return shell


def test_a_ticket_is_recorded_looked_at_proven_and_verified(shell: Shell) -> None:
    subject = shell.report("Mail is slow")

    assert shell.ok("show", subject, "--json").json["state"]["title"] == "Mail is slow"
    assert shell.ok("prove", "6").out.startswith("c2sp.org/tlog-proof@v1\nindex 5\n")
    assert shell.ok("project", "--until-caught-up", "--json").json["projections"][0]["lag"] == 0
    assert shell.ok("verify", "--deep", "--json").json["clean"]


def test_keys_and_vault_stand_in_the_working_directory(shell: Shell) -> None:
    names = {path.name for path in shell.directory.iterdir()}

    assert names >= {"ledger.key", "ledger.master.key", "ledger.vault.db"}


def test_a_second_init_changes_nothing(shell: Shell) -> None:
    before = (shell.directory / "ledger.key").read_bytes()

    done = shell("init")

    assert done.code in {4, 6}
    assert (shell.directory / "ledger.key").read_bytes() == before
    shell.report()


def test_a_server_that_is_not_there_is_told_and_no_key_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = Shell(tmp_path, {"ITSM_LEDGER_DATABASE_URL": "postgresql://ada:s3cret@127.0.0.1:1/x"})

    done = nowhere("init")

    assert done.code == 6
    assert "s3cret" not in done.err
    assert list(tmp_path.iterdir()) == []
