"""What access reviews and accepted findings owe, and the grants whose end settles it."""

from __future__ import annotations

from typing import Any

from domain.finding import FindingRaised, FindingRemediated, FindingReopened, FindingRiskAccepted
from domain.grant import RoleGrantRequested, RoleRevoked
from domain.review import (
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
)
from projections.owed import STANDINGS
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk
from tests.projections.test_owed import at, owed, told

REVIEW, SECOND, FINDING = "review/REV0000001", "review/REV0000002", "finding/FND0000001"
ONE, TWO = "grant/GRT0000001", "grant/GRT0000002"


def ordered(*grants: str, due: int = 10) -> dict[str, Any]:
    return {"items": {one: {"verdict": "revocation_ordered", "due_at": at(due)} for one in grants}}


def reviewing() -> Desk:
    desk = Desk()
    for grant in (ONE, TWO):
        desk.tell(RoleGrantRequested, grant, {"holder": BEN}, day=1)
    desk.tell(AccessReviewOpened, REVIEW, {"due_at": at(20), "service": "mail"}, day=2)
    return desk


def items(rows: list[dict[str, Any]]) -> dict[str | None, str]:
    return {row["item"]: row["state"] for row in rows}


def test_each_revocation_is_owed_until_its_grant_is_gone_whether_or_not_the_review_is_closed(
    views: Views,
) -> None:
    desk = reviewing()
    desk.tell(ReviewItemRevocationOrdered, REVIEW, ordered(ONE, TWO), day=3)
    desk.tell(RoleRevoked, ONE, {"revoked_by": ADA}, day=4)
    before = owed(desk, views, standing=STANDINGS)
    desk.tell(AccessReviewClosed, REVIEW, day=5)

    after = owed(desk, views, standing=STANDINGS)

    assert items(before) == {ONE: "met", TWO: "overdue", None: "overdue"}
    assert items(after) == {ONE: "met", TWO: "overdue", None: "met"}
    assert {row["subject"] for row in after} == {REVIEW}


def test_in_one_batch_or_many_a_grant_that_is_gone_already_owes_nothing(views: Views) -> None:
    desk = reviewing()
    desk.tell(RoleRevoked, ONE, {"revoked_by": ADA}, day=3)
    desk.tell(ReviewItemRevocationOrdered, REVIEW, ordered(ONE), day=4)

    assert items(owed(desk, views)) == {None: "overdue"}
    assert items(owed(desk, views, standing=STANDINGS))[ONE] == "met"


def test_a_grant_that_two_reviews_ordered_to_go_settles_both(views: Views) -> None:
    desk = reviewing()
    desk.tell(AccessReviewOpened, SECOND, {}, day=2)
    for review in (REVIEW, SECOND):
        desk.tell(ReviewItemRevocationOrdered, review, ordered(ONE), day=3)
    assert len(owed(desk, views, kinds=["revocation"])) == 2
    desk.tell(RoleRevoked, ONE, {"revoked_by": ADA}, day=4)

    rows = owed(desk, views, kinds=["revocation"], standing=STANDINGS)

    assert told(rows) == [("revocation", "met"), ("revocation", "met")]


def test_a_certified_item_owes_nothing_until_its_revocation_is_ordered_after_all(
    views: Views,
) -> None:
    desk = reviewing()
    desk.tell(ReviewItemCertified, REVIEW, {"items": {ONE: {"verdict": "certified"}}}, day=3)
    before = owed(desk, views, kinds=["revocation"])
    order = desk.tell(ReviewItemRevocationOrdered, REVIEW, ordered(ONE), day=4)

    (after,) = owed(desk, views, kinds=["revocation"])

    assert before == []
    assert after["arose_position"] == order.position


def test_an_accepted_finding_is_looked_at_again_by_then(views: Views) -> None:
    desk = Desk()
    ended_by_time = {"cause": "acceptance-ended"}
    ends: list[Any] = [(FindingRemediated, {}), (FindingReopened, ended_by_time), (None, {})]
    for number, (end, said) in enumerate(ends):
        finding = f"{FINDING}{number}"
        desk.tell(FindingRaised, finding, {}, day=1)
        accepted = {"accepted_by": ADA, "accepted_until": at(10 + number)}
        desk.tell(FindingRiskAccepted, finding, accepted, day=2)
        if end:
            desk.tell(end, finding, said, day=9)

    rows = owed(desk, views, standing=STANDINGS)

    assert [row["state"] for row in rows] == ["met", "lapsed", "overdue"]
    assert {owner for row in rows for owner in row["owners"]} == {ADA}
