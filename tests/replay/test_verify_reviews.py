"""The populations of access reviews are counted again: whoever writes the log can lie in a new entry, but is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from domain.event import Event, Json
from domain.population import Bounds, population_of
from domain.review import (
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
)
from domain.rosters import grants_held_by
from ledger.entry import Draft
from ledger.genesis import FIRST_PERSON, OPERATOR, genesis_draft
from ledger.ids import new_uuid7
from ledger.ledger import recorded
from ledger.open import open_database
from ledger.proposal import Unordered
from ledger.view import View
from replay.report import Problem
from replay.verify_deep import verify_deep
from tests.replay.given_log import Desk
from tests.staffing import give_every_role

REVIEW, SECOND = "review/REV0000001", "review/REV0000002"
STRANGER = "grant/GRT0009999"
ITEM = {"by": FIRST_PERSON, "on_behalf_of": None, "at": "2026-03-02T09:30:00.000000Z"}
NOBODY: Any = {"certified": 0, "revocation_ordered": 0}


@dataclass
class _Said(Unordered):
    """Entries as whoever runs the machine could have them written: well-formed, sealed, and perhaps a lie."""

    said: Sequence[tuple[type[Event], dict[str, Json]]]
    review: str = REVIEW

    def settle(self, view: View) -> list[Draft]:
        said = genesis_draft(
            view, REVIEW, AccessReviewClosed.from_data(dict(AccessReviewClosed.example))
        ).said
        return [
            Draft(self.review, event, data, view.recordedtime, new_uuid7(), view.source, said)
            for event, data in self.said
        ]


class _Opening(_Said):
    """Of the grants of a role, or of all, as the ledger counts them, with `lies` in the population."""

    def __init__(self, role: str | None, lies: Mapping[str, Json], review: str) -> None:
        super().__init__((), review)
        self.role, self.lies = role, lies

    def settle(self, view: View) -> list[Draft]:
        bounds = Bounds(view.position, view.recordedtime, self.role)
        counted = population_of(bounds, view.census().live_grants(bounds))
        data: dict[str, Json] = {"status": "open", "population": {**counted, **self.lies}}
        if self.role:
            data["role"] = self.role
        self.said = [(AccessReviewOpened, data)]
        return super().settle(view)


def writes(at: Desk, *said: tuple[type[Event], dict[str, Json]]) -> int:
    """The position of the last entry."""
    return recorded(at.house.ledger.writer.submit([_Said(said)])[0]).receipts[-1].position


def opens(
    at: Desk,
    lies: Mapping[str, Json] | None = None,
    *,
    role: str | None = None,
    review: str = REVIEW,
) -> int:
    opening = _Opening(role, lies or {}, review)
    return recorded(at.house.ledger.writer.submit([opening])[0]).receipts[-1].position


def found(at: Desk) -> tuple[Problem, ...]:
    with closing(open_database(at.house.settings.database_url)) as database:
        return verify_deep(database).problems


def live(at: Desk) -> list[str]:
    ledger = at.house.ledger
    return [
        g for who in (FIRST_PERSON, OPERATOR) for g in ledger.roster(grants_held_by(who)).members
    ]


def items(*grants: str) -> dict[str, Json]:
    return {"items": {grant: {"verdict": "certified", **ITEM} for grant in grants}}


def test_a_population_that_the_log_makes_is_clean(at: Desk) -> None:
    opens(at)
    writes(at, (ReviewItemCertified, items(*live(at))), (AccessReviewClosed, {"status": "closed"}))
    opens(at, role="role/ROL0000001")

    assert found(at) == ()


def test_each_population_is_counted_at_its_own_position(at: Desk) -> None:
    """The last grant before a review begins right at the position that the review names; others come later."""
    ledger = at.house.ledger
    opens(at)
    give_every_role(ledger, at.recorder)
    opens(at, review=SECOND)
    give_every_role(ledger, OPERATOR)

    assert found(at) == ()
    first, second = (ledger.subject(one).state["population"]["count"] for one in (REVIEW, SECOND))
    assert second > first


@pytest.mark.parametrize("lie", [{"count": 1}, {"hash": "sha256:" + "0" * 64}])
def test_a_forged_count_or_hash_is_found(at: Desk, lie: dict[str, Json]) -> None:
    position = opens(at, lie)

    (problem,) = found(at)

    assert (problem.position, problem.kind) == (position, "review")
    assert f"by the log it is {{'position': {position - 1}, " in problem.message


@pytest.mark.parametrize("lie", [{"position": 10_000}, {"at": "2026-01-01T00:00:00.000000Z"}])
def test_a_population_of_another_time_than_its_own_is_found(at: Desk, lie: dict[str, Json]) -> None:
    position = opens(at, lie)

    assert [(one.position, one.kind) for one in found(at)] == [(position, "review")]


@pytest.mark.parametrize("forged", [None, 7, {}, {"position": "x", "at": 1}])
def test_a_population_that_cannot_be_read_is_told(at: Desk, forged: Json) -> None:
    position = writes(at, (AccessReviewOpened, {"status": "open", "population": forged}))

    assert [(one.position, one.kind) for one in found(at)] == [(position, "review")]


@pytest.mark.parametrize("event", [ReviewItemCertified, ReviewItemRevocationOrdered])
def test_a_verdict_on_a_grant_that_was_not_reviewed_is_found(at: Desk, event: type[Event]) -> None:
    opens(at)
    position = writes(at, (event, items(STRANGER)))

    (problem,) = found(at)

    assert (problem.position, problem.kind) == (position, "review")
    assert problem.message == f"{REVIEW} decides what is not of it: {STRANGER}"


def test_a_review_closed_half_done_is_found(at: Desk) -> None:
    first, *rest = live(at)
    opens(at)
    position = writes(
        at, (ReviewItemCertified, items(first)), (AccessReviewClosed, {"verdicts": NOBODY})
    )

    (problem,) = found(at)

    assert (problem.position, problem.kind) == (position, "review")
    assert min(rest) in problem.message
