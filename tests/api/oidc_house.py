"""A ledger that trusts an issuer, and what tests of signing in ask it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from domain.identity import LinkIdentity
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order
from tests.api.http_client import Api, problem, serving
from tests.api.issuer import AUDIENCE, Issuer

SKEW_SECONDS = 60


class MovingClock:
    """The system's, and by how much a test has moved it: as if that much time had passed."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.passed, UTC)

    def monotonic_seconds(self) -> float:
        return time.monotonic() + self.passed


@asynccontextmanager
async def trusting(issuer: Issuer, directory: Path, **more: Any) -> AsyncIterator[Api]:
    """A ledger that takes this issuer's tokens, and knows its `ada` as the first person."""
    told = {"oidc_issuers": issuer.url, "oidc_audience": AUDIENCE, **more}
    async with serving(directory, **told) as api:
        link(api, "ada", FIRST_PERSON, issuer.url)
        yield api


def link(api: Api, subject: str, principal: str, issuer: str) -> None:
    command = LinkIdentity(issuer=issuer, subject=subject)
    api.house.ledger.execute(Order(command, Actor(OPERATOR), principal))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def ask(api: Api, token: str) -> httpx.Response:
    """Something that takes no more than to be signed in, and the right to read."""
    return await api.client.get("/v1/incidents", headers=bearer(token))


async def refused_as(api: Api, token: str) -> str:
    """The operator's word for why the token was refused. To the client it is as any other that is."""
    before = await refusals(api)

    answer = await ask(api, token)

    after = await refusals(api)
    problem(answer, 401, "unauthenticated")
    unknown = await ask(api, "itl_LDG0000099_" + "a" * 32)
    assert (answer.content, answer.headers) == (unknown.content, unknown.headers)
    (outcome,) = [name for name, number in after.items() if number != before.get(name, 0)]
    return outcome


async def refusals(api: Api) -> dict[str, int]:
    """How often which outcome was counted."""
    lines = (await api.client.get("/metrics")).text.splitlines()
    counted = [line for line in lines if line.startswith("itsm_ledger_sign_ins_refused_total{")]
    return {line.split('"')[1]: int(float(line.split()[-1])) for line in counted}


def from_now(seconds: dict[str, int]) -> dict[str, Any]:
    """Claims that are times, as what they are in seconds from now."""
    now = int(time.time())
    return {name: now + value for name, value in seconds.items()}


def part(value: Any) -> str:
    """A part of a token: JSON, or bytes as they are, as base64url."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    return _told(token.split(".", maxsplit=1)[0])


def claims_of(token: str) -> dict[str, Any]:
    return _told(token.split(".")[1])


def _told(encoded: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return told
