"""Changes in a real log: hashes over commitments, numbers for what nobody ordered."""

from __future__ import annotations

from domain.change import change_content_hash
from domain.change_approval import GrantApproval
from domain.change_assessment import AssessChange, SubmitChange
from domain.change_implementation import ScheduleChange
from domain.change_planning import AmendChangePlan
from domain.change_review import DetectUnauthorizedChange
from domain.commitment import is_commitment
from domain.errors import Malformed
from domain.fold import fold
from ledger.entry import Correction
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.view import SYSTEM
from ledger.writer import Recorded
from tests.contract.conftest import Desk, a, observe
from tests.contract.test_appending import whole_log

WINDOW = {"start": "2030-03-07T20:00:00Z", "end": "2030-03-07T22:00:00Z"}
INSIDE = {"start": "2030-03-07T20:30:00Z", "end": "2030-03-07T21:00:00Z"}


def scheduled(desk: Desk) -> str:
    subject = desk.do(a("change", "draft", window=WINDOW)).subject
    desk.do(SubmitChange(), subject)
    desk.do(AssessChange(risk="low", risk_policy="matrix@3"), subject)
    approve(desk, subject)
    desk.do(ScheduleChange(), subject)
    return subject


def approve(desk: Desk, subject: str) -> None:
    content = desk.log.subject(subject).state["content_hash"]
    desk.do(GrantApproval(content_hash=content, no_interest=True), subject)


def folded(desk: Desk, subject: str) -> dict[str, object]:
    """As an outsider folds it, from the entries alone."""
    return fold(entry.data for entry in desk.log.entries_of(subject))  # type: ignore[return-value]  # a JSON object


def test_an_outsider_s_fold_has_the_content_that_its_hash_is_of(desk: Desk) -> None:
    subject = scheduled(desk)

    state = folded(desk, subject)

    assert is_commitment(state["implementation_plan"])
    assert state["content_hash"] == change_content_hash(state) == state["authorized_hash"]
    drafted = desk.log.entries_of(subject)[0].data
    assert drafted["content_hash"] == change_content_hash(drafted)
    whole_log(desk.log)


def test_an_amended_plan_has_another_hash_and_is_authorized_no_more(desk: Desk) -> None:
    subject = scheduled(desk)
    approved = folded(desk, subject)["content_hash"]

    order = desk.order(AmendChangePlan(back_out_plan="Another"), subject)
    receipts = desk.log.execute(order).receipts

    assert [receipt.type for receipt in receipts] == [
        "itsm.change.plan-amended.v1",
        "itsm.change.approvals-invalidated.v1",
    ]
    state = folded(desk, subject)
    assert state["status"] == "awaiting_authorization"
    assert approved != state["content_hash"] == change_content_hash(state)
    approve(desk, subject)
    assert folded(desk, subject)["status"] == "authorized"


def test_a_text_that_did_not_change_and_a_window_inside_leave_the_hash(desk: Desk) -> None:
    subject = desk.do(a("change", "draft", window=WINDOW)).subject
    text = a("change", "draft").given()["back_out_plan"]
    before = folded(desk, subject)["content_hash"]

    desk.do(AmendChangePlan(back_out_plan=text), subject)
    assert folded(desk, subject)["content_hash"] == before

    planned = scheduled(desk)
    approved = folded(desk, planned)["content_hash"]
    desk.do(AmendChangePlan.model_validate({"window": INSIDE}), planned)
    state = folded(desk, planned)
    assert state["status"] == "scheduled"
    assert state["content_hash"] == approved


def test_what_a_source_observed_gets_no_hash_that_it_did_not_state(desk: Desk) -> None:
    drafted: dict[str, object] = {"title": "Another system's", "type": "normal"}

    outcome = observe(desk, desk.source(), "change/EXT-1", "itsm.change.drafted.v1", drafted)

    assert isinstance(outcome, Recorded)
    assert "content_hash" not in folded(desk, "change/EXT-1")


