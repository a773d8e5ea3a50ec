"""Reading requests: the body within its limit, strict JSON, and the headers an append may carry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import orjson
from starlette.types import Receive

from api.errors import BodyTooLarge, UnreadableBody, UnsupportedMedia
from domain.commitment import contains_commitment
from domain.errors import Malformed
from domain.event import Json

Headers = Mapping[bytes, bytes]
"""Lower-case name to the value as received; of a repeated header the last."""

JSON: Final = "application/json"
NESTING: Final = 248
"""254 levels are what orjson writes; the six above leave room for the entry around the data."""
_ETAG: Final = re.compile(r'"([0-9]{1,16})"')
ON_BEHALF_OF: Final = b"on-behalf-of"
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


def headers_of(scope: Mapping[str, Any]) -> Headers:
    return dict(scope["headers"])


async def read_body(headers: Headers, receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is known to be longer, reading no further."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    message = await receive()
    body = _part(message)
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    if not message.get("more_body"):
        return body
    parts, read = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(_part(message))
        read += len(parts[-1])
        if read > limit_bytes:
            raise _too_large(limit_bytes)
    return b"".join(parts)


def _part(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    return body


def _too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"expected a body of at most {limit_bytes} bytes, got more", limit_bytes=limit_bytes
    )


def media_type(headers: Headers) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`; "" when none was sent."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().decode("latin-1").lower()


def require_json(headers: Headers) -> None:
    """Raises UnsupportedMedia for a body that says it is something else."""
    got = media_type(headers)
    if got and got != JSON and not got.endswith("+json"):
        raise UnsupportedMedia(f"expected {JSON}, got {got}", expected=JSON, got=got)


def parse_json(body: bytes) -> Json:
    """The value of an I-JSON text (RFC 7493). Raises UnreadableBody, never telling what stood there.

    Refused: other encodings, members named twice, NaN, half surrogate pairs, U+0000 (no PostgreSQL
    text holds it), integers beyond ±(2^53 − 1), and more than NESTING levels.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise UnreadableBody(
            f"expected UTF-8, got another encoding at byte {fault.start}", byte=fault.start
        ) from None
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refused_constant)
        # What could not be written again must not reach the log's writer, where others wait with it.
        orjson.dumps([[[[[[value]]]]]], option=orjson.OPT_STRICT_INTEGER)
    except json.JSONDecodeError as fault:
        raise UnreadableBody(
            f"expected JSON: {fault.msg.lower()} at line {fault.lineno}, column {fault.colno}",
            line=fault.lineno,
            column=fault.colno,
        ) from None
    except (RecursionError, TypeError, ValueError):
        raise UnreadableBody(
            "expected I-JSON: whole characters, integers within ±(2^53 − 1), "
            f"at most {NESTING} levels of nesting"
        ) from None
    if "\\u0000" in text and "\\u0000" in text.replace("\\\\", ""):
        raise UnreadableBody("expected text without U+0000, which databases cannot hold")
    return value


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableBody("expected each member of an object once, got one twice (RFC 7493)")
    return members


def _refused_constant(name: str) -> Json:
    raise UnreadableBody(f"expected JSON, got {name}")


def refuse_commitments(value: Json, body: bytes) -> None:
    """Raises Malformed where a client sends `sd:…`, which only the ledger makes."""
    if (b"sd:" in body or b"\\u" in body) and contains_commitment(value):
        raise Malformed("`sd:` commitments are made by the ledger; send the plain value")


def expected_version(headers: Headers) -> int | None:
    """What `If-Match` asks for; None without it, and for `*`. Raises Malformed."""
    sent = headers.get(b"if-match")
    if sent is None or sent.strip() == b"*":
        return None
    match = _ETAG.fullmatch(sent.strip().decode("latin-1"))
    if match is None:
        raise Malformed(
            'expected If-Match: "<version>" as the ETag of the subject gave it, got something else'
        )
    return int(match[1])


def on_behalf_of(scope: Mapping[str, Any]) -> str | None:
    """What `On-Behalf-Of` says, as received. Raises Malformed for more than one: an order has one holder."""
    sent = [value for name, value in scope["headers"] if name == ON_BEHALF_OF]
    if len(sent) > 1:
        raise Malformed(f"expected one On-Behalf-Of, got {len(sent)}")
    return sent[0].decode("latin-1") if sent else None


def refuse_on_behalf_of(headers: Headers, why: str) -> None:
    """Raises Malformed where the header says nothing: it must not go unheard."""
    if ON_BEHALF_OF in headers:
        raise Malformed(f"{why}; leave out On-Behalf-Of")


def idempotency_key(headers: Headers) -> str | None:
    """Raises Malformed for a key that is not 1 to 255 visible ASCII characters."""
    sent = headers.get(b"idempotency-key")
    if sent is None:
        return None
    key = sent.decode("latin-1")
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Malformed("expected an Idempotency-Key of 1 to 255 visible ASCII characters")
    return key
