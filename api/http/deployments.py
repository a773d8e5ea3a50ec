"""The register of deployments: what was deployed, and which change stands behind it as the log tells it now."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api.http.registers import Asked, page_answer
from api.http.services import InHouse, SignedIn
from domain.deployment import Status
from domain.event import Moment
from domain.reconciliation import Verdict
from projections.deployments import DeploymentFilter, find_deployments
from projections.paging import LARGEST_PAGE

router = APIRouter(tags=["Registers"])

Sort = Literal["happened_at", "updated", "number", "-happened_at", "-updated", "-number"]


class DeploymentsQuery(Asked):
    verdict: list[Verdict] = Field([], description="Any of these.", examples=[["unmatched"]])
    status: list[Status] = Field([], description="Any of these.")
    service: str | None = Field(None, examples=["mail"])
    environment: list[str] = Field(
        [],
        description="Any of these, with deployments that do not say where they ran.",
        examples=[["production"]],
    )
    change: str | None = Field(
        None, description="It was found, or is named.", examples=["change/CHG0010042"]
    )
    start: Moment | None = Field(
        None,
        alias="from",
        description="It happened then or later.",
        examples=["2026-03-01T00:00:00Z"],
    )
    end: Moment | None = Field(None, alias="to", description="It happened before this moment.")
    sort: Sort = Field("-happened_at", description="- descends.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


@router.get("/v1/deployments")
def deployment_register(
    *,
    asked: Annotated[DeploymentsQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """Deployments, page by page, each with the change behind it and the verdict: `matched`, `unmatched`, `outside`,
    `other-content`. `found_by` says how the change was found, `breaches` what is wrong. Without a verdict nothing was
    deployed.
    """
    for family in ("deployment", "change"):
        identity.require(family, "read")
    wanted = DeploymentFilter(
        verdict=asked.verdict,
        status=asked.status,
        service=asked.service,
        environments=asked.environment or None,
        change=asked.change,
        since=asked.start,
        until=asked.end,
    )
    found = find_deployments(
        services.views, wanted, sort=asked.sort, limit=asked.limit, cursor=asked.cursor
    )
    return page_answer(request, identity, services, found)
