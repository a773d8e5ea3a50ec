"""Conditions of a mapping, made ready to be asked of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.importing.cells import Cells, Layout
from api.importing.schema import Scalar, When


@dataclass(frozen=True, slots=True)
class Comparison:
    """`previous`: the row before is meant. `wanted`: must the cell be among the values, or must it not?"""

    index: int
    values: frozenset[str | None]
    previous: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Alternative:
    """One `when`. `changed` and `unchanged` are masks; 0 asks nothing."""

    first: bool | None
    changed: int
    unchanged: int
    comparisons: tuple[Comparison, ...]

    def holds(self, mask: int, previous: Cells, row: Cells, first: bool) -> bool:
        if (self.changed and not mask & self.changed) or mask & self.unchanged:
            return False
        if self.first is not None and self.first is not first:
            return False
        for asked in self.comparisons:
            cell = previous[asked.index] if asked.previous else row[asked.index]
            if (cell in asked.values) is not asked.wanted:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Condition:
    """Alternatives: one must hold. None at all holds always."""

    alternatives: tuple[Alternative, ...]

    def holds(self, mask: int, previous: Cells, row: Cells, first: bool) -> bool:
        if not self.alternatives:
            return True
        # A loop, not any(): this runs for every rule of every row.
        for alternative in self.alternatives:  # noqa: SIM110 - as the line above says
            if alternative.holds(mask, previous, row, first):
                return True
        return False


def condition(alternatives: Sequence[When], layout: Layout) -> Condition:
    return Condition(tuple(_alternative(when, layout) for when in alternatives))


def as_cell(scalar: Scalar) -> str | None:
    """How a value that YAML reads as a number or a truth value stands in a cell."""
    if scalar is None:
        return None
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return str(scalar)


def _alternative(when: When, layout: Layout) -> Alternative:
    compared = [
        (when.is_, False, True),
        (when.is_not, False, False),
        (when.was, True, True),
        (when.was_not, True, False),
    ]
    return Alternative(
        when.first,
        layout.mask(when.changed),
        layout.mask(when.unchanged),
        tuple(
            Comparison(layout.index(column), frozenset(map(as_cell, values)), previous, wanted)
            for columns, previous, wanted in compared
            for column, values in columns.items()
        ),
    )
