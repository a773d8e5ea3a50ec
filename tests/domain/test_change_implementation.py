"""Implementing a change: in its window, in an emergency, by breaking glass; done or undone."""

from __future__ import annotations

from typing import Any

import pytest

from domain.change_evidence import LinkCommit, RecordTestEvidence
from domain.change_implementation import (
    BreakGlassInvoked,
    ChangeRolledBack,
    ChangeScheduled,
    CompleteImplementation,
    EmergencyImplementationStarted,
    ImplementationCompleted,
    ImplementationStarted,
    InvokeBreakGlass,
    RollBackChange,
    ScheduleChange,
    StartEmergencyImplementation,
    StartImplementation,
)
from domain.change_retro_approval import RetroApprovalRequested
from domain.command import Command, command_class
from tests.domain.changes import (
    AFTER_WINDOW,
    ARTIFACT,
    ASSESSED,
    AUTHORIZED,
    BROKEN,
    CHANGE,
    FREEZE,
    IN_WINDOW,
    INCIDENT,
    OTHER,
    PRE_AUTHORIZED,
    ROLLED_BACK,
    SAM,
    SAMS_OTHER,
    SCHEDULED,
    TESTER,
    TO_AUTHORIZED,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    TO_SCHEDULED,
    WINDOW,
    change,
    draft,
    draft_standard,
    with_state,
)
from tests.given import ADA, BEN, CLEO, NOW, SYSTEM

OVERLAPPING = {"start": "2026-03-07T21:59:59.999999Z", "end": "2026-03-07T23:00:00.000000Z"}
TOUCHING = {"start": "2026-03-07T22:00:00.000000Z", "end": "2026-03-07T23:00:00.000000Z"}

REVIEW_DUE = "2026-03-21T20:30:00.000000Z"


def frozen(interval: dict[str, str], **members: Any) -> dict[str, Any]:
    state = {"status": "active", "services": {"mail": True}, "interval": interval, **members}
    return {FREEZE: state}


def claimed(window: dict[str, str], **members: Any) -> dict[str, Any]:
    return {OTHER: {"status": "scheduled", "services": {"mail": True}, "window": window, **members}}


def words(command: Command, *steps: Any, others: Any = None, first: Any = None) -> set[str]:
    return change(*steps, others=others, first=first).words(command)


def test_what_is_authorized_gets_its_planned_time() -> None:
    change(*TO_AUTHORIZED).when(ScheduleChange(), actor=CLEO).then(
        ChangeScheduled(scheduled_by=CLEO, scheduled_at=NOW, resolved_conflicts={})
    ).vacuously()
    change(*TO_AUTHORIZED, first=draft(window=None)).when(ScheduleChange()).refused(
        "window-planned"
    )
    change(*ASSESSED).when(ScheduleChange()).refused("transition")


def test_a_freeze_of_its_services_that_overlaps_its_window_is_told() -> None:
    def told(others: Any) -> bool:
        return "overlaps-freeze" in words(ScheduleChange(), *TO_AUTHORIZED, others=others)

    assert told(frozen(OVERLAPPING))
    assert told(frozen(OVERLAPPING, services={"*": True}))
    assert not told(frozen(TOUCHING))
    assert not told(frozen(OVERLAPPING, services={"erp": True}))
    assert not told(frozen(OVERLAPPING, status="lifted"))
    assert not told({})


