"""Cases by hand: steps at minutes after nine, or facts that a ledger observes.

at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", {"assignment_group": "A"}))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from replay.process.cases import Answer, Question
from replay.process.graph import directly_follows
from replay.process.steps import Case, Step
from tests.replay.given_log import Desk

MINUTE: Final = 60_000_000
Fact = tuple[int, str, Mapping[str, Any]]


def when(minute: int) -> str:
    """RFC 3339 of so many minutes after nine on 2026-03-01."""
    hour, minutes = divmod(minute, 60)
    day, hours = divmod(9 + hour, 24)
    return f"2026-03-{1 + day:02}T{hours:02}:{minutes:02}:00.000000Z"


def stood(*statuses: tuple[int, str | None]) -> Case:
    """A case that stood in these statuses from these minutes on."""
    steps: list[Step] = []
    before: str | None = None
    for position, (minute, status) in enumerate(statuses, 1):
        steps.append(_step(position, minute, before=before, status=status))
        before = status
    return Case("incident/INC1", steps)


def had(*holders: tuple[int, str | None]) -> Case:
    """A case that these had from these minutes on."""
    steps = [
        _step(position, minute, holder=holder)
        for position, (minute, holder) in enumerate(holders, 1)
    ]
    return Case("incident/INC1", steps)


def _step(
    position: int,
    minute: int,
    *,
    before: str | None = None,
    status: str | None = None,
    holder: str | None = None,
) -> Step:
    return Step(
        position, "itsm.incident.classified.v1", minute * MINUTE, before, status, holder, {}
    )


def at_desk(at: Desk, number: str, *facts: Fact) -> list[int]:
    """Observes them of the incident (`problem/PRB1` names another family's subject). Their positions."""
    subject = number if "/" in number else f"incident/{number}"
    return [
        at.observes(subject, name, data, time=when(minute)).position for minute, name, data in facts
    ]


def edges(at: Desk, by: Any = "status", **asked: Any) -> dict[tuple[str, str], int]:
    found = directly_follows(at.house.ledger, Question("incident", **asked), by)
    return {(edge.start, edge.end): edge.count for edge in found.edges}


def by_name(rows: Sequence[Answer], name: str) -> dict[Any, Answer]:
    return {row[name]: row for row in rows}
