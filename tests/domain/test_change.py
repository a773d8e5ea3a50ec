"""What a change is: its content and the hash of it, its parts, its services, the rosters it stands on."""

from __future__ import annotations

from typing import Any

import pytest

from domain.business_days import business_days_after
from domain.canonical import content_hash
from domain.change import (
    CONTENT_MEMBERS,
    change_content_hash,
    is_authorized_as_it_stands,
)
from domain.change_approval import GrantApproval, RecordCabDecision, RecuseApprover
from domain.change_planning import ChangeDrafted
from domain.change_retro_approval import GrantRetroApproval
from domain.common import common_event
from domain.correction import FactCorrected, check_replacement
from domain.errors import CanNot, Malformed
from domain.event import event_class
from domain.parts import parts_in, services_in
from domain.rosters import rosters_of
from domain.sets import members, replacing
from domain.windows import Window, inside, overlap
from tests.domain.changes import (
    ANNE,
    ASSESSED,
    BROKEN,
    CHANGE,
    DEV,
    IMPLEMENTED,
    IN_REVIEW,
    MODEL,
    REVIEWED,
    SAM,
    TESTER,
    TO_AUTHORIZED,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    TO_SCHEDULED,
    WINDOW,
    change,
    draft,
    follow,
    with_state,
)
from tests.given import ADA, BEN, CLEO, GONE

STATE: dict[str, Any] = {
    "type": "normal",
    "title": "sd:sha-256:a",
    "services": {"mail": True},
    "risk": "low",
    "window": WINDOW,
    "revision": 1,
}


def test_the_content_hash_is_over_the_stored_form_of_the_content() -> None:
    assert change_content_hash({**STATE, "status": "draft", "tests": {}}) == content_hash(STATE)
    assert change_content_hash({}) == content_hash({})


@pytest.mark.parametrize("member", CONTENT_MEMBERS)
def test_each_member_of_the_content_changes_the_hash(member: str) -> None:
    assert change_content_hash({**STATE, member: "else"}) != change_content_hash(STATE)


def test_a_window_inside_the_approved_one_is_the_approved_one_to_the_hash() -> None:
    approved = {**STATE, "approved_window": WINDOW}
    part = {"start": "2026-03-07T21:00:00.000000Z", "end": WINDOW["end"]}
    longer = {"start": WINDOW["start"], "end": "2026-03-07T22:00:00.000001Z"}

    assert change_content_hash({**approved, "window": part}) == change_content_hash(STATE)
    assert change_content_hash({**STATE, "window": part}) != change_content_hash(STATE)
    assert change_content_hash({**approved, "window": longer}) != change_content_hash(STATE)


def test_an_authorization_is_of_one_content() -> None:
    authorized = change(*TO_AUTHORIZED).state

    assert is_authorized_as_it_stands(authorized)
    assert not is_authorized_as_it_stands({**authorized, "test_plan": "Another"})
    assert not is_authorized_as_it_stands(change(*ASSESSED).state)
    assert not is_authorized_as_it_stands({})


def test_windows_have_a_moment_in_common_or_lie_inside_each_other() -> None:
    def window(start: int, end: int) -> Window:
        return {"start": f"2026-03-{start:02d}", "end": f"2026-03-{end:02d}"}

    assert overlap(window(1, 3), window(2, 4))
    assert overlap(window(1, 9), window(2, 4))
    assert not overlap(window(1, 2), window(2, 4))
    assert inside(window(2, 4), window(2, 4))
    assert not inside(window(2, 5), window(2, 4))
    assert not inside(window(1, 4), window(2, 4))


def test_a_set_is_what_is_true_in_it() -> None:
    assert members({"a": True, "b": False}) == {"a"}
    assert members(None) == frozenset()
    assert replacing({"a": True, "b": True}, ["b", "c"]) == {"a": None, "b": True, "c": True}


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-03-02T12:00:00Z", 2, "2026-03-04"),
        ("2026-03-05T12:00:00Z", 2, "2026-03-09"),
        ("2026-03-06T12:00:00Z", 1, "2026-03-09"),
        ("2026-03-07T12:00:00Z", 1, "2026-03-09"),
        ("2026-03-08T12:00:00Z", 2, "2026-03-10"),
        ("2026-03-02T12:00:00Z", 10, "2026-03-16"),
        ("2026-03-07T12:00:00Z", 0, "2026-03-07"),
    ],
)
def test_business_days_leave_weekends_out(start: str, days: int, due: str) -> None:
    assert business_days_after(start, days) == f"{due}T12:00:00.000000Z"


def test_who_played_a_part_is_told_by_its_word() -> None:
    cab = RecordCabDecision(
        meeting="CAB 10", attendees=[CLEO], quorum=1, votes={CLEO: "for"}, advice="authorize"
    )
    steps = (*ASSESSED, (CLEO, cab), (SAM, RecuseApprover(interest=True)))
    asked = change(*steps, first=draft(beneficiary=GONE))
    others = change(*TO_IMPLEMENTING).state
    broken = change(*BROKEN, *IMPLEMENTED, *IN_REVIEW, *REVIEWED, first=draft("emergency")).state

    assert parts_in("change", asked.state) == {
        "requester": {ADA},
        "beneficiary": {GONE},
        "assessor": {CLEO},
        "recused": {SAM},
        "declared-interest": {SAM},
        "cab-chair": {CLEO},
    }
    assert parts_in("change", others) == {
        "requester": {ADA},
        "assessor": {CLEO},
        "developer": {DEV},
        "tester": {TESTER},
        "approver": {ANNE},
        "implementer": {BEN},
    }
    assert parts_in("change", broken) == {
        "requester": {ADA},
        "implementer": {BEN},
        "invoker": {BEN},
        "reviewer": {SAM},
    }
    assert parts_in("change", {}) == {}