def test_a_freeze_is_excepted_when_each_that_overlaps_excepts_the_change() -> None:
    def exception(change_id: str, verdict: str = "granted", at: str = NOW) -> dict[str, Any]:
        return {"change": change_id, "verdict": verdict, "by": CLEO, "at": at}

    def told(others: Any) -> bool:
        found = words(ScheduleChange(), *TO_AUTHORIZED, others=others)
        assert "overlaps-freeze" in found
        return "freeze-excepted" in found

    later = "2026-03-03T00:00:00.000000Z"
    one = frozen(OVERLAPPING, exceptions={"EXC-1": exception(CHANGE)})
    two = {**one, "freeze/FRZ0000002": frozen(OVERLAPPING)[FREEZE]}

    assert told(one)
    assert not told(two)
    assert not told(frozen(OVERLAPPING, exceptions={"EXC-1": exception(OTHER)}))
    assert not told(frozen(OVERLAPPING, exceptions={"EXC-1": exception(CHANGE, "denied")}))
    withdrawn = {"EXC-1": exception(CHANGE), "EXC-2": exception(CHANGE, "denied", later)}
    assert not told(frozen(OVERLAPPING, exceptions=withdrawn))
    granted = {"EXC-1": exception(CHANGE, "denied"), "EXC-2": exception(CHANGE, at=later)}
    assert told(frozen(OVERLAPPING, exceptions=granted))


def test_another_claim_on_service_or_item_and_time_is_told_unless_it_is_resolved() -> None:
    def told(others: Any, order: Command | None = None, **fields: Any) -> bool:
        first = draft(configuration_items=["queue-01"], **fields)
        found = words(order or ScheduleChange(), *TO_AUTHORIZED, others=others, first=first)
        return "conflicting-window" in found

    items = {"services": {"erp": True}, "configuration_items": {"queue-01": True}}
    assert told(claimed(OVERLAPPING))
    assert told(claimed(OVERLAPPING, status="implementing"))
    assert told(claimed(OVERLAPPING, **items))
    assert not told(claimed(OVERLAPPING, status="authorized"))
    assert not told(claimed(OVERLAPPING, status="implemented"))
    assert not told(claimed(OVERLAPPING, services={"erp": True}))
    assert not told(claimed(OVERLAPPING, services={"queue-01": True}))
    assert not told(claimed(TOUCHING))
    resolved = ScheduleChange(resolved_conflicts=(OTHER,), reason="One after the other")
    assert not told(claimed(OVERLAPPING), resolved)


def test_a_conflict_is_resolved_with_a_change_that_exists_and_a_reason() -> None:
    stands = change(*TO_AUTHORIZED, others=claimed(OVERLAPPING))
    order = ScheduleChange(resolved_conflicts=(OTHER,), reason="One after the other")

    outcome = stands.when(order, actor=CLEO)

    assert outcome.state["resolved_conflicts"] == {OTHER: True}
    stands.when(ScheduleChange(resolved_conflicts=(OTHER,))).refused("resolution-has-reason")
    change(*TO_AUTHORIZED).when(order).refused("resolved-change-exists")


def test_an_implementation_starts_in_its_window() -> None:
    scheduled = change(*TO_SCHEDULED)
    start = StartImplementation()

    scheduled.when(start, actor=BEN, now=WINDOW["start"]).then(
        ImplementationStarted(implementers={BEN: True}, started_at=WINDOW["start"])
    ).vacuously()
    scheduled.when(start, actor=BEN, now="2026-03-07T19:59:59.999999Z").refused("now-in-window")
    scheduled.when(start, actor=BEN, now=AFTER_WINDOW).refused("now-in-window")
    change(*TO_AUTHORIZED).when(start, now=IN_WINDOW).refused("transition")


def test_only_what_was_authorized_is_implemented() -> None:
    corrected = with_state(change(*TO_SCHEDULED), back_out_plan="Another")

    corrected.when(StartImplementation(), actor=BEN, now=IN_WINDOW).refused("approvals-valid")


def test_a_delegate_and_who_delegated_both_implement() -> None:
    order = StartImplementation()
    case = change(*TO_SCHEDULED).case(actor=BEN, now=IN_WINDOW, on_behalf_of=CLEO)

    (started,) = order.decide(case)

    assert started.data()["implementers"] == {BEN: True, CLEO: True}  # type: ignore[union-attr]  # the change's own


def evidence(by: str, verdict: Any = "passed") -> Any:
    return (by, RecordTestEvidence(artifact=ARTIFACT, verdict=verdict))


