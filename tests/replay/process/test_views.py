"""The views over a ledger: what each counts, for which cases, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Malformed
from ledger.entry import Correction
from ledger.ledger import Ledger
from replay.errors import BeyondHead, NoStateMachine, NoSupportLevels
from replay.moment import Moment
from replay.period import Period, period_between
from replay.process.cases import Answer, Question
from replay.process.graph import Thinning, directly_follows
from replay.process.handovers import handovers
from replay.process.pages import Foremost, Page, page_from
from replay.process.ping_pong import ping_pong
from replay.process.push_to_front import level_in, push_to_front
from replay.process.reopenings import reopenings
from replay.process.times import times_in_status
from replay.process.variants import variants
from tests.replay.given_log import Desk
from tests.replay.process.given_cases import Fact, at_desk, by_name, edges, when

PAGE = Page()


def to(group: str | None, minute: int, name: str = "reassigned") -> Fact:
    return (minute, name, {"assignment_group": group})


def solved_by(at: Desk, number: str, *groups: str) -> None:
    """A minute with each, then resolved."""
    handed = [to(group, minute) for minute, group in enumerate(groups, 1)]
    at_desk(at, number, (0, "reported", {}), *handed, (len(groups) + 1, "resolved", {}))


# Time in state


def test_time_in_state_tells_what_ended_and_what_runs_on_apart(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}), (10, "assigned", {}), (40, "resolved", {}))
    at_desk(at, "INC2", (0, "reported", {}), (20, "assigned", {}))

    found = times_in_status(at.house.ledger, Question("incident", moment=Moment(at=when(60))))

    rows = by_name(found["items"], "status")
    new, assigned = rows["new"], rows["assigned"]
    assert (new["cases"], new["visits"], new["total_seconds"]) == (2, 2, 1800)
    assert (new["mean_seconds"], new["median_seconds"]) == (900, 600)
    assert (new["p90_seconds"], new["max_seconds"]) == (1200, 1200)
    assert (assigned["visits"], assigned["median_seconds"]) == (1, 1800)
    assert assigned["open"]["visits"] == 1
    assert assigned["open"]["total_seconds"] == 2400
    assert rows["resolved"]["visits"] == 0
    assert rows["resolved"]["median_seconds"] is None
    assert (found["cases"], found["events"], found["until"]) == (2, 5, when(60))


def test_a_clock_that_ran_backwards_took_no_time(at: Desk) -> None:
    at_desk(at, "INC1", (9, "reported", {}), (4, "assigned", {}), (10, "resolved", {}))

    found = times_in_status(at.house.ledger, Question("incident", moment=Moment(basis="known")))

    assert found["backwards"] == 1
    assert by_name(found["items"], "status")["new"]["total_seconds"] == 0


# Which cases


def test_a_case_is_of_the_period_that_it_began_in_and_then_all_of_it_counts(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}), (90, "assigned", {}))
    at_desk(at, "INC2", (60, "reported", {}))
    at_desk(at, "INC3", (120, "reported", {}))

    first = times_in_status(at.house.ledger, Question("incident", period_between(None, when(60))))
    second = times_in_status(
        at.house.ledger, Question("incident", period_between(when(60), when(120)))
    )

    assert (first["cases"], first["events"]) == (1, 2)
    assert (second["cases"], second["events"]) == (1, 1)
    assert (second["from"], second["to"]) == (when(60), when(120))


def test_a_corrected_beginning_moves_a_case_to_another_period(at: Desk) -> None:
    (reported,) = at_desk(at, "INC1", (0, "reported", {}))
    moved = Correction(reported, {"status": "new"}, when(90))
    at.observes("incident/INC1", "fact-corrected", {}, correction=moved)
    later = period_between(when(60), None)

    in_effect = times_in_status(at.house.ledger, Question("incident", later))
    known = times_in_status(at.house.ledger, Question("incident", later, Moment(basis="known")))

    assert (in_effect["cases"], known["cases"]) == (1, 0)


View = Callable[[Ledger, Question], Answer]
VIEWS: dict[str, View] = {
    "times": times_in_status,
    "handovers": lambda ledger, asked: handovers(ledger, asked, PAGE),
    "ping-pong": lambda ledger, asked: ping_pong(ledger, asked, PAGE),
    "reopenings": lambda ledger, asked: reopenings(ledger, asked, PAGE),
    "push-to-front": lambda ledger, asked: push_to_front(ledger, asked, PAGE),
    "variants": lambda ledger, asked: variants(ledger, asked, PAGE),
    "graph": lambda ledger, asked: directly_follows(ledger, asked).as_json(),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_an_empty_ledger_and_an_empty_period_have_no_cases(at: Desk, view: View) -> None:
    empty = view(at.house.ledger, Question("incident"))
    at_desk(at, "INC1", (0, "reported", {"assignment_group": "A 2nd"}))
    outside = view(at.house.ledger, Question("incident", Period(end=when(0))))

    for found in (empty, outside):
        assert (found["cases"], found["events"]) == (0, 0)
        assert not found.get("items")


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_a_moment_that_there_is_not_is_refused(at: Desk, view: View) -> None:
    beyond = at.house.ledger.head().size + 1

    with pytest.raises(BeyondHead):
        view(at.house.ledger, Question("incident", moment=Moment(position=beyond)))
    with pytest.raises(Malformed):
        view(at.house.ledger, Question("incident", moment=Moment(at="yesterday")))


@pytest.mark.parametrize("view", ["reopenings", "push-to-front"])
@pytest.mark.parametrize("family", ["fact", "deployment"])
def test_a_family_without_a_machine_has_no_way_to_tell(at: Desk, view: str, family: str) -> None:
    with pytest.raises(NoStateMachine, match=f"no state machine is declared for {family}; there"):
        VIEWS[view](at.house.ledger, Question(family))


@pytest.mark.parametrize("member", ["title", "source", "source.", "owner", "status", ""])
def test_only_a_member_that_says_who_has_a_case_is_a_holder(at: Desk, member: str) -> None:
    with pytest.raises(Malformed, match="who has a case: assignment_group, assigned_to"):
        handovers(at.house.ledger, Question("incident", held_by=member), PAGE)


# Handovers and ping-pong


def test_a_handover_is_told_with_how_long_the_one_before_had_it(at: Desk) -> None:
    at_desk(at, "INC1", to("A", 0), to("B", 10), to(None, 15), to("C", 40))
    at_desk(at, "INC2", to("A", 0), to("B", 30), to("A", 35), to("B", 45))

    found = handovers(at.house.ledger, Question("incident"), PAGE)

    told = {(row["from"], row["to"]): row for row in found["items"]}
    assert {pair: (row["count"], row["cases"]) for pair, row in told.items()} == {
        ("A", "B"): (3, 2),
        ("B", "A"): (1, 1),
        ("B", "C"): (1, 1),
    }
    assert told["A", "B"]["total_seconds"] == (10 + 30 + 10) * 60
    assert told["B", "C"]["total_seconds"] == 5 * 60  # until nobody had it
    assert (found["handovers"], found["cases_handed_over"]) == (5, 2)


def test_persons_hand_over_as_principals(at: Desk) -> None:
    at_desk(
        at, "INC1", (0, "assigned", {"assigned_to": "principal/PRN0000001"}),
        (5, "reassigned", {"assigned_to": "principal/PRN0000003"}),
    )  # fmt: skip

    (row,) = handovers(at.house.ledger, Question("incident", held_by="assigned_to"), PAGE)["items"]

    assert (row["from"], row["to"]) == ("principal/PRN0000001", "principal/PRN0000003")


def test_a_column_that_the_source_kept_tells_who_had_it(at: Desk) -> None:
    for minute, team in enumerate(["V5 3rd", "G97 2nd"]):
        data = {"source": {"organization": team, "product": f"P{minute}"}}
        at_desk(at, "INC1", (minute, "source-status-recorded", data))
    at_desk(at, "INC1", (9, "source-status-recorded", {"source": {"product": "P9"}}))

    asked = Question("incident", held_by="source.organization")
    (row,) = handovers(at.house.ledger, asked, PAGE)["items"]

    assert (row["from"], row["to"], row["count"]) == ("V5 3rd", "G97 2nd", 1)


def test_a_return_is_to_who_had_it_and_a_bounce_comes_straight_back(at: Desk) -> None:
    at_desk(at, "INC1", *(to(group, minute) for minute, group in enumerate("ABAB")))
    at_desk(at, "INC2", *(to(group, minute) for minute, group in enumerate("ABCA")))
    at_desk(at, "INC3", *(to(group, minute) for minute, group in enumerate("ABC")))

    found = ping_pong(at.house.ledger, Question("incident"), PAGE)

    assert (found["returns"], found["cases_returned"]) == (3, 2)
    assert (found["bounces"], found["cases_bounced"]) == (2, 1)
    (row,) = found["items"]
    assert (row["between"], row["bounces"], row["cases"]) == (["A", "B"], 2, 1)
    assert row["median_seconds"] == 60
    assert found["most_returned"] == [
        {"subject": "incident/INC1", "returns": 2, "bounces": 2},
        {"subject": "incident/INC2", "returns": 1, "bounces": 0},
    ]


# Reopenings


def test_a_reopening_leads_from_what_is_done_to_what_is_not(at: Desk) -> None:
    *_, reopened, _ = at_desk(
        at, "INC1", (0, "reported", {"reopen_count": 0}), (5, "resolved", {}),
        (9, "reopened", {"reopen_count": 1}), (20, "resolved", {}),
    )  # fmt: skip
    at_desk(at, "INC2", (0, "reported", {}), (5, "resolved", {}), (9, "closed", {}))

    found = reopenings(at.house.ledger, Question("incident"), PAGE)

    assert found["done"] == ["cancelled", "closed", "resolved"]
    assert (found["reopenings"], found["cases_reopened"]) == (1, 1)
    assert found["median_seconds"] == 4 * 60
    (row,) = found["items"]
    assert (row["subject"], row["count"], row["stated"]) == ("incident/INC1", 1, 1)
    assert row["reopenings"] == [
        {
            "position": reopened,
            "at": when(9),
            "from": "resolved",
            "to": "in_progress",
            "type": "reopened",
        }
    ]
    assert found["stated_otherwise"] == []


def test_a_reassignment_of_what_stays_resolved_reopens_nothing(at: Desk) -> None:
    at_desk(at, "INC1", (5, "resolved", {}), (9, "reassigned", {}), (9, "resolved", {}))

    assert reopenings(at.house.ledger, Question("incident"), PAGE)["reopenings"] == 0


def test_a_counter_that_says_otherwise_is_told(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {"reopen_count": 3}), (5, "resolved", {}))

    found = reopenings(at.house.ledger, Question("incident"), PAGE)

    assert found["stated_otherwise"] == [{"by": 3, "cases": 1}]


def test_what_was_done_most_often_comes_first_and_pages_go_on_where_they_ended(at: Desk) -> None:
    for number, times in (("INC1", 1), ("INC2", 3), ("INC3", 2)):
        for minute in range(times):
            at_desk(at, number, (10 * minute, "resolved", {}), (10 * minute + 5, "reopened", {}))

    first = reopenings(at.house.ledger, Question("incident"), Page(2))
    second = reopenings(at.house.ledger, Question("incident"), Page(2, first["next"]))

    numbers = [row["subject"][-1] for row in (*first["items"], *second["items"])]
    assert (numbers, first["rows"], second["next"]) == (["2", "3", "1"], 3, None)


def test_of_any_number_of_rows_the_foremost_are_kept_and_all_are_counted() -> None:
    foremost = Foremost(Page(2, 1))
    for number in range(5_000):
        foremost.add(number * 7_919 % 5_000, f"case-{number}", number * 7_919 % 5_000)

    assert foremost.told() == {"rows": 5_000, "items": [4_998, 4_997], "next": 3}


@pytest.mark.parametrize(("limit", "after"), [(0, 0), (10_001, 0), (1, -1), (1, 10**9)])
def test_a_page_that_is_none_is_refused(limit: int, after: int) -> None:
    with pytest.raises(Malformed):
        page_from(limit, after)


# Push to front


def test_what_the_front_line_kept_is_told_by_who_had_it_first(at: Desk) -> None:
    solved_by(at, "INC1", "V5")
    solved_by(at, "INC2", "V5", "G97 2nd")
    solved_by(at, "INC3", "G97 2nd")
    solved_by(at, "INC4")
    at_desk(at, "INC5", to("V5", 0))
    at_desk(at, "INC6", to("V5", 0), (5, "cancelled", {}))

    found = push_to_front(at.house.ledger, Question("incident"), PAGE)

    assert {name: found[name] for name in ("solved", "at_front", "handed_behind", "began_behind", "had_by_nobody")} == {
        "solved": 4, "at_front": 1, "handed_behind": 1, "began_behind": 1, "had_by_nobody": 1,
    }  # fmt: skip
    assert found["at_front_per_mille"] == 333
    rows = by_name(found["items"], "first")
    assert (rows["V5"]["is_front"], rows["V5"]["at_front_per_mille"]) == (True, 500)
    assert rows["G97 2nd"]["is_front"] is False


def test_who_had_it_after_it_was_solved_does_not_count(at: Desk) -> None:
    solved_by(at, "INC1", "V5")
    at_desk(at, "INC1", (30, "reopened", {}), to("G97 2nd", 31))

    assert push_to_front(at.house.ledger, Question("incident"), PAGE)["at_front"] == 1


def test_the_front_line_can_be_named(at: Desk) -> None:
    solved_by(at, "INC1", "desk")
    solved_by(at, "INC2", "desk", "network")

    found = push_to_front(at.house.ledger, Question("incident"), PAGE, {"desk"})

    assert (found["at_front"], found["handed_behind"], found["front"]) == (1, 1, ["desk"])


def test_where_nothing_says_who_is_at_the_front_nothing_is_claimed(at: Desk) -> None:
    solved_by(at, "INC1", "desk")

    with pytest.raises(NoSupportLevels, match="name those of the front line"):
        push_to_front(at.house.ledger, Question("incident"), PAGE)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("V5 3rd", 3), ("G97 2nd", 2), ("G97", None), ("1st line", 1), ("Desk-2ND", 2),
        ("Group 22nd Street", None), ("x2nd", None), ("", None),
    ],
)  # fmt: skip
def test_a_level_is_told_by_a_word_of_the_name(name: str, level: int | None) -> None:
    assert level_in(name) == level


# Variants and graph


def test_variants_are_whole_ways_with_the_most_frequent_first(at: Desk) -> None:
    for number in ("INC1", "INC2"):
        at_desk(at, number, (0, "reported", {}), (5, "assigned", {}))
    at_desk(at, "INC3", (0, "reported", {}))

    found = variants(at.house.ledger, Question("incident"), PAGE)

    assert [(row["activities"], row["cases"], row["per_mille"]) for row in found["items"]] == [
        (["new", "assigned"], 2, 666),
        (["new"], 1, 333),
    ]
    assert found["items"][0]["examples"] == ["incident/INC1", "incident/INC2"]
    assert found["items"][0]["median_seconds"] == 300
    by_type = variants(at.house.ledger, Question("incident"), Page(1), "type")
    assert by_type["items"][0]["activities"] == ["reported", "assigned"]
    assert (by_type["rows"], by_type["next"]) == (2, 1)


def test_the_graph_counts_what_came_directly_after_what(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", {}), (9, "closed", {}))
    at_desk(at, "INC2", (0, "reported", {}), (7, "assigned", {}), (8, "reassigned", {}))

    graph = directly_follows(at.house.ledger, Question("incident"))

    assert edges(at) == {("new", "assigned"): 2, ("assigned", "closed"): 1}
    assert edges(at, "type")["assigned", "reassigned"] == 1
    nodes = {node.name: node for node in graph.nodes}
    assert (nodes["new"].starts, nodes["closed"].ends, nodes["assigned"].running) == (2, 1, 1)
    told = {(row["from"], row["to"]): row for row in graph.as_json()["edges"]}
    assert told["new", "assigned"]["mean_seconds"] == 6 * 60


def test_a_thinned_graph_says_what_it_leaves_out(at: Desk) -> None:
    at_desk(at, "INC1", to("A", 0), to("B", 1), to("A", 2), to("B", 3), to("C", 4))

    graph = directly_follows(at.house.ledger, Question("incident"), "group", Thinning(most_edges=1))

    assert [(edge.start, edge.end, edge.count) for edge in graph.edges] == [("A", "B", 2)]
    assert {node.name for node in graph.nodes} == {"A", "B"}
    assert graph.told["left_out"] == {"nodes": 1, "edges": 2, "transitions": 2}
    least = directly_follows(at.house.ledger, Question("incident"), "group", Thinning(least=2))
    assert len(least.edges) == 1


def test_a_node_without_edges_is_there_all_the_same(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}))

    (node,) = directly_follows(at.house.ledger, Question("incident")).nodes

    assert (node.name, node.count, node.starts, node.running) == ("new", 1, 1, 1)


@pytest.mark.parametrize("wrong", [{"least": 0}, {"most_edges": 0}, {"most_edges": 10_001}])
def test_a_thinning_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Thinning(**wrong)


def test_a_picture_of_more_edges_than_anybody_sees_is_refused() -> None:
    assert Thinning(most_edges=300).drawable().most_edges == 300
    with pytest.raises(Malformed, match="at most 300"):
        Thinning(most_edges=301).drawable()
