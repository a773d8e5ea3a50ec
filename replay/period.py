"""A period that is asked about: from a moment, inclusive, to a moment, exclusive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.moments import canonical_time
from domain.windows import Span, overlap
from replay.errors import MomentRefused

BEGINNING: Final = "0001-01-01T00:00:00.000000Z"
NEVER: Final = "9999-12-31T23:59:59.999999Z"
"""They sort before and behind every moment."""


@dataclass(frozen=True, slots=True)
class Period:
    """Canonical RFC 3339 text, which sorts as it happened."""

    start: str = BEGINNING
    end: str = NEVER

    def holds(self, moment: str) -> bool:
        return self.start <= moment < self.end

    def meets(self, span: Span) -> bool:
        return overlap({"start": self.start, "end": self.end}, span)

    def told(self) -> dict[str, str | None]:
        """`from` and `to`, None where the period is open."""
        start = None if self.start == BEGINNING else self.start
        return {"from": start, "to": None if self.end == NEVER else self.end}


@dataclass(frozen=True, slots=True)
class Answered:
    """What is so of a period. `position`: the ledger's size that all of `items` reflects."""

    period: Period
    position: int
    items: tuple[object, ...]


def period_between(start: str | None, end: str | None) -> Period:
    """None is open. Raises Malformed for a time without zone, MomentRefused for a period that is none."""
    period = Period(
        BEGINNING if start is None else canonical_time(start),
        NEVER if end is None else canonical_time(end),
    )
    if period.start >= period.end:
        raise MomentRefused(f"expected a period that ends after it starts, got {start} to {end}")
    return period
