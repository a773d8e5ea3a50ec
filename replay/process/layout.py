"""Where everything of a graph's picture stands: nodes in layers, and between two layers the labels of what goes there.

A label has a place of its own in a layer between those of nodes, and so has each piece of a line that passes a layer. So
nothing overlaps: lines run straight through their places, and bend only in the gaps between layers, where nothing stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from replay.process.layers import Way, layers_of
from replay.process.lines import BORDER, LOOP, PORT, Extent, Line, Place, Router
from replay.process.placing import Row, arranged, placed

MARGIN: Final = 24.0
_GAP: Final = 30.0
_BESIDE: Final = 16.0
_PASSING: Final = 10.0
"""The width of a line's place in a layer that it passes."""
_DEEPEST: Final = 70.0
_DEEPENING: Final = 0.08

Size = tuple[float, float]


@dataclass(slots=True)
class Layout:
    width: float
    height: float
    nodes: dict[str, Place]
    lines: list[Line]


def laid_out(
    sizes: Mapping[str, Size], ways: Sequence[Way], labels: Sequence[Size], pull: Mapping[str, int]
) -> Layout:
    """`labels`: of each way. The same graph is always laid out the same."""
    return _Plan(sizes, ways, labels, pull).layout()


class _Plan:
    """`rows`: layers of nodes at even, of labels at odd indices, of places by number. `links`: from row to row."""

    def __init__(
        self,
        sizes: Mapping[str, Size],
        ways: Sequence[Way],
        labels: Sequence[Size],
        pull: Mapping[str, int],
    ) -> None:
        self.ways = ways
        self.layers = layers_of(list(sizes), ways, pull)
        self.places: list[Place] = []
        self.rows: list[Row] = [[] for _ in range(2 * max(self.layers.values(), default=0) + 2)]
        self.links: dict[int, list[int]] = defaultdict(list)
        self.numbers: dict[str, int] = {}
        loops = {
            way.start: size[0]
            for way, size in zip(ways, labels, strict=True)
            if way.start == way.end
        }
        for name, (text, height) in sizes.items():
            width = max(text, self._at_border(name) * PORT / BORDER)
            loop = loops[name] + LOOP if name in loops else 0.0
            self.numbers[name] = self._put(Place(name, width, height, loop), 2 * self.layers[name])
        self.chains = [self._chain(way, size) for way, size in zip(ways, labels, strict=True)]

    def _at_border(self, name: str) -> int:
        """How many lines begin or end above it, or below it, whichever is more."""
        above = below = 0
        for way in self.ways:
            if name in {way.start, way.end} and way.start != way.end:
                other = way.end if way.start == name else way.start
                is_above = self.layers[other] < self.layers[name]
                above, below = above + is_above, below + (not is_above)
        return max(above, below)

    def _put(self, place: Place, row: int) -> int:
        self.places.append(place)
        self.rows[row].append(len(self.places) - 1)
        return len(self.places) - 1

    def _chain(self, way: Way, label: Size) -> list[int]:
        """The places that the way goes through, the topmost first; of a loop its node."""
        start, end = self.numbers[way.start], self.numbers[way.end]
        if start == end:
            return [start]
        top, bottom = sorted((2 * self.layers[way.start], 2 * self.layers[way.end]))
        if top == bottom:
            between = [self._put(Place(None, *label), top + 1)]
        else:
            labelled = top + 1 + (bottom - top - 1) // 4 * 2
            between = [
                self._put(Place(None, *(label if row == labelled else (_PASSING, 0.0))), row)
                for row in range(top + 1, bottom)
            ]
        upper, lower = (
            (start, end) if self.layers[way.start] <= self.layers[way.end] else (end, start)
        )
        chain = [upper, *between, lower]
        for one, other in pairwise(chain):
            self.links[one].append(other)
            self.links[other].append(one)
        return chain

    def layout(self) -> Layout:
        self.rows = arranged([row for row in self.rows if row], self.links)
        widths = [place.room + _BESIDE for place in self.places]
        for number, x in enumerate(placed(self.rows, self.links, widths)):
            self.places[number].x = x
        extents, height = self._set_heights()
        left = min((place.x - place.room / 2 for place in self.places), default=0.0)
        for place in self.places:
            place.x += MARGIN - left
        width = max((place.x + place.room / 2 for place in self.places), default=0.0) + MARGIN
        nodes = {name: self.places[number] for name, number in self.numbers.items()}
        lines = Router(self.places, self.rows, extents, self.chains).lines(self.ways)
        return Layout(width, height, nodes, lines)

    def _set_heights(self) -> tuple[list[Extent], float]:
        """From where to where each row reaches, and the height of it all."""
        extents: list[Extent] = []
        y = MARGIN
        for index, row in enumerate(self.rows):
            height = max(self.places[number].height for number in row)
            extents.append((y, y + height))
            for number in row:
                self.places[number].y = y + height / 2
            y += height + (self._gap_below(index) if index + 1 < len(self.rows) else 0.0)
        return extents, y + MARGIN

    def _gap_below(self, index: int) -> float:
        """Deeper where lines go far to the side: flat ones lie on each other."""
        below = set(self.rows[index + 1])
        far = (
            abs(self.places[number].x - self.places[other].x)
            for number in self.rows[index]
            for other in self.links.get(number, ())
            if other in below
        )
        return _GAP + min(_DEEPEST, max(far, default=0.0) * _DEEPENING)
