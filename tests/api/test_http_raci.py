"""RACI over HTTP, on both databases: who has which part now and at a moment, and what is wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ledger.genesis import FIRST_PERSON
from tests.api.http_client import Api, problem, serving
from tests.contract.databases import BOTH, fresh_database_url

pytestmark = pytest.mark.anyio

ACTIVITY = "authorise normal changes"


@pytest.fixture(params=BOTH)
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(
        tmp_path,
        database_url=fresh_database_url(request.param, tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master",
    ) as made:
        yield made


async def raci(api: Api, **query: Any) -> dict[str, Any]:
    answer = await api.client.get("/v1/raci", params=query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def revised(api: Api, role: str, part: str) -> int:
    """The role of the first person has that part in the activity, from the position that is returned."""
    number = next(
        subject.partition("/")[2]
        for subject in api.house.ledger.roster("roles").members
        if api.house.ledger.load(subject).state["name"] == role
    )
    answer = await api.client.post(
        f"/v1/roles/{number}/revise", json={"activities": {ACTIVITY: part}}
    )
    assert answer.is_success, answer.text
    return int(answer.json()["position"])


async def test_an_activity_is_told_with_its_people_and_what_is_wrong(api: Api) -> None:
    assert (await raci(api))["items"] == []
    alone = await revised(api, "recovery", "A")
    await revised(api, "tester", "R")

    (one,) = (await raci(api, scope="mail"))["items"]
    assert (one["activity"], one["scope"]) == (ACTIVITY, "mail")
    assert {part["role_name"] for part in one["accountable"]} == {"recovery"}
    assert FIRST_PERSON in {part["holder"] for part in one["responsible"]}
    before = await raci(api, position=alone)
    assert before["violations"] == 1
    assert "nobody-responsible" in before["items"][0]["violations"]
    assert before["position"] == alone


async def test_contradictory_moments_and_strangers_are_refused(api: Api) -> None:
    contradiction = "/v1/raci?position=1&at=2026-01-01T00:00:00Z"
    problem(await api.client.get(contradiction), 422, "moment-refused")
    problem(await api.client.get("/v1/raci?position=99999"), 422, "beyond-head")
    nobody = api.token_for(api.principal("Nobody"), "*:read")
    problem(await api.client.get("/v1/raci", headers=nobody), 403, "may-not")
