"""What is missing among the findings, and what was made up, is found by who lets the detectors walk again."""

from __future__ import annotations

from api.compose import House
from domain.finding import RaiseFinding
from ledger.govern import Actor, Order
from ledger.view import SYSTEM
from projections.views import Views
from projections.violations import Named
from replay.detection.detector import Detector
from replay.detection.verify import finding_problems
from tests.api.examined import SAID, Reports, examiner, report


def problems(house: House, examined: int, *detectors: Detector) -> list[str]:
    size = house.ledger.head().size
    found = finding_problems(
        house.ledger.database,
        size,
        {Named("no-reports", 1): examined},
        detectors or (Reports(),),
    )
    return [one.message for one in found]


def test_a_finding_that_is_missing_is_found(house: House, views: Views) -> None:
    report(house.ledger)
    size = house.ledger.head().size

    assert problems(house, 0) == [], "nobody looked yet"
    (told_,) = problems(house, size)
    assert "no finding was raised" in told_
    examiner(house, views).run_until()
    assert problems(house, size) == []


def test_a_finding_that_nothing_shows_is_found(house: House, views: Views) -> None:
    report(house.ledger)
    examiner(house, views).run_until()
    invented = {**SAID, "rule": "no-reports", "first_position": 3, "last_position": 3}
    order = Order(RaiseFinding.model_validate(invented), Actor(SYSTEM, "system"))
    house.ledger.execute(order)

    (told_,) = problems(house, house.ledger.head().size)
    for version in ("99", "0", "policy/POL0000001@9"):
        other = {
            **SAID,
            "rule": "no-reports",
            "rule_version": version,
            "first_position": 3,
            "last_position": 3,
        }
        house.ledger.execute(Order(RaiseFinding.model_validate(other), Actor(SYSTEM, "system")))

    assert len(problems(house, house.ledger.head().size)) == 4
    assert "which the log does not show" in told_


def test_a_finding_that_says_otherwise_than_the_log_is_found(house: House) -> None:
    report(house.ledger)
    size = house.ledger.head().size
    false = {
        **SAID, "rule": "no-reports", "group": "desk", "first_position": size, "last_position": size,
    }  # fmt: skip
    house.ledger.execute(Order(RaiseFinding.model_validate(false), Actor(SYSTEM, "system")))

    told_ = problems(house, size)

    assert any("says severity high, the log shows low" in one for one in told_)
