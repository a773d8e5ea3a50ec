"""Who approved a change with what authority then, and whether that is what was implemented."""

from __future__ import annotations

import pytest

from domain.errors import UnknownSubject
from replay.change_authority import Approval, change_authority
from tests.replay.given_changes import ELSEWHERE, Office, hours_later
from tests.replay.given_log import Desk


@pytest.fixture
def office(at: Desk) -> Office:
    return Office.of(at)


def only_approval(office: Office, change: str) -> Approval:
    (approval,) = change_authority(office.house.ledger, change).approvals
    return approval


def test_an_approval_is_told_with_its_grant_and_the_rule_that_permitted_it(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))

    found = change_authority(office.house.ledger, change)

    (approval,) = found.approvals
    assert (approval.verdict, approval.by, approval.void) == ("granted", office["ANNE"], False)
    act = approval.act
    assert (act.by, act.on_behalf_of, act.decision) == (office["ANNE"], None, "permit")
    assert act.position == office.house.ledger.entries_of(change)[5].position
    (grant,) = act.grants
    assert (grant.grant, grant.role_name, grant.services) == (
        office.annes_grant, "change-authority", None,
    )  # fmt: skip
    assert (grant.status, grant.counted) == ("active", True)
    assert (grant.requested_by, grant.approved_by, grant.granted_by) == (
        office["MIA"], office["ADA"], office["EVA"],
    )  # fmt: skip
    assert grant.valid_to == hours_later(2000)
    requested, approved, granted = (
        entry.position for entry in office.house.ledger.entries_of(office.annes_grant)
    )
    assert (grant.approved_position, grant.granted_position) == (approved, granted)
    assert (grant.position, grant.version) == (granted, 3)
    assert requested < approved < granted < act.position
    in_force = office.house.ledger.roster("policies-in-force").members[0]
    assert act.policy == office.house.ledger.subject(in_force).state["reference"]
    (rule,) = act.rules
    assert (rule.id, rule.effect) == ("change-authorities-decide-changes", "permit")
    assert rule.sentence is not None
    assert rule.sentence.startswith("Change authorities")
    assert "sox_itgc:CM-3" in rule.control
    assert found.position == office.house.ledger.head().size


def test_a_grant_is_told_as_it_stood_then_whatever_became_of_it(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))
    office.does("ADA", "revoke", office.annes_grant, family="grant", reason="Moved on")

    (grant,) = only_approval(office, change).act.grants

    assert (grant.status, grant.counted, grant.version) == ("active", True, 3)
    assert office.house.ledger.subject(office.annes_grant).state["status"] == "revoked"


def test_the_rules_are_those_of_the_policy_of_then(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))
    ledger = office.house.ledger
    shipped = ledger.subject(ledger.roster("policies-in-force").members[0]).state
    texts = {
        name: text.replace(
            "Change authorities, and for emergencies", "From now on, authorities and"
        )
        for name, text in shipped["texts"].items()
    }
    draft = office.does("MIA", "draft", family="policy", title="Other words", texts=texts)
    content = ledger.subject(draft.subject).state["content_hash"]
    office.does("TOM", "review", draft.subject, family="policy", content_hash=content)
    office.does("IVO", "publish", draft.subject, family="policy")
    later = office.scheduled(hours=(5, 6))

    before, after = (only_approval(office, one).act for one in (change, later))

    assert before.rules[0].id == after.rules[0].id
    assert str(before.rules[0].sentence).startswith("Change authorities")
    assert str(after.rules[0].sentence).startswith("From now on")
    assert before.policy != after.policy


def test_who_approved_on_behalf_of_another_is_told_with_the_delegation(office: Office) -> None:
    office.does(
        "ANNE", "delegate", office.annes_grant, family="grant", to=office["DAN"], until=hours_later(50),
    )  # fmt: skip
    change = office.scheduled(hours=(2, 4), by="DAN", for_="ANNE")

    approval = only_approval(office, change)

    assert (approval.by, approval.on_behalf_of) == (office["DAN"], office["ANNE"])
    (grant,) = approval.act.grants
    assert (grant.holder, grant.counted) == (office["ANNE"], True)
    (delegation,) = approval.act.delegations
    assert (delegation.grant, delegation.to, delegation.named) == (
        office.annes_grant, office["DAN"], True,
    )  # fmt: skip
    assert delegation.until == hours_later(50)


