"""The feed: stored entries, byte for byte, by position; as pages, and as a stream that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.errors import IssuerUnavailable, Unauthenticated
from api.http.bodies import headers_of
from api.http.cloudevents import BATCHED, STRUCTURED
from api.http.services import InHouse, Services, SignedIn
from api.identity import Identity
from api.readings import family_of, note_entries, readable
from domain.errors import Malformed
from ledger.entry import Entry

router = APIRouter(tags=["Feed"])

LARGEST_PAGE: Final = 1_000
STREAM_PAGE: Final = 200
HEARTBEAT_SECONDS: Final = 15.0
NEXT_AFTER: Final = "Next-After"


@router.get("/v1/events")
def feed(
    identity: SignedIn,
    services: InHouse,
    after: Annotated[int, Query(ge=0, description="Begin behind this position.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
) -> Response:
    """A page of the log, in order: a CloudEvents batch of the entries exactly as they are stored.

    `Next-After` (and `Link`) says where the next page begins. Entries of families that the token does
    not read are left out. Personal values stand as the commitments that the log holds.
    """
    page = services.ledger.entries(after, limit)
    following = page[-1].position if page else after
    shown = readable(page, identity)
    note_entries(services.ledger, identity, shown)
    body = b"[" + b",".join(entry.raw for entry in shown) + b"]"
    headers = {
        NEXT_AFTER: str(following),
        "Link": f'</v1/events?after={following}&limit={limit}>; rel="next"',
    }
    return Response(body, media_type=BATCHED, headers=headers)


@router.get("/v1/events/stream")
def stream(
    identity: SignedIn,
    services: InHouse,
    request: Request,
    after: Annotated[int | None, Query(ge=0, description="Begin behind this position.")] = None,
    last_event_id: Annotated[str | None, Header(description="Where the client left off.")] = None,
) -> Response:
    """Server-sent events: each entry past and to come, `id` its position. A comment every 15 s keeps it open.

    Without `after` and `Last-Event-ID` it begins with the first entry.
    """
    begin = after or 0
    if last_event_id is not None:
        begin = _position(last_event_id)
    return StreamingResponse(
        _following(services, identity, request, begin),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/v1/events/{position}")
def event(
    identity: SignedIn, services: InHouse, position: Annotated[int, Path(ge=1, examples=[1841])]
) -> Response:
    """One entry exactly as it is stored: the bytes whose hash is the leaf that a proof leads from."""
    entry = services.ledger.entry(position)
    identity.require(family_of(entry), "read")
    note_entries(services.ledger, identity, [entry], about=(entry.subject,))
    return Response(entry.raw, media_type=STRUCTURED)


def _position(last_event_id: str) -> int:
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 18):
        raise Malformed("expected a Last-Event-ID that is the id of an event of this stream")
    return int(last_event_id)


async def _following(
    services: Services, identity: Identity, request: Request, after: int
) -> AsyncIterator[bytes]:
    """Ends when the client leaves, when the server stops, or when the token no longer signs in."""
    headers = headers_of(request.scope)
    yield b": the log from here on\n\n"
    while not services.watch.closed:
        page = await asyncio.to_thread(services.ledger.entries, after, STREAM_PAGE)
        if page:
            after = page[-1].position
            shown = readable(page, identity)
            note_entries(services.ledger, identity, shown)
            yield b"".join(map(_event, shown))
        elif not await services.watch.wait(HEARTBEAT_SECONDS):
            yield b": still here\n\n"
        try:
            # What was allowed an hour ago need not be so now.
            identity = await services.keeper.identify(headers)
        except (Unauthenticated, IssuerUnavailable):
            return


def _event(entry: Entry) -> bytes:
    # An entry is one line: JSON as the ledger writes it has no line breaks.
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.position, entry.type.encode(), entry.raw)
