"""What a projection is: a name, a version, tables, and how a batch of entries changes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from sqlalchemy import BigInteger, Connection, MetaData, String, Table

from ledger.entry import Entry

Tables: TypeAlias = Mapping[str, Table]
"""The tables of one generation, by the short names that their projection gives them."""

TICKET_FAMILIES = ("incident", "request", "problem")
"""Whose subjects are tickets. A family more, and the projections over tickets need a new version."""

Integer64 = BigInteger()
BinaryText = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by its UTF-8 bytes on both databases, so that pages and comparisons agree."""


class Projection(ABC):
    """A read model. It sees each entry once, in the order of positions.

    `version` counts up whenever tables or `apply` change: then the runner builds the new tables beside
    the old ones. `readable`: older versions whose tables the queries of this version understand, so
    that they answer until the new ones are built.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    readable: ClassVar[frozenset[int]] = frozenset()

    @abstractmethod
    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        """Define the tables, every name in the database beginning with `prefix`, indexes included."""

    @abstractmethod
    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        """Bring the tables to the last entry of the batch.

        What the tables hold afterwards never depends on where batches were cut. An exception undoes
        the batch; it is then cut in halves until the entry that cannot be taken stands alone.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and the position of the log that they reflect. `next_cursor`: where the next page begins."""

    position: int
    rows: Sequence[Mapping[str, Any]]
    next_cursor: str | None = None


def family_of(entry: Entry) -> str:
    return entry.subject.partition("/")[0]


def of_tickets(batch: Sequence[Entry]) -> Iterator[tuple[Entry, str, str]]:
    """The entries about tickets, each with its subject and family."""
    for entry in batch:
        subject = entry.subject
        family = subject.partition("/")[0]
        if family in TICKET_FAMILIES:
            yield entry, subject, family