def test_an_independent_approver_had_no_part_that_must_be_apart(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))
    office.implemented(change, 2)

    approval = only_approval(office, change)

    assert (approval.conflicting_parts, approval.conflicting_parts_since) == ((), ())


def test_what_a_source_says_of_a_developer_who_approved_is_told_as_a_conflict(at: Desk) -> None:
    change = "change/EXT-1"
    at.observes(change, "drafted", {"type": "normal", "requested_by": "Nina"})
    nina = at.house.ledger.subject(change).state["requested_by"]
    mine = {"by": nina, "verdict": "granted", "content_hash": ELSEWHERE}
    theirs = {"by": "principal/PRN0000003", "verdict": "granted"}
    at.observes(change, "approval-granted", {"approvals": {"APR-1": mine, "APR-2": theirs}})
    at.observes(change, "implementation-started", {"implementers": {"principal/PRN0000003": True}})

    first, second = change_authority(at.house.ledger, change).approvals

    assert (first.conflicting_parts, first.conflicting_parts_since) == (("requester",), ())
    assert (second.conflicting_parts, second.conflicting_parts_since) == ((), ("implementer",))
    assert (first.at, first.of_content_then, second.of_content_then) == (None, False, None)
    assert (first.act.decision, first.act.policy, first.act.grants) == ("observed", None, ())
    assert first.act.recorded_by == at.recorder


@pytest.mark.parametrize(("named", "first"), [("RUTH-2", "RUTH"), ("RUTH", "RUTH-2")])
def test_two_accounts_of_one_human_are_one_approver(office: Office, named: str, first: str) -> None:
    """Before the ledger knew of it, they were two."""
    other = office.does("ADA", "register", family="principal", kind="person", name="Ruth's second")
    office.people["RUTH-2"] = other.subject
    grant = office.granted("change-authority", "RUTH-2")
    change = office.scheduled(hours=(2, 4), by="RUTH-2")
    office.does("ADA", "revoke", grant, family="grant", reason="Same human")
    office.does(
        "ADA", "identify", office[named], family="principal", person=office[first],
        reason="An account of the same employee",
    )  # fmt: skip

    approval = only_approval(office, change)

    assert approval.by == office["RUTH-2"]
    assert (approval.conflicting_parts, approval.conflicting_parts_since) == ((), ("requester",))


def test_the_content_that_was_approved_is_what_was_implemented_and_deployed(
    office: Office, at: Desk
) -> None:
    change = office.scheduled(hours=(2, 4))
    office.implemented(change, 2)
    deployed = {"change": change, "service": "mail", "content_hash": office.content(change)}
    at.observes("deployment/DEP-1", "recorded", deployed)
    at.observes("deployment/DEP-2", "recorded", {**deployed, "change": "change/CHG0099999"})
    # What was told of the change first, and of another one since, is not the change's.
    for told in (deployed, {"change": "change/CHG0099999"}):
        at.observes("deployment/DEP-3", "recorded", told)

    found = change_authority(office.house.ledger, change)

    assert found.content.verdict == "same"
    assert [(one.stage, one.same) for one in found.content.stages] == [
        ("approval", True), ("authorization", True), ("implementation", True), ("deployment", True),
    ]  # fmt: skip
    assert only_approval(office, change).of_content_implemented is True
    assert [run.subject for run in found.deployments] == ["deployment/DEP-1"]
    assert found.began_position == found.content.stages[2].position


def test_something_else_that_was_deployed_is_not_what_was_approved(
    office: Office, at: Desk
) -> None:
    change = office.scheduled(hours=(2, 4))
    office.implemented(change, 2)
    at.observes("deployment/DEP-1", "recorded", {"change": change, "content_hash": ELSEWHERE})

    content = change_authority(office.house.ledger, change).content

    assert content.verdict == "different"
    assert content.stages[-1].by == "deployment/DEP-1"
    assert content.stages[-1].same is False


