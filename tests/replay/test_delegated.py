"""What was done on somebody's behalf, with the grant and the delegation that let it happen."""

from __future__ import annotations

import pytest

from replay.delegated import DelegatedActs, delegated_acts
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import Desk


@pytest.fixture
def office(at: Desk) -> Office:
    made = Office.of(at)
    made.does(
        "ANNE", "delegate", made.annes_grant, family="grant", to=made["DAN"], until=hours_later(50),
    )  # fmt: skip
    return made


def all_of(office: Office, **more: int) -> DelegatedActs:
    ledger = office.house.ledger
    return delegated_acts(ledger, 1, ledger.head().size, **more)


def test_an_act_is_told_with_its_grant_and_its_delegation(office: Office) -> None:
    change = office.scheduled(hours=(2, 4), by="DAN", for_="ANNE")
    approved = office.house.ledger.entries_of(change)[5].position

    (act,) = all_of(office).acts

    assert (act.position, act.subject, act.type) == (
        approved, change, "itsm.change.approval-granted.v1",
    )  # fmt: skip
    assert (act.by, act.on_behalf_of) == (office["DAN"], office["ANNE"])
    assert [(grant.grant, grant.counted) for grant in act.grants] == [(office.annes_grant, True)]
    (delegation,) = act.delegations
    assert (delegation.role_name, delegation.to, delegation.named) == (
        "change-authority", office["DAN"], True,
    )  # fmt: skip


def test_an_act_that_needed_no_role_names_the_delegation_all_the_same(office: Office) -> None:
    change = office.drafted(hours=(2, 4))
    office.does("DAN", "comment", change, for_="ANNE", comment="Anne asks for a picture")

    (act,) = all_of(office).acts

    assert act.grants == ()
    (delegation,) = act.delegations
    assert (delegation.grant, delegation.named) == (office.annes_grant, False)


def test_a_delegation_that_ended_since_is_told_as_it_stood_then(office: Office) -> None:
    office.scheduled(hours=(2, 4), by="DAN", for_="ANNE")
    (name,) = office.house.ledger.subject(office.annes_grant).state["delegations"]
    office.does("ANNE", "end-delegation", office.annes_grant, family="grant", delegation=name)

    (act,) = all_of(office).acts

    assert act.grants[0].counted is True
    assert [one.delegation for one in act.delegations] == [name]


def test_a_delegation_that_was_over_is_not_what_let_it_happen(office: Office) -> None:
    (first,) = office.house.ledger.subject(office.annes_grant).state["delegations"]
    office.wait_until(60)
    again = {"to": office["DAN"], "until": hours_later(90)}
    office.does("ANNE", "delegate", office.annes_grant, family="grant", **again)
    office.does("DAN", "comment", office.drafted(hours=(70, 71)), for_="ANNE", comment="A picture?")

    (act,) = all_of(office).acts

    assert [one.until for one in act.delegations] == [hours_later(90)]
    assert act.delegations[0].delegation != first


def test_positions_bound_what_is_told_and_a_limit_says_that_there_is_more(office: Office) -> None:
    change = office.drafted(hours=(2, 4))
    for number in range(3):
        office.does("DAN", "comment", change, for_="ANNE", comment=f"Number {number}")
    acts = all_of(office).acts
    ledger = office.house.ledger

    between = delegated_acts(ledger, acts[1].position, acts[1].position)

    assert (between.acts, between.truncated) == ((acts[1],), False)
    assert (all_of(office, limit=2).acts, all_of(office, limit=2).truncated) == (acts[:2], True)
    assert all_of(office, limit=3).truncated is False


def test_a_text_that_spells_the_attribute_is_no_act_of_a_delegate(at: Desk) -> None:
    at.observes("incident/EXT-1", "reported", {"source": {"onbehalfof": "x"}})

    ledger = at.house.ledger
    assert delegated_acts(ledger, 1, ledger.head().size).acts == ()
