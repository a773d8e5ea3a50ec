"""The stored bytes of an event: one CloudEvents 1.0 JSON object, written once, hashed as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from domain.errors import Malformed
from domain.event import Event, Json
from ledger.errors import CorruptEntry, EntryTooLarge
from ledger.tiles import MAX_ENTRY_BYTES

CONTENT_TYPE = "application/merge-patch+json"
SEQUENCE_DIGITS = 19
_SEQUENCE = f"%0{SEQUENCE_DIGITS}d"

LEDGER_OWNED = frozenset(
    {"sequence", "recordedtime", "subjectversion", "decidedat", "recordedby", "grants", "policy",
     "decision", "rules", "corrects", "replacement", "effectivetime", "onbehalfof", "authtype"}
)  # fmt: skip
"""Attributes that only the ledger sets; refused when a client sends them."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction says: `replacement` should have stood at position `corrects` (`{}`: nothing).

    `effectivetime`: when it really happened, as canonical text. `is_governed`: ordered, not observed.
    """

    corrects: int
    replacement: Mapping[str, Json]
    effectivetime: str | None = None
    is_governed: bool = False


@dataclass(slots=True)
class Draft:
    """An event about to become an entry. `data` and `said` hold plain text until the writer commits to it.

    `said`: envelope attributes in their order, among them `reason` and `comment`, which are personal.
    """

    subject: str
    event: type[Event]
    data: dict[str, Json]
    time: str
    id: str
    source: str
    said: dict[str, str | int]
    owner: str | None = None
    """Who records this subject from version 1 on: an observing source, or None for the ledger itself."""
    correction: Correction | None = None
    """The data of a correction follow from it, under the lock."""
    derives: bool = False
    """Members of its data follow from the state with it, under the lock (`domain.event.Event.derived`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored entry. Attributes are read from its bytes when they are asked for."""

    position: int
    raw: bytes
    _parsed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The whole CloudEvent. Raises CorruptEntry for bytes that are not one."""
        if not self._parsed:
            self._parsed.update(parse_entry(self.raw, self.position))
        return self._parsed

    @property
    def subject(self) -> str:
        return str(self.attributes["subject"])

    @property
    def version(self) -> int:
        return int(self.attributes["subjectversion"])

    @property
    def type(self) -> str:
        return str(self.attributes["type"])

    @property
    def time(self) -> str:
        return str(self.attributes["time"])

    @property
    def recordedtime(self) -> str:
        return str(self.attributes["recordedtime"])

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.attributes["data"]
        return data


def parse_entry(raw: bytes, position: int) -> dict[str, Any]:
    """Raises CorruptEntry. Hash before decoding wherever the bytes might be forged."""
    try:
        attributes = orjson.loads(raw)
        if isinstance(attributes["data"], dict) and isinstance(attributes["subject"], str):
            return attributes  # type: ignore[no-any-return]  # a JSON object, checked above
    except (ValueError, KeyError, TypeError):
        pass
    raise CorruptEntry(f"the entry at position {position} is not a CloudEvent", position=position)


def write_entry(
    draft: Draft,
    data: Mapping[str, Json],
    said: Mapping[str, str | int],
    *,
    position: int,
    version: int,
    recordedtime: str,
) -> bytes:
    """Raises EntryTooLarge."""
    try:
        raw = orjson.dumps(
            {
                "specversion": "1.0",
                "id": draft.id,
                "source": draft.source,
                "type": draft.event.type_name,
                "subject": draft.subject,
                "time": draft.time,
                "sequence": _SEQUENCE % position,
                "recordedtime": recordedtime,
                "subjectversion": version,
                **said,
                "datacontenttype": CONTENT_TYPE,
                "data": data,
            },
            option=orjson.OPT_STRICT_INTEGER,
        )
    except orjson.JSONEncodeError as error:
        raise Malformed(
            f"{draft.event.type_name} holds what is not I-JSON (RFC 7493): {error}",
            type=draft.event.type_name,
        ) from None
    if len(raw) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(bytes=len(raw), limit=MAX_ENTRY_BYTES)
    return raw
