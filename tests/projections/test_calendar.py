"""The change calendar: what is planned and was done when, and what is in each other's way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.change_assessment import ChangeCancelled
from domain.change_authorization import ChangeAuthorized
from domain.change_implementation import (
    BreakGlassInvoked,
    ChangeScheduled,
    ImplementationCompleted,
)
from domain.change_planning import ChangeDrafted, ChangePlanAmended
from domain.errors import Malformed
from domain.freeze import (
    FreezeDeclared,
    FreezeExceptionDenied,
    FreezeExceptionGranted,
    FreezeLifted,
)
from projections import calendar
from projections.calendar import ChangeCalendar, calendar_between
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import Desk

ONE, TWO, THREE = (f"change/CHG001000{number}" for number in (1, 2, 3))
FREEZE = "freeze/FRZ0000001"


def at(day: int, hour: int = 0) -> str:
    return f"2026-03-{day:02d}T{hour:02d}:00:00.000000Z"


def planned(desk: Desk, subject: str, span: tuple[str, str], *services: str, **more: Any) -> None:
    window = {"start": span[0], "end": span[1]}
    data = {"type": "normal", "window": window, "services": dict.fromkeys(services, True), **more}
    desk.tell(ChangeDrafted, subject, data)
    desk.tell(ChangeAuthorized, subject)


def frozen(desk: Desk, span: tuple[str, str], *services: str, subject: str = FREEZE) -> None:
    interval = {"start": span[0], "end": span[1]}
    data = {"interval": interval, "services": dict.fromkeys(services, True)}
    desk.tell(FreezeDeclared, subject, data)


def excepted(desk: Desk, change: str, verdict: str, day: int) -> None:
    one = {"change": change, "verdict": verdict, "by": "principal/PRN0000004", "at": at(day)}
    event = FreezeExceptionGranted if verdict == "granted" else FreezeExceptionDenied
    desk.tell(event, FREEZE, {"exceptions": {f"EXC-{day}": one}})


def shown(desk: Desk, views: Views, start: int, end: int, **more: Any) -> dict[str, Mapping]:
    Runner(desk, views, [ChangeCalendar()], batch_events=3).run_until()
    rows = calendar_between(views, at(start), at(end), **more).rows
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
    return {row["subject"]: row for row in rows}


def overlaps(row: Mapping) -> dict[str, Mapping]:
    return {one["subject"]: one for one in row["overlaps"]}


def test_a_change_is_on_the_calendar_from_its_authorization_on(views: Views) -> None:
    desk = Desk()
    window = {"start": at(7, 20), "end": at(7, 22)}
    desk.tell(ChangeDrafted, ONE, {"window": window, "type": "normal"})
    assert shown(desk, views, 1, 31) == {}

    desk.tell(ChangeAuthorized, ONE)
    row = shown(desk, views, 1, 31)[ONE]
    assert (row["kind"], row["status"], row["start"], row["end"]) == (
        "change", "authorized", at(7, 20), at(7, 22),
    )  # fmt: skip

    moved = {"start": at(8, 20), "end": at(8, 22)}
    desk.tell(ChangePlanAmended, ONE, {"window": moved})
    assert shown(desk, views, 1, 31)[ONE]["start"] == at(8, 20)

    desk.tell(ChangeCancelled, ONE)
    assert shown(desk, views, 1, 31) == {}


def test_what_shares_no_moment_with_the_period_is_left_out(views: Views) -> None:
    desk = Desk()
    planned(desk, ONE, (at(7), at(8)), "mail")

    assert list(shown(desk, views, 1, 7)) == []
    assert list(shown(desk, views, 7, 8)) == [ONE]
    assert list(shown(desk, views, 8, 9)) == []


def test_without_a_window_a_change_is_shown_as_long_as_it_was_implemented(views: Views) -> None:
    desk = Desk()
    desk.tell(BreakGlassInvoked, ONE, {"started_at": at(7, 3)})
    assert shown(desk, views, 7, 8)[ONE]["end"] is None
    assert list(shown(desk, views, 20, 21)) == [ONE]

    desk.tell(ImplementationCompleted, ONE, {"implemented_at": at(7, 5)})
    assert shown(desk, views, 7, 8)[ONE]["end"] == at(7, 5)
    assert list(shown(desk, views, 20, 21)) == []


def test_two_changes_overlap_when_they_share_a_moment_and_a_service_or_item(views: Views) -> None:
    desk = Desk()
    items = {"configuration_items": {"db-1": True}}
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail", **items)
    planned(desk, TWO, (at(7, 21), at(7, 23)), "mail", "erp")
    planned(desk, THREE, (at(7, 21), at(7, 23)), "web", **items)

    found = shown(desk, views, 7, 8)

    assert overlaps(found[ONE])[TWO] == {
        "subject": TWO, "kind": "change", "status": "authorized", "services": ["mail"],
        "configuration_items": [], "resolved": False,
    }  # fmt: skip
    assert overlaps(found[ONE])[THREE]["configuration_items"] == ["db-1"]
    assert overlaps(found[TWO]).keys() == {ONE}


def test_windows_that_meet_at_one_moment_do_not_overlap(views: Views) -> None:
    desk = Desk()
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail")
    planned(desk, TWO, (at(7, 22), at(7, 23)), "mail")

    found = shown(desk, views, 7, 8)

    assert [row["overlaps"] for row in found.values()] == [[], []]


def test_a_conflict_that_was_resolved_is_marked_for_both(views: Views) -> None:
    desk = Desk()
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail")
    planned(desk, TWO, (at(7, 21), at(7, 23)), "mail")
    desk.tell(ChangeScheduled, TWO, {"resolved_conflicts": {ONE: True}})

    found = shown(desk, views, 7, 8)

    assert overlaps(found[ONE])[TWO]["resolved"] is True
    assert overlaps(found[TWO])[ONE]["resolved"] is True


def test_a_freeze_says_whether_it_excepts_the_change_inside_it(views: Views) -> None:
    desk = Desk()
    frozen(desk, (at(5), at(10)), "mail")
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail")
    assert overlaps(shown(desk, views, 7, 8)[ONE])[FREEZE]["excepted"] is False

    excepted(desk, ONE, "granted", 6)
    found = shown(desk, views, 7, 8)
    assert found[FREEZE]["excepted"] == [ONE]
    assert overlaps(found[ONE])[FREEZE]["excepted"] is True
    assert overlaps(found[FREEZE])[ONE]["excepted"] is True

    excepted(desk, ONE, "denied", 7)
    assert overlaps(shown(desk, views, 7, 8)[ONE])[FREEZE]["excepted"] is False


def test_a_freeze_of_every_service_is_about_each(views: Views) -> None:
    desk = Desk()
    frozen(desk, (at(5), at(10)), "*")
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail")

    found = shown(desk, views, 7, 8, service="mail")

    assert found.keys() == {ONE, FREEZE}
    assert overlaps(found[ONE])[FREEZE]["services"] == ["mail"]


def test_a_lifted_freeze_ends_when_it_was_lifted(views: Views) -> None:
    desk = Desk()
    frozen(desk, (at(5), at(10)), "mail")
    planned(desk, ONE, (at(7, 20), at(7, 22)), "mail")
    desk.tell(FreezeLifted, FREEZE, {"lifted_at": at(6)})

    found = shown(desk, views, 5, 8)

    assert found[FREEZE]["end"] == at(6)
    assert found[ONE]["overlaps"] == []


def test_two_freezes_are_not_in_each_other_s_way(views: Views) -> None:
    desk = Desk()
    frozen(desk, (at(5), at(10)), "mail")
    frozen(desk, (at(5), at(10)), "*", subject="freeze/FRZ0000002")

    assert [row["overlaps"] for row in shown(desk, views, 5, 8).values()] == [[], []]


def test_a_service_s_calendar_shows_what_overlaps_outside_the_period_as_well(views: Views) -> None:
    desk = Desk()
    planned(desk, ONE, (at(7), at(9)), "mail", "web")
    planned(desk, TWO, (at(8), at(9)), "web")
    planned(desk, THREE, (at(7), at(9)), "erp")

    found = shown(desk, views, 7, 8, service="mail")

    assert found.keys() == {ONE}
    assert overlaps(found[ONE]).keys() == {TWO}


@pytest.mark.parametrize("end", [7, 6])
def test_a_period_that_is_none_is_refused(views: Views, end: int) -> None:
    with pytest.raises(Malformed, match="ends after it starts"):
        shown(Desk(), views, 7, end)


def test_a_period_that_holds_too_much_is_refused(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    for number in range(3):
        planned(desk, f"change/CHG{number}", (at(7), at(8)), "mail")
    monkeypatch.setattr(calendar, "LARGEST_CALENDAR", 2)

    with pytest.raises(Malformed, match="more than 2 changes and freezes"):
        shown(desk, views, 7, 8)
