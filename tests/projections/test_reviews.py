"""The register of access reviews: what is open, of what, until when, and how much of it is undecided."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Malformed
from domain.review import (
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
)
from projections.reviews import SORTS, ReviewFilter, ReviewRegister, find_reviews
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk

ONE, TWO, THREE = (f"review/REV000000{n}" for n in (1, 2, 3))
ROLE = "role/ROL0000003"
APRIL, MAY, LATER = (f"2026-{month}-01T00:00:00.000000Z" for month in ("04", "05", "06"))


def opened(desk: Desk, review: str, items: int, **more: Any) -> None:
    population = {"position": 9, "at": APRIL, "count": items, "hash": "sha256:" + "0" * 64}
    desk.tell(AccessReviewOpened, review, {"population": population, "opened_by": ADA, **more})


def decided(desk: Desk, review: str, event: Any, *grants: str) -> None:
    verdict = "certified" if event is ReviewItemCertified else "revocation_ordered"
    item = {"verdict": verdict, "by": BEN, "on_behalf_of": None, "at": APRIL}
    if event is ReviewItemRevocationOrdered:
        item["due_at"] = MAY
    desk.tell(event, review, {"items": dict.fromkeys(grants, item)})


def rows(desk: Desk, views: Views, **wanted: Any) -> list[Any]:
    Runner(desk, views, [ReviewRegister()], batch_events=2).run_until()
    return list(find_reviews(views, ReviewFilter(**wanted), sort="number").rows)


def numbers(desk: Desk, views: Views, **wanted: Any) -> list[str]:
    return [row["subject"] for row in rows(desk, views, **wanted)]


def reviews() -> Desk:
    desk = Desk()
    opened(desk, ONE, 3, due_at=APRIL, role=ROLE)
    opened(desk, TWO, 1, due_at=MAY, service="mail")
    opened(desk, THREE, 0, due_at=LATER)
    return desk


def test_a_review_is_listed_with_how_many_of_its_items_are_undecided(views: Views) -> None:
    desk = reviews()
    decided(desk, ONE, ReviewItemCertified, "grant/GRT1", "grant/GRT2")
    decided(desk, ONE, ReviewItemRevocationOrdered, "grant/GRT2")

    row = rows(desk, views)[0]

    counts = {name: row[name] for name in ("items", "certified", "revocation_ordered", "undecided")}
    assert counts == {"items": 3, "certified": 1, "revocation_ordered": 1, "undecided": 1}
    assert (row["role"], row["due_at"], row["status"]) == (ROLE, APRIL, "open")


def test_reviews_are_found_by_status_bounds_and_whether_they_are_overdue(views: Views) -> None:
    desk = reviews()
    said = {
        "verdicts": {"certified": 0, "revocation_ordered": 0},
        "closed_by": ADA,
        "closed_at": MAY,
    }
    desk.tell(AccessReviewClosed, THREE, said)

    assert numbers(desk, views, status=["closed"]) == [THREE]
    assert numbers(desk, views, role=ROLE) == [ONE]
    assert numbers(desk, views, service="mail") == [TWO]
    assert numbers(desk, views, overdue_at="2026-04-01T00:00:00.000001Z") == [ONE]
    assert numbers(desk, views, overdue_at=APRIL) == []
    assert numbers(desk, views, overdue_at="2026-07-01T00:00:00.000000Z") == [ONE, TWO]


@pytest.mark.parametrize("name", SORTS)
def test_pages_are_sorted_and_lead_on(views: Views, name: str) -> None:
    desk = reviews()
    numbers(desk, views)
    found: list[str] = []
    cursor = None
    while cursor is not None or not found:
        page = find_reviews(views, sort=name, limit=1, cursor=cursor)
        found += [row["subject"] for row in page.rows]
        cursor = page.next_cursor

    assert found == [ONE, TWO, THREE]


def test_another_sort_is_refused(views: Views) -> None:
    with pytest.raises(Malformed):
        find_reviews(views, sort="items")
