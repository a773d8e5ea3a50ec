"""Whatever a handful of principals order, in whatever sequence: the invariants hold, and the log tells the state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.catalogue import COMMANDS
from domain.command import Command
from domain.event import Event, State
from domain.fold import fold
from domain.incident import Status as IncidentStatus
from domain.moments import later
from domain.problem import Status as ProblemStatus
from domain.request import Status as RequestStatus
from domain.request import request_content_hash
from tests.given import ADA, BEN, CLEO, GONE, NAMED, NOW, SOURCE, STRANGER, SYSTEM, Given, Outcome

TICKETS = ["incident", "request", "problem"]
"""Changes: `test_change_sequences.py`."""
KNOWN = {
    "incident": set(IncidentStatus.__args__),  # type: ignore[attr-defined]  # typing's own, at run time
    "request": set(RequestStatus.__args__),  # type: ignore[attr-defined]  # as above
    "problem": set(ProblemStatus.__args__),  # type: ignore[attr-defined]  # as above
}
TERMINAL = {"closed", "cancelled", "rejected"}
COUNTERS = {"reassignment_count": "reassign", "reopen_count": "reopen"}
OTHERS = {
    "incident/INC1": {"status": "new"},
    "problem/PRB1": {"status": "new"},
    "change/CHG1": {"status": "closed", "closure_code": "successful"},
    "change/CHG2": {"status": "closed", "closure_code": "backed_out"},
}

OUTSIDERS = [GONE, NAMED, SOURCE, STRANGER]
PEOPLE = st.sampled_from([ADA, BEN, CLEO, GONE])
REFERENCES = st.sampled_from(["contract/CON1", "change/CHG1", "problem/PRB1", "mail 1"])
LEVELS = st.integers(1, 5)
WORDS = st.sampled_from(["messaging", "network"])

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "assigned_to": st.none() | PEOPLE,
    "assignment_group": WORDS,
    "beneficiary": st.none() | PEOPLE,
    "cancellation": st.sampled_from(["duplicate", "entered_in_error"]),
    "duplicate_of": st.none()
    | st.sampled_from(["incident/INC1", "incident/INC1", "incident/INC9"]),
    "fix_change": st.sampled_from(["change/CHG1", "change/CHG2", "change/CHG9"]),
    "hold_reason": st.sampled_from(["requester", "supplier", "change", "problem"]),
    "hold_reference": REFERENCES,
    "impact": LEVELS,
    "urgency": LEVELS,
    "incident": st.sampled_from(["incident/INC1", "incident/INC1", "incident/INC9"]),
    "owner": st.none() | PEOPLE,
    "reason": st.sampled_from(["Because", "Because", "Because", None]),
    "recurrence": st.sampled_from(["incident/INC1", "incident/INC1", "incident/INC9"]),
    "reported_by": st.none() | PEOPLE,
    "review_by": st.sampled_from(["2026-03-04", "2026-09-30", "2020-01-01"]),
    "stage": st.sampled_from(["initial", "intermediate", "final"]),
    "root_cause": st.none() | st.just("A full disk"),
    "to": st.sampled_from(["change/CHG1", "problem/PRB1", "problem/PRB9", "CASE-1"]),
    "workaround_tested": st.booleans(),
}
"""What is drawn for a field, `None` for nothing. Any other field keeps the value of its command's example."""


@st.composite
def orders(draw: st.DrawFn, family: str, state: State) -> Command:
    """Mostly one that leads on from the status, so that walks get far; any other now and then."""
    commands = [command for (of, _), command in COMMANDS.items() if of == family]
    possible = [c for c in commands if c.yields.takes_place_in(state.get("status"))]
    leads_on = [c for c in possible if c.yields.to_status not in {None, "cancelled", "rejected"}]
    command = draw(st.sampled_from(leads_on * 12 + possible * 2 + commands))
    fields = dict(command.example)
    for name, field in command.model_fields.items():
        value = draw(_field(name, state))
        if value is not None:
            fields[name] = value
        elif name in FIELDS and not field.is_required():
            fields.pop(name, None)
    return command(**fields)


