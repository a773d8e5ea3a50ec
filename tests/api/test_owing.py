"""What is owed, asked of a governed ledger on both databases: now, then, and as it was known then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.errors import ScopeMissing
from api.identity import LOCAL_OPERATOR
from api.owing import Owing
from api.timekeeper import Timekeeper
from domain.change_review import PirOpened
from domain.errors import Malformed
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.ledger import recorded
from ledger.observe import Observation, ObserveProposal
from projections.compare import compare_rebuilt
from projections.owed import STANDINGS, OwedFilter
from projections.registry import OBLIGATIONS, TIMERS
from projections.runner import Runner
from projections.views import Views
from replay.detection.examine import Examination, Violation
from replay.detection.lapsed_review import LapsedReview
from replay.moment import Moment
from replay.verify_deep import verify_deep
from tests.contract.conftest import a
from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import desk

DAYS = 24


@pytest.fixture(params=BOTH)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    with desk(fresh_database_url(request.param, tmp_path), tmp_path) as made:
        yield Office.of(made)


@pytest.fixture
def views(office: Office) -> Iterator[Views]:
    views = Views(office.house.settings.resolved_views_url)
    yield views
    ledger = office.house.ledger
    Runner(ledger, views, [OBLIGATIONS, TIMERS]).run_until()
    assert [compare_rebuilt(ledger, views, one.name) for one in (OBLIGATIONS, TIMERS)] == [[], []]
    assert verify_deep(ledger.database).problems == ()
    views.close()


def asked(office: Office, views: Views, **told: Any) -> dict[str, Any]:
    Runner(office.house.ledger, views, [OBLIGATIONS, TIMERS]).run_until()
    moment = {
        name: told.pop(name) for name in ("at", "position", "basis", "known_at") if name in told
    }
    owing = Owing(office.house.ledger, views, LOCAL_OPERATOR)
    return owing.owed(Moment(**moment), OwedFilter(**{"standing": STANDINGS, **told}))


def stands(answer: dict[str, Any]) -> dict[str, str]:
    return {row["kind"]: row["state"] for row in answer["items"]}


def test_a_broken_glass_owes_an_approval_and_its_review(office: Office, views: Views) -> None:
    change = office.broken_glass()
    office.does("IVO", "complete-implementation", change, verification="passed")
    state = office.house.ledger.subject(change).state

    answer = asked(office, views)

    approval, review = answer["items"]
    assert (approval["kind"], approval["due_at"]) == ("retro-approval", state["retro_due_at"])
    assert (review["kind"], review["due_at"]) == (
        "post-implementation-review",
        state["review_due_at"],
    )
    assert approval["owners"] == ["emergency-authority"]
    assert office.house.ledger.entry(approval["arose_position"]).type.endswith("requested.v1")
    assert office.house.ledger.entry(review["arose_position"]).type.endswith("completed.v1")
    assert (answer["basis"], answer["at"]) == ("known", None)
    assert answer["position"] == office.house.ledger.head().size


def test_it_is_told_to_be_overdue_although_no_entry_says_so(office: Office, views: Views) -> None:
    """Nothing ran while time passed. Who asks about the future is told what would be overdue then."""
    change = office.broken_glass()
    due = office.house.ledger.subject(change).state["retro_due_at"]

    assert stands(asked(office, views)) == {"retro-approval": "open"}
    assert stands(asked(office, views, at=hours_later(30 * DAYS), basis="known")) == {
        "retro-approval": "overdue"
    }
    office.wait_until(30 * DAYS)
    assert stands(asked(office, views)) == {"retro-approval": "overdue"}
    assert stands(asked(office, views, at=due)) == {"retro-approval": "open"}


def test_after_a_night_without_a_server_the_two_bases_differ(office: Office, views: Views) -> None:
    change = office.broken_glass()
    before = office.house.ledger.head().size
    office.wait_until(10 * DAYS)
    asked(office, views)
    Timekeeper(office.house.ledger, views).give_due()
    on_day_five = hours_later(5 * DAYS)

    effect = asked(office, views, at=on_day_five)
    known = asked(office, views, at=on_day_five, basis="known")

    assert (effect["basis"], stands(effect)) == ("effect", {"retro-approval": "lapsed"})
    assert (known["basis"], stands(known)) == ("known", {"retro-approval": "overdue"})
    assert known["position"] == before
    assert effect["known_at"] == office.house.ledger.head().recordedtime
    as_known_then = asked(office, views, at=on_day_five, known_at=on_day_five)
    assert stands(as_known_then) == {"retro-approval": "overdue"}
    assert stands(asked(office, views, position=before)) == {"retro-approval": "open"}
    (settled,) = effect["items"]
    lapsed = office.house.ledger.entry(settled["settled_position"])
    assert (lapsed.subject, settled["settled_at"]) == (change, lapsed.time)


def test_a_review_is_overdue_until_it_is_held(office: Office, views: Views) -> None:
    change = office.broken_glass()
    office.does("IVO", "complete-implementation", change, verification="passed")
    office.wait_until(20 * DAYS)
    asked(office, views)
    Timekeeper(office.house.ledger, views).give_due()
    review = {"kinds": ["post-implementation-review"]}
    late = asked(office, views, **review)
    said = {"outcome": "as_expected", "lessons": "None", "actions": "None"}
    office.does("TOM", "complete-pir", change, **said)

    held = asked(office, views, **review)

    assert stands(late) == {"post-implementation-review": "overdue"}
    assert stands(held) == {"post-implementation-review": "met-late"}


def test_reports_to_an_authority_are_owed_stage_by_stage(office: Office, views: Views) -> None:
    incident = office.classified_major()
    office.wait_until(6)
    report = {"stage": "initial", "authority": "BaFin", "sha256": "sha256:" + "7c" * 32}
    office.does("EVA", "submit-regulatory-report", incident, family="incident", **report)

    first, second = asked(office, views)["items"]

    assert (first["item"], first["state"], first["owners"]) == (
        "initial",
        "met-late",
        ["compliance"],
    )
    assert (second["item"], second["state"]) == ("intermediate", "open")
    assert second["arose_position"] == first["settled_position"]


def test_a_revocation_that_a_review_ordered_is_owed_until_the_grant_is_gone(
    office: Office, views: Views
) -> None:
    role = office.role("change-authority")
    opens: dict[str, Any] = {"family": "review", "role": role, "due_at": hours_later(10 * DAYS)}
    review = office.does("EVA", "open", **opens).subject
    orders: dict[str, Any] = {"grants": [office.annes_grant], "due_at": hours_later(2 * DAYS)}
    office.does("MIA", "revoke", review, family="review", **orders)
    office.wait_until(3 * DAYS)
    before = asked(office, views)
    office.does("MIA", "revoke", office.annes_grant, family="grant", reason="The review says so")

    after = asked(office, views)

    assert stands(before) == {"revocation": "overdue", "access-review": "open"}
    assert stands(after) == {"revocation": "met-late", "access-review": "open"}
    revocation = after["items"][0]
    assert (revocation["subject"], revocation["item"]) == (review, office.annes_grant)
    gone = office.house.ledger.entry(revocation["settled_position"])
    assert (gone.subject, gone.type) == (office.annes_grant, "itsm.grant.revoked.v1")


def test_a_review_that_lapsed_is_found_by_its_detector_once(office: Office, views: Views) -> None:
    change = office.broken_glass()
    office.does("IVO", "complete-implementation", change, verification="passed")
    office.wait_until(20 * DAYS)
    asked(office, views)
    Timekeeper(office.house.ledger, views).give_due()

    ledger = office.house.ledger
    seen = list(Examination(ledger.database, [LapsedReview()]).over(ledger.head().size))

    (found,) = (one for one in seen if isinstance(one, Violation))
    assert (found.rule, found.about[0]) == ("lapsed-review", change)
    assert ledger.entry(found.position).type == "itsm.change.review-lapsed.v1"
    assert found.happened_at == ledger.entry(found.position).time


def test_what_a_source_tells_owes_nothing_here(office: Office, views: Views) -> None:
    ledger = office.house.ledger
    register = a("principal", "register", kind="source", name="servicenow", mode="observe")
    source = ledger.execute(Order(register, Actor(FIRST_PERSON))).receipts[0].subject
    said = {"review_due_at": hours_later(1)}
    fact = Observation(PirOpened, "change/CHG0000045", said, hours_later(0), "1", "/sources/x")
    recorded(ledger.observe([ObserveProposal([fact], source)])[0])

    assert asked(office, views)["items"] == []


def test_it_takes_the_right_to_read_what_owes_it(office: Office, views: Views) -> None:
    asked(office, views)
    reads_changes = replace(LOCAL_OPERATOR, scopes=frozenset({"change:read"}))
    owing = Owing(office.house.ledger, views, reads_changes)

    assert owing.owed(Moment(), OwedFilter(kinds=["retro-approval"]))["items"] == []
    with pytest.raises(ScopeMissing, match="problem:read"):
        owing.owed(Moment(), OwedFilter(kinds=["retro-approval", "risk-acceptance"]))
    with pytest.raises(ScopeMissing):
        owing.owed(Moment(), OwedFilter())


def test_a_moment_that_is_none_is_refused(office: Office, views: Views) -> None:
    for wrong in ({"at": "yesterday"}, {"position": 1_000_000}, {"position": 3, "basis": "effect"}):
        with pytest.raises(Malformed):
            asked(office, views, **wrong)
    with pytest.raises(Malformed, match="kind"):
        asked(office, views, kinds=["debt"])