def test_an_approval_of_an_amended_plan_counts_anew_and_the_first_is_told_as_another_content(
    office: Office,
) -> None:
    change = office.scheduled(hours=(2, 4))
    office.does("RUTH", "amend-plan", change, back_out_plan="Another way back")
    office.approves("ANNE", change)
    office.does("MIA", "schedule", change)
    office.implemented(change, 2)

    found = change_authority(office.house.ledger, change)

    first, second = found.approvals
    assert (first.of_content_then, first.of_content_implemented) == (True, False)
    assert (second.of_content_then, second.of_content_implemented) == (True, True)
    assert [one.approvals for one in found.authorizations] == [
        (first.approval,), (second.approval,),
    ]  # fmt: skip
    assert found.content.verdict == "same"


def test_the_approval_of_who_recused_themself_is_told_and_made_no_authorization(
    office: Office,
) -> None:
    change = office.drafted(hours=(2, 4))
    office.assessed(change, risk="high")
    office.approves("ANNE", change)
    office.does("ANNE", "recuse", change)
    office.approves("EVA", change)
    assert office.house.ledger.subject(change).state["status"] == "awaiting_authorization"
    office.approves("IVO", change)

    found = change_authority(office.house.ledger, change)

    by_anne, by_eva, by_ivo = found.approvals
    assert (by_anne.conflicting_parts, by_anne.conflicting_parts_since) == ((), ("recused",))
    assert [one.approvals for one in found.authorizations] == [(by_eva.approval, by_ivo.approval)]


def test_what_is_not_begun_is_neither_the_same_nor_another(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))

    found = change_authority(office.house.ledger, change)

    assert (found.content.verdict, found.began_at) == ("not-implemented", None)
    assert only_approval(office, change).of_content_implemented is None


def test_a_broken_glass_is_approved_by_the_retro_approval_alone(office: Office) -> None:
    change = office.broken_glass()
    ledger = office.house.ledger
    assert change_authority(ledger, change).content.verdict == "not-approved"
    (open_,) = change_authority(ledger, change).retro_approvals
    assert (open_.outcome, open_.decision) == ("open", None)

    granted = office.approves_afterwards(change)

    found = change_authority(ledger, change)
    (round_,) = found.retro_approvals
    assert (round_.outcome, found.content.verdict) == ("granted", "same")
    assert round_.decision is not None
    assert (round_.decision.by, round_.decision.act.position) == (office["EVA"], granted.position)
    assert {grant.role_name for grant in round_.decision.act.grants} == {"emergency-authority"}
    assert round_.decision.of_content_implemented is True


def test_an_approval_does_not_stand_for_the_authorization_that_a_broken_glass_did_without(
    office: Office,
) -> None:
    incident = office.does("RUTH", "report", family="incident", title="All is down").subject
    office.does("MIA", "declare-major", incident, family="incident")
    change = office.drafted("emergency", hours=(0, 100))
    office.assessed(change)
    office.does("EVA", "deny-approval", change, reason="Wait for the supplier")
    office.approves("ANNE", change)
    office.does("IVO", "invoke-break-glass", change, incident=incident, reason="It burns")

    found = change_authority(office.house.ledger, change)

    assert [approval.of_content_implemented for approval in found.approvals] == [True, True]
    assert found.content.verdict == "not-approved"


def test_a_standard_change_names_the_act_that_approved_its_model(office: Office) -> None:
    model = office.modelled(2)
    window = (10.0, 11.0)
    change = office.drafted("standard", hours=window, model=model, model_version=1, parameters={})
    approved = office.house.ledger.entries_of(model)[1].position

    found = change_authority(office.house.ledger, change)

    assert found.approvals == ()
    (authorization,) = found.authorizations
    assert (authorization.model, authorization.model_version) == (model, 1)
    assert authorization.model_approval is not None
    assert (authorization.model_approval.position, authorization.model_approval.by) == (
        approved, office["ANNE"],
    )  # fmt: skip
    assert [one.role_name for one in authorization.model_approval.grants] == ["change-authority"]


def test_a_voided_approval_says_so(office: Office) -> None:
    change = office.scheduled(hours=(2, 4))
    (name,) = office.house.ledger.subject(change).state["approvals"]
    office.does(
        "SYSTEM", "invalidate-approvals", change, cause="approver_role_void", approvals=[name]
    )

    assert only_approval(office, change).void is True


def test_a_change_that_nobody_knows_is_not_found(office: Office) -> None:
    with pytest.raises(UnknownSubject):
        change_authority(office.house.ledger, "change/CHG0099999")
