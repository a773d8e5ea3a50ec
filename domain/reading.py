"""Readings: that somebody looked at audit data, others' acts in bulk or beyond the present state.

What counts as such stands in `docs/reading.md`. They are the ledger's own act, about who read.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.event import Count, Event, Moment, PrincipalId, Subject

ReadingKind = Literal[
    "entries",
    "history",
    "past-state",
    "personal",
    "activity",
    "authority",
    "holders",
    "raci",
    "late-approvals",
    "emergencies",
    "in-freezes",
    "delegated",
    "check",
]
"""`entries`: the log itself, by feed, stream, bundle or one by one. `past-state`: a subject as of a moment, or a
difference. `personal`: the personal values of a person. The others are named as what is asked.
"""
MOST_NAMED: Final = 20
"""Subjects that one record names; of more the first ones."""


@with_config(ConfigDict(extra="forbid", strict=True))
class Reading(TypedDict):
    """`requests`: how many answers. `entries`: how many entries, or rows of answers, they showed in all. `about`: the
    subjects they were about, the first twenty; none where the answer was about many.
    """

    by: PrincipalId
    what: ReadingKind
    requests: Count
    entries: Count
    about: Annotated[list[Subject], Field(max_length=MOST_NAMED)]
    first_at: Moment
    last_at: Moment


class LedgerRead(Event, family="ledger"):
    """Somebody read audit data. Recorded once a minute at most for each reader, kind of reading and process.

    `reading` is the last one; the ledger's history tells them all.
    """

    example: ClassVar[dict[str, Any]] = {
        "reading": {
            "by": "principal/PRN0000012",
            "what": "history",
            "requests": 3,
            "entries": 41,
            "about": ["change/CHG0000042", "change/CHG0000043"],
            "first_at": "2026-03-02T09:30:00.000000Z",
            "last_at": "2026-03-02T09:30:41.000000Z",
        }
    }

    reading: Reading
