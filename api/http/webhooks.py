"""Webhooks: registering receivers, and looking at what became of deliveries. Orders take `ledger:administer`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.delivering.overview import live_webhooks, webhook
from api.delivering.webhooks import (
    Told,
    change_webhook,
    end_webhook,
    register_webhook,
    rotate_secret,
    webhook_state,
)
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
from api.http.commands import receipt_answer
from api.http.services import InHouse, Ordering, Services, SignedIn, revealed
from api.identity import Identity, right_to_order
from domain.command import Command
from domain.errors import Malformed
from domain.event import Count, PersonalText, told
from domain.families import FAMILIES, subject_id
from domain.webhook import (
    LONGEST_OVERLAP_SECONDS,
    OVERLAP_SECONDS,
    DisableWebhook,
    EnableWebhook,
    EndWebhook,
    ReplayWebhook,
)
from ledger.govern import Order
from ledger.writer import Recorded

router = APIRouter(tags=["Webhooks"])

WEBHOOKS: Final = "/v1/webhooks"
WEBHOOK: Final = "/v1/webhooks/{number}"
LARGEST_PAGE: Final = 200

Events = Annotated[list[str], Field(min_length=1, max_length=100)]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    reason: PersonalText | None = None


class NewWebhook(_Body):
    """`events`: families, event types, or `*`. `after`: begin behind this position; by default with what comes."""

    url: str
    events: Events
    after: Count | None = None


class ChangedWebhook(_Body):
    """What is left out stays. Whoever changes it becomes its owner."""

    url: str | None = None
    events: Events | None = None


class NewSecret(_Body):
    """`overlap_seconds`: how long the secret before still signs beside the new one."""

    overlap_seconds: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP_SECONDS)] = OVERLAP_SECONDS


class Replay(_Body):
    """What came behind the position is delivered again, and then what comes."""

    after: Count


class Word(_Body):
    """Why, if anybody should know."""


BODIES: Final[dict[str, tuple[type[_Body], dict[str, Any]]]] = {
    WEBHOOKS: (
        NewWebhook,
        {
            "url": "https://hooks.example.com/itsm",
            "events": ["change", "itsm.incident.reported.v1"],
            "after": 0,
        },
    ),
    f"{WEBHOOK}/change": (ChangedWebhook, {"events": ["change"]}),
    f"{WEBHOOK}/rotate": (NewSecret, {"overlap_seconds": 86_400}),
    f"{WEBHOOK}/replay": (Replay, {"after": 1041}),
    f"{WEBHOOK}/disable": (Word, {"reason": "The receiver moves house"}),
    f"{WEBHOOK}/enable": (Word, {"reason": "The receiver is back"}),
    f"{WEBHOOK}/end": (Word, {"reason": "The receiver is gone"}),
}
"""By path: what an order says, with an example."""
TELLING_A_SECRET: Final = {WEBHOOKS: "201", f"{WEBHOOK}/rotate": "200"}
"""By path: with which status."""

Said = TypeVar("Said", bound=_Body)


@router.post(WEBHOOKS, status_code=201)
async def register(request: Request, identity: Ordering, services: InHouse) -> Response:
    """Register a webhook. `secret` is shown here once; deliveries are signed with it (Standard Webhooks).

    It tells what its owner, who registers it, may read at the moment of telling.
    """
    said = await _said(request, identity, services, NewWebhook)
    done = await asyncio.to_thread(
        register_webhook,
        services.ledger,
        identity,
        services.courier.poster,
        url=said.url,
        events=said.events,
        after=said.after,
        reason=said.reason,
    )
    number = done.receipt.subject.partition("/")[2]
    return _secret(done, 201, {"Location": f"{WEBHOOKS}/{number}"})


@router.get(WEBHOOKS)
def list_webhooks(identity: SignedIn, services: InHouse) -> Response:
    """The webhooks that did not end, and how far each has come. Takes `ledger:read`."""
    identity.require("ledger", "read")
    found = live_webhooks(services.ledger, services.courier.progress)
    return JsonAnswer({"webhooks": [one.told() for one in found]})


@router.get(WEBHOOK)
def show(number: str, identity: SignedIn, services: InHouse) -> Response:
    """One webhook. Its URL is shown to who holds the right `personal`: many hold a secret."""
    subject = _known(services, identity, number)
    found = webhook(services.ledger, services.courier.progress, subject)
    url = revealed(services, identity, subject, found.state.get("url"))
    return JsonAnswer({**found.told(), "url": url}, headers={"ETag": f'"{found.version}"'})


@router.get(f"{WEBHOOK}/deliveries")
def deliveries(number: str, identity: SignedIn, services: InHouse, limit: Limit = 50) -> Response:
    """The newest tries, the last one first: which event, when, and what came of it."""
    subject = _known(services, identity, number)
    tries = services.courier.progress.tries(subject, limit)
    return JsonAnswer({"webhook": subject, "deliveries": [_without(one) for one in tries]})


@router.get(f"{WEBHOOK}/dead-letters")
def dead_letters(number: str, identity: SignedIn, services: InHouse, limit: Limit = 50) -> Response:
    """The events that were given up, in the order of the log. A replay that delivers one takes it off."""
    subject = _known(services, identity, number)
    letters = services.courier.progress.dead_letters(subject, limit)
    return JsonAnswer({"webhook": subject, "dead_letters": [_without(one) for one in letters]})


@router.post(f"{WEBHOOK}/change")
async def change(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Send it elsewhere, or tell it of other events. It tells what you may read from then on."""
    said = await _said(request, identity, services, ChangedWebhook)
    done = await asyncio.to_thread(
        change_webhook,
        services.ledger,
        identity,
        services.courier.poster,
        subject_id("ledger", number),
        url=said.url,
        events=said.events,
        reason=said.reason,
        expected_version=expected_version(headers_of(request.scope)),
    )
    return await receipt_answer(services, request.scope, done, creates=False)


