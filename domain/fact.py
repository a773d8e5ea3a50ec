"""`itsm.fact.observed.v1`: whatever a source said that no registered type covers, kept whole."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from domain.event import PERSONAL, Event, Json


class FactObserved(Event, family="fact", source=None, to="observed"):
    """A payload of any shape. A later mapping can read it; nothing is lost meanwhile.

    Nobody has said which of its members are personal, so all of it stands in the entry as one commitment.
    """

    example: ClassVar[dict[str, Any]] = {
        "original_type": "com.example.backup.finished",
        "payload": {"job": "nightly", "bytes": 1048576},
    }

    original_type: str
    payload: Annotated[Json, PERSONAL]
