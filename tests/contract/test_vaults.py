"""A vault lies in SQLite or in PostgreSQL, and does the same in both."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from domain.errors import Malformed
from ledger.errors import KeyDestroyed, StorageFailed
from ledger.vault import Vault
from tests.contract.databases import BOTH, fresh_database_url

ADA, BOB = "principal/PRN0000002", "principal/PRN0000003"

OpenVault = Callable[[], Vault]


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_database_url(request.param, tmp_path)


@pytest.fixture
def open_vault(url: str) -> Iterator[OpenVault]:
    """Another process's view of the same vault: nothing is shared but the database."""
    master_key, opened = os.urandom(32), []

    def opening() -> Vault:
        opened.append(Vault(url, master_key))
        return opened[-1]

    yield opening
    for vault in opened:
        vault.close()


def execute(url: str, *statements: str) -> None:
    """As the owner of the database would."""
    connection = (
        sqlite3.connect(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite")
        else psycopg.connect(url)
    )
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_what_one_process_seals_another_opens(open_vault: OpenVault) -> None:
    one = open_vault()
    key = one.new_key()
    sealed = one.seal(key, "digest", "a value")

    other = open_vault()

    assert other.has_key(key)
    assert other.open(key, "digest", sealed) == "a value"


def test_a_destroyed_key_is_gone_for_every_process(open_vault: OpenVault) -> None:
    one, other = open_vault(), open_vault()
    key = one.new_key()
    one.name_principals([("Ada", "", ADA), ("Bob", "", BOB)])
    sealed = one.seal(key, "digest", "a value")

    one.destroy(key, ADA)

    assert not other.has_key(key)
    with pytest.raises(KeyDestroyed):
        other.open(key, "digest", sealed)
    names = [("Ada", ""), ("Bob", "")]
    assert one.look_up(names) == other.look_up(names) == {("Bob", ""): BOB}


def test_a_name_leads_to_whom_it_was_given_last(open_vault: OpenVault) -> None:
    vault = open_vault()
    vault.name_principals([("Ada", "", ADA)])
    vault.add_names([("ada@example.org", "issuer", ADA)])

    vault.add_names([("ada@example.org", "issuer", BOB)])
    vault.name_principals([("Ada Lovelace", "", ADA)])

    asked = [("Ada", ""), ("Ada Lovelace", ""), ("ada@example.org", "issuer"), ("Eve", "")]
    assert open_vault().look_up(asked) == {
        ("Ada Lovelace", ""): ADA,
        ("ada@example.org", "issuer"): BOB,
    }


def test_processes_that_start_together_make_one_vault(url: str) -> None:
    master_key = os.urandom(32)

    with ThreadPoolExecutor(12) as pool:
        vaults = list(pool.map(lambda _: Vault(url, master_key), range(12)))

    keys = [vault.new_key() for vault in vaults]
    assert all(vaults[0].has_key(key) for key in keys)
    for vault in vaults:
        vault.close()


FORMER = {
    "sqlite": (
        "CREATE TABLE data_keys (id BIGINT NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (id))",
        "CREATE TABLE names (digest BLOB NOT NULL, principal TEXT NOT NULL, PRIMARY KEY (digest))",
        "CREATE INDEX ix_names_principal ON names (principal)",
    ),
    "postgresql": (
        "CREATE TABLE data_keys (id BIGINT NOT NULL, wrapped BYTEA NOT NULL, PRIMARY KEY (id))",
        "CREATE TABLE names (digest BYTEA NOT NULL, principal TEXT NOT NULL, PRIMARY KEY (digest))",
        "CREATE INDEX ix_names_principal ON names (principal)",
    ),
}


def test_a_vault_of_an_earlier_version_is_taken_as_it_is(url: str, open_vault: OpenVault) -> None:
    execute(url, *FORMER["sqlite" if url.startswith("sqlite") else "postgresql"])

    vault = open_vault()
    key = vault.new_key()
    vault.name_principals([("Ada", "", ADA)])

    assert open_vault().open(key, "digest", vault.seal(key, "digest", "a value")) == "a value"
    assert open_vault().principal_named("Ada", "") == ADA


def test_whatever_failed_once_is_asked_anew(url: str, open_vault: OpenVault) -> None:
    vault = open_vault()
    key = vault.new_key()
    execute(url, "ALTER TABLE names RENAME TO away")
    with pytest.raises(StorageFailed):
        vault.destroy(key, ADA)

    execute(url, "ALTER TABLE away RENAME TO names")

    assert vault.has_key(key)  # nothing of the failed transaction was kept
    vault.destroy(key, ADA)
    assert not vault.has_key(key)


@pytest.mark.parametrize("url", ["vault.db", "mysql://user@host/name", "sqlite:///"])
def test_a_url_of_no_vault_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match=r"sqlite:///vault\.db"):
        Vault(url, os.urandom(32))
