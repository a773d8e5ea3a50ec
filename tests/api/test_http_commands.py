"""Orders over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.http_client import INCIDENT, serving

pytestmark = pytest.mark.anyio


async def test_a_created_subject_can_be_read_at_the_address_it_was_given(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        created = await api.client.post("/v1/incidents", json=INCIDENT)

        assert created.status_code == 201, created.text
        assert created.headers["ETag"] == '"1"'
        assert created.headers["Location"] == "/v1/incidents/INC0010001"
        found = await api.client.get(created.headers["Location"])
        assert found.status_code == 200, found.text
        assert found.json()["state"]["title"] == INCIDENT["title"]
        assert found.headers["ETag"] == '"1"'
