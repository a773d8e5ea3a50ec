"""A ledger behind its HTTP API, in this process: what each test of the API is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.compose import House, open_house
from api.http.app import create_app
from api.settings import Settings
from api.tokens import issue_token
from domain.principal import RegisterPrincipal
from ledger.clock import Clock
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from tests.staffing import init

INCIDENT = {"title": "Mail is not delivered", "service": "mail", "impact": 2, "urgency": 2}
SOURCE_URI = "/sources/monitoring"


@dataclass(frozen=True)
class Api:
    """`client` is signed in as the first person; `token` is theirs."""

    house: House
    app: FastAPI
    client: httpx.AsyncClient
    token: str

    def token_for(self, principal: str, *scopes: str) -> dict[str, str]:
        """The header that signs in `principal` with a new token."""
        issued = issue_token(
            self.house.ledger, Actor(FIRST_PERSON), principal=principal, scopes=scopes
        )
        return {"Authorization": f"Bearer {issued.token}"}

    def principal(self, name: str = "Ben Kaya", **more: Any) -> str:
        """A new principal's id."""
        command = RegisterPrincipal.model_validate({"kind": "person", "name": name, **more})
        done = self.house.ledger.execute(Order(command, Actor(FIRST_PERSON)))
        return done.receipts[-1].subject

    def source(self, *scopes: str) -> dict[str, str]:
        """The header that signs in a source in observe mode, registered as SOURCE_URI."""
        registered = self.principal(
            "Monitoring", kind="source", mode="observe", source_uri=SOURCE_URI
        )
        return self.token_for(registered, *(scopes or ("*:append",)))

    async def reported_raw(self) -> httpx.Response:
        """The answer to reporting an incident, whatever it is."""
        return await self.client.post("/v1/incidents", json=INCIDENT)

    async def reported(self, **more: Any) -> dict[str, Any]:
        """A new incident's receipt."""
        answer = await self.client.post("/v1/incidents", json={**INCIDENT, **more})
        assert answer.status_code == 201, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt


@asynccontextmanager
async def serving(
    directory: Path, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """A fresh ledger on SQLite, or on `database_url`, behind its API."""
    using = Settings.model_validate(
        {"database_url": f"sqlite:///{directory / 'ledger.db'}", **settings}
    )
    made = init(using, origin="ledger.example.com/test", administrator="Ada Lovelace")
    async with serving_ledger(using, made.token, clock=clock) as api:
        yield api


@asynccontextmanager
async def serving_ledger(
    using: Settings, token: str, *, clock: Clock | None = None
) -> AsyncIterator[Api]:
    """A ledger that is there, behind its API. `token`: whom the client is signed in as."""
    house = open_house(using, clock=clock)
    app = create_app(house)
    try:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport,
                base_url="http://ledger",
                headers={"Authorization": f"Bearer {token}"},
            ) as client,
        ):
            yield Api(house, app, client, token)
    finally:
        house.close()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's problem, once it is one of this status and code."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    told: dict[str, Any] = answer.json()
    assert (told["code"], told["status"], told["type"]) == (code, status, f"/problems/{code}")
    assert all(told[member] for member in ("title", "detail", "what_to_do"))
    return told


def statuses(results: Sequence[dict[str, Any]]) -> list[int]:
    return [result["status"] for result in results]
