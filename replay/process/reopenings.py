"""Reopenings: cases that were done and were not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from domain.event import events_of
from ledger.ledger import Ledger
from replay.process.activities import Stretch, visits
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.machines import done_statuses, require_machine
from replay.process.pages import MOST_OF_A_CASE, Foremost, Page
from replay.process.steps import Case, Step, moment_text

DEFINITION: Final = (
    "A reopening is a visit to a status in which a case is not done right after one in which it was. Done: the statuses "
    "that no way leads out of, and those that reopening leads out of. `stated`: the case's own counter at the end. "
    "Seconds: how long it had been in that status."
)
_COUNTER: Final = "reopen_count"


def reopenings(ledger: Ledger, asked: Question, page: Page) -> Answer:
    """By case, those reopened most often first. Raises NoStateMachine, and what `Cases` raises."""
    require_machine(asked.family)
    cases = Cases(ledger, asked)
    done = done_statuses(cases.family)
    ways: Counter[tuple[str, str, str]] = Counter()
    rested = Durations()
    found = Foremost(page)
    otherwise: Counter[int] = Counter()
    for case in cases:
        reopened = list(_reopened(case, done))
        stated = _stated(case)
        if stated is not None and stated != len(reopened):
            otherwise[stated - len(reopened)] += 1
        for one in reopened:
            ways[one.before.name, one.after.name, one.step.name] += 1
            rested.add(one.before.start, one.after.start)
        if reopened:
            found.add(len(reopened), case.subject, _told(case, reopened, stated))
    return {
        **cases.told(),
        "definition": DEFINITION,
        "done": sorted(done),
        "reopenings": len(rested),
        "cases_reopened": found.rows,
        **rested.told(),
        "ways": _told_ways(ways),
        "stated_otherwise": None if not _counts(cases.family) else _told_otherwise(otherwise),
        **found.told(),
    }


class _Reopening(NamedTuple):
    """`step`: the one that led out of what was done."""

    before: Stretch
    after: Stretch
    step: Step


def _reopened(case: Case, done: frozenset[str]) -> Iterator[_Reopening]:
    for before, after in pairwise(visits(case)):
        if before.name in done and after.name not in done:
            yield _Reopening(before, after, _leading_out(case, after, done))


def _leading_out(case: Case, after: Stretch, done: frozenset[str]) -> Step:
    """The first of the move's steps that did; of one that went through other statuses, its last."""
    move = [step for step in case.steps if step.at == after.start]
    leading = (step for step in move if step.before in done and step.status not in done)
    return next(leading, move[-1])


def _stated(case: Case) -> int | None:
    for step in reversed(case.steps):
        if _COUNTER in step.patch:
            value = step.patch[_COUNTER]
            return value if isinstance(value, int) else None
    return None


def _counts(family: str) -> bool:
    return any(_COUNTER in event.model_fields for event in events_of(family))


def _told(case: Case, reopened: list[_Reopening], stated: int | None) -> dict[str, Any]:
    return {
        "subject": case.subject,
        "count": len(reopened),
        "stated": stated,
        "reopenings": [
            {
                "position": one.step.position,
                "at": moment_text(one.after.start),
                "from": one.before.name,
                "to": one.after.name,
                "type": one.step.name,
            }
            for one in reopened[:MOST_OF_A_CASE]
        ],
    }


def _told_ways(ways: Counter[tuple[str, str, str]]) -> list[dict[str, Any]]:
    ordered = sorted(ways.items(), key=lambda way: (-way[1], way[0]))
    return [
        {"from": start, "to": end, "type": kind, "count": count}
        for (start, end, kind), count in ordered
    ]


def _told_otherwise(otherwise: Counter[int]) -> list[dict[str, int]]:
    """`by`: what the counter has more (or, below 0, less) than there are reopenings."""
    return [{"by": by, "cases": otherwise[by]} for by in sorted(otherwise)]
