"""Refusals: each is recorded on who ordered it, and a flood of them is counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.errors import CanNot, MayNot
from domain.principal import DeactivatePrincipal
from ledger.genesis import FIRST_PERSON
from ledger.refusals import EACH
from ledger.view import SYSTEM
from tests.contract.conftest import Desk, a
from tests.contract.test_appending import whole_log


def refused(desk: Desk, times: int = 1) -> None:
    """Somebody closes an incident that is only new."""
    subject = desk.report()
    for _ in range(times):
        with pytest.raises(CanNot):
            desk.do(a("incident", "close"), subject)


def told(desk: Desk, principal: str = FIRST_PERSON) -> dict[str, object]:
    return dict(desk.log.subject(principal).state)


def test_a_refusal_is_recorded_on_who_ordered_it_with_the_rules_that_refused(desk: Desk) -> None:
    refused(desk)

    entry = desk.log.entries_of(FIRST_PERSON)[-1]

    assert entry.type == "itsm.principal.order-refused.v1"
    assert entry.data["refusals"] == 1
    assert entry.data["last_refusal"]["action"] == "incident:close"
    assert entry.data["last_refusal"]["subject"] == "incident/INC0010001"
    assert entry.data["last_refusal"]["code"] == "can-not"
    assert entry.attributes["rules"] == "transition"
    assert entry.attributes["recordedby"] == SYSTEM
    whole_log(desk.log)


def test_who_may_not_is_recorded_like_what_can_not(desk: Desk) -> None:
    ben = desk.person("Ben")
    desk.do(DeactivatePrincipal(reason="Left"), ben)

    with pytest.raises(MayNot):
        desk.log.execute(desk.order(a("incident", "report"), actor=ben))

    entry = desk.log.entries_of(ben)[-1]
    assert entry.data["last_refusal"]["subject"] == "incident/new"
    assert entry.data["last_refusal"]["code"] == "may-not"
    assert entry.attributes["policy"] == "open-door@1"


def test_a_refused_order_records_nothing_else_and_takes_no_number(desk: Desk) -> None:
    before = desk.log.head().size

    with pytest.raises(MayNot):
        desk.log.execute(desk.order(a("incident", "report"), actor="principal/PRN0099999"))

    # Nobody is there whom it could be recorded on.
    assert desk.log.head().size == before
    assert desk.report() == "incident/INC0010001"


def test_a_flood_is_counted_and_the_count_comes_with_the_next_minute(desk: Desk) -> None:
    flood = EACH * 5

    refused(desk, flood)

    recorded = [one for one in desk.log.entries_of(FIRST_PERSON) if "refusals" in one.data]
    assert len(recorded) == EACH
    assert told(desk)["refusals"] == EACH
    desk.clock.later_seconds += 61
    refused(desk)
    assert told(desk)["refusals"] == flood + 1
    whole_log(desk.log)


def test_what_is_owed_is_recorded_with_whatever_comes_once_it_is_late(desk: Desk) -> None:
    refused(desk, EACH + 3)
    desk.clock.later_seconds += 61

    desk.report()

    assert told(desk)["refusals"] == EACH + 3


def test_closing_records_what_is_owed(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    refused(desk, EACH + 3)

    desk.log.close()

    assert desk.open().subject(FIRST_PERSON).state["refusals"] == EACH + 3
