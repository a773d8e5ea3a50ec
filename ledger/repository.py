"""The library's mapper and repository over our entries: a subject as an aggregate, by one generic fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from eventsourcing.persistence import Mapper, StoredEvent

from domain.event import State
from domain.fold import merge_patch
from ledger.entry import Entry, parse_entry
from ledger.snapshots import TOPIC as SNAPSHOT


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject's fold at `version`; `position` is that of its newest entry in it."""

    id: str
    version: int
    position: int
    state: State


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A stored event as the library passes it around: a patch, or a snapshot's whole state."""

    originator_id: str
    originator_version: int
    position: int
    data: dict[str, Any]
    is_snapshot: bool = False


class EntryMapper(Mapper[str]):
    """Reads entries by what they say, never by a module path that a stored row names.

    The closed registry of `domain.event` stands in the place of the library's topics.
    """

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        entry: Entry = domain_event
        return StoredEvent(entry.subject, entry.version, entry.type, entry.raw)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Raises CorruptEntry."""
        subject, version = str(stored_event.originator_id), stored_event.originator_version
        if stored_event.topic == SNAPSHOT:
            position, _, state = stored_event.state.partition(b":")
            return RecordedEvent(
                subject, version, int(position), orjson.loads(state), is_snapshot=True
            )
        attributes = parse_entry(stored_event.state, 0)
        return RecordedEvent(subject, version, int(attributes["sequence"]), attributes["data"])


def fold_subject(initial: Subject | None, events: Iterable[RecordedEvent]) -> Subject | None:
    """The projector handed to the library's repository. None when there is nothing to fold."""
    state: State = initial.state if initial else {}
    last: RecordedEvent | None = None
    for last in events:
        state = last.data if last.is_snapshot else merge_patch(dict(state), last.data)
    if last is None:
        return initial
    return Subject(last.originator_id, last.originator_version, last.position, state)
