"""Whatever is ordered on a change, in whatever sequence: nothing is implemented on void approvals, nothing is
closed that must not be, and the log tells the state.

Policy is not asked here: these hold for everybody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from hypothesis import event as note
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.catalogue import COMMANDS
from domain.change import (
    Status,
    change_content_hash,
    counting_approvals,
    is_authorized_as_it_stands,
)
from domain.change_review import review_reasons
from domain.command import Command
from domain.event import Event, State
from domain.fold import fold
from domain.moments import later
from domain.parts import parts_in
from domain.thresholds import DEFAULTS
from tests.domain.changes import (
    ANNE,
    CHANGE,
    DEPLOYMENT,
    DEV,
    INCIDENT,
    OTHER,
    OTHERS,
    SAM,
    SAMS_OTHER,
    TESTER,
    WINDOW,
    draft,
    draft_standard,
)
from tests.given import ADA, BEN, CLEO, NOW, SYSTEM, standing

PEOPLE = [ADA, BEN, CLEO, DEV, TESTER, ANNE, SAM, SAMS_OTHER, SYSTEM]
TERMINAL = {"closed", "cancelled"}
WINDOWS = [
    WINDOW,
    {"start": "2026-03-07T20:30:00Z", "end": "2026-03-07T21:30:00Z"},
    {"start": "2026-03-02T12:00:00Z", "end": "2026-04-30T12:00:00Z"},
    {"start": "2026-03-03T12:00:00Z", "end": "2026-04-15T12:00:00Z"},
]
OTHER_CHANGE = {OTHER: {"status": "scheduled", "services": {"mail": True}, "window": WINDOW}}
KNOWN = {**OTHERS, **OTHER_CHANGE}

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "attendees": st.just([CLEO, ANNE]),
    "author": st.sampled_from([DEV, ANNE, BEN]),
    "closure_code": st.sampled_from(["successful", "failed", "backed_out"]),
    "commit": st.text("abcdef", min_size=4, max_size=6),
    "deployment": st.just(DEPLOYMENT),
    "incident": st.sampled_from([INCIDENT, INCIDENT, "incident/INC0010003"]),
    "members": st.just(()),
    "no_interest": st.sampled_from([True, True, True, False]),
    "reason": st.sampled_from(["Because", "Because", "Because", None]),
    "relation": st.just("incident"),
    "resolved_conflicts": st.sampled_from([(), (OTHER,)]),
    "risk": st.sampled_from(["low", "medium", "high"]),
    "sampled": st.booleans(),
    "services": st.sampled_from([["mail"], ["erp"], ["mail", "erp"]]),
    "title": st.sampled_from(["Move the queue", "Another"]),
    "to": st.just(INCIDENT),
    "verification": st.sampled_from(["passed", "passed", "failed"]),
    "votes": st.just({CLEO: "for"}),
    "quorum": st.just(2),
    "window": st.sampled_from(WINDOWS),
}
AMENDED = ("title", "back_out_plan", "services", "window")


@st.composite
def orders(draw: st.DrawFn, state: State) -> Command:
    """Mostly one that leads on from the status, so that walks get far; any other now and then."""
    if not state:
        type_ = draw(st.sampled_from(["normal", "normal", "emergency", "standard"]))
        drafted = draft_standard() if type_ == "standard" else draft(type_)
        window = draw(st.sampled_from(WINDOWS))
        return drafted.model_copy(
            update={"window": type(drafted)(**_again(drafted, window)).window}
        )
    commands = [command for (family, _), command in COMMANDS.items() if family == "change"]
    possible = [c for c in commands if c.yields.takes_place_in(state.get("status"))]
    ends = {None, "cancelled", "rejected", "draft", "awaiting_authorization"}
    leads_on = [c for c in possible if c.yields.to_status not in ends]
    command = draw(st.sampled_from(leads_on * 8 + possible * 2 + commands))
    if command.verb == "amend-plan":
        name = draw(st.sampled_from(AMENDED))
        value = "Another" if name == "back_out_plan" else draw(FIELDS[name])
        return command.model_validate({name: value})
    fields: dict[str, Any] = dict(command.example)
    for name in command.model_fields:
        value = draw(_field(name, state))
        if value is not None:
            fields[name] = value
        elif name in FIELDS:
            fields.pop(name, None)
    return command.model_validate(fields)


def _again(drafted: Command, window: Any) -> dict[str, Any]:
    said = drafted.model_dump(exclude_unset=True, by_alias=True)
    return {**said, "window": window}


def _field(name: str, state: State) -> st.SearchStrategy[Any]:
    if name == "content_hash":
        return st.sampled_from([change_content_hash(state)] * 4 + ["sha256:" + "0" * 64])
    if name == "link":
        return st.sampled_from([*state.get("links", {}), "LNK-none"])
    if name == "cause":
        return st.sampled_from(["content_changed", "window_moved", "approver_role_void"])
    if name == "approvals":
        return st.just(tuple(state.get("approvals", ())))
    return FIELDS.get(name, st.none())


def never_implemented_on_void_approvals(state: State) -> None:
    if state.get("status") in {"implementing", "implemented", "rolled_back"}:
        assert is_authorized_as_it_stands(state) or state.get("break_glass_at")
    if state.get("status") in {"authorized", "scheduled"}:
        assert is_authorized_as_it_stands(state)


def an_authorization_stands_only_where_it_may(state: State) -> None:
    before = {"draft", "assessing", "awaiting_authorization", "rejected"}
    if state.get("status") in before:
        assert {"authorized_at", "authorized_hash", "approved_window"}.isdisjoint(state)


def closed_only_as_allowed(before: State, state: State) -> None:
    if state["status"] != "closed" or before.get("status") == "closed":
        return
    assert before["status"] in {"implemented", "reviewed"}
    assert before["status"] == "reviewed" or not review_reasons(before, DEFAULTS)
    assert state.get("retro_approval") != "requested"
    assert state["closure_code"]


def types_keep_to_their_paths(before: State, state: State) -> None:
    moved = state["status"] if state["status"] != before.get("status") else None
    if state.get("type") == "standard":
        assert moved != "assessing"
        assert "break_glass_at" not in state
    if "break_glass_at" in state or "emergency_incident" in state:
        assert state["type"] == "emergency"
        assert state["emergency_incident"] == INCIDENT
    if "break_glass_at" in state:
        assert state["retro_approval"]


def verdicts_are_only_added(before: State, state: State) -> None:
    for kept in ("approvals", "tests", "commits", "recusals", "cab_decisions"):
        assert before.get(kept, {}).keys() <= state.get(kept, {}).keys()
    if state.get("revision", 1) > before.get("revision", state.get("revision", 1)):
        assert not counting_approvals(state)


def the_stated_hash_is_that_of_the_content(state: State) -> None:
    assert state["content_hash"] == change_content_hash(state)


@settings(max_examples=250, deadline=None)
@given_any(data=st.data())
def test_no_sequence_of_orders_breaks_an_invariant(data: st.DataObject) -> None:
    recorded: list[Event] = []
    state: State = {}
    now, ids = NOW, 1
    for _ in range(data.draw(st.integers(10, 45), label="orders")):
        command = data.draw(orders(state), label="order")
        actor = data.draw(st.sampled_from(PEOPLE), label="actor")
        now = later(now, timedelta(hours=data.draw(st.integers(0, 40), label="hours")))
        ids += 10

        outcome = standing(CHANGE, state, KNOWN, ids).when(command, actor=actor, now=now)

        assert bool(outcome.refusals) != bool(outcome.events)
        note(f"{command.verb}: {'refused' if outcome.refusals else 'done'}")
        if not outcome.events:
            continue
        for event in outcome.events:
            assert type(event).from_data(event.data()).data() == event.data()
        after = outcome.state
        assert after["status"] in get_args(Status)
        if state.get("status") in TERMINAL:
            assert after["status"] == state["status"]
        never_implemented_on_void_approvals(after)
        an_authorization_stands_only_where_it_may(after)
        closed_only_as_allowed(state, after)
        types_keep_to_their_paths(state, after)
        verdicts_are_only_added(state, after)
        the_stated_hash_is_that_of_the_content(after)
        assert all(
            person in PEOPLE for part in parts_in("change", after).values() for person in part
        )
        recorded.extend(outcome.events)
        state = after

    hashless = {name: value for name, value in state.items() if name != "content_hash"}
    assert fold(event.data() for event in recorded) == hashless
