"""The registers of changes and grants, and the change calendar: what the read models answer now."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api.http.answers import JsonAnswer
from api.http.registers import Asked, page_answer, plain_rows
from api.http.services import InHouse, SignedIn, revealed
from domain.change import ChangeType, Status
from domain.event import Moment
from domain.grant import Status as GrantStatus
from domain.thresholds import Risk
from projections.calendar import calendar_between
from projections.changes import ChangeFilter, find_changes
from projections.grants import GrantFilter, find_grants
from projections.paging import LARGEST_PAGE

router = APIRouter(tags=["Registers"])

GrantSort = Literal[
    "updated", "opened", "number", "valid_to", "-updated", "-opened", "-number", "-valid_to"
]
ChangeSort = Literal[
    "updated", "opened", "number", "window_start", "-updated", "-opened", "-number", "-window_start"
]


class ChangesQuery(Asked):
    status: list[Status] = Field([], description="Any of these.", examples=[["scheduled"]])
    type: list[ChangeType] = Field([], description="Any of these.")
    risk: list[Risk] = Field([], description="Any of these.")
    service: str | None = Field(None, description="It is about this service, among others.")
    requester: str | None = Field(None, examples=["principal/PRN0000002"])
    model: str | None = Field(None, examples=["model/MOD0000001"])
    emergency: bool | None = Field(None, description="Is it of the type emergency?")
    break_glass: bool | None = Field(None, description="Was it begun without an authorization?")
    open_retro_approval: bool | None = Field(
        None, description="Is a retro-approval requested that nobody has decided?"
    )
    window_from: Moment | None = Field(
        None,
        description="Its window has not ended by this moment.",
        examples=["2026-03-07T00:00:00Z"],
    )
    window_to: Moment | None = Field(None, description="Its window begins before this moment.")
    updated_since: Moment | None = None
    terminal: bool | None = Field(None, description="Is it in a status that nothing leads out of?")
    sort: ChangeSort = Field("-updated", description="- descends.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


class CalendarQuery(Asked):
    start: Moment = Field(alias="from", examples=["2026-03-01T00:00:00Z"])
    end: Moment = Field(alias="to", description="Exclusive.", examples=["2026-04-01T00:00:00Z"])
    service: str | None = Field(
        None, description="What is about this service, with freezes of every service."
    )


class GrantsQuery(Asked):
    status: list[GrantStatus] = Field([], description="Any of these, as recorded.")
    holder: str | None = Field(None, examples=["principal/PRN0000002"])
    role: str | None = Field(None, examples=["role/ROL0000003"])
    role_name: str | None = Field(None, examples=["change-authority"])
    counts: bool | None = Field(
        None,
        description="Does it give the role now? By its times, whether or not a timer has run; not of a "
        "holder who is deactivated, nor of a role that is retired.",
    )
    sort: GrantSort = Field("-updated", description="- descends.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


@router.get("/v1/changes")
def change_register(
    *,
    asked: Annotated[ChangesQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """The change register, page by page: `next` (and the header `Link`) leads on."""
    identity.require("change", "read")
    wanted = ChangeFilter(**asked.model_dump(exclude={"sort", "limit", "cursor"}))
    found = find_changes(
        services.views, wanted, sort=asked.sort, limit=asked.limit, cursor=asked.cursor
    )
    return page_answer(request, identity, services, found)


@router.get("/v1/calendar")
def change_calendar(
    asked: Annotated[CalendarQuery, Query()], identity: SignedIn, services: InHouse
) -> Response:
    """Windows of changes and freezes that share a moment with the period, by start; `overlaps` marks what is in the way.

    Of a freeze that overlaps a change, `excepted` says whether its owner lets the change happen; of two changes,
    `resolved` whether they agreed. A change is on the calendar from its authorization on.
    """
    for family in ("change", "freeze"):
        identity.require(family, "read")
    found = calendar_between(services.views, asked.start, asked.end, service=asked.service)
    rows = [revealed(services, identity, row["subject"], row) for row in plain_rows(found)]
    return JsonAnswer({"position": found.position, "items": rows})


@router.get("/v1/grants")
def grant_register(
    *,
    asked: Annotated[GrantsQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """The register of grants, page by page. With `counts=true` and a role: who holds it now."""
    identity.require("grant", "read")
    wanted = GrantFilter(
        status=asked.status,
        holder=asked.holder,
        role=asked.role,
        role_name=asked.role_name,
        counts_at=None if asked.counts is None else services.ledger.now(),
        counts=bool(asked.counts),
    )
    found = find_grants(
        services.views, wanted, sort=asked.sort, limit=asked.limit, cursor=asked.cursor
    )
    return page_answer(request, identity, services, found)
