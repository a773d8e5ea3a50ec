"""What a state says to be owed, and how what it says no more has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from domain.obligations import (
    FAMILY_OF,
    MEMBERS,
    Kind,
    Obligation,
    ended_as,
    has_ended,
    obligations_of,
)

DUE = "2026-03-16T12:00:00.000000Z"
GRANT = "grant/GRT0000001"
ORDERED = {"verdict": "revocation_ordered", "due_at": DUE}
REVIEW: Mapping[str, Any] = {
    "status": "open",
    "due_at": DUE,
    "items": {GRANT: ORDERED, "grant/GRT0000002": {"verdict": "certified"}},
}
OWING: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "retro-approval": ("change/C", {"retro_approval": "requested", "retro_due_at": DUE}),
    "post-implementation-review": ("change/C", {"status": "implemented", "review_due_at": DUE}),
    "regulatory-report": ("incident/I", {"report_owed": "initial", "report_due_at": DUE}),
    "risk-acceptance": ("problem/P", {"status": "risk_accepted", "review_by": "2026-03-16"}),
    "finding-acceptance": ("finding/F", {"status": "risk_accepted", "accepted_until": DUE}),
    "conflict-exception": (GRANT, {"status": "active", "exception": {"expires_at": DUE}}),
    "access-review": ("review/R", {"status": "open", "due_at": DUE}),
    "revocation": ("review/R", {"items": {GRANT: ORDERED}}),
}


def test_every_kind_is_owed_by_somebody_until_some_time() -> None:
    assert set(OWING) == set(get_args(Kind))
    for kind, (subject, state) in OWING.items():
        (owed,) = obligations_of(subject, state)

        assert (owed.kind, owed.ended) == (kind, None)
        assert FAMILY_OF[owed.kind] == subject.split("/")[0]
        assert owed.owners
        assert owed.due.startswith("2026-03-16T")


@pytest.mark.parametrize("kind", OWING)
def test_obligations_are_told_from_the_members_that_say_so(kind: str) -> None:
    subject, state = OWING[kind]
    people = {"risk_accepted_by": "principal/PRN1", "accepted_by": "principal/PRN1"}
    about = {
        "services": {"mail": True},
        "service": "mail",
        "review_members": {"principal/PRN1": True},
    }
    whole: Mapping[str, Any] = {**state, **people, **about, "title": "Mail"}
    told = {member: whole[member] for member in MEMBERS if member in whole}

    assert obligations_of(subject, told) == obligations_of(subject, whole) != []


@pytest.mark.parametrize("kind", OWING)
def test_without_a_due_date_nothing_is_owed(kind: str) -> None:
    """As of what was recorded before obligations had due dates."""
    subject, state = OWING[kind]
    without: Mapping[str, Mapping[str, Any]] = {
        "revocation": {"items": {GRANT: {"verdict": "revocation_ordered"}}},
        "conflict-exception": {"exception": {}},
    }
    dated = (DUE, "2026-03-16")
    silent = without.get(kind) or {name: one for name, one in state.items() if one not in dated}

    assert obligations_of(subject, silent) == []


def test_a_review_owes_its_end_and_each_revocation_that_it_ordered() -> None:
    whole, revocation = obligations_of("review/R", REVIEW)

    assert whole.kind == "access-review"
    assert (revocation.kind, revocation.item, revocation.until_end_of) == (
        "revocation",
        GRANT,
        GRANT,
    )


def test_of_a_review_those_items_are_told_that_are_asked_for() -> None:
    assert len(obligations_of("review/R", REVIEW, [GRANT])) == 2
    assert len(obligations_of("review/R", REVIEW, ["grant/GRT0000002", "grant/GRT0000099"])) == 1


def test_a_closed_review_is_met_and_its_revocations_stay_owed() -> None:
    whole, revocation = obligations_of("review/R", {**REVIEW, "status": "closed"})

    assert (whole.ended, revocation.ended) == ("met", None)


def test_a_grant_that_gives_nothing_any_more_is_gone() -> None:
    assert has_ended(GRANT, {"status": "revoked"})
    assert has_ended(GRANT, {"status": "expired"})
    assert not has_ended(GRANT, {"status": "suspended"})
    assert not has_ended("change/C", {"status": "expired"})


@pytest.mark.parametrize(
    ("kind", "item", "state", "outcome"),
    [
        ("regulatory-report", "initial", {"regulatory_stage": "initial"}, "met"),
        ("regulatory-report", "intermediate", {"regulatory_stage": "final"}, "met"),
        ("regulatory-report", "intermediate", {"regulatory_stage": "initial"}, "cancelled"),
        ("regulatory-report", "final", {"regulatory_stage": "intermediate"}, "cancelled"),
        ("regulatory-report", "initial", {}, "cancelled"),
        ("risk-acceptance", "", {"status": "known_error"}, "lapsed"),
        ("finding-acceptance", "", {"status": "remediated"}, "met"),
        ("finding-acceptance", "", {"status": "raised", "cause": "acceptance-ended"}, "lapsed"),
        ("finding-acceptance", "", {"status": "raised", "cause": "recurred"}, "cancelled"),
        ("conflict-exception", "", {"status": "requested"}, "cancelled"),
        ("post-implementation-review", "", {"status": "closed"}, "cancelled"),
    ],
)
def test_what_a_state_tells_no_more_has_ended(
    kind: Kind, item: str, state: Mapping[str, Any], outcome: str
) -> None:
    assert ended_as(Obligation(kind, DUE, ("somebody",), item=item), state) == outcome


def test_families_that_promise_nothing_owe_nothing() -> None:
    assert obligations_of("principal/PRN0000001", {"status": "registered", "due_at": DUE}) == []
