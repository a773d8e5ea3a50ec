"""The API over both databases: one behaviour."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.api.http_client import INCIDENT, problem, serving
from tests.contract.databases import BOTH, fresh_database_url

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", BOTH)
async def test_orders_registers_feed_and_proofs_work_alike(tmp_path: Path, kind: str) -> None:
    async with serving(
        tmp_path,
        database_url=fresh_database_url(kind, tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master",
    ) as api:
        answers = await asyncio.gather(
            *(
                api.client.post(
                    "/v1/incidents", json=INCIDENT, headers={"Idempotency-Key": f"k{n % 20}"}
                )
                for n in range(40)
            )
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["position"] for answer in answers}) == 20
        stale = await api.client.post(
            "/v1/incidents/INC0010001/assign",
            json={"assignment_group": "mail"},
            headers={"If-Match": '"9"'},
        )
        problem(stale, 412, "stale-version")
        head = api.house.ledger.head().size
        feed = await api.client.get(f"/v1/events?after={head - 20}")
        assert [int(event["sequence"]) for event in feed.json()] == [*range(head - 19, head + 1)]
        assert (await api.client.get(f"/v1/proofs/{head}")).status_code == 200
        for _ in range(200):
            register = await api.client.get("/v1/incidents?limit=3")
            if register.status_code == 200 and register.json()["position"] == head:
                break
            await asyncio.sleep(0.02)
        assert register.json()["items"][0]["title"] == INCIDENT["title"]
        ready = await api.client.get("/readyz")
        assert ready.status_code == 200, ready.text
