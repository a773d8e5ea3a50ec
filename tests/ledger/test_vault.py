"""Whatever goes wrong in the vault's database is a StorageFailed, and tells nothing that it holds."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import StorageFailed
from ledger.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(f"sqlite:///{tmp_path / 'vault.db'}", os.urandom(32))
    yield made
    made.close()


def break_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "vault.db") as connection:
        connection.execute("DROP TABLE names")
        connection.execute("DROP TABLE data_keys")
        connection.execute("DROP TABLE secrets")
    connection.close()


def test_a_statement_that_fails_is_a_failure_of_storage(vault: Vault, tmp_path: Path) -> None:
    break_it(tmp_path)

    for ask in (
        vault.new_key,
        lambda: vault.has_key(1),
        lambda: vault.destroy(1, "principal/PRN0000009"),
        lambda: vault.principal_named("Ada", "principal/monitoring"),
        lambda: vault.name_principals([("Ada", "", "principal/PRN0000009")]),
        lambda: vault.keep_secret("one", b"told"),
        lambda: vault.secret("one"),
        lambda: vault.forget_secrets(["one"]),
    ):
        with pytest.raises(StorageFailed):
            ask()


def test_what_caused_it_names_no_parameters(vault: Vault, tmp_path: Path) -> None:
    break_it(tmp_path)

    with pytest.raises(StorageFailed) as failure:
        vault.name_principals([("Ada", "", "principal/PRN0000009")])

    cause = failure.value.__cause__
    assert cause is not None
    assert "PRN0000009" not in str(cause)


def test_a_secret_is_kept_until_it_is_forgotten(vault: Vault) -> None:
    vault.keep_secret("one", b"told to one receiver")
    vault.keep_secret("two", b"told to another")

    assert vault.secret("one") == b"told to one receiver"
    vault.forget_secrets(["one", "none"])
    assert vault.secret("one") is None
    assert vault.secret("two") == b"told to another"


def test_no_file_of_the_vault_holds_a_secret_in_plain(vault: Vault, tmp_path: Path) -> None:
    vault.keep_secret("one", b"told to one receiver")

    assert b"told to one receiver" not in (tmp_path / "vault.db").read_bytes()


def test_a_secret_put_under_another_name_or_key_is_not_taken_for_it(
    vault: Vault, tmp_path: Path
) -> None:
    vault.keep_secret("one", b"told to one receiver")
    with sqlite3.connect(tmp_path / "vault.db") as connection:
        connection.execute("INSERT INTO secrets SELECT 'two', wrapped FROM secrets")
    connection.close()
    with_another_key = Vault(f"sqlite:///{tmp_path / 'vault.db'}", os.urandom(32))

    with pytest.raises(StorageFailed):
        vault.secret("two")
    with pytest.raises(StorageFailed):
        with_another_key.secret("one")
    with_another_key.close()
