"""What administers the ledger itself: tokens, erasure and legal holds. Each takes `ledger:administer`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from api.http.answers import JsonAnswer, receipts_json
from api.http.bodies import (
    expected_version,
    headers_of,
    idempotency_key,
    parse_json,
    read_body,
    refuse_commitments,
    require_json,
)
from api.http.commands import read_command, receipt_answer, request_under_key
from api.http.services import InHouse, Ordering, Services, SignedIn
from api.http.subjects import Addressed
from api.identity import Identity, right_to_order
from api.tokens import issue_token
from domain.acts import LEDGER, DestroySubjectKey, LiftLegalHold, PlaceLegalHold, RevokeToken
from domain.command import Command
from domain.errors import Malformed
from domain.event import Moment, PersonalText, Subject, told
from domain.families import FAMILIES, subject_id
from ledger.erase import erase
from ledger.govern import Order
from ledger.writer import Recorded

router = APIRouter(tags=["Administration"])

TOKENS: Final = "/v1/tokens"
REVOKE: Final = "/v1/tokens/{number}/revoke"
ERASE: Final = "/v1/{families}/{number}/erase"
HOLDS: Final = "/v1/holds"
LIFT: Final = "/v1/holds/{hold}/lift"


class NewToken(BaseModel):
    """Whom the token signs in, what it may be used for, and until when."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "example": {
                "principal": "principal/PRN0000002",
                "scopes": ["incident:read", "incident:append"],
                "expires_at": "2027-01-01T00:00:00Z",
            }
        },
    )

    principal: Subject
    scopes: list[str]
    expires_at: Moment | None = None
    reason: PersonalText | None = None


@router.post(TOKENS, status_code=201)
async def issue(request: Request, identity: Ordering, services: InHouse) -> Response:
    """Issue an API token. `token` is shown here once; the ledger keeps its hash only."""
    identity.require("ledger", right_to_order(FAMILIES["ledger"]))
    headers = headers_of(request.scope)
    if idempotency_key(headers) is not None:
        raise Malformed(
            "a token is made anew each time; leave Idempotency-Key out, revoke a spare one"
        )
    body = await _json_body(request, services)
    try:
        asked = NewToken.model_validate(parse_json(body))
    except ValidationError as fault:
        raise Malformed(told(fault)) from None
    refuse_commitments(asked.scopes, body)
    issued = await asyncio.to_thread(
        issue_token,
        services.ledger,
        identity.actor,
        principal=asked.principal,
        scopes=asked.scopes,
        expires_at=asked.expires_at,
        reason=asked.reason,
    )
    number = issued.receipt.subject.partition("/")[2]
    return JsonAnswer(
        {"token": issued.token, "receipt": receipts_json([issued.receipt])},
        201,
        {"Location": f"/v1/ledgers/{number}", "Cache-Control": "no-store"},
    )


@router.post(REVOKE)
async def revoke(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Revoke a token. From then on it records nothing, and within a second it signs nobody in."""
    subject = subject_id("ledger", number)
    return await _ordered(request, services, identity, RevokeToken, subject)


@router.post(ERASE)
async def erase_subject(
    request: Request, identity: Ordering, subject: Addressed, services: InHouse
) -> Response:
    """Destroy the key of a person's or a subject's personal values, and with it every copy of them."""

    def carry_out(order: Order) -> Recorded:
        return erase(services.ledger, order)

    return await _ordered(
        request, services, identity, DestroySubjectKey, LEDGER, carry_out=carry_out, target=subject
    )


@router.post(HOLDS)
async def place_hold(request: Request, identity: Ordering, services: InHouse) -> Response:
    """Forbid that a subject's personal values are erased, until the hold is lifted."""
    return await _ordered(request, services, identity, PlaceLegalHold, LEDGER)


@router.get(HOLDS)
def holds(identity: SignedIn, services: InHouse) -> Response:
    """The legal holds that stand, by their ids."""
    identity.require("ledger", "read")
    return JsonAnswer({"holds": services.ledger.subject(LEDGER).state.get("holds", {})})


@router.post(LIFT)
async def lift_hold(request: Request, hold: str, identity: Ordering, services: InHouse) -> Response:
    """Let a legal hold go."""
    return await _ordered(request, services, identity, LiftLegalHold, LEDGER, hold=hold)


async def _ordered(
    request: Request,
    services: Services,
    identity: Identity,
    ordered: type[Command],
    subject: str,
    *,
    carry_out: Callable[[Order], Recorded] | None = None,
    **addressed: Any,
) -> Response:
    """`addressed`: what the path says already, and the body therefore must not."""
    identity.require(ordered.family.name, right_to_order(ordered.family))
    headers = headers_of(request.scope)
    body = await _json_body(request, services)
    order = Order(
        read_command(ordered, body, addressed),
        identity.actor,
        subject,
        expected_version(headers),
        request_under_key(services, identity, request.scope, headers, body),
    )
    done = await asyncio.to_thread(carry_out or services.ledger.execute, order)
    return await receipt_answer(services, request.scope, done, creates=False)


async def _json_body(request: Request, services: Services) -> bytes:
    headers = headers_of(request.scope)
    body = await read_body(headers, request.receive, services.house.settings.body_limit_bytes)
    require_json(headers)
    return body
