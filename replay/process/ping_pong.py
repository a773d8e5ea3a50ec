"""Ping-pong: cases that come back to who had them before."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from ledger.ledger import Ledger
from replay.process.activities import Stretch, held, joined
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.pages import Page

DEFINITION: Final = (
    "A return is a handover to somebody who had the case before; a bounce is a return from whom it was handed to: A, B, A. "
    "Pairs count bounces, whichever of the two had it first. Seconds: from when A lost it until A had it again."
)


@dataclass(slots=True)
class _Pair:
    away: Durations = field(default_factory=Durations)
    cases: int = 0


def ping_pong(ledger: Ledger, asked: Question, page: Page) -> Answer:
    """Pairs, and the cases that returned most often, `page.limit` of them. Raises what `Cases` raises."""
    cases = Cases(ledger, asked, holders=True)
    pairs: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
    returns: Counter[str] = Counter()
    bounces: Counter[str] = Counter()
    for case in cases:
        held_by = list(joined(held(case)))
        count = _returns(held_by)
        if not count:
            continue
        returns[case.subject] = count
        met = set()
        for first, between, again in zip(held_by, held_by[1:], held_by[2:], strict=False):
            if first.name == again.name:
                pair = (min(first.name, between.name), max(first.name, between.name))
                pairs[pair].away.add(between.start if first.end is None else first.end, again.start)
                bounces[case.subject] += 1
                met.add(pair)
        for pair in met:
            pairs[pair].cases += 1
    worst = sorted(returns, key=lambda name: (-returns[name], name))[: page.limit]
    ordered = sorted(pairs, key=lambda pair: (-len(pairs[pair].away), pair))
    items = [
        {
            "between": list(pair),
            "bounces": len(pairs[pair].away),
            "cases": pairs[pair].cases,
            **pairs[pair].away.told(),
        }
        for pair in ordered
    ]
    return {
        **cases.told(),
        "definition": DEFINITION,
        "returns": returns.total(),
        "cases_returned": len(returns),
        "bounces": bounces.total(),
        "cases_bounced": len(bounces),
        "most_returned": [
            {"subject": name, "returns": returns[name], "bounces": bounces[name]} for name in worst
        ],
        **page.of(items),
    }


def _returns(held_by: list[Stretch]) -> int:
    """How many of them had the case before: no two that follow each other are the same."""
    return len(held_by) - len({stretch.name for stretch in held_by})
