"""How lines run through a picture whose places are known: from border to border, bending between layers only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from replay.process.layers import Way
from replay.process.placing import Row

BORDER: Final = 0.8
"""How much of a node's border lines begin and end on."""
PORT: Final = 12.0
"""Apart from each other there, so that the tips of lines are seen."""
LOOP: Final = 34.0
"""How far a loop reaches out to the right of its node."""
_APART: Final = 7.0

Point = tuple[float, float]
Extent = tuple[float, float]
"""From where down to where a row reaches."""


@dataclass(slots=True)
class Place:
    """`x`, `y`: its middle. `name`: None of a label, or of a line that passes. `loop`: room at either side for what goes
    from it to itself, the label's width with it.
    """

    name: str | None
    width: float
    height: float
    loop: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def room(self) -> float:
        return self.width + 2 * self.loop

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(slots=True)
class Line:
    """`points`: from border to border, two for each layer that it passes. `label`: its middle."""

    way: Way
    points: list[Point] = field(default_factory=list)
    label: Point = (0.0, 0.0)
    is_back: bool = False


class Router:
    """`chains`: the places that each way goes through, the topmost first; of a loop its node alone."""

    def __init__(
        self,
        places: Sequence[Place],
        rows: Sequence[Row],
        extents: Sequence[Extent],
        chains: Sequence[Sequence[int]],
    ) -> None:
        self._places, self._chains = places, chains
        row_of = {number: index for index, row in enumerate(rows) for number in row}
        self._extents = {number: extents[index] for number, index in row_of.items()}
        self._ports = self._shared_out()

    def lines(self, ways: Sequence[Way]) -> list[Line]:
        found: list[Line] = []
        for index, (way, chain) in enumerate(zip(ways, self._chains, strict=True)):
            if len(chain) == 1:
                found.append(self._loop(way, self._places[chain[0]]))
            elif self._extents[chain[0]] == self._extents[chain[-1]]:
                found.append(self._beside(way, index))
            else:
                found.append(self._through(way, index))
        return found

    def _shared_out(self) -> dict[tuple[int, int], float]:
        """(way, which end of its chain) → where on its node's border it begins: beside each other, in the order of what
        they lead to.
        """
        at: dict[tuple[int, bool], list[tuple[float, int, int]]] = defaultdict(list)
        for index, chain in enumerate(self._chains):
            if len(chain) > 1:
                for end, (node, other) in enumerate(((chain[0], chain[1]), (chain[-1], chain[-2]))):
                    is_below = self._places[other].y > self._places[node].y
                    at[node, is_below].append((self._places[other].x, index, end))
        found: dict[tuple[int, int], float] = {}
        for (node, _), leading in at.items():
            place = self._places[node]
            step = place.width * BORDER / len(leading)
            left = place.x - step * (len(leading) - 1) / 2
            for number, (_, index, end) in enumerate(sorted(leading)):
                found[index, end] = left + step * number
        return found

    def _loop(self, way: Way, node: Place) -> Line:
        right = node.x + node.width / 2
        points = [(right, node.y - node.height / 4), (right, node.y + node.height / 4)]
        return Line(way, points, (right + LOOP + (node.loop - LOOP) / 2, node.y))

    def _beside(self, way: Way, index: int) -> Line:
        """Between two of a layer: down to the label, and up again."""
        chain = self._chains[index]
        first, label, last = (self._places[number] for number in chain)
        _, bottom = self._extents[chain[0]]
        one, other = self._ports[index, 0], self._ports[index, 1]
        apart = _APART if one < other else -_APART
        points = [
            (one, first.bottom),
            (one, bottom),
            (label.x - apart, label.top),
            (label.x - apart, label.y),
            (label.x + apart, label.y),
            (label.x + apart, label.top),
            (other, bottom),
            (other, last.bottom),
        ]
        return Line(way, points, (label.x, label.y))

    def _through(self, way: Way, index: int) -> Line:
        """From layer to layer; where it began below, the same way back."""
        chain = self._chains[index]
        upper, lower = self._places[chain[0]], self._places[chain[-1]]
        begin, end = self._ports[index, 0], self._ports[index, 1]
        label = (0.0, 0.0)
        points = [(begin, upper.bottom), (begin, self._extents[chain[0]][1])]
        for number in chain[1:-1]:
            place, (top, bottom) = self._places[number], self._extents[number]
            points += [(place.x, top), (place.x, bottom)]
            if place.height:
                label = (place.x, place.y)
        points += [(end, self._extents[chain[-1]][0]), (end, lower.top)]
        is_back = way.start != upper.name
        return Line(way, points[::-1] if is_back else points, label, is_back)
