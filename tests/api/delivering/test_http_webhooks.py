"""Webhooks over HTTP, from registration to end, with the server delivering."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from api.http.cloudevents import STRUCTURED
from tests.api.delivering.receivers import OK, answering, receiving
from tests.api.http_client import Api, problem, serving

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/itsm"
FAILS = b"HTTP/1.1 500 Internal Server Error\r\n\r\n"


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """What it came to."""
    async with asyncio.timeout(20):
        while not (found := await holds()):  # noqa: ASYNC110 - what is asked for sets no event
            await asyncio.sleep(0.02)
        return found


async def registered(api: Api, url: str = URL, *events: str, **more: Any) -> dict[str, Any]:
    body = {"url": url, "events": list(events or ("incident",)), **more}
    answer = await api.client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return {**told, "path": answer.headers["Location"]}


async def test_an_event_reaches_its_receiver_and_what_became_of_it_is_told(tmp_path: Path) -> None:
    async with (
        receiving(answering(OK)) as receiver,
        serving(tmp_path, webhook_allow_private=True) as api,
    ):
        hook = await registered(api, receiver.address)
        receipt = await api.reported()

        async def delivered() -> Any:
            told = (await api.client.get(hook["path"])).json()
            return told if told["delivered"] else None

        shown = await until(delivered)
        (request,) = receiver.requests
        tries = (await api.client.get(f"{hook['path']}/deliveries")).json()["deliveries"]
        metrics = (await api.client.get("/metrics")).text
        ready = (await api.client.get("/readyz")).json()

    assert (
        Webhook(hook["secret"]).verify(request.body, request.headers)["subject"]
        == (receipt["subject"])
    )
    assert request.headers["content-type"] == STRUCTURED
    assert shown["url"] == receiver.address
    assert (shown["status"], shown["receiver"]) == ("active", "127.0.0.1")
    assert shown["last_outcome"] == "delivered"
    assert [(one["position"], one["outcome"]) for one in tries] == [
        (receipt["position"], "delivered")
    ]
    number = hook["path"].rpartition("/")[2]
    assert 'itsm_ledger_webhook_tries_total{outcome="delivered"} 1.0' in metrics
    assert f'itsm_ledger_webhook_dead_letters{{webhook="{number}"}} 0.0' in metrics
    assert ready["webhooks"] == {"live": 1, "failing": 0, "disabled": 0, "dead_letters": 0}


async def test_a_receiver_that_fails_is_seen_and_the_server_stays_ready(tmp_path: Path) -> None:
    async with (
        receiving(answering(FAILS)) as receiver,
        serving(tmp_path, webhook_allow_private=True) as api,
    ):
        await registered(api, receiver.address)
        await api.reported()

        async def seen() -> Any:
            ready = await api.client.get("/readyz")
            return ready if ready.json()["webhooks"]["failing"] else None

        ready = await until(seen)
        (hook,) = (await api.client.get("/v1/webhooks")).json()["webhooks"]

    assert ready.status_code == 200
    assert (hook["last_outcome"], hook["tries"]) == ("status-500", 1)
    assert hook["next_try"] > hook["last_try"]


async def test_no_answer_but_the_first_shows_the_secret_and_no_entry_does(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api)
        secret = hook["secret"].removeprefix("whsec_")
        answers = [
            (await api.client.get(path)).text
            for path in (hook["path"], "/v1/webhooks", "/v1/events?limit=1000", "/metrics")
        ]
    # The server is gone, and its databases stand as a thief of the disk would find them.
    files = [file.read_bytes() for file in tmp_path.iterdir() if file.is_file()]  # noqa: ASYNC240 - nothing is served

    assert not any(secret in answer for answer in answers)
    assert not any(secret.encode() in content for content in files)


async def test_the_path_of_a_url_is_nowhere_in_the_log_and_its_host_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api, "https://hooks.example.com/services/T0/B0/Xyzzy")
        log = (await api.client.get("/v1/events?limit=1000")).text
        header = api.token_for("principal/PRN0000002", "ledger:read")
        shown = (await api.client.get(hook["path"], headers=header)).json()

    assert "Xyzzy" not in log
    assert "hooks.example.com" in log
    assert shown["url"] == "[personal]"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/itsm",
        "https://[::1]:8443/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/",
        "https://[::ffff:10.0.0.1]/",
        "http://hooks.example.com/itsm",
        "https://ada:secret@hooks.example.com/",
    ],
)
async def test_what_leads_into_our_own_network_is_not_registered(tmp_path: Path, url: str) -> None:
    async with serving(tmp_path) as api:
        size = api.house.ledger.head().size
        body = {"url": url, "events": ["incident"]}

        refused = await api.client.post("/v1/webhooks", json=body)
        hook = await registered(api)
        changed = await api.client.post(f"{hook['path']}/change", json={"url": url})

        told = problem(refused, 422, "receiver-not-allowed")
        problem(changed, 422, "receiver-not-allowed")
        assert "secret@" not in str(told)
        assert api.house.ledger.head().size == size + 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": URL},
        {"url": URL, "events": []},
        {"url": URL, "events": ["incident"], "after": -1},
        {"url": URL, "events": ["incident"], "secret": "sha256:" + "0" * 64},
        {"url": URL, "events": ["incident"], "owner": "principal/PRN0000002"},
        {"url": URL, "events": ["incident"], "scopes": ["*:read"]},
    ],
)
async def test_a_registration_that_is_written_wrong_is_malformed(
    tmp_path: Path, body: dict[str, Any]
) -> None:
    async with serving(tmp_path) as api:
        refused = await api.client.post("/v1/webhooks", json=body)

        problem(refused, 422, "malformed")


async def test_what_no_event_can_be_is_refused_by_name(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        body = {"url": URL, "events": ["incidents"]}

        refused = await api.client.post("/v1/webhooks", json=body)

        assert problem(refused, 409, "can-not")["rules"] == ["events-known"]


async def test_a_token_registers_no_webhook_for_more_than_it_reads_itself(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        me = "principal/PRN0000002"
        narrow = api.token_for(me, "ledger:administer", "ledger:read", "incident:read")
        post = api.client.post

        for events in (["change"], ["*"], ["itsm.change.submitted.v1"]):
            body = {"url": URL, "events": events}
            problem(await post("/v1/webhooks", json=body, headers=narrow), 403, "scope-missing")
        allowed = await post(
            "/v1/webhooks", json={"url": URL, "events": ["incident"]}, headers=narrow
        )

        assert allowed.status_code == 201
        state = api.house.ledger.load(allowed.json()["receipt"]["subject"]).state
        assert state["scopes"] == {"ledger:read": True, "incident:read": True}


async def test_orders_about_webhooks_take_the_right_to_administer(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api)
        reader = api.token_for("principal/PRN0000002", "*:read", "*:append")

        for path, body in (
            ("/v1/webhooks", {"url": URL, "events": ["incident"]}),
            (f"{hook['path']}/change", {"events": ["incident"]}),
            (f"{hook['path']}/rotate", {}),
            (f"{hook['path']}/replay", {"after": 0}),
            (f"{hook['path']}/disable", {}),
            (f"{hook['path']}/enable", {}),
            (f"{hook['path']}/end", {}),
        ):
            refused = await api.client.post(path, json=body, headers=reader)
            problem(refused, 403, "scope-missing")


async def test_a_webhook_is_changed_disabled_enabled_and_ended(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api)
        path, post = hook["path"], api.client.post

        await post(f"{path}/change", json={"events": ["change"], "url": "https://b.example.com"})
        changed = (await api.client.get(path)).json()
        rotated = (await post(f"{path}/rotate", json={"overlap_seconds": 0})).json()
        await post(f"{path}/replay", json={"after": 0})
        replayed = (await api.client.get(path)).json()
        await post(f"{path}/disable", json={"reason": "They move"})
        disabled = (await api.client.get(path)).json()
        await post(f"{path}/enable", json={})
        enabled = (await api.client.get(path)).json()
        ended = await post(f"{path}/end", json={})
        again = await post(f"{path}/enable", json={})

        assert (changed["events"], changed["receiver"]) == (["change"], "b.example.com")
        assert rotated["secret"].startswith("whsec_")
        assert rotated["secret"] != hook["secret"]
        assert replayed["position"] <= changed["position"]
        assert (disabled["status"], disabled["because"]) == ("disabled", "ordered")
        assert (enabled["status"], enabled["because"]) == ("active", None)
        assert ended.status_code == 200
        assert problem(again, 409, "can-not")["rules"] == ["transition"]
        assert (await api.client.get("/v1/webhooks")).json() == {"webhooks": []}
        assert (await api.client.get(path)).json()["status"] == "ended"


async def test_no_webhook_begins_after_an_entry_that_is_not_there_yet(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api)
        beyond = api.house.ledger.head().size + 100

        body = {"url": URL, "events": ["incident"], "after": beyond}
        begun = await api.client.post("/v1/webhooks", json=body)
        replayed = await api.client.post(f"{hook['path']}/replay", json={"after": beyond})

        assert problem(begun, 409, "can-not")["rules"] == ["names-an-entry"]
        assert problem(replayed, 409, "can-not")["rules"] == ["names-an-entry"]


async def test_an_order_about_another_version_of_a_webhook_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        hook = await registered(api)
        stale = {"If-Match": '"7"'}

        for order, body in (
            ("change", {"events": ["change"]}),
            ("rotate", {}),
            ("replay", {"after": 0}),
            ("disable", {}),
            ("end", {}),
        ):
            refused = await api.client.post(f"{hook['path']}/{order}", json=body, headers=stale)
            assert refused.status_code == 412, refused.text
        assert (await api.client.get(hook["path"])).json()["status"] == "active"


async def test_what_is_no_webhook_is_not_found_as_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for number in ("LDG0000001", "LDG0000002", "LDG0009999"):
            path = f"/v1/webhooks/{number}"
            for get in (path, f"{path}/deliveries", f"{path}/dead-letters"):
                problem(await api.client.get(get), 404, "unknown-subject")
            for verb in ("change", "rotate", "disable", "enable", "end"):
                answer = await api.client.post(f"{path}/{verb}", json={})
                problem(answer, 404, "unknown-subject")
