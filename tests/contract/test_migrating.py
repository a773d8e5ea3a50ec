"""A ledger from before there were policies: it opens, gains rosters, and gets its first authority once."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from api import compose
from api.compose import init, open_house
from api.settings import Settings
from domain.acts import LEDGER, AuthorityEstablished
from domain.rosters import POLICIES, grants_held_by
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.ledger import Ledger
from ledger.migrate import schema_version
from ledger.open import open_database
from ledger.schema import MIGRATIONS
from replay.verify_deep import verify_deep
from tests.contract.databases import fresh_database_url
from tests.contract.test_appending import whole_log

ROOT = Path(__file__).parents[2]
PROCESSES = 3


@pytest.fixture
def old(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a closed ledger of schema 1, as the version that knew no other made it."""
    settings = Settings(
        database_url=fresh_database_url(database, tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "ledger.key",
        master_key_file=tmp_path / "master.key",
    )
    with monkeypatch.context() as then:
        then.setattr("ledger.migrate.MIGRATIONS", MIGRATIONS[:1])
        then.setattr(compose, "establish", lambda _ledger: None)
        init(settings, origin="ledger.example/old", administrator="Ada")
    return settings


def schema_of(settings: Settings) -> int:
    with (
        closing(open_database(settings.database_url)) as database,
        database.reading() as transaction,
    ):
        return schema_version(transaction)


def check_established_once(ledger: Ledger) -> None:
    """The policy in force, both first grants, and one entry that says so; all of it sound."""
    said = [entry for entry in whole_log(ledger) if entry.type == AuthorityEstablished.type_name]
    assert len(said) == 1
    assert ledger.subject(LEDGER).state["genesis"]["status"] == "unratified"
    assert ledger.roster(POLICIES).members == ("policy/POL0000001",)
    for holder in (FIRST_PERSON, OPERATOR):
        assert len(ledger.roster(grants_held_by(holder)).members) == 1
    assert verify_deep(ledger.database).problems == ()


def test_a_ledger_of_schema_1_is_as_it_was_until_it_is_opened(old: Settings) -> None:
    assert schema_of(old) == 1
    with closing(open_database(old.database_url)) as database:
        report = verify_deep(database)

    assert (report.problems, report.size) == ((), 5)
    assert schema_of(old) == 1


def test_its_first_start_brings_the_schema_and_the_genesis_of_authority(old: Settings) -> None:
    with closing(open_house(old)) as house:
        first_size = house.ledger.head().size

        check_established_once(house.ledger)

    assert schema_of(old) == len(MIGRATIONS)
    with closing(open_house(old)) as again:
        assert again.ledger.head().size == first_size, "a later start records nothing"


def test_processes_that_start_together_establish_it_once(old: Settings) -> None:
    environment = {
        **os.environ,
        "ITSM_LEDGER_DATABASE_URL": old.database_url,
        "ITSM_LEDGER_VAULT_URL": str(old.vault_url),
        "ITSM_LEDGER_KEY_FILE": str(old.key_file),
        "ITSM_LEDGER_MASTER_KEY_FILE": str(old.master_key_file),
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.opening_process"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in running:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    sizes = [process.communicate(timeout=120)[0].strip() for process in running]

    assert [process.returncode for process in running] == [0] * PROCESSES
    assert len(set(sizes)) == 1
    with closing(open_house(old)) as house:
        check_established_once(house.ledger)
