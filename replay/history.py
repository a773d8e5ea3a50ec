"""A subject's history: each event with who, when, why, by which rules, and what it changed."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.errors import UnknownSubject
from domain.event import Json
from ledger.ledger import Ledger
from ledger.past import Envelope, entries_of, envelope_of
from replay.changes import Change, apply_patch

_TOLD = (
    "authid",
    "authtype",
    "onbehalfof",
    "recordedby",
    "decision",
    "policy",
    "reason",
    "comment",
    "corrects",
    "replacement",
    "effectivetime",
)
"""The envelope attributes that a step tells; each is left out where the entry has none."""


class Step(NamedTuple):
    """One event. `said`: the entry's envelope: who said so, when and why; texts are commitments.

    `changes`: by path, what the fold by position had before and has after it.
    """

    position: int
    said: Envelope
    changes: dict[str, Change]

    @property
    def version(self) -> int:
        return self.said.subjectversion

    @property
    def type(self) -> str:
        return self.said.type

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that decided, and guards that could not be asked as `vacuous:…`."""
        return tuple(self.said.rules.split())

    @property
    def grants(self) -> tuple[str, ...]:
        return tuple(self.said.grants.split())


def history(ledger: Ledger, subject: str) -> list[Step]:
    """Every entry of the subject, in order. Raises UnknownSubject, CorruptEntry."""
    rows = entries_of(ledger.database, subject)
    if not rows:
        raise UnknownSubject(f"{subject} is not known", subject=subject)
    steps: list[Step] = []
    state: dict[str, Json] = {}
    for position, raw in rows:
        said = envelope_of(position, raw)
        steps.append(Step(position, said, apply_patch(state, said.data)))
    return steps


def as_json(step: Step) -> dict[str, Any]:
    """The step as JSON answers tell it, without what its entry does not say."""
    said = step.said
    told = {name: getattr(said, name) for name in _TOLD}
    return {
        "position": step.position,
        "version": step.version,
        "type": step.type,
        "time": said.time,
        "recordedtime": said.recordedtime,
        **{name: value for name, value in told.items() if value is not None},
        "rules": list(step.rules),
        "grants": list(step.grants),
        "changes": step.changes,
    }
