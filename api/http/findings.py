"""Findings: what is broken now, as the register tells it, or what was at a moment, as the log does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api.findings import findings_then
from api.http.answers import JsonAnswer
from api.http.registers import Asked, page_answer
from api.http.services import InHouse, SignedIn
from api.http.subjects import AT, BASIS, KNOWN_AT, POSITION, Basis
from domain.finding import Status
from domain.thresholds import Severity
from projections.findings import FindingFilter, find_findings
from projections.paging import LARGEST_PAGE
from replay.moment import Moment

router = APIRouter(tags=["Findings"])

Sort = Literal[
    "updated", "raised", "number", "severity", "happened_at",
    "-updated", "-raised", "-number", "-severity", "-happened_at",
]  # fmt: skip


class FindingsQuery(Asked):
    rule: list[str] = Field([], description="Any of these.", examples=[["lone-self-approval"]])
    severity: list[Severity] = Field([], description="Any of these.")
    status: list[Status] = Field([], description="Any of these.", examples=[["raised"]])
    about: str | None = Field(
        None, description="A subject that it names.", examples=["change/CHG0010042"]
    )
    at: str | None = Field(None, description=AT)
    known_at: str | None = Field(None, description=KNOWN_AT)
    position: int | None = Field(None, description=POSITION, ge=1)
    basis: Basis | None = Field(None, description=BASIS)
    sort: Sort = Field("-updated", description="- descends; by severity the gravest come first.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


@router.get("/v1/findings")
def findings(
    *,
    asked: Annotated[FindingsQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """Rules that the record shows to be broken, page by page. With a moment: as they stood then, from the log itself.

    `happened_at`: when it happened; `seen_at`: when the ledger took the entry at `first_position`, which shows it;
    `count`: how often the same was seen by `last_position`.
    """
    identity.require("finding", "read")
    wanted = FindingFilter(asked.rule, asked.severity, asked.status, asked.about)
    moment = Moment(asked.at, asked.known_at, asked.position, asked.basis)
    if moment != Moment():
        told: dict[str, Any] = findings_then(services.ledger, identity, wanted, moment, asked.limit)
        return JsonAnswer(told)
    found = find_findings(
        services.views, wanted, sort=asked.sort, limit=asked.limit, cursor=asked.cursor
    )
    return page_answer(request, identity, services, found)
