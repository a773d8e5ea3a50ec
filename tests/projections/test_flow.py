"""Flow of states: every way that a ticket took is counted, and those the state machine does not know are told."""

from __future__ import annotations

from domain.common import Commented, common_event
from domain.correction import FactCorrected
from domain.incident import (
    IncidentAssigned,
    IncidentClosed,
    IncidentReported,
    IncidentReprioritised,
    IncidentResolved,
)
from domain.problem import ProblemRaised
from projections.flow import (
    FlowOfStates,
    deviation_total,
    deviations,
    flow_between,
    occupancy,
)
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import Desk

ONE, TWO = "incident/INC0000001", "incident/INC0000002"


def flowed(desk: Desk, views: Views) -> None:
    Runner(desk, views, [FlowOfStates()], batch_events=3).run_until()


def ways(views: Views) -> list[tuple[object, ...]]:
    return [
        (row["day"][-2:], row["from_status"], row["to_status"], row["listed"], row["count"])
        for row in flow_between(views).rows
    ]


def test_listed_ways_are_counted_by_day(views: Views) -> None:
    desk = Desk()
    desk.live_through(4)

    flowed(desk, views)

    assert ways(views) == [
        ("01", None, "new", True, 4),
        ("02", "new", "assigned", True, 4),
        ("03", "assigned", "in_progress", True, 4),
        ("04", "in_progress", "resolved", True, 4),
        ("05", "resolved", "closed", True, 4),
    ]
    assert deviation_total(views) == (20, 0)


def test_ways_that_the_state_machine_does_not_know_are_deviations(views: Views) -> None:
    desk = Desk()
    for subject in (ONE, TWO):
        desk.tell(IncidentReported, subject, day=1)
        desk.tell(IncidentResolved, subject, day=2)
        desk.tell(IncidentResolved, subject, day=3)
    desk.tell(IncidentAssigned, ONE, day=4)

    flowed(desk, views)

    assert deviations(views).rows == [
        {
            "family": "incident",
            "type": f"itsm.incident.{name}.v1",
            "from_status": before,
            "count": n,
        }
        for name, before, n in (
            ("resolved", "new", 2),
            ("resolved", "resolved", 2),
            ("assigned", "resolved", 1),
        )
    ]
    assert deviation_total(views) == (7, 5)
    assert deviations(views, since="2026-03-03", until="2026-03-03").rows[0]["count"] == 2
    assert deviation_total(views, family="problem") == (7, 0)


def test_a_ticket_that_begins_in_the_middle_deviates_from_nothing(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentClosed, ONE, day=1)

    flowed(desk, views)

    assert ways(views) == [("01", None, "closed", False, 1)]


def test_a_ticket_that_is_created_twice_deviates(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    desk.tell(IncidentReported, ONE, day=2)

    flowed(desk, views)

    assert ways(views)[1] == ("02", "new", "new", False, 1)


def test_what_is_bound_to_no_status_is_no_flow(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    desk.tell(common_event("incident", Commented), ONE, day=2)

    flowed(desk, views)

    assert ways(views) == [("01", None, "new", True, 1)]


def test_what_is_bound_to_a_status_deviates_elsewhere_and_leaves_it(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    desk.tell(IncidentReprioritised, ONE, {"priority": 1}, day=2)
    desk.tell(IncidentClosed, ONE, day=3)
    desk.tell(IncidentReprioritised, ONE, {"priority": 2}, day=4)

    flowed(desk, views)

    assert ways(views)[1::2] == [
        ("02", "new", "new", True, 1),
        ("04", "closed", "closed", False, 1),
    ]


def test_a_corrected_status_is_where_the_next_way_begins(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    desk.tell(common_event("incident", FactCorrected), ONE, {"status": "resolved"}, day=2)
    desk.tell(IncidentClosed, ONE, day=3)

    flowed(desk, views)

    assert ways(views)[2] == ("03", "resolved", "closed", True, 1)
    assert deviation_total(views) == (3, 0)


def test_a_period_includes_its_first_and_its_last_day(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    desk.tell(ProblemRaised, "problem/PRB0000001", day=3)
    flowed(desk, views)

    found = flow_between(views, since="2026-03-02", until="2026-03-03")

    assert [(row["family"], row["to_status"]) for row in found.rows] == [
        ("incident", "assigned"),
        ("incident", "in_progress"),
        ("problem", "new"),
    ]
    assert found.position == 6
    assert len(flow_between(views, family="problem").rows) == 1


def test_occupancy_is_what_came_less_what_went(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    desk.tell(IncidentReported, TWO, day=2)
    desk.tell(IncidentReprioritised, TWO, {"priority": 1}, day=2)
    desk.tell(IncidentAssigned, ONE, day=3)
    desk.tell(IncidentClosed, TWO, day=4)
    flowed(desk, views)

    found = occupancy(views, since="2026-03-02", until="2026-03-03")

    assert [(row["day"][-2:], row["status"], row["count"]) for row in found.rows] == [
        ("02", "new", 2),
        ("03", "assigned", 1),
        ("03", "new", 1),
    ]
    assert {row["family"] for row in found.rows} == {"incident"}
    assert found.position == 5


def test_what_stood_before_a_quiet_period_is_told_on_its_first_day(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, ONE, day=1)
    flowed(desk, views)

    found = occupancy(views, since="2026-03-10", until="2026-03-12")

    assert [(row["day"], row["status"], row["count"]) for row in found.rows] == [
        ("2026-03-10", "new", 1)
    ]