def test_a_source_s_times_inside_a_window_are_recorded_in_utc(desk: Desk) -> None:
    window = {"start": "2026-03-07T21:00:00+01:00", "end": "2026-03-07T23:00:00+01:00"}

    observe(desk, desk.source(), "change/EXT-1", "itsm.change.drafted.v1", {"window": window})

    assert folded(desk, "change/EXT-1")["window"] == {
        "start": "2026-03-07T20:00:00.000000Z",
        "end": "2026-03-07T22:00:00.000000Z",
    }


def test_what_nobody_ordered_gets_a_number_and_the_deviation_is_recorded(desk: Desk) -> None:
    source, deployment = desk.source(), "deployment/DEP-1"
    told: dict[str, object] = {"service": "mail", "deployed_by": "pipeline 7"}
    observe(desk, source, deployment, "itsm.deployment.recorded.v1", told)
    order = Order(DetectUnauthorizedChange(deployment=deployment), Actor(SYSTEM, "system"))

    receipts = desk.log.execute(order).receipts

    assert [receipt.type for receipt in receipts] == [
        "itsm.ledger.control-deviation-recorded.v1",
        "itsm.change.unauthorized-change-detected.v1",
        "itsm.change.retro-approval-requested.v1",
    ]
    assert receipts[-1].subject == receipts[-2].subject == "change/CHG0010001"
    assert folded(desk, receipts[0].subject)["about"] == deployment
    (implementer,) = desk.log.subject("change/CHG0010001").state["implementers"]
    assert desk.log.subject(implementer).state["status"] == "referenced"
    whole_log(desk.log)


def test_names_inside_records_become_referenced_principals(desk: Desk) -> None:
    source, subject = desk.source(), "change/EXT-1"
    told: dict[str, object] = {
        "approvals": {
            "APR-1": {"by": "Grace Hopper", "verdict": "granted"},
            "APR-2": {"by": "Grace Hopper", "verdict": "granted", "on_behalf_of": FIRST_PERSON},
        }
    }

    outcome = observe(desk, source, subject, "itsm.change.approval-granted.v1", told)

    assert isinstance(outcome, Recorded)
    assert len(outcome.receipts) == 2  # one introduction, then the fact
    approvals = desk.log.subject(subject).state["approvals"]
    grace = approvals["APR-1"]["by"]
    assert desk.log.subject(grace).state["status"] == "referenced"
    assert approvals["APR-2"] == {"by": grace, "verdict": "granted", "on_behalf_of": FIRST_PERSON}
    assert told["approvals"]["APR-1"]["by"] == "Grace Hopper"  # type: ignore[index]  # a JSON object
    assert not [entry for entry in whole_log(desk.log) if b"Hopper" in entry.raw]


def test_names_inside_a_corrected_record_become_referenced_principals(desk: Desk) -> None:
    source, subject = desk.source(), "change/EXT-1"
    type_name = "itsm.change.approval-granted.v1"
    first = observe(desk, source, subject, type_name, {"approvals": {"APR-1": {"by": "Ada L."}}})
    assert isinstance(first, Recorded)
    replacement = {"approvals": {"APR-1": {"by": "Grace Hopper"}}}

    outcome = observe(
        desk,
        source,
        subject,
        "itsm.change.fact-corrected.v1",
        correction=Correction(first.receipts[-1].position, replacement),
        said={"reason": "Another one"},
    )

    assert isinstance(outcome, Recorded)
    grace = desk.log.subject(subject).state["approvals"]["APR-1"]["by"]
    assert grace != desk.log.entry(first.receipts[-1].position).data["approvals"]["APR-1"]["by"]
    assert desk.log.subject(grace).state["status"] == "referenced"
    assert not [entry for entry in whole_log(desk.log) if b"Hopper" in entry.raw]


def test_an_unknown_principal_inside_a_record_is_malformed(desk: Desk) -> None:
    told: dict[str, object] = {"commits": {"c0ffee": {"author": "principal/PRN0000099"}}}

    outcome = observe(desk, desk.source(), "change/EXT-1", "itsm.change.commit-linked.v1", told)

    assert isinstance(outcome, Malformed)
