"""An incident from report to closure: what each order leads to, and what refuses it."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import ValidationError

from domain.common import Linked, common_event
from domain.errors import Malformed
from domain.event import Event
from domain.incident import (
    IncidentCancelled,
    IncidentClosed,
    IncidentPutOnHold,
    IncidentReassigned,
    IncidentReopened,
    IncidentReported,
    IncidentResolved,
    IncidentResumed,
    IncidentWorkStarted,
)
from domain.incident_commands import (
    AssignIncident,
    CancelIncident,
    CloseIncident,
    PutIncidentOnHold,
    ReassignIncident,
    ReopenIncident,
    ReportIncident,
    ReprioritiseIncident,
    ResolveIncident,
    ResumeIncident,
    StartIncidentWork,
)
from tests.domain import grants
from tests.domain.incidents import (
    WORKING,
    closed,
    held,
    report,
    reported,
    resolved,
    started,
    to_ben,
    to_group,
)
from tests.given import ADA, BEN, CLEO, GONE, NOW, SYSTEM, given
from tests.open_door import open_door


def test_a_report_says_who_when_and_how_urgent() -> None:
    command = ReportIncident(title="Mail is not delivered", service="mail", impact=1, urgency=2)

    given().when(command, actor=ADA).then(
        IncidentReported(
            title="Mail is not delivered",
            service="mail",
            impact=1,
            urgency=2,
            priority=2,
            priority_matrix="mean-rounded-up@1",
            prioritised_by=ADA,
            reported_by=ADA,
            opened_by=ADA,
            reported_at=NOW,
            reassignment_count=0,
            reopen_count=0,
        )
    ).vacuously("service-known")


def test_a_report_for_somebody_else_names_both() -> None:
    after = given().when(ReportIncident(title="No mail", reported_by=CLEO), actor=ADA)

    assert (after.state["reported_by"], after.state["opened_by"]) == (CLEO, ADA)
    assert after.state["service"] == "unclassified"
    assert "priority" not in after.state


def test_a_reporter_must_exist() -> None:
    nobody = ReportIncident(title="No mail", reported_by="principal/PRN0000099")

    given().when(nobody).refused("reporter-exists")


def test_a_number_is_reported_once() -> None:
    given(reported).when(ReportIncident(title="Again")).refused("transition")


@pytest.mark.parametrize(
    ("detected_at", "reported_at", "rule"),
    [
        ("2026-03-02T11:00:01Z", "2026-03-02T11:00:00Z", "detected-before-reported"),
        (None, "2026-03-02T12:02:01Z", "reported-not-ahead-of-now"),
        ("2026-03-02T12:00:01Z", None, "detected-before-reported"),
    ],
)
def test_times_run_from_detection_to_report_to_now(
    detected_at: str | None, reported_at: str | None, rule: str
) -> None:
    command = ReportIncident(title="No mail", detected_at=detected_at, reported_at=reported_at)

    given().when(command, now=NOW).refused(rule)


def test_a_reporters_clock_may_be_two_minutes_ahead() -> None:
    command = ReportIncident(title="No mail", reported_at="2026-03-02T12:02:00Z")

    assert given().when(command, now=NOW).state["reported_at"] == "2026-03-02T12:02:00.000000Z"


def test_a_time_in_another_zone_is_kept_in_utc() -> None:
    command = ReportIncident(title="No mail", detected_at="2026-03-02T12:30:00+01:00")

    assert given().when(command).state["detected_at"] == "2026-03-02T11:30:00.000000Z"


def test_a_time_without_zone_is_malformed() -> None:
    with pytest.raises(ValidationError, match="zone"):
        ReportIncident(title="No mail", detected_at="2026-03-02T12:30:00")


@pytest.mark.parametrize("weighed", [{"impact": 1}, {"urgency": 1}, {"priority": 1}])
def test_a_priority_rests_on_impact_and_urgency_together(weighed: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="impact and urgency together"):
        ReportIncident(title="No mail", **weighed)


def test_an_assignment_is_to_a_group_or_a_person() -> None:
    assign = AssignIncident(assignment_group="messaging", assigned_to=BEN)

    given(reported).when(assign).then(to_ben).vacuously()
    given(reported).when(AssignIncident(assignment_group="messaging")).then(to_group).vacuously(
        "assignee-holds-resolver-role"
    )
    with pytest.raises(ValidationError, match="say assignment_group"):
        AssignIncident()


@pytest.mark.parametrize(
    ("service", "scope", "lacks"),
    [
        ("mail", {"mail": True}, False),
        ("mail", None, False),
        ("mail", {"web": True}, True),
        ("unclassified", {"unclassified": True}, True),
        ("unclassified", None, False),
        (None, None, False),
    ],
)
def test_whether_an_assignee_is_a_resolver_for_the_service_is_told(
    service: str | None, scope: dict[str, bool] | None, lacks: bool
) -> None:
    resolver = grants.active(BEN, "role/ROL0000007", role_name="resolver", services=scope)
    others = {"role/ROL0000007": grants.role("resolver"), grants.GRANT: resolver}
    case = given(reported.model_copy(update={"service": service}), others=others).case()
    told = ["assignee-lacks-resolver-role"]

    assert list(AssignIncident(assigned_to=BEN).circumstances(case)) == told * lacks
    again = ReassignIncident(assigned_to=CLEO, reason="Ill")
    assert list(again.circumstances(case)) == told
    assert list(AssignIncident(assignment_group="messaging").circumstances(case)) == []


@pytest.mark.parametrize("somebody", [GONE, "principal/PRN0000099"])
def test_an_assignee_can_sign_in(somebody: str) -> None:
    assign, again = (
        AssignIncident(assigned_to=somebody),
        ReassignIncident(assigned_to=somebody, reason="Ill"),
    )

    given(reported).when(assign).refused("assignee-holds-resolver-role")
    given(reported).when(assign, may=open_door).refused("assignee-is-registered")
    given(*WORKING).when(again, may=open_door).refused("assignee-is-registered")


def test_reassignment_to_another_group_leaves_the_person_open_and_counts() -> None:
    reassign = ReassignIncident(assignment_group="network", reason="The uplink is down")

    given(*WORKING).when(reassign).then(
        IncidentReassigned(assignment_group="network", assigned_to=None, reassignment_count=1)
    )


def test_reassignment_to_a_person_keeps_the_group() -> None:
    twice = IncidentReassigned(assigned_to=CLEO, reassignment_count=4)
    reassign = ReassignIncident(assigned_to=ADA, reason="Holiday")

    after = given(reported, to_ben, twice).when(reassign)

    after.then(IncidentReassigned(assigned_to=ADA, reassignment_count=5))
    assert after.state["assignment_group"] == "messaging"


def test_reassignment_changes_something_and_says_why() -> None:
    same = ReassignIncident(assignment_group="messaging", assigned_to=BEN, reason="Hm")
    silent = ReassignIncident(assignment_group="network")

    given(*WORKING).when(same).refused("reassigned-to-another")
    given(*WORKING).when(silent).refused("reason-required")


def test_reassignment_of_a_waiting_incident_ends_the_wait() -> None:
    reassign = ReassignIncident(assignment_group="network", reason="Theirs")

    after = given(*WORKING, held).when(reassign)

    assert after.state["status"] == "assigned"
    assert {"hold_reason", "hold_reference"}.isdisjoint(after.state)


def test_whoever_starts_on_a_group_s_incident_becomes_its_assignee() -> None:
    given(reported, to_group).when(StartIncidentWork(), actor=CLEO).then(
        IncidentWorkStarted(assigned_to=CLEO)
    )


def test_only_the_person_it_is_assigned_to_works_on_it() -> None:
    given(reported, to_ben).when(StartIncidentWork(), actor=BEN).then(started)
    given(reported, to_ben).when(StartIncidentWork(), actor=ADA).refused("only-the-assignee")
    resolve = ResolveIncident(resolution_code="restarted")
    given(*WORKING).when(resolve, actor=ADA).refused("only-the-assignee")


def test_waiting_for_a_supplier_names_the_contract() -> None:
    hold = PutIncidentOnHold(hold_reason="supplier", hold_reference="contract/CON0000007")
    vague = PutIncidentOnHold(hold_reason="supplier", hold_reference="they said so")

    given(*WORKING).when(hold, actor=BEN).then(held).vacuously("contract-exists")
    given(*WORKING).when(vague, actor=BEN).refused("hold-needs-contract")


def test_waiting_for_the_requester_names_the_message() -> None:
    hold = PutIncidentOnHold(hold_reason="requester", hold_reference="mail 4711")

    given(*WORKING).when(hold, actor=BEN).vacuously("message-was-sent")
    with pytest.raises(ValidationError, match="hold_reference"):
        PutIncidentOnHold(hold_reason="requester")  # type: ignore[call-arg]  # what the test is about


@pytest.mark.parametrize("reason", ["change", "problem"])
def test_waiting_for_a_change_or_problem_needs_it_linked(
    reason: Literal["change", "problem"],
) -> None:
    hold = PutIncidentOnHold(hold_reason=reason, hold_reference=f"{reason}/X1")
    other = PutIncidentOnHold(hold_reason=reason, hold_reference="incident/X1")
    link = common_event("incident", Linked)(
        links={
            "LNK-1": {"to": f"{reason}/X1", "relation": reason},
            "LNK-2": {"to": "incident/X1", "relation": "related"},
        }
    )

    others = {f"{reason}/X1": {"status": "new"}}

    given(*WORKING, link, others=others).when(hold, actor=BEN).then(
        IncidentPutOnHold(hold_reason=reason, hold_reference=f"{reason}/X1")
    ).vacuously()
    given(*WORKING, others=others).when(hold, actor=BEN).refused("hold-needs-linked-id")
    given(*WORKING, link).when(other, actor=BEN).refused("hold-needs-linked-id")
    given(*WORKING, link).when(hold, actor=BEN).refused("hold-reference-exists")


def test_the_assignee_or_the_system_resumes() -> None:
    waiting = given(*WORKING, held)

    waiting.when(ResumeIncident(), actor=BEN).then(IncidentResumed())
    waiting.when(ResumeIncident(), actor=SYSTEM).then(IncidentResumed())
    waiting.when(ResumeIncident(), actor=ADA).refused("only-the-assignee-or-the-system")
    assert "hold_reason" not in waiting.when(ResumeIncident(), actor=BEN).state


def test_a_resolution_says_by_what_whom_and_when() -> None:
    given(*WORKING).when(ResolveIncident(resolution_code="restarted"), actor=BEN).then(resolved)


@pytest.mark.parametrize("restored_at", ["2026-03-02T08:44:59Z", "2026-03-02T12:00:01Z"])
def test_restoration_lies_between_detection_and_now(restored_at: str) -> None:
    resolve = ResolveIncident(resolution_code="restarted", restored_at=restored_at)

    given(*WORKING).when(resolve, actor=BEN).refused("restored-after-detected")


def test_a_reopening_undoes_the_resolution_and_counts() -> None:
    after = given(*WORKING, resolved).when(ReopenIncident(reason="Again"), actor=ADA)

    after.then(IncidentReopened(reopen_count=1, closes_at=None)).vacuously()
    assert after.state["status"] == "in_progress"
    undone = {"resolution_code", "resolved_by", "resolved_at", "restored_at", "closes_at"}
    assert undone.isdisjoint(after.state)


def test_a_reopening_stays_inside_the_window_and_says_why() -> None:
    last = "2026-03-16T12:00:00.000000Z"
    late = "2026-03-16T12:00:00.000001Z"

    given(*WORKING, resolved).when(ReopenIncident(reason="Again"), now=last).vacuously()
    given(*WORKING, resolved).when(ReopenIncident(reason="Again"), now=late).refused(
        "inside-reopen-window"
    )
    given(*WORKING, resolved).when(ReopenIncident()).refused("reason-required")


def test_where_a_source_did_not_say_when_it_was_resolved_the_window_is_vacuous() -> None:
    said_little = IncidentResolved()

    given(reported, said_little).when(ReopenIncident(reason="Again")).vacuously(
        "inside-reopen-window"
    )


def test_whoever_resolved_it_does_not_close_it() -> None:
    given(*WORKING, resolved).when(CloseIncident(), actor=ADA).then(closed).vacuously()
    given(*WORKING, resolved).when(CloseIncident(), actor=BEN).refused("closer-is-not-resolver")


def test_the_timer_may_close_what_the_system_resolved() -> None:
    by_system = IncidentResolved(resolved_by=SYSTEM, resolved_at=NOW)

    given(reported, by_system).when(CloseIncident(), actor=SYSTEM).then(
        IncidentClosed(closed_by=SYSTEM, closed_at=NOW)
    )


def test_where_a_source_did_not_say_who_resolved_it_the_separation_is_vacuous() -> None:
    given(reported, IncidentResolved()).when(CloseIncident()).vacuously("closer-is-not-resolver")


def test_a_duplicate_names_another_incident_that_exists() -> None:
    others = {"incident/INC0010002": {"status": "new"}}
    known = given(reported, others=others)

    def cancel(duplicate_of: str | None) -> CancelIncident:
        return CancelIncident(cancellation="duplicate", duplicate_of=duplicate_of)

    known.when(cancel("incident/INC0010002")).then(
        IncidentCancelled(
            cancellation="duplicate", duplicate_of="incident/INC0010002", cancelled_by=ADA
        )
    )
    known.when(cancel(None)).refused("duplicate-names-another")
    known.when(cancel("incident/INC0010001")).refused("duplicate-names-another")
    known.when(cancel("problem/PRB0010001")).refused("duplicate-names-another")
    known.when(cancel("incident/INC0010003")).refused("duplicate-exists")


def test_what_was_entered_in_error_duplicates_nothing() -> None:
    error = CancelIncident(cancellation="entered_in_error")
    both = CancelIncident(cancellation="entered_in_error", duplicate_of="incident/INC0010002")

    given(reported).when(error).then(
        IncidentCancelled(cancellation="entered_in_error", cancelled_by=ADA)
    )
    given(reported).when(both).refused("only-duplicates-name-another")


@pytest.mark.parametrize("over", [closed, IncidentCancelled(cancellation="entered_in_error")])
def test_an_incident_that_is_over_takes_no_order_of_its_own(over: Event) -> None:
    orders = [
        ReopenIncident(reason="Again"),
        AssignIncident(assigned_to=BEN),
        CloseIncident(),
        ReprioritiseIncident(impact=1, urgency=1),
        report("initial"),
    ]

    for order in orders:
        given(reported, over).when(order, actor=CLEO).refused("transition")


@pytest.mark.parametrize("event", [reported, to_group, held, resolved, closed])
def test_what_is_stored_reads_back_as_the_same_event(event: Event) -> None:
    assert type(event).from_data(event.data()) == event


def test_another_status_than_the_type_states_is_malformed() -> None:
    with pytest.raises(Malformed, match="status"):
        IncidentClosed.from_data({"status": "open"})


def test_a_member_that_the_type_does_not_state_is_malformed_and_not_repeated() -> None:
    with pytest.raises(Malformed) as refusal:
        IncidentClosed.from_data({"closed_by": ["Ada Lovelace"], "salary": 7})

    assert "salary" in refusal.value.message
    assert "Lovelace" not in refusal.value.message
