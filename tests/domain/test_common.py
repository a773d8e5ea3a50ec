"""What every ticket takes in any state: comments, links, attachments, corrections."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue import COMMANDS
from domain.command import Command, command_class
from domain.common import (
    AttachmentRecorded,
    Commented,
    Linked,
    SourceStatusRecorded,
    Unlinked,
    common_event,
)
from domain.correction import FactCorrected, check_replacement, whole_replacement
from domain.errors import CanNot, Malformed
from domain.event import EVENT_TYPES, Event, event_class
from domain.families import FAMILIES
from domain.incident import (
    IncidentAssigned,
    IncidentCancelled,
    IncidentPutOnHold,
    IncidentReported,
    IncidentReprioritised,
    IncidentResolved,
)
from domain.principal import PrincipalRegistered
from domain.request import RequestApproved
from tests.given import ADA, BEN, NOW, Given, given

TICKETS = [family.name for family in FAMILIES.values() if family.takes_common_events]
HASH = "sha256:" + "3f" * 32
PROBLEM = "problem/PRB0010004"
reported = IncidentReported(title="No mail")
linked = common_event("incident", Linked)(
    links={"LNK-a": {"to": PROBLEM, "relation": "problem"}},
)


def order(verb: str, family: str = "incident", **fields: Any) -> Command:
    return command_class(family, verb)(**fields)


def incident(*events: Event) -> Given:
    return given(reported, *events, others={PROBLEM: {"status": "new"}})


@pytest.mark.parametrize("family", TICKETS)
def test_each_family_has_common_events_of_its_own(family: str) -> None:
    event = event_class(f"itsm.{family}.commented.v1")

    assert issubclass(event, Commented)
    assert event.family.name == family
    assert event.__name__ == FAMILIES[family].words[0] + "Commented"
    assert event.__doc__ == Commented.__doc__


def test_families_without_tickets_take_no_common_events() -> None:
    assert not [
        event
        for event in EVENT_TYPES.values()
        if event.common and not event.family.takes_common_events
    ]
    assert ("principal", "comment") not in COMMANDS


def test_a_comment_is_said_and_is_no_state() -> None:
    command = order("comment", comment="The user confirms it")

    outcome = incident().when(command)

    outcome.then(common_event("incident", Commented)())
    assert command.attributes() == {"comment": "The user confirms it"}
    assert outcome.events[0].data() == {}


def test_a_comment_says_something() -> None:
    with pytest.raises(ValidationError, match="comment"):
        order("comment")


@pytest.mark.parametrize("over", [IncidentCancelled(cancellation="entered_in_error")])
def test_an_incident_that_is_over_still_takes_common_events(over: Event) -> None:
    outcome = incident(over).when(order("comment", comment="See the new one"))

    outcome.then(common_event("incident", Commented)())
    assert outcome.state["status"] == "cancelled"


def test_a_link_gets_an_id_of_its_own() -> None:
    outcome = incident().when(order("link", to=PROBLEM, relation="problem"))

    outcome.then(
        common_event("incident", Linked)(
            links={"LNK-1": {"to": PROBLEM, "relation": "problem"}},
        )
    ).vacuously()


def test_what_the_ledger_can_know_must_exist_to_be_linked() -> None:
    unknown = order("link", to="problem/PRB0010099", relation="problem")

    incident().when(unknown).refused("linked-subject-exists")


def test_a_change_is_linked_that_the_ledger_knows() -> None:
    change = order("link", to="change/CHG0000042", relation="change")
    others = {"change/CHG0000042": {"status": "draft"}}

    incident().when(change).refused("linked-subject-exists")
    given(reported, others=others).when(change).vacuously()


def test_that_a_contract_exists_cannot_be_asked_yet() -> None:
    contract = order("link", to="contract/CON0000042", relation="related")

    incident().when(contract).vacuously("linked-subject-exists")


def test_a_number_of_another_system_is_linked_as_such() -> None:
    theirs = order("link", to="CASE-4711", relation="supplier_ticket")
    vague = order("link", to="CASE-4711", relation="problem")

    incident().when(theirs).vacuously("linked-subject-exists")
    incident().when(vague).refused("link-names-a-subject")


def test_a_ticket_is_not_linked_to_itself() -> None:
    itself = order("link", to="incident/INC0010001", relation="related")

    incident().when(itself).refused("link-to-another")


def test_unlinking_takes_the_link_away_by_its_id() -> None:
    outcome = incident(linked).when(order("unlink", link="LNK-a"))

    outcome.then(common_event("incident", Unlinked)(links={"LNK-a": None}))
    assert outcome.state["links"] == {}


def test_an_unknown_link_cannot_be_taken_away() -> None:
    incident(linked).when(order("unlink", link="LNK-b")).refused("link-exists")
    incident().when(order("unlink", link="LNK-a")).refused("link-exists")


def test_an_attachment_is_recorded_by_its_hash_and_its_name_is_said() -> None:
    command = order(
        "record-attachment", sha256=HASH, media_type="image/png", size=48211, comment="error.png"
    )

    incident().when(command).then(
        common_event("incident", AttachmentRecorded)(
            attachments={"ATT-1": {"sha256": HASH, "media_type": "image/png", "size": 48211}}
        )
    )
    assert command.attributes() == {"comment": "error.png"}


@pytest.mark.parametrize(
    "wrong",
    [{"sha256": "3f"}, {"media_type": "image"}, {"size": -1}, {"size": 2**53}],
)
def test_an_attachment_that_is_not_described_is_malformed(wrong: dict[str, Any]) -> None:
    right = {"sha256": HASH, "media_type": "image/png", "size": 48211}

    with pytest.raises(ValidationError, match=next(iter(wrong))):
        order("record-attachment", **{**right, **wrong})


def test_a_source_column_that_is_gone_is_cleared() -> None:
    said = common_event("incident", SourceStatusRecorded)
    first = said(source_status="New", source={"vendor": "ACME", "knowledge": True})
    then = said(source_status="Awaiting Vendor", source={"vendor": None})

    assert given(first, then).state == {
        "source_status": "Awaiting Vendor",
        "source": {"knowledge": True},
    }


@pytest.mark.parametrize("column", [1.5, [1], {"a": 1}, 2**53])
def test_a_source_column_is_text_or_a_safe_integer_or_truth(column: object) -> None:
    with pytest.raises(Malformed, match="source"):
        event_class("itsm.incident.source-status-recorded.v1").from_data({"source": {"c": column}})


@pytest.mark.parametrize("family", TICKETS)
def test_a_correction_asks_the_ledger_for_its_target(family: str) -> None:
    command = order("correct-fact", family, corrects=7, replacement={}, reason="A typo")

    assert command.needs_target
    given(subject=f"{family}/X1").when(command).then(common_event(family, FactCorrected)())


def test_a_correction_says_why() -> None:
    incident().when(order("correct-fact", corrects=7, replacement={})).refused("reason-required")


def test_a_corrections_data_is_whatever_the_ledger_computed() -> None:
    computed = {"restored_at": NOW, "links": {"LNK-a": None}}

    assert event_class("itsm.incident.fact-corrected.v1").from_data(computed).data() == computed


resolved = IncidentResolved(
    resolution_code="restarted", resolved_by=BEN, resolved_at=NOW, restored_at=NOW
).data()
EARLIER = "2026-03-02T09:12:00.000000Z"


def test_a_fact_may_be_corrected_and_the_workflow_stays() -> None:
    replacement = {**resolved, "restored_at": EARLIER}
    without_what_is_always_so = {
        name: replacement[name]
        for name in ("resolution_code", "resolved_by", "resolved_at", "restored_at")
    }

    check_replacement(IncidentResolved, resolved, replacement)
    check_replacement(IncidentResolved, resolved, without_what_is_always_so)
    assert whole_replacement(IncidentResolved, without_what_is_always_so) == replacement


def test_nothing_but_a_retraction_is_empty() -> None:
    assert whole_replacement(IncidentResolved, {}) == {}


@pytest.mark.parametrize(
    ("target_type", "target", "replacement", "rule"),
    [
        (common_event("incident", FactCorrected), {}, {}, "corrections-name-originals"),
        (PrincipalRegistered, {}, {}, "authority-is-not-corrected"),
        (IncidentResolved, resolved, {**resolved, "impact": 1}, "stated-members-only"),
        (IncidentResolved, resolved, {}, "protected-members-stay"),
        (
            IncidentResolved,
            resolved,
            {"restored_at": EARLIER, "resolved_at": NOW},
            "protected-members-stay",
        ),
        (
            IncidentResolved,
            resolved,
            {**resolved, "resolved_by": ADA},
            "protected-members-stay",
        ),
        (
            IncidentReprioritised,
            {"impact": 1, "urgency": 1, "priority": 1},
            {"impact": 5, "urgency": 5, "priority": 5},
            "protected-members-stay",
        ),
        (
            RequestApproved,
            {"status": "approved", "approvals": {"APR-1": {"by": ADA}}},
            {"status": "approved"},
            "protected-members-stay",
        ),
    ],
)
def test_a_correction_is_no_way_around_a_rule(
    target_type: type[Event], target: dict[str, Any], replacement: dict[str, Any], rule: str
) -> None:
    with pytest.raises(CanNot) as refusal:
        check_replacement(target_type, target, replacement)

    assert refusal.value.rules == (rule,)


def test_what_states_no_workflow_may_be_retracted() -> None:
    check_replacement(common_event("incident", Linked), linked.data(), {})


def test_what_a_source_observed_may_be_retracted_whole() -> None:
    check_replacement(IncidentResolved, resolved, {}, governed=False)
    corrected = {**resolved, "resolved_by": ADA}
    check_replacement(IncidentResolved, resolved, corrected, governed=False)


def test_a_replacement_states_the_status_of_its_type() -> None:
    with pytest.raises(Malformed, match="status"):
        check_replacement(IncidentResolved, resolved, {**resolved, "status": "new"})


def test_a_replacement_has_values_that_the_type_takes() -> None:
    with pytest.raises(Malformed, match="restored_at: "):
        check_replacement(IncidentResolved, resolved, {**resolved, "restored_at": "yesterday"})


@pytest.mark.parametrize("event", [IncidentAssigned(), IncidentPutOnHold()])
def test_an_observed_fact_may_say_nothing_but_the_status(event: Event) -> None:
    assert event.data()["status"] == event.to_status
