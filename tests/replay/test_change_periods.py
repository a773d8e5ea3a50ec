"""What is asked of all changes of a period: approved late, done as an emergency, done inside a freeze."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.entry import Correction
from replay.emergencies import Emergency, emergencies
from replay.errors import MomentRefused
from replay.in_freezes import InFreeze, in_freezes
from replay.late_approvals import LateApproval, late_approvals
from replay.period import Period, period_between
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import Desk

EVER = Period()
EXTERNAL = "change/EXT-1"


@pytest.fixture
def office(at: Desk) -> Office:
    return Office.of(at)


def hours(start: float, end: float) -> Period:
    return period_between(hours_later(start), hours_later(end))


def late(desk: Desk, period: Period = EVER) -> list[LateApproval]:
    found = late_approvals(desk.house.ledger, period)
    assert found.position == desk.house.ledger.head().size
    return [one for one in found.items if isinstance(one, LateApproval)]


def urgent(office: Office, period: Period = EVER) -> list[Emergency]:
    return [
        one for one in emergencies(office.house.ledger, period).items if isinstance(one, Emergency)
    ]


def frozen(office: Office, period: Period = EVER) -> list[InFreeze]:
    return [
        one for one in in_freezes(office.house.ledger, period).items if isinstance(one, InFreeze)
    ]


# Approved late


def observed(at: Desk, approval: dict[str, Any], *, started: str = "2026-03-01T10:00:00Z") -> None:
    at.observes(EXTERNAL, "drafted", {"type": "normal"}, time="2026-03-01T08:00:00.000000Z")
    granted = {"by": "Nina", "verdict": "granted", **approval}
    at.observes(
        EXTERNAL, "approval-granted", {"approvals": {"APR-1": granted}}, time="2026-03-01T09:00:00.000000Z",
    )  # fmt: skip
    at.observes(
        EXTERNAL, "implementation-started", {"started_at": started}, time="2026-03-01T10:00:00.000000Z",
    )  # fmt: skip


def test_an_approval_dated_after_the_beginning_is_late(at: Desk) -> None:
    observed(at, {"at": "2026-03-01T11:00:00Z"})

    (found,) = late(at)

    assert (found.change, found.approval, found.why) == (EXTERNAL, "APR-1", ("dated-after",))
    assert found.by == at.house.ledger.subject(EXTERNAL).state["approvals"]["APR-1"]["by"]
    assert (found.at, found.began_at) == (
        "2026-03-01T11:00:00.000000Z", "2026-03-01T10:00:00.000000Z",
    )  # fmt: skip
    entries = [entry.position for entry in at.house.ledger.entries_of(EXTERNAL)]
    assert (found.position, found.began_position) == (entries[1], entries[2])
    assert (found.decision, found.recorded_by, found.began_exact) == ("observed", at.recorder, True)


@pytest.mark.parametrize("dated", ["2026-03-01T09:59:59Z", "2026-03-01T10:00:00Z"])
def test_an_approval_dated_by_the_beginning_is_not_late(at: Desk, dated: str) -> None:
    observed(at, {"at": dated})

    assert late(at) == []


def test_whether_an_undated_approval_was_late_stays_unknown(at: Desk) -> None:
    observed(at, {})

    (found,) = late(at)

    assert (found.why, found.at) == (("undated",), None)


def test_an_approval_recorded_after_the_beginning_is_told_even_if_it_is_dated_before(
    at: Desk,
) -> None:
    at.observes(EXTERNAL, "implementation-started", {"started_at": "2026-03-01T10:00:00Z"})
    granted = {"by": "Nina", "verdict": "granted", "at": "2026-03-01T09:00:00Z"}
    at.observes(EXTERNAL, "approval-granted", {"approvals": {"APR-1": granted}})

    (found,) = late(at)

    assert found.why == ("recorded-after",)


def test_a_beginning_that_nobody_told_was_by_the_end_at_the_latest(at: Desk) -> None:
    at.observes(EXTERNAL, "implementation-completed", {"implemented_at": "2026-03-01T10:00:00Z"})
    granted = {"by": "Nina", "verdict": "granted", "at": "2026-03-01T11:00:00Z"}
    at.observes(EXTERNAL, "approval-granted", {"approvals": {"APR-1": granted}})

    (found,) = late(at)

    assert (found.began_at, found.began_exact) == ("2026-03-01T10:00:00.000000Z", False)


def test_a_corrected_beginning_is_what_an_approval_is_compared_with(at: Desk) -> None:
    observed(at, {"at": "2026-03-01T11:00:00Z"})
    started = at.house.ledger.entries_of(EXTERNAL)[-1].position
    right = {"started_at": "2026-03-01T12:00:00.000000Z", "status": "implementing"}
    at.observes(EXTERNAL, "fact-corrected", {}, correction=Correction(started, right))

    assert late(at) == []


def test_a_denial_is_no_approval_that_came_late(at: Desk) -> None:
    observed(at, {"at": "2026-03-01T11:00:00Z", "verdict": "denied"})

    assert late(at) == []


def test_late_approvals_are_asked_by_when_they_were_given(at: Desk) -> None:
    observed(at, {"at": "2026-03-01T11:00:00Z"})

    def on(start: str, end: str) -> int:
        return len(late(at, period_between(f"2026-03-01T{start}:00Z", f"2026-03-01T{end}:00Z")))

    assert (on("11:00", "12:00"), on("10:00", "11:00"), on("11:01", "12:00")) == (1, 0, 0)


def test_what_the_ledger_governs_is_never_approved_late(office: Office, at: Desk) -> None:
    office.implemented(office.scheduled(hours=(2, 4)), 2)
    office.approves_afterwards(office.broken_glass())

    assert late(at) == []


# Emergencies


def test_a_broken_glass_waits_for_its_retro_approval_until_it_is_due(office: Office) -> None:
    change = office.broken_glass()
    (found,) = urgent(office)
    entries = office.house.ledger.entries_of(change)

    assert (found.change, found.type, found.outcome) == (change, "emergency", "open")
    assert found.due_at == office.house.ledger.subject(change).state["retro_due_at"]
    assert (found.position, found.began_position) == (entries[0].position, entries[1].position)
    assert found.authorized_position is None
    (round_,) = found.retro_approvals
    assert (round_.request_position, round_.decision_position) == (entries[2].position, None)
    assert found.break_glass is not None
    assert (found.break_glass.by, found.break_glass.position) == (
        office["IVO"], entries[1].position,
    )  # fmt: skip
    assert {grant.role_name for grant in found.break_glass.grants} == {"break-glass"}
    assert [rule.id for rule in found.break_glass.rules] == ["break-glass-holders-break-the-glass"]

    office.wait_until(100)
    assert [one.outcome for one in urgent(office)] == ["overdue"], "no timer has run"
    office.does("MIA", "comment", change, comment="Nobody decided")
    (lapsed,) = urgent(office)
    assert (lapsed.outcome, lapsed.retro_approvals[0].by) == ("lapsed", None)


@pytest.mark.parametrize(("verdict", "outcome"), [("grant", "granted"), ("deny", "denied")])
def test_a_decided_retro_approval_names_who_decided_and_where(
    office: Office, verdict: str, outcome: str
) -> None:
    change = office.broken_glass()
    decided = office.approves_afterwards(change, verdict)

    (found,) = urgent(office)

    (round_,) = found.retro_approvals
    assert (found.outcome, round_.outcome) == (outcome, outcome)
    assert (round_.by, round_.decision_position) == (office["EVA"], decided.position)
    assert round_.content_hash == office.content(change)


def test_what_was_asked_again_has_each_round(office: Office) -> None:
    change = office.broken_glass()
    office.approves_afterwards(change, "deny")
    office.does("SYSTEM", "request-retro-approval", change)
    office.approves_afterwards(change)

    (found,) = urgent(office)

    assert [one.outcome for one in found.retro_approvals] == ["denied", "granted"]
    assert found.outcome == "granted"


def test_an_emergency_that_was_authorized_before_it_began_needs_no_retro_approval(
    office: Office,
) -> None:
    change = office.broken_glass()
    incident = office.house.ledger.subject(change).state["emergency_incident"]
    other = office.drafted("emergency", hours=(0, 9))
    office.assessed(other)
    office.does("RUTH", "link", other, to=incident, relation="incident")
    office.approves("ANNE", other)
    office.does("IVO", "start-emergency-implementation", other)

    found = {one.change: one for one in urgent(office)}

    assert found[other].outcome == "not-required"
    assert found[other].authorized_position is not None
    assert found[change].outcome == "open"


def test_an_observed_retro_approval_after_its_due_date_was_granted_late(at: Desk) -> None:
    at.observes(EXTERNAL, "break-glass-invoked", {"break_glass_by": "Nina"})
    assert [one.outcome for one in _emergencies(at)] == ["missing"]
    at.observes(EXTERNAL, "retro-approval-requested", {"retro_due_at": "2026-03-02T00:00:00Z"})
    at.observes(EXTERNAL, "retro-approval-granted", {"retro_decided_at": "2026-03-03T00:00:00Z"})

    assert [one.outcome for one in _emergencies(at)] == ["granted-late"]


def _emergencies(at: Desk) -> list[Emergency]:
    found = emergencies(at.house.ledger, EVER).items
    return [one for one in found if isinstance(one, Emergency)]


def test_emergencies_are_asked_by_when_they_began(office: Office) -> None:
    office.wait_until(5)
    office.broken_glass()

    assert len(urgent(office, hours(5, 6))) == 1
    assert urgent(office, hours(4, 5)) == []
    assert urgent(office, hours(6, 7)) == []


# Inside a freeze


def declared(office: Office, start: float, end: float, *services: str) -> str:
    interval = {"start": hours_later(start), "end": hours_later(end)}
    said: dict[str, Any] = {"services": list(services), "interval": interval, "reason": "Closing"}
    return office.does("EVA", "declare", family="freeze", **said).subject


def test_a_change_inside_a_freeze_is_told_with_whose_exception_it_had(office: Office) -> None:
    freeze = declared(office, 1, 9, "mail", "erp")
    change = office.drafted(hours=(2, 4), services=["mail"])
    office.assessed(change)
    office.approves("ANNE", change)
    excepted = office.does("EVA", "grant-exception", freeze, family="freeze", change=change)
    office.does("MIA", "schedule", change)
    office.implemented(change, 2)

    (found,) = frozen(office)

    assert (found.change, found.freeze, found.services) == (change, freeze, ("mail",))
    assert (found.excepted, found.declared_before) == (True, True)
    assert found.exception is not None
    assert (found.exception.by, found.exception.act.position) == (office["EVA"], excepted.position)
    assert {grant.role_name for grant in found.exception.act.grants} == {"freeze-owner"}
    assert found.window == {"start": hours_later(2), "end": hours_later(4)}
    assert found.implementation is not None
    began = office.house.ledger.subject(change).state["started_at"]
    assert found.implementation["start"] == began
    assert found.freeze_position == office.house.ledger.entries_of(freeze)[0].position


def test_a_glass_broken_inside_a_freeze_had_nobody_s_exception(office: Office) -> None:
    freeze = declared(office, 0, 9, "*")
    office.wait_until(1)
    change = office.broken_glass()

    (found,) = frozen(office)

    assert (found.change, found.freeze, found.services) == (change, freeze, ("mail",))
    assert (found.excepted, found.exception) == (False, None)
    assert found.implementation is not None
    assert found.implementation["end"] is None, "it goes on"


def test_an_exception_that_came_after_the_beginning_excepted_nothing(office: Office) -> None:
    freeze = declared(office, 0, 9, "*")
    office.wait_until(1)
    change = office.broken_glass()
    office.does("EVA", "grant-exception", freeze, family="freeze", change=change)

    (found,) = frozen(office)

    assert (found.excepted, found.exception) == (False, None)


def test_the_last_word_by_the_beginning_is_what_counted(office: Office) -> None:
    freeze = declared(office, 0, 9, "*")
    office.wait_until(1)
    change = office.drafted("emergency", hours=(2, 3))
    for verdict in ("grant", "deny"):
        office.does("EVA", f"{verdict}-exception", freeze, family="freeze", change=change)
        office.wait_until(1.1)
    incident = office.does("RUTH", "report", family="incident", title="All is down").subject
    office.does("MIA", "declare-major", incident, family="incident")
    office.does("IVO", "invoke-break-glass", change, incident=incident, reason="Nobody answers")

    (found,) = frozen(office)

    assert found.exception is not None
    assert (found.exception.verdict, found.excepted) == ("denied", False)


def test_a_freeze_declared_over_what_had_begun_says_that_it_came_after(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))
    office.wait_until(2)
    office.does("IVO", "start-implementation", change)
    declared(office, 1, 9, "mail")

    (found,) = frozen(office)

    assert found.declared_before is False


def test_what_shares_no_service_no_moment_or_no_period_is_left_out(office: Office) -> None:
    declared(office, 6, 9, "mail")
    declared(office, 1, 9, "erp")
    lifted = declared(office, 1, 9, "mail")
    office.does("EVA", "lift", lifted, family="freeze")
    change = office.scheduled(hours=(2, 4))
    office.implemented(change, 2)
    assert frozen(office) == []

    planned = office.scheduled(hours=(5, 5.9))
    declared(office, 5.5, 7, "mail")
    assert [one.change for one in frozen(office, hours(5, 6))] == [planned]
    assert frozen(office, hours(5, 5.5)) == [], "they meet later"
    assert frozen(office, hours(6, 7)) == []
    office.does("MIA", "cancel", planned, reason="Not needed")
    assert frozen(office) == [], "what was called off occupies no time"


# The period


@pytest.mark.parametrize(("start", "end"), [(2, 1), (1, 1)])
def test_a_period_that_is_none_is_refused(start: float, end: float) -> None:
    with pytest.raises(MomentRefused, match="ends after it starts"):
        hours(start, end)


def test_an_open_period_holds_every_moment() -> None:
    assert EVER.holds(hours_later(0))
    assert EVER.told() == {"from": None, "to": None}
