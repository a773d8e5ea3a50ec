"""An archive becomes a ledger again."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.acts import LEDGER, DestroySubjectKey
from ledger.erase import erase
from ledger.errors import AlreadyALedger, NotALedger
from ledger.govern import Order
from ledger.open import open_database
from ledger.reveal import ERASED, reveal
from replay.errors import SegmentAltered
from tests.contract.databases import fresh_database_url
from tests.replay.archive.places import (
    IMPORTED,
    archived,
    examined,
    housed,
    lives,
    restored,
    row_of_a_file,
    rows,
)
from tests.replay.given_log import OPERATOR, Desk


@pytest.fixture
def gone(at: Desk, tmp_path: Path) -> Desk:
    """A ledger that lived, was archived at `archive`, and then lost its database."""
    lives(at)
    archived(at.house, tmp_path / "archive")
    return at


def elsewhere(at: Desk, tmp_path: Path) -> str:
    """The URL of an empty database of the same kind."""
    kind = "sqlite" if at.house.settings.database_url.startswith("sqlite") else "postgresql"
    return fresh_database_url(kind, tmp_path)


def test_every_entry_and_all_that_follows_from_them_is_there_again(
    gone: Desk, tmp_path: Path
) -> None:
    """Entries, leaf hashes, tiles, head, subjects, owners, rosters and numbers are those of the ledger that was lost."""
    lost, found = gone.house.settings.database_url, elsewhere(gone, tmp_path)

    restored(tmp_path / "archive", found)

    for table, columns in (
        ("events", "position, version, type, entry, leaf"),
        ("subjects", "id, name, owner"),
        ("tiles", "*"),
        ("head", "*"),
        ("rosters", "*"),
        ("numbers", "*"),
    ):
        assert rows(found, table, columns) == rows(lost, table, columns), table


def test_a_restored_ledger_verifies_to_the_last_roster(gone: Desk, tmp_path: Path) -> None:
    """Every check that a ledger stands, the restored one stands, its archive's checkpoint included."""
    found = elsewhere(gone, tmp_path)

    told = restored(tmp_path / "archive", found)
    report = examined(found)

    assert report.is_clean, report.problems
    assert (report.size, report.checkpoints_checked) == (told.size, 1)


def test_a_subject_of_many_versions_has_a_snapshot_again(gone: Desk, tmp_path: Path) -> None:
    """Without one, whoever loads it would fold all of them each time. It is the fold, as `verify --deep` sees it."""
    found = elsewhere(gone, tmp_path)

    restored(tmp_path / "archive", found)

    assert [version for (version,) in rows(found, "snapshots", "version")] == [70]
    assert examined(found).is_clean


def test_a_restored_ledger_goes_on(gone: Desk, tmp_path: Path) -> None:
    """With its key it takes appends, under numbers that nobody had before."""
    found = elsewhere(gone, tmp_path)
    restored(tmp_path / "archive", found)

    with housed(found, tmp_path) as house:
        at = Desk(house, gone.clock)
        taken = {row[0] for row in rows(found, "subjects", "name")}
        reported = at.orders(None, "report", title="Printer is on fire")
        house.checkpoint()

    assert reported.subject not in taken
    assert examined(found).is_clean


def test_a_row_that_was_imported_is_not_imported_again(gone: Desk, tmp_path: Path) -> None:
    """Importing the same file into the restored ledger records nothing."""
    found = elsewhere(gone, tmp_path)
    restored(tmp_path / "archive", found)

    with housed(found, tmp_path) as house:
        at = Desk(house, gone.clock, gone.recorder)
        again = [row_of_a_file(at, ordinal) for ordinal in range(1, IMPORTED + 2)]
        house.ledger.observe(again)

    assert [proposal.was_seen for proposal in again] == [True] * IMPORTED + [False]


def test_personal_values_show_again_where_the_vault_was_kept(gone: Desk, tmp_path: Path) -> None:
    """Titles are in no archive as text; with the vault beside it the restored ledger shows them, without it none."""
    found = elsewhere(gone, tmp_path)
    restored(tmp_path / "archive", found)
    (reported,) = [
        row[0] for row in rows(found, "subjects", "name") if row[0] == "incident/INC0010001"
    ]

    with housed(found, tmp_path) as house:
        state = house.ledger.subject(reported).state
        shown = reveal(house.ledger, reported, state["title"], allowed=True)

    assert str(state["title"]).startswith("sd:sha-256:")
    assert shown == "Mail is slow, says Grace 0"
    for file in (tmp_path / "archive").rglob("*.parquet"):
        assert b"Grace" not in file.read_bytes()


def test_who_was_erased_stays_erased_behind_a_restore(gone: Desk, tmp_path: Path) -> None:
    """The archive holds what was encrypted before; its key is gone, from an older copy of the vault as well."""
    kept_vault = (tmp_path / "vault.db").read_bytes()
    order = Order(DestroySubjectKey(target="incident/INC0010001", reason="asked"), OPERATOR, LEDGER)
    erase(gone.house.ledger, order)
    archived(gone.house, tmp_path / "archive")
    found = elsewhere(gone, tmp_path)
    gone.house.close()
    (tmp_path / "vault.db").write_bytes(kept_vault)

    restored(tmp_path / "archive", found)

    with housed(found, tmp_path) as house:
        state = house.ledger.subject("incident/INC0010001").state
        assert reveal(house.ledger, "incident/INC0010001", state["title"], allowed=True) == ERASED


def test_nothing_is_restored_over_a_ledger(gone: Desk, tmp_path: Path) -> None:
    """A database that holds a ledger is refused and left as it is."""
    url = gone.house.settings.database_url
    before = rows(url, "head")

    with pytest.raises(AlreadyALedger):
        restored(tmp_path / "archive", url)

    assert rows(url, "head") == before
    assert examined(url).is_clean


def test_an_archive_that_was_altered_restores_nothing(gone: Desk, tmp_path: Path) -> None:
    """The damage is named, and there is no ledger afterwards, not even a part of one."""
    found = elsewhere(gone, tmp_path)
    (segment,) = (tmp_path / "archive" / "entries").rglob("*.parquet")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 1
    segment.write_bytes(raw)

    with pytest.raises(SegmentAltered, match=segment.name):
        restored(tmp_path / "archive", found)

    with pytest.raises(NotALedger):
        open_database(found)