def test_a_delegate_plays_a_part_together_with_who_delegated() -> None:
    acting = {"by": BEN, "on_behalf_of": ANNE, "verdict": "granted"}

    told = parts_in("change", {"approvals": {"APR-1": acting}, "tests": {"TST-1": acting}})

    assert told == {"approver": {BEN, ANNE}, "tester": {BEN, ANNE}}


def test_whoever_granted_a_retro_approval_is_an_approver() -> None:
    broken = change(*BROKEN, first=draft("emergency"))
    grant = GrantRetroApproval(content_hash=change_content_hash(broken.state), no_interest=True)
    granted = follow(broken.when(grant, actor=SAM), broken)

    assert parts_in("change", granted.state)["approver"] == {SAM}
    denied = {**granted.state, "retro_approval": "denied"}
    assert "approver" not in parts_in("change", denied)


def test_who_denied_is_no_approver() -> None:
    denied = {"approvals": {"APR-1": {"by": ANNE, "verdict": "denied"}}}

    assert parts_in("change", denied) == {}


def test_a_window_is_claimed_as_long_as_it_is_to_be_implemented() -> None:
    items = draft(configuration_items=["queue-01"])
    claims = {"windows-on mail", "windows-on-item queue-01"}

    def claimed(*steps: Any) -> frozenset[str]:
        return rosters_of(CHANGE, change(*steps, first=items).state)

    assert claimed(*TO_AUTHORIZED) == claimed(*TO_SCHEDULED) == claimed(*TO_IMPLEMENTING) == claims
    assert claimed() == claimed(*ASSESSED) == claimed(*TO_IMPLEMENTED) == frozenset()
    unplanned = change(*TO_AUTHORIZED, first=draft(window=None)).state
    assert rosters_of(CHANGE, unplanned) == frozenset()
    assert rosters_of(CHANGE, {}) == frozenset()


def test_a_model_keeps_its_failures() -> None:
    closed = {"status": "closed", "model": MODEL}

    assert rosters_of(CHANGE, {**closed, "closure_code": "failed"}) == {f"failures-of {MODEL}"}
    assert rosters_of(CHANGE, {**closed, "closure_code": "successful"}) == frozenset()
    assert services_in("change", {"services": {"mail": True}}) == {"mail"}


@pytest.mark.parametrize(
    ("type_name", "data"),
    [
        ("itsm.change.drafted.v1", {}),
        ("itsm.change.approval-granted.v1", {"approvals": {"APR-1": {"by": ADA}}}),
        ("itsm.change.commit-linked.v1", {"commits": {"c0ffee": {}}}),
        ("itsm.change.closed.v1", {"closure_code": "failed"}),
        ("itsm.change.break-glass-invoked.v1", {}),
    ],
)
def test_a_source_states_what_it_knew(type_name: str, data: dict[str, Any]) -> None:
    event = event_class(type_name)

    assert event.from_data(data).data() == {**event.asserts, **data}


def test_a_source_s_times_inside_records_are_brought_to_utc() -> None:
    event = event_class("itsm.change.drafted.v1")
    told = {"start": "2026-03-07T21:00:00+01:00", "end": "2026-03-07T23:00:00+01:00"}

    read = event.from_data({"window": told})

    assert read.data()["window"] == WINDOW
    assert {"window", "requested_at"} <= set(event.moments)
    assert "approvals" in event_class("itsm.change.approval-granted.v1").moments


def test_the_persons_inside_records_are_known_by_their_fields() -> None:
    def people(name: str) -> Any:
        return event_class(f"itsm.change.{name}.v1").persons_in_records

    assert people("approval-granted") == {"approvals": ("by", "on_behalf_of")}
    assert people("commit-linked") == {"commits": ("author",)}
    assert people("cab-decision-recorded") == {"cab_decisions": ("chair",)}
    assert people("drafted") == {}
    assert "approvals" not in event_class("itsm.change.approval-granted.v1").persons


def test_what_no_record_has_is_malformed() -> None:
    event = event_class("itsm.change.approval-granted.v1")

    with pytest.raises(Malformed, match="approvals"):
        event.from_data({"approvals": {"APR-1": {"by": ["Ada Lovelace"]}}})
    with pytest.raises(Malformed, match="approvals"):
        event.from_data({"approvals": {"1": {"by": ADA}}})


@pytest.mark.parametrize(
    "replacement",
    [
        {"services": {"erp": True}},
        {"window": None},
        {"type": "standard"},
        {"requested_by": BEN},
    ],
)
def test_a_correction_is_no_way_around_an_approval(replacement: dict[str, Any]) -> None:
    drafted = ChangeDrafted(
        type="normal", services={"mail": True}, window=WINDOW, requested_by=ADA
    ).data()

    with pytest.raises(CanNot) as refusal:
        check_replacement(ChangeDrafted, drafted, {**drafted, **replacement})

    assert refusal.value.rules == ("protected-members-stay",)


def test_a_corrected_text_is_not_what_was_approved() -> None:
    authorized = change(*TO_AUTHORIZED)
    corrected = with_state(authorized, implementation_plan="sd:sha-256:another")

    assert not is_authorized_as_it_stands(corrected.state)
    assert common_event("change", FactCorrected).derives is False


def test_no_approval_is_without_a_hash() -> None:
    with pytest.raises(ValueError, match="content_hash"):
        GrantApproval(no_interest=True)  # type: ignore[call-arg]  # what the test is about
