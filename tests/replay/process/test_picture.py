"""The graph as a picture: nothing overlaps or is cut off, and every text of it is text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.process.cases import Question
from replay.process.drawing import as_svg
from replay.process.durations import Durations
from replay.process.graph import Edge, Graph, Node, Thinning, directly_follows
from replay.process.layers import Way, layers_of
from replay.process.layout import laid_out
from replay.process.lettering import LINES, escaped, lines_of, long_time, printable, width_of
from replay.process.lines import Place
from replay.process.placing import crossings
from tests.replay.given_log import Desk

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"/><image href="https://example.com/x.png"/>',
    "]]>&amp;&lt;",
    "a\u202eb\x00c\x1b[31m",
    "\ufffe\U0001f3f3\ufe0f\u200d\U0001f308",
    "x" * 5_000,
    "日本語のグループ" * 20,
    " ",
    "{color:red}</style>",
]
TOLD = {
    "family": "incident",
    "basis": "effect",
    "at": "2026-03-31T16:00:00.000000Z",
    "position": 9,
    "from": None,
    "to": None,
    "cases": 1,
    "events": 1,
    "by": "group",
    "left_out": {"nodes": 0, "edges": 0, "transitions": 0},
}


def graph_of(names: Sequence[str], ways: Sequence[tuple[str, str, int]]) -> Graph:
    nodes = [Node(name, 1 + place, place % 3, 0, place % 2) for place, name in enumerate(names)]
    edges = [Edge(start, end, count, Durations().told()) for start, end, count in ways]
    return Graph(TOLD, nodes, edges)


def drawn(graph: Graph) -> ET.Element:
    return ET.fromstring(as_svg(graph))


NAMES = [f"G{number}" for number in range(14)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    pairs = [(one, other) for one in names for other in names]
    ways = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40))
    return graph_of(names, [(one, other, draw(st.integers(1, 99))) for one, other in ways])


Box = tuple[float, float, float, float]


def boxes(picture: ET.Element) -> list[Box]:
    """Of nodes and of labels: left, top, right, bottom."""
    found = []
    for rect in picture.iter(f"{SVG}rect"):
        if rect.get("class") != "page":
            x, y, width, height = (float(rect.attrib[of]) for of in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


def overlapping(found: Sequence[Box]) -> list[tuple[Box, Box]]:
    slack = 0.2  # of what is rounded to a tenth
    return [
        (one, other)
        for place, one in enumerate(found)
        for other in found[:place]
        if one[0] < other[2] - slack
        and other[0] < one[2] - slack
        and one[1] < other[3] - slack
        and other[1] < one[3] - slack
    ]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_node_and_no_label_lies_on_another_or_outside(graph: Graph) -> None:
    picture = drawn(graph)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])

    found = boxes(picture)

    assert len(found) == len(graph.nodes) + len(graph.edges)
    assert overlapping(found) == []
    assert all(left >= 0 and right <= width and top >= 0 for left, top, right, _ in found)
    assert all(bottom <= height for _, _, _, bottom in found)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_line_runs_through_a_node(graph: Graph) -> None:
    """Inside a layer lines are upright, and no node is where they are."""
    sizes = {node.name: (90.0, 60.0) for node in graph.nodes}
    ways = [Way(edge.start, edge.end, edge.count) for edge in graph.edges]

    layout = laid_out(sizes, ways, [(50.0, 30.0)] * len(ways), {})

    for line in layout.lines:
        if line.way.start == line.way.end:
            continue
        for x, y in line.points[1:-1]:
            assert not [place for place in layout.nodes.values() if inside(place, x, y)], line


def inside(place: Place, x: float, y: float) -> bool:
    edge = 0.01
    return abs(x - place.x) < place.width / 2 - edge and abs(y - place.y) < place.height / 2 - edge


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_text_fits_its_box(graph: Graph) -> None:
    for group in drawn(graph).iter(f"{SVG}g"):
        if group.get("class") == "node":
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            for text in group.findall(f"{SVG}text"):
                size = 13.0 if text.get("class") == "name" else 11.0
                assert width_of(text.text or "", size) <= float(rect.attrib["width"])


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_shown_as_text(name: str) -> None:
    picture = drawn(graph_of([name, "B"], [(name, "B", 3), ("B", name, 1), (name, name, 2)]))

    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags <= {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "g"}
    assert not [key for element in picture.iter() for key in element.attrib if "href" in key]
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert escaped(printable(name)) in map(escaped, map(str, titles)) or not printable(name)
    assert overlapping(boxes(picture)) == []


def test_what_turns_the_writing_or_moves_a_cursor_is_marked() -> None:
    text = as_svg(graph_of(HOSTILE, []))

    assert not {"\u202e", "\x00", "\x1b", "\ufffe", "\u200d"} & set(text)
    assert "a\ufffdb\ufffdc\ufffd[31m" in text


def test_the_style_and_the_head_hold_nothing_of_anybodys() -> None:
    (style,) = drawn(graph_of(HOSTILE, [])).iter(f"{SVG}style")

    assert "color:red" not in (style.text or "")


def test_it_says_what_it_shows_to_who_cannot_see_it() -> None:
    picture = drawn(graph_of(["A", "B"], [("A", "B", 3)]))

    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "title desc"
    title, description = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text == "incident: which holder directly follows which"
    assert "A to B 3 times" in str(description.text)


def test_it_fetches_nothing_and_follows_light_and_dark() -> None:
    text = as_svg(graph_of(["A"], []))

    assert "prefers-color-scheme:dark" in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text


def test_more_frequent_lines_are_wider_and_those_that_lead_back_are_marked() -> None:
    picture = drawn(graph_of(["A", "B"], [("A", "B", 90), ("B", "A", 1)]))

    groups = [group for group in picture.iter(f"{SVG}g") if "edge" in group.get("class", "")]
    paths = {
        group.get("class"): float(path.attrib["stroke-width"])
        for group in groups
        for path in group.findall(f"{SVG}path")
    }
    assert paths["edge"] > paths["edge up"]


def test_the_same_graph_gives_the_same_picture_and_an_empty_one_says_so() -> None:
    graph = graph_of(NAMES, [(one, other, 2) for one, other in zip(NAMES, NAMES[3:], strict=False)])

    assert as_svg(graph) == as_svg(graph)
    assert "There is nothing to show." in as_svg(graph_of([], []))


def test_thousands_of_groups_are_thinned_to_a_picture(at: Desk) -> None:
    facts = [
        at.fact(f"incident/INC{number}", "reassigned", {"assignment_group": f"Group {group}"})
        for number in range(1_000)
        for group in (number, number + 1, number + 2)
    ]
    at.observes_all(facts)

    graph = directly_follows(
        at.house.ledger, Question("incident"), "group", Thinning(most_edges=300)
    )
    picture = drawn(graph)

    assert len(graph.edges) == 300
    assert graph.told["left_out"]["edges"] == 1_001 - 300
    assert overlapping(boxes(picture)) == []


def test_a_case_of_ten_thousand_events_is_one_case(at: Desk) -> None:
    at.observes_all(
        [
            at.fact(
                "incident/INC1",
                "reassigned",
                {"assignment_group": "AB"[number % 2]},
                time=f"2026-03-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
            )
            for number in range(10_000)
        ]
    )

    graph = directly_follows(at.house.ledger, Question("incident"), "group")

    assert {(edge.start, edge.end): edge.count for edge in graph.edges} == {
        ("A", "B"): 5_000,
        ("B", "A"): 4_999,
    }


# Layers, places, lettering


def test_cases_flow_downwards_from_where_they_begin() -> None:
    ways = [Way("new", "work", 9), Way("work", "done", 9), Way("done", "work", 2)]

    layers = layers_of(["done", "new", "work"], ways, {"new": 9, "done": -9})

    assert layers == {"new": 0, "work": 1, "done": 2}


def test_a_layer_is_never_too_wide_nor_a_picture_all_height() -> None:
    names = [f"N{number}" for number in range(60)]
    fan = [Way("N0", name, 1) for name in names[1:]]
    chain = [Way(one, other, 1) for one, other in pairwise(names)]

    layers = layers_of(names, fan + chain, {"N0": 60})

    assert max(list(layers.values()).count(layer) for layer in set(layers.values())) <= 8
    assert max(layers.values()) < 12


def test_crossings_are_counted() -> None:
    links = {0: [3], 1: [2], 2: [1], 3: [0]}

    assert crossings([[0, 1], [2, 3]], links) == 1
    assert crossings([[0, 1], [3, 2]], links) == 0


def test_a_long_name_is_broken_at_spaces_and_ends_in_an_ellipsis() -> None:
    lines = lines_of("a name of very many words " * 40, 13.0, 190.0)

    assert len(lines) == LINES
    assert lines[-1].endswith("…")
    assert all(width_of(line, 13.0) <= 190.0 for line in lines)
    assert lines_of("", 13.0, 190.0) == ["(no name)"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (7_200, "2 h"),
        (90_061, "1 d 1 h"), (86_401, "1 d"), (86_400 * 1_000, "1,000 d"),
    ],
)  # fmt: skip
def test_a_time_is_told_in_its_two_largest_units(seconds: int, told: str) -> None:
    assert long_time(seconds) == told
