"""What was taken before: clients' idempotency keys, and rows of imported files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from ledger.database import Row, Transaction
from ledger.schema import REQUESTS, ROWS

PREFETCH = 512
"""Names or keys in one look-up: statements of many parameters are slow to prepare."""

_T = TypeVar("_T")
FileRow = tuple[str, str, int]
"""(source, number, ordinal within the number)"""


class Request(NamedTuple):
    """A client's idempotency key, and the keyed hash of the request it came with."""

    client: str
    key: str
    hash: bytes


class Taken:
    """As one commit sees it, what it takes itself included."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._requests: dict[tuple[str, str], Row] = {}
        self._earlier: dict[tuple[str, str], Row | None] = {}
        self._rows: list[FileRow] = []
        self._seen: set[Row] = set()
        self._numbers_known: set[tuple[str, str]] = set()

    @property
    def is_empty(self) -> bool:
        return not self._rows

    def prefetch(self, requests: Sequence[Request], rows: Sequence[FileRow]) -> None:
        """Look up in a few statements what would be looked up one by one."""
        for portion in portions(requests):
            for client in {request.client for request in portion}:
                self._fetch_requests(client, [r.key for r in portion if r.client == client])
        for few in portions(rows):
            for source in {row[0] for row in few}:
                self._fetch_rows(source, sorted({row[1] for row in few if row[0] == source}))

    def request(self, request: Request) -> Row | None:
        """(hash, first position, last position) recorded under the client's key."""
        key = (request.client, request.key)
        mine = self._requests.get(key)
        if mine is not None:
            return mine[2:]
        if key in self._earlier:
            return self._earlier[key]
        return self._transaction.row(
            "SELECT request, first, last FROM requests WHERE client = ? AND key = ?", key
        )

    def take_request(self, request: Request, first: int, last: int) -> None:
        key = (request.client, request.key)
        self._requests[key] = (*key, request.hash, first, last)

    def has_row(self, row: FileRow) -> bool:
        """Was this row of an imported file taken before?"""
        if row in self._seen:
            return True
        return row[:2] not in self._numbers_known and bool(
            self._transaction.row(
                "SELECT 1 FROM import_rows WHERE source = ? AND number = ? AND ordinal = ?", row
            )
        )

    def take_row(self, row: FileRow) -> None:
        self._rows.append(row)
        self._seen.add(row)

    def savepoint(self) -> int:
        return len(self._rows)

    def restore(self, savepoint: int) -> None:
        self._seen.difference_update(self._rows[savepoint:])
        del self._rows[savepoint:]

    def write(self) -> None:
        """Into the commit's transaction."""
        if self._requests:
            self._transaction.insert(REQUESTS, list(self._requests.values()))
        if self._rows:
            self._transaction.insert(ROWS, self._rows)

    def _fetch_requests(self, client: str, keys: Sequence[str]) -> None:
        clause, values = self._transaction.among("key", keys)
        self._earlier.update({(client, key): None for key in keys})
        for key, *row in self._transaction.rows(
            f"SELECT key, request, first, last FROM requests WHERE client = ? AND {clause}",
            [client, *values],
        ):
            self._earlier[(client, key)] = tuple(row)

    def _fetch_rows(self, source: str, numbers: Sequence[str]) -> None:
        clause, values = self._transaction.among("number", numbers)
        self._numbers_known.update((source, number) for number in numbers)
        self._seen.update(
            self._transaction.rows(
                f"SELECT source, number, ordinal FROM import_rows WHERE source = ? AND {clause}",
                [source, *values],
            )
        )


def portions(whole: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """`whole` in runs of at most PREFETCH."""
    return (whole[at : at + PREFETCH] for at in range(0, len(whole), PREFETCH))
