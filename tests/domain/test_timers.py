"""What waits for a time: when it is due, what is ordered then, and that the order holds exactly from then on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from domain.event import State
from domain.timers import MEMBERS, timers_of
from tests.domain.changes import CHANGE, MODEL
from tests.given import NOW, SYSTEM, Given, standing

DUE = "2026-03-16T12:00:00.000000Z"
JUST_AFTER = "2026-03-16T12:00:00.000001Z"
GRANT: State = {
    "status": "active",
    "holder": "principal/PRN0000003",
    "role": "role/ROL0000001",
    "valid_from": NOW,
}
DELEGATED = {"DLG-1": {"to": "principal/PRN0000002", "from": NOW, "until": DUE}}
ENDED = {"DLG-1": {**DELEGATED["DLG-1"], "ended_at": NOW}}
WAITING: Mapping[str, tuple[str, State, str, str]] = {
    "incident": ("incident/INC0010001", {"status": "resolved", "closes_at": DUE}, "close", JUST_AFTER),
    "request": ("request/REQ0010001", {"status": "fulfilled", "closes_at": DUE}, "close", JUST_AFTER),
    "problem": (
        "problem/PRB0010001",
        {"status": "risk_accepted", "review_by": "2026-03-16"},
        "expire-risk-acceptance",
        "2026-03-16T00:00:00.000000Z",
    ),
    "retro-approval": (
        CHANGE,
        {"status": "implementing", "type": "emergency", "retro_approval": "requested", "retro_due_at": DUE},
        "lapse-retro-approval",
        JUST_AFTER,
    ),
    "review": (
        CHANGE,
        {"status": "implemented", "type": "emergency", "review_opens_at": DUE},
        "open-pir",
        DUE,
    ),
    "review-due": (
        CHANGE,
        {"status": "in_review", "type": "emergency", "review_due_at": DUE},
        "lapse-review",
        JUST_AFTER,
    ),
    "model": (MODEL, {"status": "active", "valid_until": DUE}, "suspend", JUST_AFTER),
    "freeze": (
        "freeze/FRZ0000001",
        {"status": "active", "interval": {"start": NOW, "end": DUE}},
        "expire",
        DUE,
    ),
    "grant": ("grant/GRT0000001", {**GRANT, "valid_to": DUE}, "expire", DUE),
    "delegation": ("grant/GRT0000001", {**GRANT, "delegations": DELEGATED}, "end-delegation", DUE),
}  # fmt: skip


def waiting(name: str) -> tuple[Given, str, str]:
    subject, state, verb, due = WAITING[name]
    return standing(subject, state), verb, due


@pytest.mark.parametrize("name", WAITING)
def test_a_timer_gives_its_order_when_it_is_due(name: str) -> None:
    stands, verb, due = waiting(name)

    (timer,) = timers_of(stands.subject, stands.state)

    assert (timer.command.verb, timer.due) == (verb, due)
    assert stands.when(timer.command, actor=SYSTEM, now=due).events


@pytest.mark.parametrize(
    "name", ["retro-approval", "review-due", "model", "freeze", "grant", "problem"]
)
def test_before_it_is_due_the_order_can_not_be_given(name: str) -> None:
    stands, _, due = waiting(name)
    (timer,) = timers_of(stands.subject, stands.state)
    before = {"problem": "2026-03-15T23:59:59.999999Z", "freeze": "2026-03-16T11:59:59.999999Z"}
    moment = before.get(name, "2026-03-16T11:59:59.999999Z" if due == DUE else DUE)

    assert stands.when(timer.command, actor=SYSTEM, now=moment).refusals


@pytest.mark.parametrize("name", WAITING)
def test_the_shipped_policy_lets_the_system_give_it(name: str) -> None:
    subject, state, _, due = WAITING[name]
    (timer,) = timers_of(subject, state)

    outcome = Given(subject, state).when(timer.command, actor=SYSTEM, now=due)

    assert outcome.refusals == ()


@pytest.mark.parametrize("name", WAITING)
def test_once_it_was_given_nothing_waits_any_more(name: str) -> None:
    stands, _, due = waiting(name)
    (timer,) = timers_of(stands.subject, stands.state)

    after = stands.when(timer.command, actor=SYSTEM, now=due).state

    # A review that has begun waits for its due date.
    still = [one.command.verb for one in timers_of(stands.subject, after)]
    assert still == (["lapse-review"] if name == "review" else [])


@pytest.mark.parametrize("name", WAITING)
def test_timers_are_told_from_the_members_that_say_so(name: str) -> None:
    subject, state, *_ = WAITING[name]
    told = {member: state[member] for member in MEMBERS if member in state}

    assert timers_of(subject, told) == timers_of(subject, state)


def test_of_several_the_earliest_comes_first() -> None:
    state = {**GRANT, "valid_to": "2026-03-20T00:00:00.000000Z", "delegations": DELEGATED}

    verbs = [timer.command.verb for timer in timers_of("grant/GRT0000001", state)]

    assert verbs == ["end-delegation", "expire"]


def test_what_has_ended_or_has_no_end_waits_for_nothing() -> None:
    for state in (GRANT, {**GRANT, "delegations": ENDED}, {**GRANT, "status": "revoked"}):
        assert timers_of("grant/GRT0000001", state) == []
    assert timers_of("incident/INC0010001", {"status": "resolved"}) == []
    assert timers_of("incident/INC0010001", {"status": "closed", "closes_at": DUE}) == []
    assert timers_of("principal/PRN0000002", {"status": "registered"}) == []
