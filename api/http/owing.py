"""What is owed: retro-approvals, reviews, reports, risks to look at again; by whom, until when, as of any moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api.http.answers import JsonAnswer
from api.http.registers import Asked, next_link
from api.http.services import InHouse, SignedIn
from api.http.subjects import AT, BASIS, KNOWN_AT, POSITION, Basis
from api.owing import Owing
from domain.obligations import Kind
from projections.owed import OWED, OwedFilter, Standing
from projections.paging import LARGEST_PAGE
from replay.moment import Moment

router = APIRouter(tags=["Registers"])


class OwedQuery(Asked):
    at: str | None = Field(None, description=AT, examples=["2026-03-31T23:59:59Z"])
    known_at: str | None = Field(None, description=KNOWN_AT)
    position: int | None = Field(None, description=POSITION, ge=1)
    basis: Basis | None = Field(None, description=BASIS)
    kind: list[Kind] = Field([], description="Any of these.", examples=[["retro-approval"]])
    state: list[Standing] = Field(
        list(OWED),
        description="Any of these; by default what is owed: `open`, and `overdue` past its due date.",
    )
    owner: str | None = Field(
        None,
        description="A principal by id, or a role by name: its holders settle it.",
        examples=["emergency-authority"],
    )
    subject: str | None = Field(None, examples=["change/CHG0010001"])
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


@router.get("/v1/owed")
def what_is_owed(
    *,
    asked: Annotated[OwedQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """What was promised and is not done, the earliest due first, page by page, as of any moment.

    `state`: `open`, `overdue` (told from `moment`, whether or not an entry says so), `met`, `met-late`, `lapsed`,
    `cancelled`. `arose_position` is the entry that made it owed, `settled_position` the one that ended it. What a
    source recorded owes nothing here.
    """
    moment = Moment(asked.at, asked.known_at, asked.position, asked.basis)
    wanted = OwedFilter(asked.state, asked.kind, asked.owner, asked.subject)
    owing = Owing(services.ledger, services.views, identity)
    found = owing.owed(moment, wanted, limit=asked.limit, cursor=asked.cursor)
    return JsonAnswer(found, headers=next_link(request, found["next"]))
