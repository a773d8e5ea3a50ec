"""How the real logs' cases went, against counts made straight from their files.

`docs/process-views.md` has these figures. Of a file's rows the order is that of time, then of the file: so the views are
asked on the basis `effect`. Rows of the same minute are one move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Final

import pandas as pd
import pm4py
import pytest

from replay.moment import Moment
from replay.process.activities import visits
from replay.process.cases import Answer, Cases, Question
from replay.process.conformance import conformance
from replay.process.graph import MOST_EDGES, Graph, Thinning, directly_follows
from replay.process.handovers import handovers
from replay.process.pages import MOST_ROWS, Page
from replay.process.ping_pong import ping_pong
from replay.process.push_to_front import level_in, push_to_front
from replay.process.reopenings import reopenings
from replay.process.steps import MICROSECONDS, moment_text
from replay.process.times import times_in_status
from replay.process.variants import variants
from tests.e2e.real_logs import Row, incident_states, said
from tests.e2e.test_real_logs import Log, imported

pytestmark = pytest.mark.slow

INCIDENTS: Final = Question("incident")
TEAMS: Final = Question("problem", held_by="source.organization")
ALL: Final = Page(MOST_ROWS)
DONE: Final = ("resolved", "closed", "cancelled")
STRANGE_CLOCK: Final = "INC0000137"
WITHIN_A_MINUTE: Final = "INC0008478"
Stay = tuple[datetime, str]


@pytest.fixture(scope="module")
def servicenow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    yield from imported(
        tmp_path_factory.mktemp("servicenow"),
        "uci_incident_event_log.csv.gz",
        "servicenow-incidents",
        "number",
    )


@pytest.fixture(scope="module")
def vinst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    yield from imported(
        tmp_path_factory.mktemp("vinst"),
        "bpic2013_closed_problems.csv.gz",
        "vinst-problems",
        "case:concept:name",
    )


# The second count, from the rows alone


def minute_of(row: Row) -> datetime:
    return datetime.strptime(row["sys_updated_at"], "%d/%m/%Y %H:%M")  # noqa: DTZ007 - the log names no zone


def in_effect(rows: Sequence[Row]) -> list[tuple[datetime, Row]]:
    return sorted(((minute_of(row), row) for row in rows), key=lambda one: one[0])


def stays(rows: Sequence[Row]) -> list[Stay]:
    """From when on an incident stood in which status, as the last row of each minute says; never the same twice.

    A row that says what the row before it in the file said is no news, wherever its clock stands.
    """
    statuses = [str(state["status"]) for state in incident_states(list(rows))]
    news = [
        (minute_of(row), status)
        for row, before, status in zip(rows, ["", *statuses], statuses, strict=False)
        if status != before
    ]
    ordered = sorted(news, key=lambda one: one[0])
    found: list[Stay] = []
    for _, of_minute in groupby(ordered, key=lambda one: one[0]):
        *_, (at, status) = of_minute
        if not found or found[-1][1] != status:
            found.append((at, status))
    return found


def groups(rows: Sequence[Row]) -> list[str]:
    """Which groups had it, one after the other; that none had it in between does not matter."""
    named = [group for _, row in in_effect(rows) if (group := said(row["assignment_group"]))]
    return [group for group, _ in groupby(named)]


def reopened(rows: Sequence[Row]) -> int:
    return sum(a in DONE and b not in DONE for (_, a), (_, b) in pairwise(stays(rows)))


def seconds(durations: Sequence[int]) -> Mapping[str, int | None]:
    ordered = sorted(durations)
    if not ordered:
        return {"total_seconds": 0, "median_seconds": None, "max_seconds": None}
    middle = ordered[(len(ordered) + 1) // 2 - 1]
    return {
        "total_seconds": sum(ordered),
        "median_seconds": middle,
        "max_seconds": ordered[-1],
    }


def counted(graph: Graph) -> dict[tuple[str, str], int]:
    return {(edge.start, edge.end): edge.count for edge in graph.edges}


def all_edges(log: Log, asked: Question, by: Any) -> Graph:
    return directly_follows(log.house.ledger, asked, by, Thinning(most_edges=MOST_EDGES))


# Time in state


def test_time_in_state_of_every_status_is_what_the_rows_say(servicenow: Log) -> None:
    ended: dict[str, list[int]] = {}
    for rows in servicenow.rows.values():
        for (start, status), (end, _) in pairwise(stays(rows)):
            ended.setdefault(status, []).append(int((end - start).total_seconds()))

    found = times_in_status(servicenow.house.ledger, INCIDENTS)

    assert (found["cases"], found["events"]) == (24_918, 171_488)
    told = {row["status"]: row for row in found["items"]}
    assert told.keys() == ended.keys()
    for status, row in told.items():
        expected = {"visits": len(ended[status]), **seconds(ended[status])}
        assert {name: row[name] for name in expected} == expected, status
    assert sum(row["open"]["visits"] for row in found["items"]) == 24_918


def test_time_in_state_of_one_incident_is_what_its_rows_say_by_hand(servicenow: Log) -> None:
    """New at 01:23, with a group; Resolved at 08:53, seven and a half hours later; Closed on 5 March at 12:00."""
    subject = "incident/INC0000045"
    found = Cases(servicenow.house.ledger, INCIDENTS)

    (case,) = [case for case in found if case.subject == subject]

    took = [
        (visit.name, None if visit.end is None else (visit.end - visit.start) // MICROSECONDS)
        for visit in visits(case)
    ]
    assert took == [("assigned", 27_000), ("resolved", 443_220), ("closed", None)]
    assert moment_text(case.steps[0].at) == "2016-02-29T01:23:00.000000Z"


# Graph and variants


def test_the_graph_of_statuses_counts_what_pm4py_counts_in_the_rows(servicenow: Log) -> None:
    frame = pd.DataFrame(
        [
            (number, status, at)
            for number, rows in servicenow.rows.items()
            for at, status in stays(rows)
        ],
        columns=["case:concept:name", "concept:name", "time:timestamp"],
    )
    expected, starts, ends = pm4py.discover_dfg(pm4py.format_dataframe(frame))

    graph = all_edges(servicenow, INCIDENTS, "status")

    assert counted(graph) == dict(expected)
    assert {node.name: node.starts for node in graph.nodes if node.starts} == dict(starts)
    assert {node.name: node.ends for node in graph.nodes if node.ends} == dict(ends)
    assert graph.told["left_out"] == {"nodes": 0, "edges": 0, "transitions": 0}


def test_the_graph_of_event_types_counts_what_pm4py_counts_in_the_feed(servicenow: Log) -> None:
    told: list[tuple[str, str, pd.Timestamp, int]] = []
    position = 0
    while page := servicenow.house.ledger.entries(position, 10_000):
        position = page[-1].position
        told += [
            (entry.subject, entry.type.split(".")[2], pd.Timestamp(entry.time), entry.position)
            for entry in page
            if entry.subject.startswith("incident/")
        ]
    columns = ["case:concept:name", "concept:name", "time:timestamp", "position"]
    frame = pd.DataFrame(told, columns=columns).sort_values(["time:timestamp", "position"])
    expected, _, _ = pm4py.discover_dfg(pm4py.format_dataframe(frame))

    assert counted(all_edges(servicenow, INCIDENTS, "type")) == dict(expected)


def test_variants_are_those_of_the_rows(servicenow: Log) -> None:
    expected = Counter(
        tuple(status for _, status in stays(rows)) for rows in servicenow.rows.values()
    )

    found = variants(servicenow.house.ledger, INCIDENTS, ALL)

    assert {tuple(row["activities"]): row["cases"] for row in found["items"]} == expected
    assert found["rows"] == len(expected) == 122


# From hand to hand


def test_handovers_between_groups_are_those_of_the_rows(servicenow: Log) -> None:
    expected = Counter(pair for rows in servicenow.rows.values() for pair in pairwise(groups(rows)))

    found = handovers(servicenow.house.ledger, INCIDENTS, ALL)

    assert {(row["from"], row["to"]): row["count"] for row in found["items"]} == expected
    assert counted(all_edges(servicenow, INCIDENTS, "group")) == expected
    assert (found["handovers"], found["cases_handed_over"]) == (19_087, 9_575)


def test_returns_and_bounces_are_those_of_the_rows(servicenow: Log) -> None:
    had = {number: groups(rows) for number, rows in servicenow.rows.items()}
    bounced = Counter(
        frozenset(three[:2])
        for one in had.values()
        for three in zip(one, one[1:], one[2:], strict=False)
        if three[0] == three[2]
    )

    found = ping_pong(servicenow.house.ledger, INCIDENTS, ALL)

    assert {frozenset(row["between"]): row["bounces"] for row in found["items"]} == bounced
    assert found["returns"] == sum(len(one) - len(set(one)) for one in had.values())
    assert found["cases_returned"] == sum(len(one) > len(set(one)) for one in had.values())


# Against the counters that the file itself keeps


def test_reopenings_agree_with_the_files_counter_but_for_two_that_are_explained(
    servicenow: Log,
) -> None:
    counter = {n: int(rows[-1]["reopen_count"]) for n, rows in servicenow.rows.items()}

    found = reopenings(servicenow.house.ledger, INCIDENTS, ALL)

    by_case = {row["subject"].partition("/")[2]: row["count"] for row in found["items"]}
    assert (found["reopenings"], found["cases_reopened"]) == (331, 275)
    assert (sum(counter.values()), sum(map(bool, counter.values()))) == (331, 275)
    assert {n: by_case.get(n, 0) - told for n, told in counter.items() if by_case.get(n, 0) != told} == {
        STRANGE_CLOCK: 1,
        WITHIN_A_MINUTE: -1,
    }  # fmt: skip
    assert found["stated_otherwise"] == [{"by": -1, "cases": 1}, {"by": 1, "cases": 1}]
    assert {n: reopened(rows) for n, rows in servicenow.rows.items() if reopened(rows)} == by_case


def test_as_known_the_strange_clock_agrees_as_well(servicenow: Log) -> None:
    asked = Question("incident", moment=Moment(basis="known"))

    found = reopenings(servicenow.house.ledger, asked, ALL)

    assert f"incident/{STRANGE_CLOCK}" not in {row["subject"] for row in found["items"]}
    assert found["stated_otherwise"] == [{"by": 1, "cases": 1}]


def test_reassignments_differ_from_the_files_counter_in_two_explained_kinds_only(
    servicenow: Log,
) -> None:
    """Where the group is emptied or filled, and where it was away and came back between two rows."""
    kinds: Counter[str] = Counter()
    within: dict[str, set[str]] = {"nobody": set(), "unseen": set()}
    differing = set()
    for number, rows in servicenow.rows.items():
        count = int(rows[0]["reassignment_count"])
        assert count == 0
        last = said(rows[0]["assignment_group"])
        for before, row in pairwise(rows):
            rose = int(row["reassignment_count"]) - count
            count += rose
            group = said(row["assignment_group"])
            is_handed = group is not None and last is not None and group != last
            last = group or last
            assert (rose, is_handed) in {(0, False), (1, True), (1, False)}, number
            if rose and not is_handed:
                kind = "nobody" if None in (group, said(before["assignment_group"])) else "unseen"
                kinds[kind] += 1
                within[kind].add(number)
        if count != max(0, len(groups(rows)) - 1):
            differing.add(number)

    found = handovers(servicenow.house.ledger, INCIDENTS, Page(1))

    counter = sum(int(rows[-1]["reassignment_count"]) for rows in servicenow.rows.values())
    assert counter == 23_414 == found["handovers"] + kinds.total()
    assert kinds == {"nobody": 4_284, "unseen": 43}
    assert {kind: len(numbers) for kind, numbers in within.items()} == {
        "nobody": 3_489,
        "unseen": 43,
    }
    assert differing == within["nobody"] | within["unseen"]
    assert len(differing) == 3_531


# Conformance


def test_deviations_as_known_are_those_that_the_importer_counted(servicenow: Log) -> None:
    asked = Question("incident", moment=Moment(basis="known"))

    known = conformance(servicenow.house.ledger, asked, Page(2))
    in_effect = conformance(servicenow.house.ledger, INCIDENTS, Page(1))

    assert kinds_of(known) == {"unlisted-transition": 17_356, "source-status-unread": 2}
    assert kinds_of(known)["unlisted-transition"] == servicenow.result.as_dict()["deviations"]
    assert kinds_of(in_effect) == {
        "unlisted-transition": 17_356,
        "before-creation": 1,
        "created-again": 1,
        "source-status-unread": 2,
    }
    ways = [(way["from"], way["to"], way["count"]) for way in known["ways"]]
    assert ways == [("assigned", "resolved", 11_090), ("assigned", "on_hold", 4_874)]


def kinds_of(found: Answer) -> dict[str, int]:
    return {row["kind"]: row["count"] for row in found["kinds"]}


# Volvo's problems


def teams(rows: Sequence[Row]) -> list[str]:
    ordered = sorted(rows, key=lambda row: datetime.fromisoformat(row["time:timestamp"]))
    return [team for team, _ in groupby(row["organization involved"] for row in ordered)]


def test_volvos_teams_hand_over_and_bounce_as_their_rows_say(vinst: Log) -> None:
    had = [teams(rows) for rows in vinst.rows.values()]

    handed = handovers(vinst.house.ledger, TEAMS, ALL)
    bounced = ping_pong(vinst.house.ledger, TEAMS, ALL)

    expected = Counter(pair for one in had for pair in pairwise(one))
    assert {(row["from"], row["to"]): row["count"] for row in handed["items"]} == expected
    assert handed["handovers"] == 655
    assert (bounced["bounces"], bounced["cases_bounced"]) == (
        sum(a == c for one in had for a, c in zip(one, one[2:], strict=False)),
        sum(any(a == c for a, c in zip(one, one[2:], strict=False)) for one in had),
    )
    assert (bounced["bounces"], bounced["cases_bounced"]) == (186, 107)


def test_what_volvos_front_line_solved_alone_is_what_the_rows_say(vinst: Log) -> None:
    expected: Counter[str] = Counter()
    for rows in vinst.rows.values():
        ordered = sorted(rows, key=lambda row: datetime.fromisoformat(row["time:timestamp"]))
        had_by: list[str] = []
        for row in ordered:
            had_by.append(row["organization involved"])
            if row["concept:name"] == "Completed" and row["lifecycle:transition"] != "Cancelled":
                break
        else:
            continue
        behind = [(level_in(team) or 1) > 1 for team in had_by]
        expected[
            "began_behind" if behind[0] else "handed_behind" if any(behind) else "at_front"
        ] += 1

    found = push_to_front(vinst.house.ledger, TEAMS, Page(1))

    assert {name: found[name] for name in expected} == expected
    assert (found["solved"], found["at_front"], found["began_behind"]) == (1_487, 50, 1_421)
