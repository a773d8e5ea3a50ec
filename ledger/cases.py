"""A family's subjects one after the other, each with its entries: for questions that look at whole lives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

from ledger.database import Database, Row

_OF_FAMILY: Final = (
    "SELECT e.position, e.entry, s.name FROM subjects s JOIN events e ON e.subject = s.id "
    "WHERE s.name >= ? AND s.name < ? AND e.position <= ? ORDER BY s.name, e.version"
)


def each_case(database: Database, family: str, up_to: int) -> Iterator[tuple[str, list[Row]]]:
    """(subject, its (position, bytes, …) at positions up to that one, in order), by the subjects' names.

    Holds one subject's entries at a time, however long the log is. A subject without entries so far is left out.
    """
    bounds = (f"{family}/", f"{family}0", up_to)
    with database.reading() as transaction:
        rows = transaction.stream(_OF_FAMILY, bounds)
        for subject, entries in groupby(rows, key=itemgetter(2)):
            yield subject, list(entries)