def test_who_tested_it_is_told_apart_from_who_developed_it() -> None:
    written = LinkCommit(commit="bad", author=SAM, committed_at="2026-03-01T00:00:00Z")

    def told(*recorded: Any) -> set[str]:
        steps = (*ASSESSED, *recorded, *AUTHORIZED, *SCHEDULED)
        return words(StartImplementation(), *steps) & {"untested", "tested-by-developer-only"}

    assert told() == {"untested"}
    assert told(evidence(TESTER, "failed")) == {"untested"}
    assert told(evidence(TESTER)) == set()
    assert told((SYSTEM, written), evidence(SAM)) == {"tested-by-developer-only"}
    assert told((SYSTEM, written), evidence(SAMS_OTHER)) == {"tested-by-developer-only"}
    assert told((SYSTEM, written), evidence(SAM), evidence(TESTER)) == set()
    assert told((SYSTEM, written), evidence(SAM), evidence(TESTER, "failed")) == {
        "tested-by-developer-only"
    }


def test_freezes_and_the_quorum_are_asked_about_again_at_the_start() -> None:
    start = StartImplementation()

    late = words(start, *TO_SCHEDULED, others=frozen(OVERLAPPING))

    assert late >= {"overlaps-freeze", "quorum-met", "type-normal", "risk-medium"}
    standard = words(start, *PRE_AUTHORIZED, *SCHEDULED, first=draft_standard())
    assert "quorum-met" not in standard
    assert standard >= {"type-standard", "risk-medium"}


def linked(incident: str) -> Any:
    return (
        ADA,
        command_class("change", "link").model_validate({"to": incident, "relation": "incident"}),
    )


def test_an_emergency_starts_at_once_for_a_linked_incident_that_is_open_and_serious() -> None:
    first, start = draft("emergency"), StartEmergencyImplementation()

    for incident in (INCIDENT, "incident/INC0010002"):
        authorized = change(linked(incident), *TO_AUTHORIZED, first=first)
        authorized.when(start, actor=BEN).then(
            EmergencyImplementationStarted(
                implementers={BEN: True}, started_at=NOW, emergency_incident=incident
            )
        )
    for incident in ("incident/INC0010003", "incident/INC0010004"):
        authorized = change(linked(incident), *TO_AUTHORIZED, first=first)
        authorized.when(start, actor=BEN).refused("open-major-incident")
    change(*TO_AUTHORIZED, first=first).when(start, actor=BEN).refused("open-major-incident")


def test_no_other_change_starts_as_an_emergency() -> None:
    start = StartEmergencyImplementation()

    change(linked(INCIDENT), *TO_AUTHORIZED).when(start).refused("change-type")
    change(linked(INCIDENT), *PRE_AUTHORIZED, first=draft_standard()).when(start).refused(
        "change-type"
    )
    corrected = with_state(
        change(linked(INCIDENT), *TO_AUTHORIZED, first=draft("emergency")), title="Another"
    )
    corrected.when(start).refused("approvals-valid")


def test_a_freeze_that_stands_now_is_told_of_an_emergency() -> None:
    now = {"start": NOW, "end": "2026-03-02T13:00:00.000000Z"}
    over = {"start": "2026-03-02T11:00:00.000000Z", "end": NOW}
    invoke = InvokeBreakGlass(incident=INCIDENT, reason="All is down")
    first = draft("emergency")

    for order, steps in ((StartEmergencyImplementation(), TO_AUTHORIZED), (invoke, ())):
        assert "overlaps-freeze" in words(order, *steps, others=frozen(now), first=first)
        assert "overlaps-freeze" not in words(order, *steps, others=frozen(over), first=first)
    started = words(StartEmergencyImplementation(), *TO_AUTHORIZED, first=first)
    assert started >= {"quorum-met", "type-emergency"}


