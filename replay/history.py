"""A subject's history: each event with who, when, why, by which rules, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.errors import UnknownSubject
from domain.event import Json
from ledger.entry import parse_entry
from ledger.errors import CorruptEntry
from ledger.ledger import Ledger
from ledger.past import entries_of
from replay.changes import Change, apply_patch

_REQUIRED = frozenset({"subjectversion", "type", "time", "recordedtime"})
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
    """One event. `said`: the entry's envelope, as stored.

    `changes`: by path, what the fold by position had before and has after it.
    """

    position: int
    said: Mapping[str, Any]
    changes: dict[str, Change]

    @property
    def version(self) -> int:
        return int(self.said["subjectversion"])

    @property
    def type(self) -> str:
        return str(self.said["type"])

    @property
    def time(self) -> str:
        """When it happened."""
        return str(self.said["time"])

    @property
    def recordedtime(self) -> str:
        return str(self.said["recordedtime"])

    @property
    def authid(self) -> str | None:
        """Who acted."""
        return self.said.get("authid")

    @property
    def authtype(self) -> str | None:
        return self.said.get("authtype")

    @property
    def onbehalfof(self) -> str | None:
        return self.said.get("onbehalfof")

    @property
    def recordedby(self) -> str | None:
        """The authenticated client that said so."""
        return self.said.get("recordedby")

    @property
    def decision(self) -> str | None:
        """`permit`, `observed` or `genesis`."""
        return self.said.get("decision")

    @property
    def policy(self) -> str | None:
        return self.said.get("policy")

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that decided, and guards that could not be asked as `vacuous:…`."""
        return tuple(self.said.get("rules", "").split())

    @property
    def grants(self) -> tuple[str, ...]:
        return tuple(self.said.get("grants", "").split())

    @property
    def reason(self) -> str | None:
        """A commitment to the text, which lies outside the log."""
        return self.said.get("reason")

    @property
    def comment(self) -> str | None:
        """As `reason`."""
        return self.said.get("comment")

    @property
    def corrects(self) -> int | None:
        """The position of the fact that a correction is about."""
        return self.said.get("corrects")

    @property
    def replacement(self) -> str | None:
        """JSON text of what should have stood there."""
        return self.said.get("replacement")

    @property
    def effectivetime(self) -> str | None:
        return self.said.get("effectivetime")


def history(ledger: Ledger, subject: str) -> list[Step]:
    """Every entry of the subject, in order. Raises UnknownSubject, CorruptEntry."""
    rows = entries_of(ledger.database, subject)
    if not rows:
        raise UnknownSubject(f"{subject} is not known", subject=subject)
    steps: list[Step] = []
    state: dict[str, Json] = {}
    for position, raw in rows:
        said = parse_entry(raw, position)
        if not said.keys() >= _REQUIRED:
            raise CorruptEntry(
                f"the entry at position {position} lacks one of {', '.join(sorted(_REQUIRED))}",
                position=position,
            )
        steps.append(Step(position, said, apply_patch(state, said["data"])))
    return steps


def as_json(step: Step) -> dict[str, Any]:
    """The step as JSON answers tell it, without what its entry does not say."""
    said = step.said
    return {
        "position": step.position,
        "version": step.version,
        "type": step.type,
        "time": step.time,
        "recordedtime": step.recordedtime,
        **{name: said[name] for name in _TOLD if name in said},
        "rules": list(step.rules),
        "grants": list(step.grants),
        "changes": step.changes,
    }
