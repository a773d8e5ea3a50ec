"""A subject's history: each event with who, when, why, by which rules, and what it changed."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.event import Json
from domain.fold import merge_patch
from ledger.entry import Entry
from ledger.errors import CorruptEntry
from ledger.ledger import Ledger
from replay.changes import Change, changed_fields


class Step(NamedTuple):
    """One event. `reason` and `comment` are as stored: commitments to texts that lie outside the log.

    `changes`: by path, what the fold by position had before and has after it. `corrects`: the position
    that a correction is about, `replacement` the JSON text of what should have stood there.
    """

    position: int
    version: int
    type: str
    time: str
    recordedtime: str
    authid: str | None
    authtype: str | None
    onbehalfof: str | None
    recordedby: str | None
    decision: str | None
    policy: str | None
    rules: tuple[str, ...]
    grants: tuple[str, ...]
    reason: str | None
    comment: str | None
    corrects: int | None
    replacement: str | None
    effectivetime: str | None
    changes: dict[str, Change]


def history(ledger: Ledger, subject: str) -> list[Step]:
    """Every entry of the subject, in order. Raises UnknownSubject, CorruptEntry."""
    steps: list[Step] = []
    state: dict[str, Json] = {}
    for entry in ledger.entries_of(subject):
        after = merge_patch(state, entry.data)
        steps.append(_step(entry, changed_fields(state, after)))
        state = after
    return steps


def as_json(step: Step) -> dict[str, Any]:
    """The step without the attributes that its entry does not have."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in step._asdict().items()
        if value not in (None, ())
    }


def _step(entry: Entry, changes: dict[str, Change]) -> Step:
    said = entry.attributes
    told = said.get
    try:
        return Step(
            entry.position,
            said["subjectversion"],
            said["type"],
            said["time"],
            said["recordedtime"],
            told("authid"),
            told("authtype"),
            told("onbehalfof"),
            told("recordedby"),
            told("decision"),
            told("policy"),
            tuple(told("rules", "").split()),
            tuple(told("grants", "").split()),
            told("reason"),
            told("comment"),
            told("corrects"),
            told("replacement"),
            told("effectivetime"),
            changes,
        )
    except (KeyError, AttributeError) as fault:
        raise CorruptEntry(
            f"the entry at position {entry.position} lacks an attribute: {fault!r}",
            position=entry.position,
        ) from fault
