"""A row's cells, as far as the mapping names them: text, or None where the source says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from operator import ne

Cells = tuple[str | None, ...]
"""One per column of the layout. The previous row of a number's first one is `Layout.nothing`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a mapping reads, in which order they stand in `Cells`."""

    columns: tuple[str, ...]

    @property
    def nothing(self) -> Cells:
        return (None,) * len(self.columns)

    def index(self, column: str) -> int:
        return self.columns.index(column)

    def mask(self, columns: Iterable[str] | None) -> int:
        """A bit for each column."""
        return sum(1 << self.index(column) for column in dict.fromkeys(columns or ()))


def changed_mask(previous: Cells, row: Cells, bits: tuple[int, ...]) -> int:
    """A bit for each cell that differs. `bits` are the powers of two, one per column."""
    return sum(compress(bits, map(ne, previous, row)))


def names_of(cell: str | None, split: str | None) -> Iterator[str]:
    """What the cell names, each once, in its order; without `split` all of it is one name."""
    if cell is None:
        return iter(())
    if split is None:
        return iter((cell,))
    return iter(dict.fromkeys(name for part in cell.split(split) if (name := part.strip())))
