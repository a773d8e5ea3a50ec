"""The change register: one row for each change, found by what a change manager looks for."""

from __future__ import annotations

from typing import Any

import pytest

from domain.change_approval import ApprovalDenied, ApprovalGranted
from domain.change_authorization import ChangeAuthorized
from domain.change_implementation import BreakGlassInvoked, ImplementationStarted
from domain.change_planning import ChangeDrafted, ChangePlanAmended
from domain.change_retro_approval import RetroApprovalGranted, RetroApprovalRequested
from domain.change_review import ChangeClosed
from domain.errors import Malformed
from projections.changes import SORTS, ChangeFilter, ChangeRegister, find_changes
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk

ONE, TWO, THREE = (f"change/CHG001000{number}" for number in (1, 2, 3))
WINDOW = {"start": "2026-03-07T20:00:00.000000Z", "end": "2026-03-07T22:00:00.000000Z"}
DUE = "2026-03-12T20:00:00.000000Z"


def drafted(desk: Desk, subject: str, day: int = 2, **more: Any) -> None:
    data = {"type": "normal", "services": {"mail": True}, "requested_by": ADA, "window": WINDOW}
    desk.tell(ChangeDrafted, subject, {**data, **more}, day=day)


def registered(desk: Desk, views: Views, batch_events: int = 3) -> None:
    Runner(desk, views, [ChangeRegister()], batch_events=batch_events).run_until()


def found(views: Views, **wanted: Any) -> list[str]:
    rows = find_changes(views, ChangeFilter(**wanted), sort="number").rows
    return [row["subject"] for row in rows]


@pytest.fixture
def register(views: Views) -> Views:
    """A normal change that closed, an emergency whose glass was broken, and a plain draft."""
    desk = Desk()
    drafted(desk, ONE)
    drafted(desk, TWO, type="emergency", services={"mail": True, "erp": True}, requested_by=BEN)
    drafted(desk, THREE, day=3, services={"web": True}, window=None)
    granted = {"by": BEN, "verdict": "granted", "content_hash": "sha256:" + "5e" * 32}
    denied = {"by": ADA, "verdict": "denied", "content_hash": "sha256:" + "5e" * 32}
    desk.tell(ApprovalGranted, ONE, {"approvals": {"APR-1": granted}})
    desk.tell(ApprovalDenied, ONE, {"approvals": {"APR-2": denied}})
    desk.tell(ChangeAuthorized, ONE, {"risk": "low"})
    desk.tell(ImplementationStarted, ONE, {"implementers": {ADA: True}})
    desk.tell(ChangeClosed, ONE, {"closure_code": "successful"}, day=9)
    broken = {"break_glass_by": BEN, "break_glass_at": WINDOW["start"]}
    desk.tell(BreakGlassInvoked, TWO, broken, day=7)
    desk.tell(RetroApprovalRequested, TWO, {"retro_due_at": DUE}, day=7)
    registered(desk, views)
    return views


def test_a_row_is_what_the_change_s_events_add_up_to(register: Views) -> None:
    (row,) = find_changes(register, ChangeFilter(status=["closed"])).rows

    assert {name: row[name] for name in ("subject", "number", "status", "type", "risk")} == {
        "subject": ONE, "number": "CHG0010001", "status": "closed", "type": "normal", "risk": "low",
    }  # fmt: skip
    assert (row["window_start"], row["window_end"]) == (WINDOW["start"], WINDOW["end"])
    assert (row["requester"], row["implementers"], row["approvers"]) == (ADA, [ADA], [BEN])
    assert (row["closure_code"], row["services"]) == ("successful", ["mail"])
    assert (row["emergency"], row["break_glass"], row["terminal"]) == (False, False, True)
    assert (row["opened_position"], row["position"], row["version"]) == (1, 8, 6)
    assert (row["opened"][:10], row["updated"][:10]) == ("2026-03-02", "2026-03-09")
    assert "state" not in row


