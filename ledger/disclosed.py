"""The encrypted disclosures beside a stretch of the log, read to be kept elsewhere with it, and written back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ledger.database import Database, Row

_MARK: Final = b'"sd:sha-256:'
_COMMITMENT: Final = re.compile(rb'"(sd:sha-256:[A-Za-z0-9_-]{43})"')


class DataKey(NamedTuple):
    """From position `since` on, the subject's disclosures go under that key of the vault."""

    subject: str
    since: int
    key: int


class Disclosure(NamedTuple):
    """`sealed`: encrypted under that key of the vault; only there can it be opened."""

    subject: str
    digest: str
    key: int
    sealed: bytes


_SUBJECTS: Final = (
    "FROM (SELECT DISTINCT subject FROM events WHERE position > ? AND position <= ?) t "
    "JOIN subjects s ON s.id = t.subject "
)


def data_keys(database: Database, after: int, up_to: int) -> list[DataKey]:
    """All of the subjects of the entries at positions after + 1 … up_to."""
    rows = database.query(
        f"SELECT s.name, k.since, k.key {_SUBJECTS} JOIN subject_keys k ON k.subject = t.subject "
        "ORDER BY s.name, k.since",
        (after, up_to),
    )
    return [DataKey(*row) for row in rows]


def disclosures(
    database: Database, after: int, up_to: int, entries: Iterable[bytes]
) -> list[Disclosure]:
    """Of the commitments in these entries, which stand at those positions; none of those that were erased."""
    wanted: set[str] = set()
    for entry in entries:
        if _MARK in entry:
            wanted.update(found.decode() for found in _COMMITMENT.findall(entry))
    if not wanted:
        return []
    rows: Sequence[Row] = database.query(
        f"SELECT s.name, d.digest, d.key, d.sealed {_SUBJECTS} JOIN disclosures d ON d.subject = t.subject",
        (after, up_to),
    )
    return sorted(Disclosure(*row) for row in rows if row[1] in wanted)
