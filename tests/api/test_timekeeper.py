"""The scheduler: each order once, as of when it was due, in the order of dues, whoever was away meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.compose import open_house
from api.timekeeper import Timekeeper
from domain.errors import CanNot
from domain.incident import IncidentResolved
from domain.may import Decision, DecisionRequest
from domain.moments import later
from ledger.entry import Entry
from ledger.errors import ClockJumped
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.ledger import recorded
from ledger.observe import Observation, ObserveProposal
from ledger.view import SYSTEM
from projections.registry import TIMERS
from projections.runner import Runner
from projections.timers import due_by
from projections.views import Views
from replay.verify_deep import verify_deep
from tests.contract.conftest import a
from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import desk

DAYS = 24


@pytest.fixture(params=BOTH)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    with desk(fresh_database_url(request.param, tmp_path), tmp_path) as made:
        office = Office.of(made)
        yield office
        assert verify_deep(office.house.ledger.database).problems == ()


@pytest.fixture
def views(office: Office) -> Iterator[Views]:
    views = Views(office.house.settings.resolved_views_url)
    yield views
    views.close()


def look(office: Office, views: Views, keeper: Timekeeper | None = None) -> int:
    Runner(office.house.ledger, views, [TIMERS]).run_until()
    return (keeper or Timekeeper(office.house.ledger, views)).give_due()


def resolved(office: Office, title: str = "Mail is slow") -> str:
    incident = office.does("RUTH", "report", family="incident", title=title).subject
    for verb, said in (
        ("assign", {"assignment_group": "mail", "assigned_to": office["IVO"]}),
        ("start-work", {}),
        ("resolve", {"resolution_code": "restarted"}),
    ):
        who = "MIA" if verb == "assign" else "IVO"
        office.does(who, verb, incident, family="incident", **said)
    return incident


def done_by_breaking_glass(office: Office) -> str:
    """Its review is mandatory."""
    change = office.broken_glass()
    office.does("IVO", "complete-implementation", change, verification="passed")
    return change


def last(office: Office, subject: str) -> Entry:
    return office.house.ledger.entries_of(subject)[-1]


def test_nothing_is_ordered_before_it_is_due(office: Office, views: Views) -> None:
    incident = resolved(office)
    closes_at = office.house.ledger.subject(incident).state["closes_at"]

    office.wait_until(13.9 * DAYS)

    assert look(office, views) == 0
    assert closes_at > hours_later(13.9 * DAYS)
    assert office.house.ledger.subject(incident).state["status"] == "resolved"


def test_what_is_due_is_recorded_as_of_then_by_the_system(office: Office, views: Views) -> None:
    incident = resolved(office)
    office.wait_until(20 * DAYS)

    assert look(office, views) == 1

    closed = last(office, incident)
    state = office.house.ledger.subject(incident).state
    assert closed.type == "itsm.incident.closed.v1"
    assert closed.time == state["closed_at"]
    assert closed.time == later(state["closes_at"], timedelta(microseconds=1))
    assert closed.recordedtime > hours_later(20 * DAYS - 1)
    assert (closed.attributes["authid"], closed.attributes["decision"]) == (SYSTEM, "permit")
    assert state["closure_code"] == "no-objection"
    assert look(office, views) == 0


def test_after_a_time_away_all_are_given_in_the_order_in_which_they_were_due(
    office: Office, views: Views
) -> None:
    until = {"grant": hours_later(30 * DAYS), "freeze": hours_later(5 * DAYS)}
    grant = office.granted("implementer", "DAN", valid_to=until["grant"])
    interval = {"start": hours_later(1), "end": until["freeze"]}
    said: dict[str, Any] = {"services": ["erp"], "interval": interval, "reason": "Closing"}
    freeze = office.does("EVA", "declare", family="freeze", **said).subject
    broken = office.broken_glass()
    incident = resolved(office)
    office.wait_until(40 * DAYS)

    assert look(office, views) == 4

    given = [last(office, one) for one in (broken, freeze, incident, grant)]
    assert [entry.type for entry in given] == [
        "itsm.change.retro-approval-lapsed.v1",
        "itsm.freeze.expired.v1",
        "itsm.incident.closed.v1",
        "itsm.grant.expired.v1",
    ]
    assert [entry.position for entry in given] == sorted(entry.position for entry in given)
    assert given[1].time == until["freeze"]
    assert given[3].time == until["grant"]


def test_whoever_comes_late_finds_what_time_has_made_of_it(office: Office) -> None:
    """No scheduler ran: the order itself meets what was due before it."""
    incident = resolved(office)
    office.wait_until(20 * DAYS)

    with pytest.raises(CanNot, match="is closed"):
        office.does("RUTH", "reopen", incident, family="incident", reason="It is back")

    assert last(office, incident).type == "itsm.incident.closed.v1"


def test_an_order_in_time_stops_the_clock(office: Office, views: Views) -> None:
    incident = resolved(office)
    office.wait_until(13 * DAYS)
    office.does("RUTH", "reopen", incident, family="incident", reason="It is back")
    office.wait_until(20 * DAYS)

    assert look(office, views) == 0
    assert office.house.ledger.subject(incident).state["status"] == "in_progress"


def test_a_mandatory_review_opens_a_day_after_the_implementation(
    office: Office, views: Views
) -> None:
    office.does("RUTH", "report", family="incident", title="All is down")
    change = office.drafted(hours=(2, 4))
    office.assessed(change, "high")
    office.approves("ANNE", change)
    office.approves("EVA", change)
    office.does("MIA", "schedule", change)
    office.implemented(change, 2)
    office.wait_until(20)
    assert look(office, views) == 0

    office.wait_until(40)
    look(office, views)

    assert last(office, change).type == "itsm.change.pir-opened.v1"


def test_after_a_time_away_a_review_opens_and_lapses_each_as_of_its_own_time(
    office: Office, views: Views
) -> None:
    change = done_by_breaking_glass(office)
    state = office.house.ledger.subject(change).state
    late = later(state["review_due_at"], timedelta(microseconds=1))
    office.wait_until(40 * DAYS)

    assert look(office, views) == 3

    told = [(one.type.split(".")[2], one.time) for one in office.house.ledger.entries_of(change)]
    assert told[-3:] == [
        ("pir-opened", state["review_opens_at"]),
        ("retro-approval-lapsed", later(state["retro_due_at"], timedelta(microseconds=1))),
        ("review-lapsed", late),
    ]
    after = office.house.ledger.subject(change).state
    assert (after["status"], after["review_lapsed_at"]) == ("in_review", late)


def test_a_review_that_was_completed_in_time_never_lapses(office: Office, views: Views) -> None:
    change = done_by_breaking_glass(office)
    office.wait_until(2 * DAYS)
    look(office, views)
    said = {"outcome": "as_expected", "lessons": "None", "actions": "None"}
    office.does("TOM", "complete-pir", change, **said)
    office.wait_until(40 * DAYS)

    look(office, views)

    types = [entry.type for entry in office.house.ledger.entries_of(change)]
    assert "itsm.change.review-lapsed.v1" not in types


def test_nothing_is_ordered_by_a_clock_that_was_set_back_and_all_of_it_once_it_is_right(
    office: Office, views: Views
) -> None:
    incident = resolved(office)
    office.wait_until(20 * DAYS)
    keeper, size = Timekeeper(office.house.ledger, views), office.house.ledger.head().size
    office.clock.moment -= timedelta(hours=1)

    for _ in range(2):
        with pytest.raises(ClockJumped):
            look(office, views, keeper)
    assert office.house.ledger.head().size == size
    office.clock.moment += timedelta(hours=1)

    assert look(office, views, keeper) == 1
    closed = last(office, incident)
    assert closed.type == "itsm.incident.closed.v1"
    assert closed.time == later(closed.data["closed_at"], timedelta(0))
    assert look(office, views, keeper) == 0


def test_two_schedulers_give_each_order_once(office: Office, views: Views) -> None:
    incidents = [resolved(office, f"Printer {number}") for number in range(20)]
    office.wait_until(20 * DAYS)
    Runner(office.house.ledger, views, [TIMERS]).run_until()
    other = open_house(office.house.settings, clock=office.clock)
    keepers = [Timekeeper(house.ledger, views) for house in (office.house, other)]

    threads = [threading.Thread(target=keeper.give_due) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    for incident in incidents:
        types = [entry.type for entry in office.house.ledger.entries_of(incident)]
        assert types.count("itsm.incident.closed.v1") == 1
    refusals = [entry.type for entry in office.house.ledger.entries_of(SYSTEM)]
    assert "itsm.principal.order-refused.v1" not in refusals


def test_two_schedulers_lapse_a_review_once(office: Office, views: Views) -> None:
    change = done_by_breaking_glass(office)
    office.wait_until(3 * DAYS)
    look(office, views)
    office.wait_until(40 * DAYS)
    Runner(office.house.ledger, views, [TIMERS]).run_until()
    other = open_house(office.house.settings, clock=office.clock)
    keepers = [Timekeeper(house.ledger, views) for house in (office.house, other)]

    threads = [threading.Thread(target=keeper.give_due) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    types = [entry.type for entry in office.house.ledger.entries_of(change)]
    assert types.count("itsm.change.review-lapsed.v1") == 1


def test_what_a_source_recorded_is_left_to_the_source(office: Office, views: Views) -> None:
    ledger = office.house.ledger
    register = a("principal", "register", kind="source", name="servicenow", mode="observe")
    source = ledger.execute(Order(register, Actor(FIRST_PERSON))).receipts[0].subject
    said = {"closes_at": hours_later(1), "resolution_code": "restarted"}
    fact = Observation(
        IncidentResolved, "incident/INC0000045", said, hours_later(0), "1", "/sources/servicenow"
    )
    recorded(ledger.observe([ObserveProposal([fact], source)])[0])
    office.wait_until(2)

    assert look(office, views) == 0
    (_, rows) = due_by(views, hours_later(10_000))
    assert {row.subject.split("/")[0] for row in rows} == {"grant"}  # ANNE's


def test_an_order_that_the_policy_refuses_is_asked_again_later(
    office: Office, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = resolved(office)
    office.wait_until(20 * DAYS)
    ledger = office.house.ledger
    permits = ledger._may

    def refuses(request: DecisionRequest) -> Decision:
        if request.action == "incident:close":
            return Decision(False, "policy/POL0000001@4", ("nobody-closes",))
        return permits(request)

    monkeypatch.setattr(ledger, "_may", refuses)
    keeper = Timekeeper(ledger, views)
    assert look(office, views, keeper) == 1
    assert look(office, views, keeper) == 0
    assert last(office, SYSTEM).type == "itsm.principal.order-refused.v1"
    monkeypatch.setattr(ledger, "_may", permits)

    office.wait_until(20 * DAYS + 0.2)

    assert look(office, views, keeper) == 1
    assert last(office, incident).type == "itsm.incident.closed.v1"
