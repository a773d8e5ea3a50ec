"""The findings as an Atom feed, for readers that know no other way to sign in than a user and a password."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response

from api.atom import feed_document, naming_of, newest_findings
from api.errors import Unauthenticated
from api.http.answered import ATOM
from api.http.bodies import Headers, headers_of, refuse_on_behalf_of
from api.http.services import InHouse, Services
from api.identity import Identity

router = APIRouter(tags=["Findings"])

MOST_ENTRIES: Final = 200
_AUTHORIZATION: Final = b"authorization"
_CHALLENGE: Final = 'Basic realm="itsm-ledger", charset="UTF-8", Bearer realm="itsm-ledger"'


async def feed_reader(request: Request, services: InHouse) -> Identity:
    """Who reads, by either way to sign in. Raises Unauthenticated, and Malformed for reading on somebody's behalf."""
    headers = headers_of(request.scope)
    try:
        identity = await services.keeper.identify(_as_bearer(headers))
    except Unauthenticated as refusal:
        refusal.challenge = _CHALLENGE
        raise
    refuse_on_behalf_of(headers, "everybody reads in their own name")
    return identity


@router.get("/v1/findings.atom")
async def findings_feed(
    request: Request,
    identity: Annotated[Identity, Depends(feed_reader)],
    services: InHouse,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 50,
    if_none_match: Annotated[str | None, Header(description="The ETag that is at hand.")] = None,
) -> Response:
    """The newest findings as an Atom feed (RFC 4287). Takes `finding:read`.

    The token may also be sent as the password of Basic authentication, with any user.
    """
    await asyncio.to_thread(identity.require, "finding", "read")
    document = await asyncio.to_thread(_document, services, limit, str(request.base_url))
    told = {"ETag": f'"{hashlib.sha256(document).hexdigest()[:32]}"', "Cache-Control": "private"}
    if if_none_match == told["ETag"]:
        return Response(status_code=304, headers=told)
    return Response(document, media_type=ATOM, headers=told)


def _document(services: Services, limit: int, base_url: str) -> bytes:
    naming = naming_of(services.ledger, base_url)
    return feed_document(newest_findings(services.ledger, limit, naming), naming)


def _as_bearer(headers: Headers) -> Headers:
    """The same headers, with the password of Basic authentication (RFC 7617) as the bearer token."""
    scheme, _, told = headers.get(_AUTHORIZATION, b"").partition(b" ")
    if scheme.lower() != b"basic":
        return headers
    try:
        _user, _, password = base64.b64decode(told, validate=True).partition(b":")
    except binascii.Error:
        password = b""
    return {**headers, _AUTHORIZATION: b"Bearer " + password}
