"""The directly-follows graph: which activity came directly after which, how often, and how long after.

(van der Aalst, Process Mining, 2016, section 5.2; as pm4py's `discover_dfg` counts it.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from domain.errors import Malformed
from ledger.ledger import Ledger
from replay.process.activities import By, activities
from replay.process.cases import Answer, Cases, Question
from replay.process.durations import Durations
from replay.process.machines import done_statuses

DEFINITION: Final = (
    "An edge counts how often one activity came directly after another in a case; its seconds are those from the beginning "
    "of the one to the beginning of the other. `ends`: cases whose last activity it is and that are done; `running`: of "
    "those that are not, as of `until`."
)
MOST_EDGES: Final = 10_000
MOST_DRAWN: Final = 300
EDGES_DRAWN: Final = 60
"""By default. A picture of more is a tangle."""


@dataclass(frozen=True, slots=True)
class Thinning:
    """`least`: how often an edge must have been gone; `most_edges`: only the most frequent ones."""

    least: int = 1
    most_edges: int = EDGES_DRAWN

    def __post_init__(self) -> None:
        """Raises Malformed."""
        if not (self.least >= 1 and 1 <= self.most_edges <= MOST_EDGES):
            raise Malformed(f"expected least ≥ 1 and most_edges from 1 to {MOST_EDGES}")

    def drawable(self) -> Thinning:
        """Raises Malformed for more edges than a picture holds."""
        if self.most_edges > MOST_DRAWN:
            raise Malformed(
                f"a picture holds at most {MOST_DRAWN} edges, got most_edges {self.most_edges}; as JSON there are more"
            )
        return self


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    count: int
    starts: int
    ends: int
    running: int


@dataclass(frozen=True, slots=True)
class Edge:
    start: str
    end: str
    count: int
    took: Answer


@dataclass(frozen=True, slots=True)
class Graph:
    """Thinned; what is left out is said in `told`."""

    told: Answer
    nodes: Sequence[Node]
    edges: Sequence[Edge]

    def as_json(self) -> Answer:
        nodes = [
            {
                "name": node.name,
                "count": node.count,
                "starts": node.starts,
                "ends": node.ends,
                "running": node.running,
            }
            for node in self.nodes
        ]
        edges = [
            {"from": edge.start, "to": edge.end, "count": edge.count, **edge.took}
            for edge in self.edges
        ]
        return {**self.told, "nodes": nodes, "edges": edges}


@dataclass(slots=True)
class _Counted:
    nodes: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)
    edges: dict[tuple[str, str], Durations] = field(default_factory=lambda: defaultdict(Durations))


def directly_follows(
    ledger: Ledger, asked: Question, by: By = "status", thinning: Thinning | None = None
) -> Graph:
    """Nodes and edges, the most frequent first. Raises what `Cases` raises."""
    cases = Cases(ledger, asked, holders=by == "group")
    counted = _counted(cases, by)
    edges = _kept_edges(counted, thinning or Thinning())
    nodes = _kept_nodes(counted, edges, thinning or Thinning())
    left_out = {
        "nodes": len(counted.nodes) - len(nodes),
        "edges": len(counted.edges) - len(edges),
        "transitions": sum(map(len, counted.edges.values())) - sum(edge.count for edge in edges),
    }
    told = {**cases.told(), "definition": DEFINITION, "by": by, "left_out": left_out}
    return Graph(told, nodes, edges)


def _counted(cases: Cases, by: By) -> _Counted:
    counted, done = _Counted(), done_statuses(cases.family)
    for case in cases:
        went = activities(case, by)
        if not went:
            continue
        counted.nodes.update(one.name for one in went)
        counted.starts[went[0].name] += 1
        last = counted.ends if case.status in done else counted.running
        last[went[-1].name] += 1
        for one, other in pairwise(went):
            counted.edges[one.name, other.name].add(one.at, other.at)
    return counted


def _kept_edges(counted: _Counted, thinning: Thinning) -> list[Edge]:
    frequent = [way for way, took in counted.edges.items() if len(took) >= thinning.least]
    frequent.sort(key=lambda way: (-len(counted.edges[way]), way))
    return [
        Edge(*way, len(counted.edges[way]), counted.edges[way].told())
        for way in frequent[: thinning.most_edges]
    ]


def _kept_nodes(counted: _Counted, edges: Sequence[Edge], thinning: Thinning) -> list[Node]:
    """Those that an edge touches that is kept; and those that none touches at all, as far as there is room."""
    touched = {name for way in counted.edges for name in way}
    kept = {name for edge in edges for name in (edge.start, edge.end)}
    alone = [
        name
        for name, count in counted.nodes.most_common()
        if name not in touched and count >= thinning.least
    ]
    kept.update(alone[: max(0, thinning.most_edges - len(edges))])
    ordered = sorted(kept, key=lambda name: (-counted.nodes[name], name))
    return [
        Node(
            name,
            counted.nodes[name],
            counted.starts[name],
            counted.ends[name],
            counted.running[name],
        )
        for name in ordered
    ]