def _field(name: str, state: State) -> st.SearchStrategy[Any]:
    """What a command may say in this field; `None`: nothing, or what its example says."""
    if name == "content_hash":
        return st.sampled_from([request_content_hash(state)] * 3 + ["sha256:" + "0" * 64])
    if name == "link":
        return st.sampled_from([*state.get("links", {}), "LNK-none"])
    return FIELDS.get(name, st.none())


@st.composite
def actors(draw: st.DrawFn, state: State) -> str:
    """Mostly somebody with a part in the ticket, whom the rules let on or keep apart."""
    parts = ("assigned_to", "fulfiller", "owner", "requested_by", "prioritised_by", "resolved_by")
    involved = [state[part] for part in parts if part in state]
    return draw(st.sampled_from([ADA, BEN, CLEO, SYSTEM] * 2 + involved * 4 + OUTSIDERS))


def invariants(family: str, verb: str, before: State, after: State, now: str) -> None:
    assert after["status"] in KNOWN[family]
    for counter, counted in COUNTERS.items():
        assert after.get(counter, 0) == before.get(counter, 0) + (verb == counted)
    assert after.get("detected_at", "") <= after.get("reported_at", "") <= later(now, SKEW)
    assert (after["status"] == "on_hold") == ("hold_reason" in after)
    if before.get("status") in TERMINAL:
        assert after["status"] == before["status"]


def apart(family: str, state: State) -> None:
    """No two of these are one human (a timer is none)."""
    closer = state.get("closed_by")
    match family:
        case "incident":
            assert closer is None or closer == SYSTEM or closer != state.get("resolved_by")
        case "request":
            approvals = state.get("approvals", {}).values()
            granted = {a["by"] for a in approvals if a["verdict"] == "granted"}
            parties = {state.get(m) for m in ("requested_by", "beneficiary", "fulfiller")}
            assert granted.isdisjoint(parties)
            assert closer is None or closer != state.get("fulfilled_by")
        case "problem":
            assert closer is None or closer != state.get("owner")
            acceptor = state.get("risk_accepted_by")
            assert acceptor is None or acceptor != state.get("owner")
        case other:
            raise AssertionError(other)


def lowered_by_two(outcome: Outcome, before: State, actor: str) -> None:
    priority, was = outcome.state.get("priority"), before.get("priority")
    if priority and was and priority > was:
        assert actor not in {before.get("prioritised_by"), before.get("assigned_to")}


SKEW = timedelta(minutes=2)


@pytest.mark.parametrize("family", TICKETS)
@settings(max_examples=150, deadline=None)
@given_any(data=st.data())
def test_no_sequence_of_orders_breaks_an_invariant(family: str, data: st.DataObject) -> None:
    recorded: list[Event] = []
    state: State = {}
    now = NOW
    for _ in range(data.draw(st.integers(10, 40), label="orders")):
        command = data.draw(orders(family, state), label="order")
        actor = data.draw(actors(state), label="actor")
        now = later(now, timedelta(hours=data.draw(st.integers(0, 100), label="hours")))

        outcome = Given(f"{family}/X1", state, OTHERS).when(command, actor=actor, now=now)

        assert bool(outcome.refusals) != bool(outcome.events)
        if command.creates or state:
            note(f"{command.verb}: {'refused' if outcome.refusals else 'done'}")
        if not outcome.events or not (state or command.creates):
            continue
        for event in outcome.events:
            assert type(event).from_data(event.data()).data() == event.data()
        invariants(family, command.verb, state, outcome.state, now)
        apart(family, outcome.state)
        lowered_by_two(outcome, state, actor)
        recorded.extend(outcome.events)
        state = outcome.state

    assert fold(event.data() for event in recorded) == state
