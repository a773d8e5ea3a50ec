"""Snapshots of long subjects, read by the library's repository. The writer makes them as it appends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent

from ledger.database import Database, Param

INTERVAL = 64
"""Versions between two snapshots of a subject: what a fold reads at most, beside the snapshot."""
TOPIC = "snapshot"


class SnapshotRecorder(AggregateRecorder):
    """A snapshot's stored state is the fold at its version as JSON, after `<position>:`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        raise TypeError("the writer takes snapshots in the append transaction")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        sql = (
            "SELECT p.version, p.position, p.state FROM snapshots p JOIN subjects s ON s.id = p.subject "
            "WHERE s.name = ?"
        )
        params: list[Param] = [str(originator_id)]
        for bound, operator in ((gt, ">"), (lte, "<=")):
            if bound is not None:
                sql += f" AND p.version {operator} ?"
                params.append(bound)
        sql += f" ORDER BY p.version {'DESC' if desc else 'ASC'} LIMIT ?"
        with self._database.reading() as transaction:
            rows = transaction.rows(sql, [*params, limit or 1_000_000])
        return [
            StoredEvent(originator_id, version, TOPIC, b"%d:%b" % (position, state))
            for version, position, state in rows
        ]
