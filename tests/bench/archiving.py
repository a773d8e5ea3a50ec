"""A ledger made again from its archive, and the archive verified by itself. How fast one is written: `estates.py`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from replay.archive.read import open_archive
from replay.archive.restore import restore
from replay.archive.store import Store
from replay.archive.verify import verify_archive
from replay.archive.write import archive
from tests.bench.company import staffed
from tests.bench.decided import decided
from tests.bench.houses import a_house, a_place
from tests.bench.measuring import Figure, rate
from tests.contract.databases import fresh_database_url

DECISIONS = 200_000
RESTORED_A_SECOND = 25_000.0


def archiving(kind: str) -> Iterator[Figure]:
    """Entries of decisions: people, roles, policy and approvals among them, which is what restoring has to fold."""
    with a_place(kind) as place, tempfile.TemporaryDirectory() as directory:
        location = f"{directory}/archive"
        with a_house(place) as house:
            decided(house.ledger, staffed(house.ledger), DECISIONS)
            url, note = place.settings.database_url, house.checkpoint()
            archive(house.ledger, url, note, Store(location))
        found = open_archive(location)
        fresh = fresh_database_url(kind, Path(directory))
        restored = rate(found.size, lambda: restore(fresh, found, _unwatched))
        yield Figure(
            f"a ledger restored from an archive of {DECISIONS:,} decisions, against 25,000/s",
            kind, restored, RESTORED_A_SECOND, "entries/s", 1.0,
        )  # fmt: skip
        if kind == "sqlite":
            verified = rate(found.size, lambda: verify_archive(Store(location)))
            yield Figure(
                "the archive verified by itself, against restoring it",
                kind, verified, restored, "entries/s",
            )  # fmt: skip


def _unwatched(_done: int, _total: int) -> None:
    """Nobody watches."""