@router.post(f"{WEBHOOK}/rotate")
async def rotate(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Sign with a new secret, shown here once, and for a while with the one before as well."""
    said = await _said(request, identity, services, NewSecret)
    done = await asyncio.to_thread(
        rotate_secret,
        services.ledger,
        identity,
        subject_id("ledger", number),
        overlap_seconds=said.overlap_seconds,
        reason=said.reason,
        expected_version=expected_version(headers_of(request.scope)),
    )
    return _secret(done, 200, {})


@router.post(f"{WEBHOOK}/replay")
async def replay(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Deliver again what came behind a position, under the ids that it had."""
    said = await _said(request, identity, services, Replay)
    command = ReplayWebhook(after=said.after, reason=said.reason)
    return await _ordered(request, services, identity, number, command)


@router.post(f"{WEBHOOK}/disable")
async def disable(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Deliver nothing until it is enabled again."""
    said = await _said(request, identity, services, Word)
    return await _ordered(request, services, identity, number, DisableWebhook(reason=said.reason))


@router.post(f"{WEBHOOK}/enable")
async def enable(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Go on delivering where it was."""
    said = await _said(request, identity, services, Word)
    return await _ordered(request, services, identity, number, EnableWebhook(reason=said.reason))


@router.post(f"{WEBHOOK}/end")
async def end(request: Request, number: str, identity: Ordering, services: InHouse) -> Response:
    """Tell this receiver nothing more, for good. Its secrets are gone."""
    said = await _said(request, identity, services, Word)
    return await _ordered(request, services, identity, number, EndWebhook(reason=said.reason))


async def _ordered(
    request: Request, services: Services, identity: Identity, number: str, command: Command
) -> Response:
    subject = subject_id("ledger", number)
    expected = expected_version(headers_of(request.scope))

    def carry_out() -> Recorded:
        webhook_state(services.ledger, subject)
        order = Order(command, identity.actor, subject, expected)
        if isinstance(command, EndWebhook):
            return end_webhook(services.ledger, order)
        return services.ledger.execute(order)

    done = await asyncio.to_thread(carry_out)
    return await receipt_answer(services, request.scope, done, creates=False)


async def _said(
    request: Request, identity: Identity, services: Services, model: type[Said]
) -> Said:
    """Raises ScopeMissing, Malformed."""
    identity.require("ledger", right_to_order(FAMILIES["ledger"]))
    headers = headers_of(request.scope)
    if idempotency_key(headers) is not None:
        raise Malformed("orders about webhooks take no Idempotency-Key; leave it out")
    body = await read_body(headers, request.receive, services.house.settings.body_limit_bytes)
    require_json(headers)
    value = parse_json(body) if body else {}
    refuse_commitments(value, body)
    try:
        return model.model_validate(value)
    except ValidationError as fault:
        raise Malformed(told(fault)) from None


def _known(services: Services, identity: Identity, number: str) -> str:
    """Raises ScopeMissing, MayNot, UnknownSubject."""
    identity.require("ledger", "read")
    subject = subject_id("ledger", number)
    webhook_state(services.ledger, subject)
    return subject


def _secret(done: Told, status: int, headers: dict[str, str]) -> Response:
    told_once = {"secret": done.secret, "receipt": receipts_json([done.receipt])}
    return JsonAnswer(told_once, status, {**headers, "Cache-Control": "no-store"})


def _without(one: Any) -> dict[str, Any]:
    """Its webhook is named once, above."""
    row = asdict(one)
    del row["receiver"]
    return row
