"""Ledgers with something in every table, their archives, and what is done to those behind their backs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.compose import House, open_house
from ledger.observe import ObserveProposal, RowIdentity
from ledger.open import open_database
from replay.archive.read import Archive, open_archive
from replay.archive.restore import Restored, restore
from replay.archive.store import Store
from replay.archive.verify import verify_archive
from replay.archive.write import Archived, archive
from replay.report import Report
from replay.verify_deep import verify_deep
from tests.replay.given_log import Desk, ask, settings_for

IMPORTED = 3
"""Rows of a file that the source's importer took."""


def lives(at: Desk) -> None:
    """Orders with personal text, observed facts, rows of an imported file, a subject with many versions."""
    for number in range(3):
        reported = at.orders(None, "report", title=f"Mail is slow, says Grace {number}")
        at.orders(reported.subject, "assign", assignment_group="mail")
    many = [
        at.fact("incident/INC0000007", "source-status-recorded", {"source_status": f"word {n}"})
        for n in range(70)
    ]
    at.observes_all(many)
    at.house.ledger.observe([row_of_a_file(at, ordinal) for ordinal in range(1, IMPORTED + 1)])


def row_of_a_file(at: Desk, ordinal: int) -> ObserveProposal:
    """As an importer makes them of the file of the source `servicenow`."""
    fact = at.fact("incident/INC0000008", "source-status-recorded", {"source_status": str(ordinal)})
    fact.id, fact.source = f"INC0000008:{ordinal}:1", "/sources/" + at.recorder.split("/")[1]
    row = RowIdentity(at.recorder.split("/")[1], "INC0000008", ordinal)
    return ObserveProposal([fact], at.recorder, row=row)


def archived(house: House, location: Path | str) -> Archived:
    """Brought up to the head as it is now."""
    url, checkpoint = house.settings.database_url, house.checkpoint()
    return archive(house.ledger, url, checkpoint, Store(str(location)))


def restored(archive: Archive | Path, url: str) -> Restored:
    opened = archive if isinstance(archive, Archive) else open_archive(str(archive))
    return restore(url, opened, lambda done, total: None)


def examined(url: str) -> Report:
    """A whole-log check, with everything that was derived."""
    with closing(open_database(url)) as database:
        return verify_deep(database)


@contextmanager
def housed(url: str, directory: Path) -> Iterator[House]:
    """The ledger at `url`, with the keys and the vault of `directory`."""
    house = open_house(settings_for(url, directory))
    try:
        yield house
    finally:
        house.close()


def rows(url: str, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    return sorted(ask(url, f"SELECT {columns} FROM {table}"))


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def is_whole(directory: Path, size: int) -> bool:
    report = verify_archive(Store(str(directory)))
    return report.is_clean and report.size == size
