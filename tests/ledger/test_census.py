"""Counts of grants are kept by their bounds, and only the last few."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.population import Bounds
from ledger.census import KEPT_COUNTS, Counts, LogCensus

NOW = "2026-03-02T12:00:00.000000Z"


@dataclass
class Asked:
    """What was counted in the log, because no count of it was kept."""

    bounds: list[Bounds] = field(default_factory=list)

    def __call__(self, bounds: Bounds) -> tuple[str, ...]:
        self.bounds.append(bounds)
        return (f"grant/{bounds.role}", f"grant/{bounds.service}", f"grant/{bounds.position}")


def test_a_count_is_made_once_for_all_its_bounds() -> None:
    asked, counts = Asked(), Counts()
    each = [
        Bounds(7, NOW),
        Bounds(8, NOW),
        Bounds(7, NOW, "role/ROL1"),
        Bounds(7, NOW, None, "mail"),
        Bounds(7, "2026-03-02T12:00:00.000001Z"),
    ]
    first = [LogCensus(9, counts, asked).live_grants(bounds) for bounds in each]

    again = [LogCensus(9, counts, asked).live_grants(bounds) for bounds in each]

    assert again == first
    assert asked.bounds == each


def test_the_last_counts_are_kept_and_no_more() -> None:
    asked, counts = Asked(), Counts()
    many = [Bounds(position, NOW) for position in range(KEPT_COUNTS + 1)]
    for bounds in many:
        LogCensus(99, counts, asked).live_grants(bounds)

    assert counts.get(many[0]) is None
    assert all(counts.get(bounds) for bounds in many[1:])
