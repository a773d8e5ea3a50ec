"""Asking an issuer for its keys: OpenID Connect Discovery 1.0, then the JWK Set that it names.

Whoever answers is trusted with nothing but keys, and with little of our time and memory.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.request
from dataclasses import dataclass
from ipaddress import ip_address
from typing import IO, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

from typing_extensions import override  # of Python's own from 3.12 on

from domain.event import Json

TIMEOUT_SECONDS: Final = 5.0
"""For connecting, for each read, and for the whole answer."""
LIMIT_BYTES: Final = 1_048_576
DISCOVERY: Final = "/.well-known/openid-configuration"
_MAX_AGE: Final = re.compile(r"max-age=([0-9]{1,9})")


class NotFetched(Exception):
    """`outcome`: what kept the keys from being had, as a word for the operator."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON answer. `max_age_seconds`: how long it may be kept, where the answer says so."""

    value: Json
    max_age_seconds: int | None


def is_loopback(url: str) -> bool:
    """Is it this very machine, where nobody can listen on the way?"""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def may_be_asked(url: str, *, by_loopback: bool = True) -> bool:
    """Over https; without it only on the loopback address, when an issuer that lives there says so."""
    try:
        scheme = urlsplit(url).scheme
        return scheme == "https" or (scheme == "http" and by_loopback and is_loopback(url))
    except ValueError:
        return False


def fetch_keys(issuer: str) -> Fetched:
    """The issuer's JWK Set as it says it. Raises NotFetched."""
    document = _get(issuer.rstrip("/") + DISCOVERY).value
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise NotFetched("discovery-names-another-issuer")
    address = document.get("jwks_uri")
    if not isinstance(address, str) or not may_be_asked(address, by_loopback=is_loopback(issuer)):
        raise NotFetched("keys-at-an-unsafe-address")
    return _get(address)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An issuer that moved is to be named anew: a redirect could lead anywhere."""

    @override
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _get(url: str) -> Fetched:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    told = {"Accept": "application/json"}
    asked = urllib.request.Request(url, headers=told)  # noqa: S310 - `may_be_asked` lets no other scheme through
    try:
        with opener.open(asked, timeout=TIMEOUT_SECONDS) as answer:
            body = _read(answer, deadline)
            return Fetched(json.loads(body), _max_age(answer.headers.get("Cache-Control", "")))
    except HTTPError as refusal:
        with refusal:
            raise NotFetched("redirected" if 300 <= refusal.code < 400 else "bad-status") from None
    except (RecursionError, ValueError):
        raise NotFetched("not-json") from None
    except (OSError, http.client.HTTPException):
        raise NotFetched("unreachable") from None


def _read(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    parts, read = [], 0
    while part := answer.read1(65_536):
        parts.append(part)
        read += len(part)
        if read > LIMIT_BYTES:
            raise NotFetched("too-large")
        if time.monotonic() > deadline:
            raise NotFetched("too-slow")
    return b"".join(parts)


def _max_age(cache_control: str) -> int | None:
    """Of a `Cache-Control` header (RFC 9111)."""
    told = cache_control.lower()
    if "no-store" in told or "no-cache" in told:
        return 0
    found = _MAX_AGE.search(told)
    return int(found[1]) if found else None
