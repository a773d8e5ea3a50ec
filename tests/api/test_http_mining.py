"""How cases went, over HTTP: the same answers as at the command line, with the same rights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.api.http_client import Api, problem, serving_ledger
from tests.api.mined import HOSTILE, TITLE, Mined, mined
from tests.replay.process.given_cases import when

pytestmark = pytest.mark.anyio

VIEWS: dict[str, dict[str, Any]] = {
    "times": {},
    "handovers": {},
    "ping-pong": {},
    "reopenings": {},
    "push-to-front": {"front": ["desk", "other"]},
    "graph": {},
    "variants": {"by": "type"},
    "conformance": {"kind": "unlisted-transition"},
}
SHELLS = {name: [part for key, value in query.items() for one in (value if isinstance(value, list) else [value]) for part in (f"--{key}", one)] for name, query in VIEWS.items()}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    return mined(tmp_path_factory.mktemp("mined"))


@asynccontextmanager
async def asked(ledger: Mined) -> AsyncIterator[Api]:
    async with serving_ledger(ledger.settings, ledger.token) as api:
        yield api


async def answer(api: Api, view: str, **query: Any) -> dict[str, Any]:
    got = await api.client.get(f"/v1/process/{view}", params=query)
    assert got.status_code == 200, got.text
    told: dict[str, Any] = got.json()
    return told


@pytest.mark.parametrize("view", VIEWS)
async def test_both_ways_in_give_one_answer(ledger: Mined, view: str) -> None:
    position = ["--position", "30"]
    by_shell = ledger.shell.ok("process", view, *position, *SHELLS[view], "--json").json
    async with asked(ledger) as api:
        told = await answer(api, view, position=30, **VIEWS[view])

    assert told == by_shell
    assert told["position"] == 30
    assert TITLE not in str(told)


async def test_the_graph_is_a_picture_too_that_runs_nothing(ledger: Mined) -> None:
    async with asked(ledger) as api:
        got = await api.client.get("/v1/process/graph.svg", params={"by": "group"})

    assert got.status_code == 200
    assert got.headers["content-type"] == "image/svg+xml"
    assert got.headers["content-security-policy"].startswith("default-src 'none'")
    titles = [one.text for one in ET.fromstring(got.text).iter("{http://www.w3.org/2000/svg}title")]
    assert HOSTILE.replace("\x1b", "\ufffd") in titles
    assert "<script" not in got.text


async def test_who_may_not_read_the_family_is_told_nothing(ledger: Mined) -> None:
    async with asked(ledger) as api:
        reader = api.token_for(api.principal(), "problem:read")
        for view, query in VIEWS.items():
            got = await api.client.get(f"/v1/process/{view}", params=query, headers=reader)
            assert problem(got, 403, "scope-missing")["facts"]["scope"] == "incident:read"
        got = await api.client.get("/v1/process/graph.svg", headers=reader)
        problem(got, 403, "scope-missing")
        got = await api.client.get("/v1/process/times", headers={"Authorization": ""})
        problem(got, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("view", "query", "code"),
    [
        ("times", {"family": "unicorn"}, "malformed"),
        ("times", {"from": when(9), "to": when(1)}, "moment-refused"),
        ("times", {"position": 999_999}, "beyond-head"),
        ("handovers", {"held_by": "title"}, "malformed"),
        ("handovers", {"limit": 0}, "malformed"),
        ("push-to-front", {}, "no-support-levels"),
        ("conformance", {"family": "fact"}, "no-state-machine"),
        ("graph.svg", {"most_edges": 301}, "malformed"),
        ("variants", {"by": "unicorn"}, "malformed"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    ledger: Mined, view: str, query: dict[str, Any], code: str
) -> None:
    async with asked(ledger) as api:
        problem(await api.client.get(f"/v1/process/{view}", params=query), 422, code)
