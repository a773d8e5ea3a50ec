"""Variants: the ways that cases went, as sequences of activities, and how many went each."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.ledger import Ledger
from replay.process.activities import By, activities
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.pages import Page
from replay.process.push_to_front import PER_MILLE

DEFINITION: Final = (
    "A variant is a sequence of activities, from a case's first to its last at `until`; cases that went the same way are "
    "of the same variant, also those that still run. Seconds: from a case's first activity to its last."
)
EXAMPLES: Final = 3


@dataclass(slots=True)
class _Variant:
    took: Durations = field(default_factory=Durations)
    examples: list[str] = field(default_factory=list)


def variants(ledger: Ledger, asked: Question, page: Page, by: By = "status") -> Answer:
    """The most frequent first; of equally frequent ones the shortest. Raises what `Cases` raises."""
    cases = Cases(ledger, asked, holders=by == "group")
    numbers: dict[str, int] = {}
    found: dict[bytes, _Variant] = {}
    for case in cases:
        went = activities(case, by)
        # Four bytes an activity: as texts, ten thousand long cases would be gigabytes.
        key = array("I", (numbers.setdefault(one.name, len(numbers)) for one in went)).tobytes()
        variant = found.setdefault(key, _Variant())
        variant.took.add(went[0].at if went else 0, went[-1].at if went else 0)
        if len(variant.examples) < EXAMPLES:
            variant.examples.append(case.subject)
    names = list(numbers)
    ordered = sorted(
        found.items(), key=lambda one: (-len(one[1].took), len(one[0]), one[1].examples)
    )
    told = page.of(ordered)
    told["items"] = [_told(names, key, variant, cases.cases) for key, variant in told["items"]]
    return {**cases.told(), "definition": DEFINITION, "by": by, **told}


def _told(names: list[str], key: bytes, variant: _Variant, cases: int) -> dict[str, Any]:
    sequence = array("I")
    sequence.frombytes(key)
    return {
        "activities": [names[number] for number in sequence],
        "cases": len(variant.took),
        "per_mille": len(variant.took) * PER_MILLE // cases,
        **variant.took.told(),
        "examples": variant.examples,
    }
