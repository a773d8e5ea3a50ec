"""A change is opened for each deployment that nobody authorized: by the system, and once."""

from __future__ import annotations

from collections.abc import Sequence

from domain.deployment import DeploymentFailed
from domain.errors import LedgerError
from ledger.govern import Order
from ledger.ledger import recorded
from ledger.view import SYSTEM
from replay.detection.examine import Examination, Violation
from replay.detection.openings import unauthorized_changes
from tests.replay.given_log import Desk
from tests.replay.test_detected_deployments import AFTER, CHANGE, LIVED, OURS, RUN, run, states


def orders(at: Desk) -> Sequence[Order]:
    ledger = at.house.ledger
    found = Examination(ledger.database, OURS).over(ledger.head().size)
    return list(
        unauthorized_changes((one.rule, one.group) for one in found if isinstance(one, Violation))
    )


def test_one_change_is_opened_however_often_the_deployment_is_found(at: Desk) -> None:
    ledger = at.house.ledger
    states(at, RUN, run(service="mail"), DeploymentFailed())
    twice = [*orders(at), *orders(at)]
    assert len(twice) == 2, "what a later fact adds nothing to is the same violation"

    outcomes = ledger.writer.submit([ledger.undecided(order) for order in twice])
    again = ledger.writer.submit([ledger.undecided(order) for order in orders(at)])

    opened = {recorded(one).receipts[1].subject for one in (*outcomes, *again)}
    assert len(opened) == 1
    state = ledger.load(opened.pop()).state
    assert (state["deployment"], state["detected_by"]) == (RUN, SYSTEM)
    assert (state["status"], state["retro_approval"]) == ("in_review", "requested")
    assert state["services"] == {"mail": True}


def test_each_deployment_gets_its_own(at: Desk) -> None:
    ledger = at.house.ledger
    states(at, RUN, run())
    states(at, "deployment/RUN-2", run())

    outcomes = ledger.writer.submit([ledger.undecided(order) for order in orders(at)])

    opened = [recorded(one).receipts[1].subject for one in outcomes]
    assert len(set(opened)) == 2


def test_other_violations_open_nothing(at: Desk) -> None:
    states(at, CHANGE, *LIVED)
    states(at, RUN, run(AFTER, change=CHANGE))

    assert orders(at) == []


def test_what_was_authorized_only_after_the_deployment_gets_a_change_nevertheless(at: Desk) -> None:
    early = "2026-03-04T09:00:00.000000Z"
    states(at, CHANGE, *LIVED)
    states(at, RUN, run(early, change=CHANGE))

    (outcome,) = at.house.ledger.writer.submit(
        [at.house.ledger.undecided(order) for order in orders(at)]
    )

    assert not isinstance(outcome, LedgerError)
