"""The directly-follows graph as an SVG that stands alone: no script, nothing fetched, every text of it escaped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt
from typing import Final

from replay.process.graph import Edge, Graph, Node
from replay.process.layers import Way
from replay.process.layout import MARGIN, Layout, laid_out
from replay.process.lettering import escaped, lines_of, long_time, printable, width_of
from replay.process.lines import LOOP, Line, Place

MEDIA_TYPE: Final = "image/svg+xml"
_NAME: Final = 13.0
_SMALL: Final = 11.0
_LEADING: Final = 1.35
_NAME_WIDTH: Final = 190.0
_PADDING: Final = 10.0
_NARROWEST: Final = 460.0
_ARROW: Final = 9.0
_THINNEST, _THICKEST = 1.2, 6.0

_STYLE: Final = """
svg{color-scheme:light dark;font-family:"DejaVu Sans",Verdana,Arial,sans-serif}
.page{fill:#ffffff}.name,.label b,.count{font-weight:600}
text{fill:#17212f;font-size:11px}text.name{font-size:13px;font-weight:600}text.title{font-size:16px;font-weight:600}
.soft{fill:#51606f}
.node rect{fill:#2f6fb3;stroke:#2f5f96;stroke-width:1.2}.back{fill:#ffffff;fill-opacity:.88}
.edge path{fill:none;stroke:#6b7c8f}.edge.up path{stroke:#b4622a;stroke-dasharray:7 3}
.tip{fill:#6b7c8f}.tip.up{fill:#b4622a}
@media (prefers-color-scheme:dark){
.page{fill:#12171e}text{fill:#e8edf3}.soft{fill:#a3b1c0}
.node rect{fill:#4d8fd6;stroke:#7fb0e6}.back{fill:#12171e}
.edge path{stroke:#8797a8}.edge.up path{stroke:#e0965f}.tip{fill:#8797a8}.tip.up{fill:#e0965f}
}
"""


def as_svg(graph: Graph) -> str:
    """Looks the same for the same graph, wherever it is drawn."""
    nodes = {node.name: _Lettered(node) for node in graph.nodes}
    ways = [Way(edge.start, edge.end, edge.count) for edge in graph.edges]
    labels = [_label_size(edge) for edge in graph.edges]
    pull = {node.name: node.starts - node.ends - node.running for node in graph.nodes}
    layout = laid_out({name: one.size for name, one in nodes.items()}, ways, labels, pull)
    head = _Head(graph, max(layout.width, _NARROWEST))
    return "".join(_document(graph, layout, nodes, head))


class _Lettered:
    """A node's lines of text, and the room they take."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = lines_of(node.name, _NAME, _NAME_WIDTH)
        self.small = [f"{node.count:,} times", *_begins_and_ends(node)]
        widest = max(
            *(width_of(line, _NAME) * 1.08 for line in self.name),
            *(width_of(line, _SMALL) for line in self.small),
        )
        height = (len(self.name) * _NAME + len(self.small) * _SMALL) * _LEADING
        self.size = (widest + 2 * _PADDING, height + _PADDING)


def _begins_and_ends(node: Node) -> list[str]:
    told = []
    if node.starts:
        told.append(f"{node.starts:,} begin here")
    if node.ends:
        told.append(f"{node.ends:,} end here")
    if node.running:
        told.append(f"{node.running:,} still run here")
    return told


class _Head:
    """What the picture is of, in lines above it."""

    def __init__(self, graph: Graph, width: float) -> None:
        told = graph.told
        self.title = f"{told['family']}: which {_WORDS[told['by']]} directly follows which"
        moment = f" at {told['at']}" if told["at"] else ""
        left = told["left_out"]
        said = [
            f"{told['cases']:,} cases, {told['events']:,} events; basis {told['basis']}{moment}, position {told['position']}.",
            "On lines: how often, and the median time between. Dashed lines lead back.",
        ]
        if told["from"] or told["to"]:
            said.append(
                f"Cases that began from {told['from'] or 'the first'} to {told['to'] or 'the last'}."
            )
        if left["edges"] or left["nodes"]:
            said.append(
                f"Left out, being rarer: lines {left['edges']:,} (gone {left['transitions']:,} times), "
                f"nodes {left['nodes']:,}."
            )
        self.lines = [line for one in said for line in lines_of(one, _SMALL, width - 2 * MARGIN)]
        self.width = width
        self.height = MARGIN + 22 + len(self.lines) * _SMALL * 1.5


_WORDS: Final = {"type": "event", "status": "status", "group": "holder"}


def _label_size(edge: Edge) -> tuple[float, float]:
    lines = _label(edge)
    return max(width_of(line, _SMALL) for line in lines) * 1.06 + 8, len(
        lines
    ) * _SMALL * _LEADING + 4


def _label(edge: Edge) -> list[str]:
    median = edge.took["median_seconds"]
    return [f"{edge.count:,}", long_time(0 if median is None else median)]


def _document(
    graph: Graph, layout: Layout, nodes: dict[str, _Lettered], head: _Head
) -> Iterator[str]:
    width, height = head.width, head.height + layout.height
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title desc">'
        f'<title id="title">{escaped(head.title)}</title>'
        f'<desc id="desc">{escaped(_described(graph, head))}</desc><style>{_STYLE}</style>'
        f"<defs>{_tip('tip', '')}{_tip('tip-up', ' up')}</defs>"
        f'<rect class="page" width="100%" height="100%"/>'
        f'<text class="title" x="{MARGIN:.0f}" y="{MARGIN + 12:.0f}">{escaped(head.title)}</text>'
    )
    for number, text in enumerate(head.lines, 1):
        y = MARGIN + 14 + number * _SMALL * 1.5
        yield f'<text class="soft" x="{MARGIN:.0f}" y="{y:.1f}">{escaped(text)}</text>'
    aside = (head.width - layout.width) / 2
    yield f'<g transform="translate({aside:.1f} {head.height:.1f})">'
    most = max((edge.count for edge in graph.edges), default=1)
    drawn = list(zip(graph.edges, layout.lines, strict=True))
    # The rare first, so that the frequent lie above them; labels above all lines.
    for edge, line in reversed(drawn):
        yield _drawn_line(edge, line, most)
    for edge, line in drawn:
        yield _drawn_label(edge, line)
    busiest = max((node.count for node in graph.nodes), default=1)
    for name, one in nodes.items():
        yield _drawn_node(one, layout.nodes[name], one.node.count / busiest)
    if not nodes:
        yield f'<text x="{MARGIN:.0f}" y="14">There is nothing to show.</text>'
    yield "</g></svg>\n"


def _described(graph: Graph, head: _Head) -> str:
    edges = [
        f"{printable(edge.start)} to {printable(edge.end)} {edge.count:,} times"
        for edge in graph.edges[:10]
    ]
    most = f" Most frequent: {'; '.join(edges)}." if edges else ""
    return " ".join(head.lines) + most


def _tip(name: str, kind: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 9 8" refX="0" refY="4" markerWidth="{_ARROW:.0f}" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="tip{kind}" d="M0 0 9 4 0 8z"/></marker>'
    )


def _drawn_line(edge: Edge, line: Line, most: int) -> str:
    width = _THINNEST + (_THICKEST - _THINNEST) * sqrt(edge.count / most)
    is_loop = edge.start == edge.end
    path = _looped(line) if is_loop else _bent(line)
    kind, tip = (" up", "tip-up") if line.is_back else ("", "tip")
    told = f"{printable(edge.start)} → {printable(edge.end)}: {edge.count:,} times"
    return (
        f'<g class="edge{kind}"><title>{escaped(told)}</title>'
        f'<path d="{path}" stroke-width="{width:.1f}" marker-end="url(#{tip})"/></g>'
    )


def _bent(line: Line) -> str:
    """Straight within layers, and from layer to layer a curve that leaves and arrives upright."""
    *points, (x, y) = line.points
    from_above = next(py for _, py in reversed(points) if abs(py - y) > 0.05) < y
    tip = y - _ARROW if from_above else y + _ARROW
    if abs(points[-1][1] - y) < _ARROW:
        points.pop()
    points.append((x, tip))
    drawn = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.05 or abs(y0 - y1) < 0.05:
            drawn.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            drawn.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return "".join(drawn)


def _looped(line: Line) -> str:
    (x, y0), (_, y1) = line.points
    out = x + LOOP
    return f"M{x:.1f} {y0:.1f}C{out:.1f} {y0 - 10:.1f} {out:.1f} {y1 + 10:.1f} {x + _ARROW:.1f} {y1:.1f}"


def _drawn_label(edge: Edge, line: Line) -> str:
    width, height = _label_size(edge)
    x, y = line.label
    lines = _label(edge)
    first = y - height / 2 + 2 + _SMALL
    texts = "".join(
        f'<text class="{"count" if number == 0 else "soft"}" x="{x:.1f}" '
        f'y="{first + number * _SMALL * _LEADING:.1f}" text-anchor="middle">{escaped(text)}</text>'
        for number, text in enumerate(lines)
    )
    corner = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
    return f'<rect class="back" {corner} width="{width:.1f}" height="{height:.1f}"/>{texts}'


def _drawn_node(one: _Lettered, place: Place, share: float) -> str:
    left, top = place.x - place.width / 2, place.y - place.height / 2
    box = f'x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'
    parts = [
        f'<g class="node"><title>{escaped(printable(one.node.name))}</title>',
        f'<rect {box} rx="6" fill-opacity="{0.1 + 0.28 * sqrt(share):.2f}"/>',
    ]
    y = top + _PADDING / 2
    for kind, size, lines in (("name", _NAME, one.name), ("soft", _SMALL, one.small)):
        for line in lines:
            y += size * _LEADING
            parts.append(
                f'<text class="{kind}" x="{place.x:.1f}" y="{y - size * 0.3:.1f}" text-anchor="middle">'
                f"{escaped(line)}</text>"
            )
    return "".join([*parts, "</g>"])