def test_an_emergency_tells_its_break_glass_and_when_its_retro_approval_is_due(
    register: Views,
) -> None:
    (row,) = find_changes(register, ChangeFilter(break_glass=True)).rows

    assert (row["subject"], row["emergency"], row["break_glass_by"]) == (TWO, True, BEN)
    assert (row["retro_approval"], row["retro_due_at"]) == ("requested", DUE)


def test_changes_are_found_by_what_they_are(register: Views) -> None:
    assert found(register, status=["draft", "closed"]) == [ONE, THREE]
    assert found(register, type=["emergency"]) == [TWO]
    assert found(register, emergency=False) == [ONE, THREE]
    assert found(register, risk=["low", "high"]) == [ONE]
    assert found(register, service="mail") == [ONE, TWO]
    assert found(register, service="web") == [THREE]
    assert found(register, service="none") == []
    assert found(register, requester=BEN) == [TWO]
    assert found(register, terminal=False) == [TWO, THREE]
    assert found(register, updated_since="2026-03-08T00:00:00.000000Z") == [ONE]


def test_a_window_is_met_by_a_period_that_shares_a_moment_with_it(register: Views) -> None:
    def in_window(start: str, end: str) -> list[str]:
        moments = (f"2026-03-07T{time}:00.000000Z" for time in (start, end))
        return found(register, **dict(zip(("window_from", "window_to"), moments, strict=True)))

    assert in_window("21:00", "21:30") == [ONE, TWO]
    assert in_window("19:00", "20:01") == [ONE, TWO]
    assert in_window("19:00", "20:00") == [], "what begins when the period ends is not in it"
    assert in_window("22:00", "23:00") == [], "nor what ended when it began"


def test_a_decided_retro_approval_is_open_no_more(views: Views) -> None:
    desk = Desk()
    for subject in (ONE, TWO):
        desk.tell(RetroApprovalRequested, subject, {"retro_due_at": DUE})
    drafted(desk, THREE)
    desk.tell(RetroApprovalGranted, TWO)

    registered(desk, views)

    assert found(views, open_retro_approval=True) == [ONE]
    assert found(views, open_retro_approval=False) == [TWO, THREE]


def test_a_change_is_not_found_by_a_service_that_it_was_about_before(views: Views) -> None:
    desk = Desk()
    drafted(desk, ONE, services={"mail": True, "erp": True})
    registered(desk, views)
    desk.tell(ChangePlanAmended, ONE, {"services": {"mail": None, "web": True}})

    registered(desk, views)

    assert found(views, service="mail") == []
    assert found(views, service="erp") == found(views, service="web") == [ONE]


def test_a_service_with_a_character_that_no_column_holds_is_found_by_its_substitute(
    views: Views,
) -> None:
    desk = Desk()
    drafted(desk, ONE, services={"ma\0il": True})

    registered(desk, views)

    assert found(views, service="ma\N{REPLACEMENT CHARACTER}il") == [ONE]


@pytest.mark.parametrize("sort", [sign + name for name in SORTS for sign in ("", "-")])
def test_pages_hold_every_change_once_in_any_order(views: Views, sort: str) -> None:
    desk = Desk()
    for number in range(1, 12):
        window = None if number % 3 else WINDOW
        drafted(desk, f"change/CHG{number:04d}", day=number % 4 + 1, window=window)
    registered(desk, views)

    seen: list[str] = []
    cursor = None
    while True:
        page = find_changes(views, sort=sort, limit=4, cursor=cursor)
        seen += [row["subject"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert sorted(seen) == sorted(f"change/CHG{number:04d}" for number in range(1, 12))


def test_a_sort_that_there_is_not_is_refused(views: Views) -> None:
    registered(Desk(), views)

    with pytest.raises(Malformed, match="expected to sort by one of updated"):
        find_changes(views, sort="risk")
