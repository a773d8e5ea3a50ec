"""What auditors ask: who approved what with what authority then, who held which role, and what the rules missed.

Answered from the log itself, for the moment asked, never from read models.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.auditing import MOST_CASES, Auditing
from api.http.answers import JsonAnswer
from api.http.bodies import JSON, headers_of, parse_json, read_body, require_json
from api.http.services import InHouse, SignedIn
from api.http.subjects import AT, BASIS, KNOWN_AT, POSITION, Basis
from api.policies import HandedIn
from domain.errors import Malformed
from domain.event import told
from domain.families import subject_id
from domain.policy import FileName, PolicyText
from replay.delegated import MOST_ACTS
from replay.moment import Moment

router = APIRouter(tags=["Authority"])

CHECK: Final = "/v1/replay/check"
_EVER: Final = "RFC 3339 with a zone, inclusive; by default the beginning."
_NOW: Final = "RFC 3339 with a zone, exclusive; by default open."
Start = Annotated[str | None, Query(alias="from", description=_EVER)]
End = Annotated[str | None, Query(alias="to", description=_NOW)]
_FIRST: Final = "A moment (RFC 3339) by when it was recorded, or a position; by default the first."
_LAST: Final = "A moment or a position, inclusive; by default the head."
_SCOPE: Final = "A service, or `*` for everywhere; by default every scope that grants name."
ChangeNumber = Annotated[str, Path(examples=["CHG0010001"])]
RoleNumber = Annotated[str, Path(examples=["ROL0000003"])]


class Check(BaseModel):
    """A policy to try, and the stretch of the log to try it on."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    texts: dict[FileName, PolicyText] = Field(description="Cedar text by file name.")
    thresholds: dict[str, Any] = Field({}, description="Those that differ from the shipped ones.")
    start: str | None = Field(None, alias="from", description=_FIRST)
    end: str | None = Field(None, alias="to", description=_LAST)
    limit: int = Field(1_000, ge=0, le=MOST_CASES, description="How many cases are told at most.")


_CHECK_EXAMPLE: Final = {
    "texts": {
        "tickets.cedar": '@id("anyone-reports")\n@sentence("Whoever is registered reports.")\n'
        'permit (principal, action == Action::"incident:report", resource)\n'
        'when { principal.status == "registered" };\n'
    },
    "thresholds": {"incident_reopen_days": 7},
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-04-01T00:00:00Z",
    "limit": 100,
}


def auditing(identity: SignedIn, services: InHouse) -> Auditing:
    return Auditing(services.ledger, identity)


Asking = Annotated[Auditing, Depends(auditing)]


@router.get("/v1/changes/late-approvals")
def late_approvals(asking: Asking, start: Start = None, end: End = None) -> Response:
    """Approvals given in the period that came after the implementation began, or may have.

    `why`: `dated-after` it began, `recorded-after` its beginning was, `undated`: then it is not known. An approval
    belongs to the period by its date, or else by when its entry happened.
    """
    return JsonAnswer(asking.late_approvals(start, end))


@router.get("/v1/changes/emergencies")
def emergencies(asking: Asking, start: Start = None, end: End = None) -> Response:
    """Emergency changes and broken glasses of the period, by when they began, with their retro-approvals.

    `outcome`: `granted`, `granted-late`, `denied`, `lapsed`, `open` until `due_at`, `overdue`, `missing` (nobody
    asked for one), `not-required` (it was authorized before it began, or has not begun).
    """
    return JsonAnswer(asking.emergencies(start, end))


@router.get("/v1/changes/in-freezes")
def in_freezes(asking: Asking, start: Start = None, end: End = None) -> Response:
    """Changes whose window or implementation shares a moment with a freeze and the period, and on whose exception.

    `exception`: the freeze owner's last word on the change before it began, with the grants it rested on.
    """
    return JsonAnswer(asking.in_freezes(start, end))


@router.get("/v1/changes/{number}/authority")
def authority(number: ChangeNumber, asking: Asking) -> Response:
    """Who approved the change with what authority then, and was what was approved what was implemented?

    Each approval with the deciding rules of the policy of then (with their sentences), the grants it rested on as
    they stood just before it, the delegation if there was one, and the parts that the approver had in the change
    and must not have had. `content`: the content hash at each stage, and of the deployments that name the change.
    """
    return JsonAnswer(asking.authority(subject_id("change", number)))


@router.get("/v1/roles/{number}/holders")
def holders(
    *,
    number: RoleNumber,
    asking: Asking,
    at: Annotated[str | None, Query(description=AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
) -> Response:
    """Who holds the role, or held it at a moment: by which grant, on whose word, and who might act for them.

    `positions`: the entries of the grant that count at the moment.
    """
    moment = Moment(at, known_at, position, basis)
    return JsonAnswer(asking.holders(subject_id("role", number), moment))


@router.get("/v1/raci")
def raci(
    *,
    asking: Asking,
    scope: Annotated[str | None, Query(description=_SCOPE, max_length=200)] = None,
    at: Annotated[str | None, Query(description=AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
) -> Response:
    """Who is accountable, responsible, consulted and informed for each activity of a role, or was at a moment.

    `violations` of an item: `nobody-accountable`, `several-accountable` (two humans or more), `nobody-responsible`;
    those of the whole answer say in how many items there are any. `scope` `*` stands for everywhere.
    """
    return JsonAnswer(asking.raci(Moment(at, known_at, position, basis), scope))


@router.get("/v1/replay/delegated")
def delegated(
    asking: Asking,
    start: Annotated[str | None, Query(alias="from", description=_FIRST)] = None,
    end: Annotated[str | None, Query(alias="to", description=_LAST)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ACTS)] = 1_000,
) -> Response:
    """What was done on somebody's behalf, with the grant and the delegation that let it happen. Takes the right to
    read every family. `from`, `to`: the positions that were read. `truncated`: there is more behind the last one.
    """
    return JsonAnswer(asking.delegated(start, end, limit))


@router.post(
    CHECK,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": Check.model_json_schema(), "example": _CHECK_EXAMPLE},
            },
        }
    },
)
async def check(request: Request, asking: Asking, services: InHouse) -> Response:
    """What another policy would have decided otherwise, asked again of every decision and observed fact. Writes nothing.

    Takes the right to read every family. All cases are counted (`by_rule`), `limit` of them are told; `truncated`
    says that there were more.
    """
    # Before the body is read: who may not ask learns nothing about it.
    await asyncio.to_thread(asking.identity.require, "*", "read")
    headers = headers_of(request.scope)
    body = await read_body(headers, request.receive, services.house.settings.body_limit_bytes)
    require_json(headers)
    try:
        asked = Check.model_validate(parse_json(body))
    except ValidationError as fault:
        raise Malformed(told(fault)) from None
    candidate = HandedIn("candidate", asked.texts, asked.thresholds)
    found = await asyncio.to_thread(
        asking.check, candidate, asked.start, asked.end, limit=asked.limit
    )
    return JsonAnswer(found)