@pytest.mark.parametrize("steps", [(), ASSESSED[:1], ASSESSED])
def test_breaking_glass_links_the_incident_and_asks_for_a_retro_approval(steps: Any) -> None:
    invoke = InvokeBreakGlass(incident=INCIDENT, reason="All is down")

    outcome = change(*steps, first=draft("emergency")).when(invoke, actor=BEN)

    outcome.then(
        BreakGlassInvoked(
            implementers={BEN: True},
            started_at=NOW,
            links={"LNK-1": {"to": INCIDENT, "relation": "incident"}},
            break_glass_by=BEN,
            break_glass_at=NOW,
            emergency_incident=INCIDENT,
        ),
        RetroApprovalRequested(retro_requested_at=NOW, retro_due_at="2026-03-04T12:00:00.000000Z"),
    )
    assert outcome.state["status"] == "implementing"


def test_glass_is_broken_for_an_open_serious_incident_and_with_a_reason() -> None:
    stands = change(first=draft("emergency"))

    def invoke(incident: str, reason: str | None = "All is down") -> InvokeBreakGlass:
        return InvokeBreakGlass(incident=incident, reason=reason)

    stands.when(invoke("incident/INC0010003")).refused("open-major-incident")
    stands.when(invoke("incident/INC0010004")).refused("open-major-incident")
    stands.when(invoke("incident/INC0010099")).refused("open-major-incident")
    stands.when(invoke(INCIDENT, None)).refused("reason-required")
    change().when(invoke(INCIDENT)).refused("change-type")
    change(*TO_AUTHORIZED, first=draft("emergency")).when(invoke(INCIDENT)).refused("transition")


def test_an_incident_that_is_linked_is_not_linked_again() -> None:
    outcome = change(linked(INCIDENT), first=draft("emergency")).when(BROKEN[0][1], actor=BEN)

    assert len(outcome.state["links"]) == 1
    assert "links" not in outcome.events[0].data()


def test_glass_broken_for_somebody_names_both() -> None:
    order = BROKEN[0][1]
    case = change(first=draft("emergency")).case(actor=BEN, on_behalf_of=CLEO)

    invoked = order.decide(case)[0].data()  # type: ignore[union-attr]  # the change's own

    assert (invoked["break_glass_by"], invoked["break_glass_for"]) == (BEN, CLEO)


def test_an_implementation_ends_with_a_verification() -> None:
    implementing = change(*TO_IMPLEMENTING)
    done = CompleteImplementation(verification="failed")

    implementing.when(done, actor=BEN, now=IN_WINDOW).then(
        ImplementationCompleted(
            verification="failed",
            implementers={BEN: True},
            implemented_by=BEN,
            implemented_at=IN_WINDOW,
            review_opens_at="2026-03-08T20:30:00.000000Z",
            review_due_at=REVIEW_DUE,
        )
    )
    change(*TO_SCHEDULED).when(done).refused("transition")


@pytest.mark.parametrize("steps", [TO_IMPLEMENTING, TO_IMPLEMENTED])
def test_what_is_under_way_or_done_is_undone_with_a_reason(steps: Any) -> None:
    stands = change(*steps)

    stands.when(RollBackChange(reason="Down"), actor=BEN, now=IN_WINDOW).then(
        ChangeRolledBack(
            implementers={BEN: True},
            rolled_back_by=BEN,
            rolled_back_at=IN_WINDOW,
            review_due_at=REVIEW_DUE,
        )
    )
    stands.when(RollBackChange(), actor=BEN).refused("reason-required")


def test_a_rollback_does_not_put_off_the_review_that_is_owed_already() -> None:
    failed = (BEN, CompleteImplementation(verification="failed"), IN_WINDOW)
    done = change(*TO_IMPLEMENTING, failed)

    undone = done.when(RollBackChange(reason="Down"), actor=BEN, now="2026-03-08T20:30:00.000000Z")

    assert undone.state["review_due_at"] == REVIEW_DUE


def test_where_no_review_is_mandatory_none_is_due() -> None:
    done = change(*TO_IMPLEMENTED)

    assert {"review_opens_at", "review_due_at"}.isdisjoint(done.state)


def test_what_was_undone_is_not_undone_again() -> None:
    undone = change(*TO_IMPLEMENTING, *ROLLED_BACK)

    undone.when(RollBackChange(reason="Down")).refused("transition")
