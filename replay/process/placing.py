"""Order and place within layers: few crossings, then straight lines.

Order by barycentres (Sugiyama and others, 1981); places by least squares under what must lie between two neighbours,
which is isotonic regression (pool adjacent violators: Barlow and others, 1972).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

Row = list[int]
Links = Mapping[int, Sequence[int]]
_SWEEPS: Final = 16
_PASSES: Final = 24


def arranged(rows: Sequence[Row], links: Links) -> list[Row]:
    """The rows in the order with the fewest crossings that the sweeps came by."""
    current = [list(row) for row in rows]
    best, fewest = current, crossings(current, links)
    for sweep in range(_SWEEPS):
        current = _swept(current, links, downwards=sweep % 2 == 0)
        count = crossings(current, links)
        if count < fewest:
            best, fewest = current, count
    return best


def _swept(rows: Sequence[Row], links: Links, *, downwards: bool) -> list[Row]:
    swept = [list(row) for row in rows]
    indices = list(range(len(rows)))
    for before, index in pairwise(indices if downwards else indices[::-1]):
        places = {number: float(place) for place, number in enumerate(swept[before])}
        own = {number: place for place, number in enumerate(swept[index])}
        middles = {
            number: _mean([places[other] for other in links.get(number, ()) if other in places])
            for number in swept[index]
        }
        # What nothing binds keeps about its place among the others.
        scale = len(swept[before]) / max(1, len(swept[index]))
        swept[index].sort(
            key=lambda number: (_or(middles[number], own[number] * scale), own[number])
        )
    return swept


def crossings(rows: Sequence[Row], links: Links) -> int:
    """Between neighbouring rows; counted by inversions."""
    count = 0
    for upper, lower in pairwise(rows):
        below = {number: place for place, number in enumerate(lower)}
        ends: list[int] = []
        for number in upper:
            mine = sorted(below[other] for other in links.get(number, ()) if other in below)
            for place in mine:
                count += len(ends) - bisect_right(ends, place)
            for place in mine:
                insort(ends, place)
    return count


def placed(rows: Sequence[Row], links: Links, widths: Sequence[float]) -> list[float]:
    """The middle of each place, so that no two of a row overlap and lines bend little."""
    xs = [0.0] * len(widths)
    for row in rows:
        x = -sum(widths[number] for number in row) / 2
        for number in row:
            xs[number] = x + widths[number] / 2
            x += widths[number]
    for sweep in range(_PASSES):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_or(_mean([xs[other] for other in links.get(n, ())]), xs[n]) for n in row]
            for number, x in zip(row, _apart(wanted, [widths[n] for n in row]), strict=True):
                xs[number] = x
    return xs


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """As near as can be to what is wanted (least squares), in this order and without overlapping."""
    offsets = [0.0]
    for one, other in pairwise(widths):
        offsets.append(offsets[-1] + (one + other) / 2)
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        mean, size = place - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (mean * size + before * count) / (size + count), size + count
        blocks.append((mean, size))
    means = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
