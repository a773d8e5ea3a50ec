"""What detectors find is raised once, counted, followed, and found again by whoever looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from api.compose import House
from api.examining import Examiner
from domain.command import command_class
from domain.finding import FindingRaised, FindingRecurred, RaiseFinding
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.view import SYSTEM
from projections.views import Views
from projections.violations import Violations
from replay.detection.detector import Cured, Detector, Look, Shown
from replay.detection.verify import finding_problems
from replay.verify import verify
from tests.api.importing_house import ACTOR, opened


class Reports(Detector):
    """Every report breaks it, every assignment makes it whole."""

    name = "no-reports"
    severity = "low"
    sentence = "Nothing is reported."
    types = frozenset({"itsm.incident.reported.v1", "itsm.incident.assigned.v1"})

    def see(self, look: Look) -> Iterable[Shown | Cured]:
        if look.told.type == "itsm.incident.assigned.v1":
            return [Cured("desk")]
        return [Shown(group="desk")]


class Newer(Reports):
    version = 2


class Broken(Reports):
    name = "broken"

    def see(self, look: Look) -> Iterable[Shown | Cured]:
        raise RuntimeError("a detector has a fault")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as house:
        yield house


@pytest.fixture
def views(tmp_path: Path) -> Iterator[Views]:
    views = Views(f"sqlite:///{tmp_path}/seen.db")
    yield views
    views.close()


def examiner(house: House, views: Views, *detectors: Detector) -> Examiner:
    return Examiner(house.ledger, Violations(views), detectors or (Reports(),))


def report(ledger: Ledger) -> str:
    command = command_class("incident", "report").model_validate(
        {"title": "Mail is down", "impact": 3, "urgency": 3, "reported_by": ACTOR.principal}
    )
    return ledger.execute(Order(command, ACTOR)).receipts[-1].subject


def told(ledger: Ledger) -> Counter[str]:
    entries = ledger.entries(0, 100_000)
    return Counter(entry.type for entry in entries if entry.subject.startswith("finding/"))


def the_finding(ledger: Ledger) -> dict[str, object]:
    return dict(ledger.subject("finding/FND0000001").state)


def test_a_violation_is_raised_once_however_often_somebody_looks(
    house: House, views: Views, tmp_path: Path
) -> None:
    report(house.ledger)
    first = house.ledger.head().size

    examiner(house, views).run_until()
    examiner(house, views).run_until()
    examiner(house, Views(f"sqlite:///{tmp_path}/other.db")).run_until()

    assert told(house.ledger) == {FindingRaised.type_name: 1}
    state = the_finding(house.ledger)
    assert (state["rule"], state["first_position"], state["count"]) == ("no-reports", first, 1)
    assert verify(house.ledger.database).is_clean


def test_a_flood_is_one_finding_with_a_count(house: House, views: Views) -> None:
    looking = examiner(house, views)
    for _ in range(40):
        report(house.ledger)
    looking.run_until()
    for _ in range(20):
        report(house.ledger)
        looking.run_until()

    assert told(house.ledger) == {FindingRaised.type_name: 1, FindingRecurred.type_name: 1}
    assert the_finding(house.ledger)["count"] == 41, "the others are told a minute later"


def test_what_an_entry_makes_whole_is_remediated_and_reopened_when_it_recurs(
    house: House, views: Views
) -> None:
    looking = examiner(house, views)
    subject = report(house.ledger)
    looking.run_until()
    assign = command_class("incident", "assign").model_validate(
        {"assignment_group": "Mail", "assigned_to": ACTOR.principal}
    )
    position = house.ledger.execute(Order(assign, ACTOR, subject)).receipts[-1].position
    looking.run_until()

    state = the_finding(house.ledger)
    assert (state["status"], state["evidence_position"]) == ("remediated", position)
    report(house.ledger)
    examiner(house, views).run_until()
    assert the_finding(house.ledger)["status"] == "raised"


def test_a_detector_that_fails_is_told_of_and_the_others_go_on(house: House, views: Views) -> None:
    report(house.ledger)
    looking = examiner(house, views, Broken(), Reports())

    looking.run_until()

    (fault,) = looking.violations.faults()
    assert (fault.detector, "a detector has a fault" in fault.error) == ("broken", True)
    assert told(house.ledger)[FindingRaised.type_name] == 1


def test_a_new_version_of_a_detector_looks_at_all_of_history(house: House, views: Views) -> None:
    report(house.ledger)
    examiner(house, views).run_until()

    examiner(house, views, Newer()).run_until()

    raised = [e for e in house.ledger.entries(0, 10_000) if e.type == FindingRaised.type_name]
    assert [entry.data["rule_version"] for entry in raised] == ["1", "2"]
    assert len({entry.data["hash"] for entry in raised}) == 2
    assert len({entry.data["first_position"] for entry in raised}) == 1


def test_two_that_examine_at_once_raise_each_finding_once(house: House, views: Views) -> None:
    one, other = examiner(house, views), examiner(house, views)
    for _ in range(5):
        report(house.ledger)
        one.step()
        other.step()
    one.run_until()
    other.run_until()

    assert told(house.ledger)[FindingRaised.type_name] == 1
    assert finding_problems(house.ledger.database, house.ledger.head().size, {}, (Reports(),)) == []


def test_an_interrupted_raising_is_neither_lost_nor_said_twice(
    house: House, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(house.ledger)
    looking = examiner(house, views)
    with monkeypatch.context() as broken:
        broken.setattr(Violations, "tell", _killed)
        with pytest.raises(KeyboardInterrupt):
            looking.run_until()

    examiner(house, views).run_until()

    assert told(house.ledger) == {FindingRaised.type_name: 1}
    assert looking.violations.untold(10) == []


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def problems(house: House, examined: int, *detectors: Detector) -> list[str]:
    size = house.ledger.head().size
    found = finding_problems(
        house.ledger.database, size, {"no-reports": examined}, detectors or (Reports(),)
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
    said = {name: v for name, v in FindingRaised.example.items() if name != "hash"}
    invented = {**said, "rule": "no-reports", "first_position": 3, "last_position": 3}
    order = Order(RaiseFinding.model_validate(invented), Actor(SYSTEM, "system"))
    house.ledger.execute(order)

    (told_,) = problems(house, house.ledger.head().size)

    assert "which the log does not show" in told_


def test_a_finding_that_says_otherwise_than_the_log_is_found(house: House) -> None:
    report(house.ledger)
    size = house.ledger.head().size
    said = {name: v for name, v in FindingRaised.example.items() if name != "hash"}
    false = {
        **said, "rule": "no-reports", "group": "desk", "first_position": size, "last_position": size,
    }  # fmt: skip
    house.ledger.execute(Order(RaiseFinding.model_validate(false), Actor(SYSTEM, "system")))

    told_ = problems(house, size)

    assert any("says severity high, the log shows low" in one for one in told_)
