"""A history says who, when, why, by which rules, and what each event changed field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acts import LEDGER
from domain.errors import UnknownSubject
from domain.fold import merge_patch
from domain.rosters import grants_held_by
from replay.changes import changed_fields, states
from replay.history import as_json, history
from tests.replay.given_log import OPERATOR, Desk

INCIDENT = "incident/INC0000045"


def test_each_event_tells_what_it_changed(at: Desk) -> None:
    at.observes(INCIDENT, "source-status-recorded", {"source_status": "A", "source": {"x": 1}})
    at.observes(INCIDENT, "source-status-recorded", {"source_status": "A", "source": {"x": 2}})
    at.observes(INCIDENT, "source-status-recorded", {"source_status": None})

    first, second, third = history(at.house.ledger, INCIDENT)

    assert first.changes == {
        "source_status": {"from": None, "to": "A"},
        "source.x": {"from": None, "to": 1},
    }
    assert second.changes == {"source.x": {"from": 1, "to": 2}}
    assert third.changes == {"source_status": {"from": "A", "to": None}}


def test_a_governed_event_names_actor_policy_rules_and_reason(at: Desk) -> None:
    made = at.orders(None, "report", title="Mail is late", service="mail", impact=2, urgency=2)
    at.orders(made.subject, "comment", comment="Still late", reason="asked")

    reported, commented = history(at.house.ledger, made.subject)

    assert reported.position == made.position
    assert (reported.version, commented.version) == (1, 2)
    assert reported.type == "itsm.incident.reported.v1"
    assert reported.said.authid == reported.said.recordedby == OPERATOR.principal
    in_force = at.house.ledger.subject(LEDGER).state["genesis"]["policy"]
    assert (reported.said.decision, reported.said.policy) == ("permit", in_force)
    assert "anyone-reports-incidents" in reported.rules
    assert reported.said.recordedtime == made.recordedtime
    assert reported.changes["status"] == {"from": None, "to": "new"}
    assert commented.changes == {}
    assert commented.said.comment is not None
    assert commented.said.comment.startswith("sd:")
    assert commented.said.reason is not None
    assert commented.said.reason.startswith("sd:")


def test_a_governed_event_names_the_grants_that_its_permission_rests_on(at: Desk) -> None:
    ledger = at.house.ledger
    made = at.orders(None, "report", title="Mail is late")
    at.orders(made.subject, "assign", assignment_group="mail")

    reported, assigned = history(ledger, made.subject)

    assert reported.grants == (), "anyone may report"
    roles = {ledger.subject(grant).state["role_name"] for grant in assigned.grants}
    assert roles == {"dispatcher", "service-desk"}
    assert set(assigned.grants) <= set(ledger.roster(grants_held_by(OPERATOR.principal)).members)


def test_an_observed_event_names_who_acted_and_who_said_so(at: Desk) -> None:
    at.observes(INCIDENT, "commented", {}, time="2026-02-01T10:00:00.000000Z", actor="Resolver 7")

    (step,) = history(at.house.ledger, INCIDENT)

    assert step.said.recordedby == at.recorder
    assert step.said.authid not in {None, at.recorder}
    assert step.said.decision == "observed"
    assert step.said.time == "2026-02-01T10:00:00.000000Z"
    assert step.said.policy is step.said.reason is step.said.onbehalfof is None
    assert step.rules == step.grants == ()


def test_a_correction_tells_what_it_corrects_and_what_it_changed(at: Desk) -> None:
    first = at.observes(INCIDENT, "reported", {"service": "mial"})
    at.orders(
        INCIDENT,
        "correct-fact",
        corrects=first.position,
        replacement={"service": "mail"},
        reason="misspelt",
        effectivetime="2026-02-01T10:00:00Z",
    )

    step = history(at.house.ledger, INCIDENT)[-1]

    assert step.said.corrects == first.position
    assert step.said.replacement == '{"status":"new","service":"mail"}'
    assert step.said.effectivetime == "2026-02-01T10:00:00.000000Z"
    assert step.changes == {"service": {"from": "mial", "to": "mail"}}


def test_json_leaves_out_what_was_not_said(at: Desk) -> None:
    at.observes(INCIDENT, "source-status-recorded", {"source_status": "A"})

    told = as_json(history(at.house.ledger, INCIDENT)[0])

    assert told["changes"] == {"source_status": {"from": None, "to": "A"}}
    assert told["recordedby"] == at.recorder
    assert "policy" not in told
    assert "corrects" not in told


def test_an_unknown_subject_has_no_history(at: Desk) -> None:
    with pytest.raises(UnknownSubject):
        history(at.house.ledger, INCIDENT)


# Changes, wherever they come from


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, {"a.b.c": (1, 2)}),
        ({}, {"a": {"b": 1}}, {"a.b": (None, 1)}),
        ({"a": {"b": 1}}, {}, {"a.b": (1, None)}),
        ({}, {"a": {}}, {"a": (None, {})}),
        ({"a": {"b": 1}}, {"a": {}}, {"a.b": (1, None)}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": ({"b": 1}, 5)}),
        ({"a": [1, 2]}, {"a": [2, 1]}, {"a": ([1, 2], [2, 1])}),
        ({"a": 0}, {"a": False}, {"a": (0, False)}),
        ({"a": 1}, {"a": 1}, {}),
    ],
)
def test_changes_are_told_by_path(
    before: dict[str, Any], after: dict[str, Any], told: dict[str, tuple[Any, Any]]
) -> None:
    assert changed_fields(before, after) == {
        path: {"from": old, "to": new} for path, (old, new) in told.items()
    }


@pytest.mark.parametrize(
    ("patch", "path", "does"),
    [
        ({"a": 1}, "a", True),
        ({"a": None}, "a.b", True),
        ({"a": {"b": 1}}, "a.c", False),
        ({"a": {"b": {"c": 1}}}, "a.b", True),
        ({"ab": 1}, "a", False),
        ({"a": 1}, "ab", False),
        ({"a.b": {"c": 1}}, "a.b.c", True),
    ],
)
def test_what_a_patch_states(patch: dict[str, Any], path: str, does: bool) -> None:
    assert states(patch, path) is does


NAMES = st.sampled_from(["a", "b"])
VALUES = st.recursive(
    st.none() | st.integers(0, 2), lambda inner: st.dictionaries(NAMES, inner), max_leaves=6
)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_every_change_lies_in_what_the_patch_states(
    base: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = merge_patch({}, base)
    after = merge_patch(before, patch)

    changes = changed_fields(before, after)

    assert all(states(patch, path) for path in changes)
    assert changes == changed_fields(before, after, among=patch)
    assert bool(changes) == (before != after)
