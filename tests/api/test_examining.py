"""What detectors find is raised once, counted, followed, and found again by whoever looks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.compose import House
from api.examining import Examiner
from domain.finding import MOST_NAMED, FindingRaised, FindingRecurred, RaiseFinding, ReopenFinding
from ledger.errors import StorageFailed
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.view import SYSTEM
from projections.views import Views
from projections.violations import Named, Sightings, Violations
from replay.detection.detector import Cured, Look, Shown
from replay.detection.verify import finding_problems
from replay.verify import verify
from tests.api.examined import SAID, Reports, assign, examiner, report
from tests.api.importing_house import ACTOR
from tests.contract.post import until
from tests.replay.given_log import desk


class Newer(Reports):
    version = 2


class Broken(Reports):
    name = "broken"

    def see(self, look: Look) -> Iterable[Shown | Cured]:
        raise RuntimeError("a detector has a fault")


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
    position = assign(house.ledger, subject)
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
    with views.looking() as connection:
        (count,) = connection.execute(text("SELECT count FROM violations")).one()
    assert count == 5, "each sight is counted by one of them"
    assert finding_problems(house.ledger.database, house.ledger.head().size, {}, (Reports(),)) == []


def test_lost_read_models_undo_nothing_that_the_log_says(
    house: House, views: Views, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.examining.STRETCH_ENTRIES", 1)
    looking = examiner(house, views)
    subject = report(house.ledger)
    looking.run_until()
    assign(house.ledger, subject)
    looking.run_until()
    report(house.ledger)
    examiner(house, views).run_until()
    before = the_finding(house.ledger)

    anew = Views(f"sqlite:///{tmp_path}/anew.db")
    examiner(house, anew).run_until()
    anew.close()

    assert before["status"] == "raised"
    assert the_finding(house.ledger) == before


def test_who_reopened_a_finding_is_not_overruled_by_old_news(
    house: House, views: Views, tmp_path: Path
) -> None:
    looking = examiner(house, views)
    assign(house.ledger, report(house.ledger))
    looking.run_until()
    assert the_finding(house.ledger)["status"] == "remediated"
    order = Order(ReopenFinding(cause="recurred"), Actor(SYSTEM, "system"), "finding/FND0000001")
    house.ledger.execute(order)

    anew = Views(f"sqlite:///{tmp_path}/anew.db")
    examiner(house, anew).run_until()
    anew.close()

    assert the_finding(house.ledger)["status"] == "raised"


def test_a_database_that_fails_for_a_while_ends_no_examining(
    house: House, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, stop = examiner(house, views), Event()
    report(house.ledger)
    taken, failures = Violations.take, [OperationalError("UPDATE", {}, Exception("locked"))]

    def failing(self: Violations, sightings: Sightings) -> bool:
        if failures:
            raise failures.pop()
        done = taken(self, sightings)
        stop.set()
        return done

    monkeypatch.setattr(Violations, "take", failing)
    monkeypatch.setattr("api.examining.RETRY_SECONDS", 0.01)
    looking.run(stop)
    looking.run_until()

    assert told(house.ledger) == {FindingRaised.type_name: 1}


def test_a_clock_that_is_set_back_delays_findings_and_loses_none(tmp_path: Path) -> None:
    with desk(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as at:
        ledger = at.house.ledger
        views = Views(at.house.settings.resolved_views_url)
        one, stop = Examiner(ledger, Violations(views), (Reports(),)), Event()
        report(ledger)
        at.clock.moment -= timedelta(hours=1)
        running = threading.Thread(target=one.run, args=(stop,))
        running.start()
        try:
            until(lambda: one.failure == "clock-jumped")
            assert told(ledger) == {}
            at.clock.moment += timedelta(hours=1)
            until(lambda: told(ledger))
            until(lambda: one.failure is None)
        finally:
            stop.set()
            running.join()
            views.close()

        assert told(ledger) == {FindingRaised.type_name: 1}


def test_what_a_detector_cannot_read_is_no_fault_of_the_entry(house: House, views: Views) -> None:
    class Unreadable(Reports):
        def see(self, look: Look) -> Iterable[Shown | Cured]:
            raise StorageFailed("the connection is lost")

    report(house.ledger)
    looking = examiner(house, views, Unreadable())

    with pytest.raises(StorageFailed):
        looking.run_until()

    assert looking.violations.faults() == []


def test_one_rule_is_shown_once_by_one_entry(house: House, views: Views) -> None:
    class Twice(Reports):
        def see(self, look: Look) -> Iterable[Shown | Cured]:
            return [Shown(group="one"), Shown(group="other")]

    report(house.ledger)
    looking = examiner(house, views, Twice())
    looking.run_until()

    (fault,) = looking.violations.faults()
    assert "name both in one" in fault.error


def test_a_former_version_of_the_software_leaves_a_detector_to_newer(
    house: House, views: Views
) -> None:
    report(house.ledger)
    examiner(house, views, Newer()).run_until()

    examiner(house, views, Reports()).run_until()

    assert set(Violations(views).look()) == {Named("no-reports", 2)}
    assert told(house.ledger) == {FindingRaised.type_name: 1}


def test_people_are_named_first_however_much_it_is_about(house: House, views: Views) -> None:
    class Many(Reports):
        def see(self, look: Look) -> Iterable[Shown | Cured]:
            grants = (f"grant/GRT{n:07d}" for n in range(60))
            return [Shown(about=(*grants, ACTOR.principal, "None"), group="desk")]

    report(house.ledger)
    examiner(house, views, Many()).run_until()

    about = the_finding(house.ledger)["about"]
    assert isinstance(about, dict)
    assert ACTOR.principal in about
    assert (len(about), "None" in about) == (MOST_NAMED, False)


def test_a_change_whose_opening_is_refused_is_ordered_again(
    house: House, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered: list[str] = []

    def once(broken: Iterable[tuple[str, str]]) -> Iterator[Order]:
        for _, group in broken:
            ordered.append(group)
            # Nobody may raise by hand what the system raises.
            yield Order(RaiseFinding.model_validate(SAID), ACTOR)

    monkeypatch.setattr("api.examining.unauthorized_changes", once)
    report(house.ledger)
    examiner(house, views).run_until()
    examiner(house, views).run_until()

    assert ordered == ["desk", "desk"]
    assert told(house.ledger) == {FindingRaised.type_name: 1}


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
