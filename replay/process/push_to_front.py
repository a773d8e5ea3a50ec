"""Push to front: cases that the first line solved without handing them to the lines behind it.

The term is that of the Business Process Intelligence Challenge 2013 (Steeman, Volvo IT).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, Final, Literal

from ledger.ledger import Ledger
from replay.errors import NoSupportLevels
from replay.process.cases import Answer, Cases, Question
from replay.process.machines import NOT_SOLVED, done_statuses, require_machine
from replay.process.pages import Page
from replay.process.steps import Case

DEFINITION: Final = (
    "Of the cases that were solved: everybody who had the case until it was first done was of the front line. Front line: "
    "who is named as such, or else those whose name tells no support level above 1 (`V5 3rd` and `G97 2nd` do)."
)
PER_MILLE: Final = 1_000
_LEVEL: Final = re.compile(r"(?<![0-9A-Za-z])([1-9])(?:st|nd|rd|th)(?![0-9A-Za-z])", re.IGNORECASE)

Outcome = Literal["at_front", "handed_behind", "began_behind", "had_by_nobody"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "at_front",
    "handed_behind",
    "began_behind",
    "had_by_nobody",
)


def level_in(name: str) -> int | None:
    """The support level that a name tells: 3 of `V5 3rd`. None where it tells none."""
    found = _LEVEL.search(name)
    return int(found[1]) if found else None


def push_to_front(
    ledger: Ledger, asked: Question, page: Page, front: Collection[str] = ()
) -> Answer:
    """By who had the solved cases first. Raises NoSupportLevels where neither `front` nor any name says who is where;
    NoStateMachine, and what `Cases` raises.
    """
    require_machine(asked.family)
    cases = Cases(ledger, asked, holders=True)
    solved_in = done_statuses(cases.family) - NOT_SOLVED
    outcomes: Counter[Outcome] = Counter()
    by_first: dict[str, Counter[Outcome]] = defaultdict(Counter)
    met: dict[str, bool] = {}
    for case in cases:
        for step in case.steps:
            if step.holder is not None and step.holder not in met:
                met[step.holder] = _is_front(step.holder, front)
        had_by = _had_until_solved(case, solved_in)
        if had_by is None:
            continue
        outcome = _outcome(had_by, met)
        outcomes[outcome] += 1
        if had_by:
            by_first[had_by[0]][outcome] += 1
    if met and not front and not any(level_in(name) for name in met):
        raise NoSupportLevels(
            f"no name under {cases.held_by} tells a support level, as `G97 2nd` does: name those of the front line",
            held_by=cases.held_by,
        )
    items = [_row(name, by_first[name], front=met[name]) for name in by_first]
    items.sort(key=lambda item: (-item["solved"], item["first"]))
    return {
        **cases.told(),
        "definition": DEFINITION,
        "front": sorted(front) or None,
        **_shares(outcomes),
        **page.of(items),
    }


def _is_front(name: str, front: Collection[str]) -> bool:
    return name in front if front else (level_in(name) or 1) == 1


def _had_until_solved(case: Case, solved_in: frozenset[str]) -> list[str] | None:
    """Everybody who had it until it was first done, in order; None for one that was not solved."""
    had_by: list[str] = []
    for step in case.steps:
        if step.holder is not None and step.holder not in had_by:
            had_by.append(step.holder)
        if step.status in solved_in:
            return had_by
    return None


def _outcome(had_by: list[str], is_front: dict[str, bool]) -> Outcome:
    if not had_by:
        return "had_by_nobody"
    if all(is_front[name] for name in had_by):
        return "at_front"
    return "handed_behind" if is_front[had_by[0]] else "began_behind"


def _shares(outcomes: Counter[Outcome]) -> dict[str, Any]:
    """`at_front_per_mille`: of those that anybody had, rounded down; None where there are none."""
    solved = outcomes.total()
    had = solved - outcomes["had_by_nobody"]
    return {
        "solved": solved,
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "at_front_per_mille": outcomes["at_front"] * PER_MILLE // had if had else None,
    }


def _row(first: str, outcomes: Counter[Outcome], *, front: bool) -> dict[str, Any]:
    return {"first": first, "is_front": front, **_shares(outcomes)}
