"""Which node of a graph stands in which layer of its picture: from where cases begin down to where they end.

After Sugiyama, Tagawa and Toda (1981); cycles are broken by the greedy order of Eades, Lin and Smyth (1993).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MOST_LAYERS: Final = 9
"""Of longest paths. More make a picture that is all height: then each node stands below its main predecessor."""
MOST_IN_LAYER: Final = 8


class Way(NamedTuple):
    start: str
    end: str
    weight: int


def layers_of(names: Sequence[str], ways: Sequence[Way], pull: Mapping[str, int]) -> dict[str, int]:
    """Name → layer, from 0 without gaps. `pull`: how much more often a node begins cases than ends them."""
    order = {name: place for place, name in enumerate(_greedy_order(names, ways, pull))}
    forward = [way for way in ways if order[way.start] < order[way.end]]
    by_order = sorted(names, key=order.__getitem__)
    ranks = _longest(by_order, forward)
    if max(ranks.values(), default=0) >= MOST_LAYERS:
        ranks = _below_main(by_order, forward)
    return _spread(by_order, ranks)


def _greedy_order(names: Sequence[str], ways: Sequence[Way], pull: Mapping[str, int]) -> list[str]:
    balance = defaultdict(int, {name: pull.get(name, 0) for name in names})
    leaving: dict[str, dict[str, int]] = {name: {} for name in names}
    coming: dict[str, dict[str, int]] = {name: {} for name in names}
    for way in ways:
        if way.start != way.end:
            leaving[way.start][way.end] = coming[way.end][way.start] = way.weight
            balance[way.start] += way.weight
            balance[way.end] -= way.weight
    first: list[str] = []
    last: list[str] = []
    left = list(names)
    while left:
        ends = [name for name in left if not leaving[name]]
        begins = [name for name in left if not coming[name]]
        chosen = (ends or begins or [max(left, key=lambda name: (balance[name], name))])[0]
        (last if ends else first).append(chosen)
        left.remove(chosen)
        for other, weight in leaving.pop(chosen).items():
            coming[other].pop(chosen, None)
            balance[other] += weight
        for other, weight in coming.pop(chosen).items():
            leaving[other].pop(chosen, None)
            balance[other] -= weight
    return first + last[::-1]


def _longest(order: Sequence[str], forward: Sequence[Way]) -> dict[str, int]:
    before: dict[str, list[str]] = defaultdict(list)
    for way in forward:
        before[way.end].append(way.start)
    ranks: dict[str, int] = {}
    for name in order:
        ranks[name] = 1 + max((ranks[start] for start in before[name]), default=-1)
    return ranks


def _below_main(order: Sequence[str], forward: Sequence[Way]) -> dict[str, int]:
    """Below the most frequent predecessor; of several the uppermost."""
    before: dict[str, list[Way]] = defaultdict(list)
    for way in forward:
        before[way.end].append(way)
    ranks: dict[str, int] = {}
    for name in order:
        ranked = [(-way.weight, ranks[way.start]) for way in before[name]]
        ranks[name] = 1 + min(ranked)[1] if ranked else 0
    return ranks


def _spread(order: Sequence[str], ranks: Mapping[str, int]) -> dict[str, int]:
    """With layers that are too wide cut into several."""
    within: dict[int, list[str]] = defaultdict(list)
    for name in order:
        within[ranks[name]].append(name)
    layers: dict[str, int] = {}
    layer = 0
    for rank in sorted(within):
        names = within[rank]
        parts = -(-len(names) // MOST_IN_LAYER)
        for number, name in enumerate(names):
            layers[name] = layer + number * parts // len(names)
        layer += parts
    return layers
