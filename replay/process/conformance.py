"""Conformance: where the observed way of a case is not one that the declared state machine knows.

What the machine knows is asked of the event types themselves (`Event.takes_place_in`). An observed deviation was
recorded and refused nowhere; the register of flows counts the same ones in the order of the log (`projections.flow`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from domain.correction import FactCorrected
from domain.errors import UnknownType
from domain.event import Event, event_class
from ledger.ledger import Ledger
from replay.process.cases import Answer, Cases, Question
from replay.process.machines import require_machine, statuses_of
from replay.process.pages import MOST_OF_A_CASE, Foremost, Page
from replay.process.push_to_front import PER_MILLE
from replay.process.steps import Case, Step, moment_text, named

DEFINITION: Final = (
    "Each step is held against the state machine of its family at the status that the step before it left. A case fits if "
    "none of its steps deviates."
)

Kind = Literal[
    "unlisted-transition",
    "before-creation",
    "created-again",
    "status-not-stated",
    "status-by-another-way",
    "unknown-status",
    "source-status-unread",
    "unknown-type",
]
KINDS: Final[dict[Kind, str]] = {
    "unlisted-transition": "The machine knows no such step from this status.",
    "before-creation": "It happened before anything created the subject.",
    "created-again": "The subject was there already.",
    "status-not-stated": "The step leads to a status and does not say so: the status stays as it was.",
    "status-by-another-way": "The status moved by a step that leads to none, or to another one.",
    "unknown-status": "The machine has no such status.",
    "source-status-unread": "The source told a status that is no word, and it moved nothing.",
    "unknown-type": "No such event type is registered here.",
}


class Deviation(NamedTuple):
    kind: Kind
    step: Step


class _Way(NamedTuple):
    kind: Kind
    type: str
    before: str | None
    status: str | None


def conformance(ledger: Ledger, asked: Question, page: Page, kind: Kind | None = None) -> Answer:
    """Deviations by kind and way, and by case, those with most first; of one kind only where `kind` names it.

    `fitting`: cases without any, of whichever kind. Raises NoStateMachine, and what `Cases` raises.
    """
    require_machine(asked.family)
    cases = Cases(ledger, asked)
    kinds: Counter[Kind] = Counter()
    within: Counter[Kind] = Counter()
    ways: Counter[_Way] = Counter()
    fitting, foremost = 0, Foremost(page)
    for case in cases:
        found = list(deviations(case, cases.family))
        fitting += not found
        kinds.update(one.kind for one in found)
        within.update({one.kind for one in found})
        wanted = [one for one in found if kind in {None, one.kind}]
        ways.update(
            _Way(one.kind, one.step.name, one.step.before, one.step.status) for one in wanted
        )
        if wanted:
            foremost.add(len(wanted), case.subject, _told_case(case.subject, wanted))
    return {
        **cases.told(),
        "definition": DEFINITION,
        "kind": kind,
        "fitting": fitting,
        "fitting_per_mille": fitting * PER_MILLE // cases.cases if cases.cases else None,
        "deviations": kinds.total(),
        "kinds": [
            {"kind": one, "count": kinds[one], "cases": within[one], "meaning": KINDS[one]}
            for one in KINDS
            if kinds[one]
        ],
        "ways": _told_ways(ways, page.limit),
        **foremost.told(),
    }


def deviations(case: Case, family: str) -> Iterator[Deviation]:
    """At most one of a step's place, and one of its status; in order."""
    for step in case.steps:
        for kind in _kinds_of(step, family):
            yield Deviation(kind, step)


def _kinds_of(step: Step, family: str) -> Iterator[Kind]:
    try:
        kind = event_class(step.type)
    except UnknownType:
        yield "unknown-type"
        return
    if not kind.takes_place_in(step.before):
        yield _place(kind, step)
    status = _of_status(kind, step, family)
    if status is not None:
        yield status


def _place(kind: type[Event], step: Step) -> Kind:
    if step.before is None:
        return "before-creation"
    return "created-again" if kind.from_statuses == () else "unlisted-transition"


def _of_status(kind: type[Event], step: Step, family: str) -> Kind | None:
    # A correction says what another entry should have said: the entry it corrects is the step.
    if (
        step.status != step.before
        and step.status is not None
        and not issubclass(kind, FactCorrected)
    ):
        if step.status not in statuses_of(family):
            return "unknown-status"
        if step.status != kind.to_status:
            return "status-by-another-way"
    if kind.to_status is not None and "status" not in step.patch:
        return "status-not-stated"
    word = named(step.patch.get("source_status"))
    if word is not None and "status" not in step.patch and not any(map(str.isalpha, word)):
        return "source-status-unread"
    return None


def _told_case(subject: str, found: list[Deviation]) -> dict[str, Any]:
    return {
        "subject": subject,
        "count": len(found),
        "deviations": [
            {
                "kind": one.kind,
                "position": one.step.position,
                "at": moment_text(one.step.at),
                "type": one.step.name,
                "from": one.step.before,
                "to": one.step.status,
            }
            for one in found[:MOST_OF_A_CASE]
        ],
    }


def _told_ways(ways: Counter[_Way], limit: int) -> list[dict[str, Any]]:
    ordered = sorted(ways.items(), key=lambda way: (-way[1], _key(way[0])))
    return [
        {"kind": way.kind, "type": way.type, "from": way.before, "to": way.status, "count": count}
        for way, count in ordered[:limit]
    ]


def _key(way: _Way) -> tuple[str, ...]:
    return (way.kind, way.type, way.before or "", way.status or "")
