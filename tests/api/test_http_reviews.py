"""Access reviews over HTTP, on both databases: opened, decided item by item, listed, closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.http_client import Api, problem, serving
from tests.contract.databases import BOTH, fresh_database_url

pytestmark = pytest.mark.anyio

DUE = "2999-01-01T00:00:00Z"


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


async def done(api: Api, path: str, said: Any = None) -> dict[str, Any]:
    answer = await api.client.post(path, json=said or {})
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def told(api: Api, path: str) -> dict[str, Any]:
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def granted(api: Api, role: str, name: str) -> str:
    """A grant of the role to a new person who asked for it, active, by its number."""
    headers = api.token_for(api.principal(name), "grant:administer")
    asked = await api.client.post("/v1/grants", json={"role": role}, headers=headers)
    number = str(asked.json()["subject"]).partition("/")[2]
    await done(api, f"/v1/grants/{number}/approve")
    await done(api, f"/v1/grants/{number}/activate")
    return number


async def register(api: Api, query: str = "") -> list[Any]:
    """Once the read models have come to the head."""
    head = api.house.ledger.head().size
    for _ in range(300):
        answer = await api.client.get(f"/v1/reviews{query}")
        if answer.status_code == 200 and answer.json()["position"] >= head:
            return list(answer.json()["items"])
        await asyncio.sleep(0.02)
    raise AssertionError(answer.text)


async def test_a_review_is_opened_decided_listed_and_closed(api: Api) -> None:
    owner = api.house.ledger.load("role/ROL0000001").state["owner"]
    role = (await done(api, "/v1/roles", {"name": "reader", "title": "Reads", "owner": owner}))[
        "subject"
    ]
    numbers = [await granted(api, role, name) for name in ("Ben", "Cleo", "Dan")]
    opened = await done(api, "/v1/reviews", {"role": role, "title": "Q1", "due_at": DUE})
    at = f"/v1/reviews/{opened['subject'].partition('/')[2]}"

    await done(api, f"{at}/certify", {"grants": [f"grant/{numbers[0]}"]})
    await done(api, f"{at}/revoke", {"grants": [f"grant/{numbers[1]}"], "due_at": DUE})
    half = problem(await api.client.post(f"{at}/close", json={}), 409, "can-not")
    assert f"1 of 3 items are undecided: grant/{numbers[2]}" in half["detail"]

    first = await told(api, f"{at}/items?limit=2")
    assert [(one["verdict"], one["revocation"]) for one in first["items"]] == [
        ("certified", None),
        ("revocation_ordered", "ordered"),
    ]
    assert (first["counted"], first["undecided"], first["status"]) == (3, 1, "open")
    second = await told(api, f"{at}/items?limit=2&cursor={first['next']}")
    assert [one["grant"] for one in second["items"]] == [f"grant/{numbers[2]}"]
    assert second["next"] is None
    undecided = await told(api, f"{at}/items?verdict=undecided")
    assert undecided["items"] == second["items"]

    (row,) = await register(api, "?status=open")
    assert (row["subject"], row["undecided"], row["title"]) == (opened["subject"], 1, "Q1")
    assert await register(api, "?overdue=true") == []

    await done(api, f"/v1/grants/{numbers[1]}/revoke", {"reason": "As ordered"})
    await done(api, f"{at}/revoke", {"grants": [f"grant/{numbers[2]}"], "due_at": DUE})
    await done(api, f"{at}/close")
    ended = await told(api, f"{at}/items?verdict=revocation_ordered")
    assert [one["revocation"] for one in ended["items"]] == ["done", "ordered"]
    assert ended["status"] == "closed"


async def test_what_is_no_page_or_no_review_is_refused(api: Api) -> None:
    await done(api, "/v1/reviews", {"service": "mail"})

    problem(await api.client.get("/v1/reviews/REV0000099/items"), 404, "unknown-subject")
    problem(await api.client.get("/v1/reviews/REV0000001/items?cursor=x"), 422, "malformed")
    problem(await api.client.get("/v1/reviews/REV0000001/items?verdict=maybe"), 422, "malformed")
    problem(await api.client.get("/v1/reviews?sort=items"), 422, "malformed")
    problem(await api.client.get("/v1/reviews/REV0000001/items?limit=0"), 422, "malformed")


async def test_who_may_not_read_grants_sees_no_items(api: Api) -> None:
    await done(api, "/v1/reviews", {"service": "mail"})
    nobody = api.token_for(api.principal("Nobody"), "*:read")

    for path in ("/v1/reviews", "/v1/reviews/REV0000001/items"):
        problem(await api.client.get(path, headers=nobody), 403, "may-not")
