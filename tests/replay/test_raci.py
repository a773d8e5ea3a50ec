"""RACI at any moment, as roles and grants stood then; and the same of an estate, entry by entry."""

from __future__ import annotations

from typing import Any

import pytest

from domain.raci import gaps
from replay.estate import Estate
from replay.moment import Moment
from replay.raci import Raci, Responsibility, raci, standing_now
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import Desk

AUTHORIZE = "authorise normal changes"


@pytest.fixture
def office(at: Desk) -> Office:
    """Two roles that nobody has: `owner` is accountable for an activity, `worker` responsible."""
    office = Office.of(at)
    for name, part in (("owner", "A"), ("worker", "R")):
        said: dict[str, Any] = {"name": name, "title": name, "activities": {AUTHORIZE: part}}
        office.does("ADA", "define", family="role", owner=office["ADA"], **said)
    return office


def asked(office: Office, scope: str | None = None, **moment: object) -> Raci:
    return raci(office.house.ledger, Moment(**moment), scope)  # type: ignore[arg-type]  # passed through


def violations(found: Raci) -> dict[str, tuple[str, ...]]:
    return {one.scope: one.violations for one in found.items}


def only(found: Raci) -> Responsibility:
    (one,) = found.items
    return one


def test_who_was_accountable_is_told_as_of_any_moment(office: Office) -> None:
    office.wait_until(1)
    grant = office.granted("owner", "ANNE", valid_to=hours_later(100))
    office.granted("worker", "DAN")
    office.wait_until(10)
    office.granted("owner", "DAN")
    office.wait_until(20)
    office.does("ADA", "revoke", grant, family="grant", reason="Moved on")
    office.wait_until(30)

    for basis in ("known", "effect"):
        seen = {
            hours: violations(asked(office, at=hours_later(hours), basis=basis))
            for hours in (0.5, 5, 15, 25)
        }
        assert seen == {
            0.5: {"*": ("nobody-accountable", "nobody-responsible")},
            5: {"*": ()},
            15: {"*": ("several-accountable",)},
            25: {"*": ()},
        }
    before = only(asked(office, at=hours_later(5)))
    assert [(one.holder, one.grant) for one in before.accountable] == [(office["ANNE"], grant)]
    assert [one.role_name for one in before.responsible] == ["worker"]


def test_a_grant_past_its_time_makes_nobody_accountable_though_no_timer_ran(office: Office) -> None:
    office.granted("owner", "ANNE", valid_to=hours_later(10))
    office.granted("worker", "DAN")
    office.wait_until(11)

    assert only(asked(office)).violations == ("nobody-accountable",)
    assert asked(office).violations == 1


def test_a_deactivated_holder_and_a_retired_role_are_accountable_no_longer(office: Office) -> None:
    office.granted("owner", "ANNE")
    office.granted("worker", "DAN")
    office.does("ADA", "deactivate", office["ANNE"], family="principal", reason="Left")

    assert only(asked(office)).violations == ("nobody-accountable",)
    office.does("ADA", "retire", office.role("worker"), family="role", reason="Merged")
    assert only(asked(office)).violations == ("nobody-accountable", "nobody-responsible")
    office.does("ADA", "retire", office.role("owner"), family="role", reason="Merged")
    assert asked(office).items == ()


def test_two_accounts_of_one_human_are_one_accountable(office: Office) -> None:
    office.granted("owner", "ANNE")
    office.granted("worker", "DAN")
    office.granted("owner", "DEV")
    assert only(asked(office)).violations == ("several-accountable",)

    office.does(
        "ADA", "identify", office["DEV"], family="principal", person=office["ANNE"], reason="One"
    )

    told = only(asked(office))
    assert told.violations == ()
    assert {one.human for one in told.accountable} == {office["ANNE"]}


def test_scopes_are_those_that_grants_name_or_the_one_that_is_asked_for(office: Office) -> None:
    office.granted("owner", "ANNE")
    office.granted("worker", "DAN", scope=["mail"])

    assert violations(asked(office)) == {"*": ("nobody-responsible",), "mail": ()}
    assert violations(asked(office, "mail")) == {"mail": ()}
    assert violations(asked(office, "erp")) == {"erp": ("nobody-responsible",)}


def test_a_position_asks_what_was_so_at_its_time(office: Office) -> None:
    before = office.house.ledger.head().size
    office.granted("owner", "ANNE")

    found = asked(office, position=before)

    assert (found.position, found.basis) == (before, "known")
    assert only(found).violations == ("nobody-accountable", "nobody-responsible")


def test_an_estate_tells_the_same_gaps_at_every_position(office: Office) -> None:
    """What a detector that walks through the log asks."""
    office.granted("owner", "ANNE")
    office.granted("worker", "DAN", scope=["mail"])
    office.granted("owner", "DEV")
    office.does("ADA", "deactivate", office["ANNE"], family="principal", reason="Left")
    ledger = office.house.ledger
    size = ledger.head().size

    for position in range(size - 12, size + 1):
        estate = Estate(ledger.database)
        estate.skip_to(position)
        told = gaps(
            *standing_now(estate.states, estate.rosters, ledger.entry(position).recordedtime)
        )
        seen = [one for one in asked(office, position=position).items if one.violations]

        assert [(one.scope, one.violations) for one in told] == [
            (one.scope, one.violations) for one in seen
        ]
