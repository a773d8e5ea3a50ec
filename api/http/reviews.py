"""Access reviews: the register of them, and the items of each with their verdicts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api.auditing import Auditing
from api.http.answers import JsonAnswer
from api.http.registers import Asked, next_link, page_answer
from api.http.services import InHouse, SignedIn
from domain.families import subject_id
from domain.review import Status
from projections.paging import LARGEST_PAGE
from projections.reviews import ReviewFilter, find_reviews
from replay.review_items import Wanted

router = APIRouter(tags=["Registers"])

ReviewNumber = Annotated[str, Path(examples=["REV0000001"])]
ReviewSort = Literal[
    "updated", "opened", "number", "due_at", "-updated", "-opened", "-number", "-due_at"
]


class ReviewsQuery(Asked):
    status: list[Status] = Field([], description="Any of these.", examples=[["open"]])
    role: str | None = Field(None, examples=["role/ROL0000003"])
    service: str | None = None
    overdue: bool = Field(False, description="Only those that are open and were due before now.")
    sort: ReviewSort = Field("-updated", description="- descends.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


class ItemsQuery(Asked):
    verdict: Wanted | None = Field(None, description="Only the items that stand so.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


@router.get("/v1/reviews")
def review_register(
    *,
    asked: Annotated[ReviewsQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """The register of access reviews, page by page, with how many items are `undecided`."""
    identity.require("review", "read")
    wanted = ReviewFilter(
        status=asked.status,
        role=asked.role,
        service=asked.service,
        overdue_at=services.ledger.now() if asked.overdue else None,
    )
    found = find_reviews(
        services.views, wanted, sort=asked.sort, limit=asked.limit, cursor=asked.cursor
    )
    return page_answer(request, identity, services, found)


@router.get("/v1/reviews/{number}/items")
def items(
    *,
    number: ReviewNumber,
    asked: Annotated[ItemsQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """The grants of the frozen population, counted again from the log, each with its verdict.

    `revocation` of an item whose revocation was ordered: `ordered` until `due_at`, then `overdue`, and `done` once
    the grant was revoked, has expired or has ended.
    """
    found = Auditing(services.ledger, identity).review_items(
        subject_id("review", number), asked.verdict, asked.limit, asked.cursor
    )
    return JsonAnswer(found, headers=next_link(request, found["next"]))
