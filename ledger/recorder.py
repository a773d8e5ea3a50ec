"""The library's application recorder over our log: positions without gaps, tree in the same transaction.

Both databases' recorders take these methods; what differs is in `sqlite.py` and `postgres.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

from ledger.database import Database, Param, Transaction
from ledger.log import NewEntry, append_entries, lock_head
from ledger.merkle import leaf_hash
from ledger.schema import SUBJECTS
from ledger.subscription import LogSubscription

_SELECT = "SELECT s.name, e.version, e.type, e.entry, e.position FROM events e JOIN subjects s ON s.id = e.subject "


class LogRecorder:
    """Aggregate and application recorder in one. `database` gives the transactions."""

    database: Database

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """All or none. Raises IntegrityError when a version of a subject is there already."""
        if not stored_events:
            return None
        with self.database.writing() as transaction:
            head = lock_head(transaction)
            keys = _subject_keys(transaction, stored_events)
            _refuse_conflicts(transaction, stored_events, keys)
            entries = [
                NewEntry(
                    keys[str(event.originator_id)],
                    event.originator_version,
                    event.topic,
                    event.state,
                    leaf_hash(event.state),
                )
                for event in stored_events
            ]
            append_entries(transaction, head, entries, head.recordedtime)
            return list(range(head.size + 1, head.size + 1 + len(entries)))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        sql = "SELECT version, type, entry FROM events WHERE subject = (SELECT id FROM subjects WHERE name = ?)"
        params: list[Param] = [str(originator_id)]
        if gt is not None:
            sql += " AND version > ?"
            params.append(gt)
        if lte is not None:
            sql += " AND version <= ?"
            params.append(lte)
        sql += f" ORDER BY version {'DESC' if desc else 'ASC'}"
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        with self.database.reading() as transaction:
            return [
                StoredEvent(originator_id, version, topic, state)
                for version, topic, state in transaction.rows(sql, params)
            ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        sql, params = _SELECT + "WHERE e.position >= ?", [_first(start, inclusive_of_start)]
        with self.database.reading() as transaction:
            conditions: list[Param] = list(params)
            if stop is not None:
                sql += " AND e.position <= ?"
                conditions.append(stop)
            if topics:
                clause, values = transaction.among("e.type", list(topics))
                sql += f" AND {clause}"
                conditions.extend(values)
            rows = transaction.rows(sql + " ORDER BY e.position LIMIT ?", [*conditions, limit])
        return [
            Notification(
                id=position,
                originator_id=name,
                originator_version=version,
                topic=topic,
                state=state,
            )
            for name, version, topic, state, position in rows
        ]

    def max_notification_id(self) -> Any:
        """The newest position, or None for an empty log."""
        with self.database.reading() as transaction:
            row = transaction.row("SELECT size FROM head")
        return row[0] or None if row else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Any]:
        """Past and future entries after position `gt`, in order, each once, until stopped."""
        return LogSubscription(self, gt=gt, topics=topics)


def _first(start: int | None, inclusive: bool) -> int:
    if start is None:
        return 1
    return start if inclusive else start + 1


def _subject_keys(transaction: Transaction, events: Sequence[StoredEvent]) -> dict[str, int]:
    names = list(dict.fromkeys(str(event.originator_id) for event in events))
    keys = dict(_known_keys(transaction, names))
    fresh = [name for name in names if name not in keys]
    if fresh:
        row = transaction.row("SELECT coalesce(max(id), 0) FROM subjects")
        after = row[0] if row else 0
        keys.update({name: after + n for n, name in enumerate(fresh, start=1)})
        transaction.insert(SUBJECTS, [(keys[name], name, None) for name in fresh])
    return keys


def _known_keys(transaction: Transaction, names: list[str]) -> Iterator[tuple[str, int]]:
    for at in range(0, len(names), 500):
        clause, values = transaction.among("name", names[at : at + 500])
        yield from transaction.rows(f"SELECT name, id FROM subjects WHERE {clause}", values)


def _refuse_conflicts(
    transaction: Transaction, events: Sequence[StoredEvent], keys: dict[str, int]
) -> None:
    seen: set[tuple[int, int]] = set()
    for event in events:
        at = (keys[str(event.originator_id)], event.originator_version)
        taken = transaction.row("SELECT 1 FROM events WHERE subject = ? AND version = ?", at)
        if taken or at in seen:
            raise IntegrityError(
                f"{event.originator_id} has a version {event.originator_version} already"
            )
        seen.add(at)
