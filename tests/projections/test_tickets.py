"""The ticket register: one row for each ticket, found by what one looks for, page by page."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from sqlalchemy import select

from domain.common import SourceStatusRecorded, common_event
from domain.correction import FactCorrected
from domain.errors import Malformed, UnknownSubject
from domain.fact import FactObserved
from domain.incident import (
    IncidentAssigned,
    IncidentClosed,
    IncidentPutOnHold,
    IncidentReassigned,
    IncidentReported,
    IncidentResolved,
)
from domain.problem import ProblemAccepted, ProblemRaised
from domain.request import FulfilmentStarted, RequestSubmitted
from projections.folding import is_terminal
from projections.runner import Runner
from projections.tickets import (
    SORTS,
    TicketFilter,
    TicketRegister,
    count_tickets,
    find_tickets,
    one_ticket,
)
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk
from tests.shared import shared_path

INCIDENT = "incident/INC0010001"


def registered(desk: Desk, views: Views, batch_events: int = 7) -> None:
    Runner(desk, views, [TicketRegister()], batch_events=batch_events).run_until()


@pytest.fixture
def estate(views: Views) -> Desk:
    """Thirty tickets of three families, with few priorities and moments: many ties to break."""
    desk = Desk()
    for number in range(1, 21):
        data: dict[str, Any] = {"service": ("mail", "web")[number % 2]}
        if number % 4:
            data["priority"] = number % 4
        desk.tell(IncidentReported, f"incident/INC{number:04d}", data, day=number % 5 + 1)
    for number in range(1, 6):
        desk.tell(RequestSubmitted, f"request/REQ{number:04d}", {"item": "laptop"}, day=6)
        desk.tell(
            ProblemRaised, f"problem/PRB{number:04d}", {"service": "web", "priority": 1}, day=7
        )
    for number in range(1, 6):
        group = {"assignment_group": "messaging", "assigned_to": BEN}
        desk.tell(IncidentAssigned, f"incident/INC{number:04d}", group, day=8)
    desk.tell(IncidentClosed, "incident/INC0020", day=9)
    registered(desk, views)
    return desk


def numbers(views: Views, wanted: TicketFilter) -> list[str]:
    return [row["number"] for row in find_tickets(views, wanted, sort="number").rows]


def test_a_row_is_what_the_ticket_s_events_add_up_to(views: Views) -> None:
    desk = Desk()
    desk.tell(
        IncidentReported,
        INCIDENT,
        {"title": "sd:sha-256:abc", "priority": 2, "impact": 1, "urgency": 3, "reported_by": ADA,
         "service": "mail", "reassignment_count": 0, "reopen_count": 0},
    )  # fmt: skip
    desk.tell(IncidentAssigned, INCIDENT, {"assignment_group": "a", "assigned_to": BEN}, day=3)
    gone = {"assignment_group": "b", "assigned_to": None, "reassignment_count": 1}
    latest = desk.tell(IncidentReassigned, INCIDENT, gone, day=4)

    registered(desk, views, batch_events=2)

    assert find_tickets(views).rows == [
        {
            "subject": INCIDENT,
            "family": "incident",
            "number": "INC0010001",
            "status": "assigned",
            "title": "sd:sha-256:abc",
            "service": "mail",
            "priority": 2,
            "impact": 1,
            "urgency": 3,
            "assignment_group": "b",
            "assigned_to": None,
            "reported_by": ADA,
            "source": "/ledgers/desk.example.com/one",
            "source_status": None,
            "opened": desk.written[0].time,
            "updated": latest.time,
            "version": 3,
            "position": 3,
            "reassignment_count": 1,
            "reopen_count": 0,
            "terminal": False,
        }
    ]


def test_a_ticket_tells_its_whole_state_and_the_position(views: Views, estate: Desk) -> None:
    position, ticket = one_ticket(views, "incident/INC0020")

    assert position == len(estate.written)
    assert ticket["state"] == {"service": "mail", "status": "closed"}
    assert ticket["terminal"] is True


def test_a_subject_that_is_no_ticket_is_unknown_to_the_register(views: Views) -> None:
    desk = Desk()
    desk.tell(FactObserved, "fact/FCT0000001", {"original_type": "x", "payload": "sd:sha-256:abc"})
    registered(desk, views)

    with pytest.raises(UnknownSubject, match="at position 1"):
        one_ticket(views, "fact/FCT0000001")


def test_the_same_columns_mean_what_they_mean_in_each_family(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, "incident/I1", {"reported_by": ADA, "assigned_to": BEN})
    desk.tell(RequestSubmitted, "request/R1", {"requested_by": ADA})
    desk.tell(FulfilmentStarted, "request/R1", {"fulfiller": BEN})
    desk.tell(ProblemRaised, "problem/P1", {"raised_by": ADA})
    desk.tell(ProblemAccepted, "problem/P1", {"owner": BEN})

    registered(desk, views)

    rows = find_tickets(views).rows
    assert {(row["reported_by"], row["assigned_to"]) for row in rows} == {(ADA, BEN)}
    assert {row["family"] for row in rows} == {"incident", "request", "problem"}


def test_a_correction_and_a_source_status_show_in_the_row(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, INCIDENT, {"priority": 2})
    awaiting = {"source_status": "Awaiting Evidence"}
    desk.tell(common_event("incident", SourceStatusRecorded), INCIDENT, awaiting)
    desk.tell(common_event("incident", FactCorrected), INCIDENT, {"priority": 3})

    registered(desk, views)

    (row,) = find_tickets(views).rows
    assert (row["priority"], row["source_status"], row["version"]) == (3, "Awaiting Evidence", 3)


def test_what_a_later_event_clears_is_gone(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, INCIDENT)
    desk.tell(IncidentPutOnHold, INCIDENT, {"hold_reason": "supplier"})
    desk.tell(IncidentResolved, INCIDENT, {"hold_reason": None})

    registered(desk, views)

    assert one_ticket(views, INCIDENT)[1]["state"] == {"status": "resolved"}


def test_text_that_postgresql_cannot_hold_is_kept_alike_on_both(views: Views) -> None:
    desk = Desk()
    desk.tell(IncidentReported, INCIDENT, {"service": "ma\0il"})

    registered(desk, views)

    _, ticket = one_ticket(views, INCIDENT)
    assert ticket["service"] == "ma\N{REPLACEMENT CHARACTER}il"
    assert ticket["state"]["service"] == "ma\0il"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (TicketFilter(family="request"), ["REQ0001", "REQ0002", "REQ0003", "REQ0004", "REQ0005"]),
        (TicketFilter(status=("closed",)), ["INC0020"]),
        (TicketFilter(family="incident", priority=(1,), service="web"),
         ["INC0001", "INC0005", "INC0009", "INC0013", "INC0017"]),
        (TicketFilter(assignment_group="messaging", priority=(1, 2)), ["INC0001", "INC0002", "INC0005"]),
        (TicketFilter(assigned_to=BEN, status=("new", "assigned"), service="mail"), ["INC0002", "INC0004"]),
        (TicketFilter(number_prefix="INC001", service="mail"),
         ["INC0010", "INC0012", "INC0014", "INC0016", "INC0018"]),
        (TicketFilter(number_prefix="inc"), []),
        (TicketFilter(number_prefix="INC%"), []),
        (TicketFilter(updated_since="2026-03-09T00:00:00.000000Z"), ["INC0020"]),
        (TicketFilter(terminal=True), ["INC0020"]),
        (TicketFilter(source="/sources/none"), []),
    ],
)  # fmt: skip
def test_tickets_are_found_by_what_they_are(
    views: Views, estate: Desk, wanted: TicketFilter, expected: list[str]
) -> None:
    assert numbers(views, wanted) == expected
    assert count_tickets(views, wanted).rows == [{"count": len(expected)}]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{sort}" for sort in SORTS)])
@pytest.mark.parametrize("limit", [1, 7, 30])
def test_pages_add_up_to_the_whole_without_a_gap_or_a_repetition(
    views: Views, estate: Desk, sort: str, limit: int
) -> None:
    whole = find_tickets(views, sort=sort, limit=1_000)

    pages = [find_tickets(views, sort=sort, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(find_tickets(views, sort=sort, limit=limit, cursor=cursor))

    assert whole.next_cursor is None
    assert [row for page in pages for row in page.rows] == list(whole.rows)
    assert all(len(page.rows) == limit for page in pages[:-1])
    assert len(pages) == -(-30 // limit)


def test_order_is_as_asked_and_a_missing_priority_comes_last(views: Views, estate: Desk) -> None:
    by_priority = [row["priority"] for row in find_tickets(views, sort="priority").rows]
    by_update = [row["updated"] for row in find_tickets(views).rows]

    assert by_priority == sorted(by_priority, key=lambda priority: priority or 9)
    assert by_update == sorted(by_update, reverse=True)


def test_a_ticket_that_moves_between_two_pages_hides_no_other(views: Views, estate: Desk) -> None:
    first = find_tickets(views, sort="-updated", limit=10)
    moved = find_tickets(views, sort="-updated", limit=1_000).rows[12]["subject"]
    estate.tell(common_event("incident", FactCorrected), moved, day=20)
    registered(estate, views)

    rest = find_tickets(views, sort="-updated", limit=1_000, cursor=first.next_cursor)

    shown = {row["subject"] for row in (*first.rows, *rest.rows)}
    assert len(shown) == 29
    assert moved not in shown


def test_counts_by_a_column_name_the_largest_first(views: Views, estate: Desk) -> None:
    assert count_tickets(views, by="status").rows == [
        {"status": "new", "count": 19},
        {"status": "assigned", "count": 5},
        {"status": "submitted", "count": 5},
        {"status": "closed", "count": 1},
    ]
    assert count_tickets(views, by="status").position == len(estate.written)


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "title"},
        {"sort": "--updated"},
        {"limit": 0},
        {"limit": 1_001},
        {"cursor": "not a cursor"},
        {"cursor": "é"},
        {"cursor": "WzEsMl0"},
    ],
)
def test_a_question_that_is_none_is_refused(
    views: Views, estate: Desk, asked: dict[str, Any]
) -> None:
    with pytest.raises(Malformed, match="expected"):
        find_tickets(views, **asked)


def test_a_cursor_belongs_to_its_order(views: Views, estate: Desk) -> None:
    cursor = find_tickets(views, sort="number", limit=1).next_cursor

    with pytest.raises(Malformed, match="sorted by -number"):
        find_tickets(views, sort="-number", limit=1, cursor=cursor)


def test_counting_by_what_is_no_such_column_is_refused(views: Views, estate: Desk) -> None:
    with pytest.raises(Malformed, match="expected to count by one of family, status"):
        count_tickets(views, by="state")


def test_terminal_statuses_are_those_of_the_recommended_machines() -> None:
    machines = yaml.safe_load(shared_path("state_machines.yaml").read_text())

    for family in ("incident", "request", "problem"):
        machine = machines[family]
        statuses = {t["to"] for t in machine["transitions"]} - {"self"}
        assert {s for s in statuses if is_terminal(family, s)} == set(machine["terminal"])


def test_the_newest_tickets_are_read_through_an_index(views: Views, estate: Desk) -> None:
    with views.reading(TicketRegister()) as reading:
        table = reading.tables["tickets"]
        statement = select(table).order_by(table.c.updated.desc(), table.c.subject.desc()).limit(5)
        text = str(statement.compile(reading.connection, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN " if views.dialect == "sqlite" else "EXPLAIN "
        if views.dialect == "postgresql":
            reading.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(map(str, reading.connection.exec_driver_sql(explain + text)))

    assert "_updated" in plan
