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

    def may_hold(self, mask: int, *, first: bool) -> bool:
        """As far as which cells changed can tell."""
        if (self.changed and not mask & self.changed) or mask & self.unchanged:
            return False
        return self.first is None or self.first is first

    def fits(self, previous: Cells, row: Cells) -> bool:
        """As far as what stands in the cells can tell."""
        for asked in self.comparisons:
            cell = previous[asked.index] if asked.previous else row[asked.index]
            if (cell in asked.values) is not asked.wanted:
                return False
        return True


Condition = tuple[Alternative, ...]
"""Alternatives: one must hold."""


def condition(alternatives: Sequence[When], layout: Layout) -> Condition:
    """Without any alternative, a condition that always holds."""
    return tuple(_alternative(when, layout) for when in alternatives) or (ALWAYS,)


ALWAYS = Alternative(None, 0, 0, ())


def possible(asked: Condition, mask: int, *, first: bool) -> Condition:
    """The alternatives that which cells changed does not rule out."""
    return tuple(each for each in asked if each.may_hold(mask, first=first))


def holds(asked: Condition, previous: Cells, row: Cells, mask: int, *, first: bool) -> bool:
    return any(each.fits(previous, row) for each in possible(asked, mask, first=first))


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
