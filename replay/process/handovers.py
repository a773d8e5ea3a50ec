"""Handovers: from whom to whom cases went, and how long the one before had them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ledger.ledger import Ledger
from replay.process.activities import held, joined
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.pages import Page

DEFINITION: Final = (
    "A handover is that somebody has a case whom another had last; that nobody had it in between does not matter, and "
    "who gets it back from nobody was handed nothing. Seconds: how long the one before had it, until a step gave it to "
    "another or took it away."
)


@dataclass(slots=True)
class _Pair:
    had: Durations = field(default_factory=Durations)
    cases: int = 0


def handovers(ledger: Ledger, asked: Question, page: Page) -> Answer:
    """From whom to whom, the most frequent first. Raises what `Cases` raises."""
    cases = Cases(ledger, asked, holders=True)
    pairs: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
    within = 0
    for case in cases:
        met = set()
        for giver, taker in pairwise(joined(held(case))):
            pair = (giver.name, taker.name)
            pairs[pair].had.add(giver.start, taker.start if giver.end is None else giver.end)
            met.add(pair)
        for pair in met:
            pairs[pair].cases += 1
        within += bool(met)
    ordered = sorted(pairs, key=lambda pair: (-len(pairs[pair].had), pair))
    items = [
        {
            "from": pair[0],
            "to": pair[1],
            "count": len(pairs[pair].had),
            "cases": pairs[pair].cases,
            **pairs[pair].had.told(),
        }
        for pair in ordered
    ]
    return {
        **cases.told(),
        "definition": DEFINITION,
        "handovers": sum(len(pair.had) for pair in pairs.values()),
        "cases_handed_over": within,
        **page.of(items),
    }
