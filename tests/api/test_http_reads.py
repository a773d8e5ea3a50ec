"""Reading audit data over HTTP is recorded: who, what, how many; and nobody who reads notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from api.http.feed import _following
from domain.acts import LEDGER
from domain.reading import LedgerRead
from ledger.genesis import FIRST_PERSON
from ledger.owed import LONGEST_SECONDS
from tests.api.delegating import delegated
from tests.api.http_client import Api, serving, serving_ledger
from tests.contract.conftest import SettableClock

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def read_from(directory: Path) -> AsyncIterator[tuple[Api, SettableClock]]:
    """A ledger with one incident, and its clock."""
    clock = SettableClock()
    async with serving(directory, clock=clock) as api:
        await api.reported()
        yield api, clock


def readings(api: Api) -> list[dict[str, Any]]:
    return [one.data["reading"] for one in api.house.ledger.entries_of(LEDGER, LedgerRead)]


def told(api: Api) -> dict[str, tuple[int, int, list[str]]]:
    """Kind of reading → requests, entries, subjects; once all of them are recorded."""
    api.house.ledger.record_reads(all_of_them=True)
    found = readings(api)
    assert {one["by"] for one in found} <= {FIRST_PERSON}
    return {one["what"]: (one["requests"], one["entries"], one["about"]) for one in found}


async def caught_up(api: Api) -> None:
    await asyncio.to_thread(api.app.state.services.runner.run_until)


@pytest.mark.parametrize(
    ("path", "what", "about"),
    [
        ("/v1/incidents/INC0010001/history", "history", ["incident/INC0010001"]),
        ("/v1/incidents/INC0010001?position=999", "past-state", ["incident/INC0010001"]),
        ("/v1/incidents/INC0010001?at=2999-01-01T00:00:00Z", "past-state", ["incident/INC0010001"]),
        ("/v1/incidents/INC0010001/diff?from=1", "past-state", ["incident/INC0010001"]),
        ("/v1/events", "entries", []),
        ("/v1/events/1", "entries", ["ledger/LDG0000001"]),
        ("/log/tile/entries/000.p/1", "entries", []),
        ("/v1/principals/PRN0000002", "personal", ["principal/PRN0000002"]),
        ("/v1/activity", "activity", []),
        ("/v1/activity?actor=principal/PRN0000002", "activity", ["principal/PRN0000002"]),
        ("/v1/roles/ROL0000003/holders", "holders", ["role/ROL0000003"]),
        ("/v1/raci", "raci", []),
        ("/v1/changes/late-approvals", "late-approvals", []),
        ("/v1/changes/emergencies", "emergencies", []),
        ("/v1/changes/in-freezes", "in-freezes", []),
        ("/v1/replay/delegated", "delegated", []),
    ],
)
async def test_each_kind_of_audit_data_is_recorded_with_what_it_was_about(
    tmp_path: Path, path: str, what: str, about: list[str]
) -> None:
    async with read_from(tmp_path) as (api, _):
        await caught_up(api)

        answer = await api.client.get(path.replace("999", str(api.house.ledger.head().size)))

        assert answer.status_code == 200, answer.text
        (kind,) = found = told(api)
        assert (kind, found[kind][0], found[kind][2]) == (what, 1, about)


async def test_the_authority_of_a_change_and_a_check_are_recorded(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        draft = {"type": "normal", "title": "Move the queue", "services": ["mail"]}
        made = await api.client.post("/v1/changes", json=draft)
        assert made.status_code == 201, made.text

        asked = await api.client.get("/v1/changes/CHG0010001/authority")
        shipped = api.house.ledger.subject("policy/POL0000001").state
        policy = {"texts": shipped["texts"], "thresholds": shipped["thresholds"]}
        checked = await api.client.post("/v1/replay/check", json=policy)

        assert (asked.status_code, checked.status_code) == (200, 200), checked.text
        found = told(api)
        assert found["authority"] == (1, 0, ["change/CHG0010001"])
        assert found["check"][0] == 1


@pytest.mark.parametrize(
    "path",
    ["/v1/incidents/INC0010001", "/v1/incidents", "/v1/changes", "/v1/holds", "/healthz", "/readyz",
     "/metrics", "/log/checkpoint", "/log/tile/0/000.p/1", "/v1/proofs/1", "/v1/flow",
     "/v1/incidents/INC0099999/history", "/v1/events?after=999999"],
)  # fmt: skip
async def test_the_present_state_and_what_shows_no_content_is_not(
    tmp_path: Path, path: str
) -> None:
    async with read_from(tmp_path) as (api, _):
        await caught_up(api)

        await api.client.get(path)

        assert api.house.ledger.reads.pending == 0


async def test_a_reading_that_was_refused_showed_nothing(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        reader = api.token_for(api.principal(), "problem:read")

        refused = await api.client.get("/v1/incidents/INC0010001/history", headers=reader)

        assert refused.status_code == 403
        assert api.house.ledger.reads.pending == 0


async def test_names_are_hidden_from_who_does_not_see_them_and_that_is_no_reading(
    tmp_path: Path,
) -> None:
    async with read_from(tmp_path) as (api, _):
        reader = api.token_for(FIRST_PERSON, "*:read")

        answer = await api.client.get("/v1/principals/PRN0000002", headers=reader)

        assert answer.json()["state"]["name"] == "[personal]"
        assert api.house.ledger.reads.pending == 0


async def test_a_record_tells_no_personal_value(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        await api.client.get("/v1/principals/PRN0000002/history")
        api.house.ledger.record_reads(all_of_them=True)

        recorded = api.house.ledger.entries_of(LEDGER, LedgerRead)
        assert {one.data["reading"]["what"] for one in recorded} == {"history", "personal"}
        assert not any(b"Ada" in one.raw or b"sd:" in one.raw for one in recorded)


async def test_who_may_only_read_is_recorded_too(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        found = delegated(api.house.ledger, "auditor")
        reader = api.token_for(found.delegate, "incident:read")
        answer = await api.client.get("/v1/incidents/INC0010001", headers=reader)
        if answer.status_code == 200:
            answer = await api.client.get("/v1/incidents/INC0010001/history", headers=reader)

        api.house.ledger.record_reads(all_of_them=True)

        assert answer.status_code == 200, answer.text
        assert [one["by"] for one in readings(api)] == [found.delegate]


async def test_the_server_records_by_itself_once_a_minute_is_over(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, clock):
        for _ in range(30):
            await api.client.get("/v1/incidents/INC0010001/history")
        size = api.house.ledger.head().size

        clock.later_seconds += LONGEST_SECONDS
        async with asyncio.timeout(60):
            while not readings(api):  # noqa: ASYNC110 - the log tells nobody in this test
                await asyncio.sleep(0.05)

        (one,) = readings(api)
        assert (one["requests"], one["entries"], one["what"]) == (30, 30, "history")
        assert api.house.ledger.head().size == size + 1


async def test_what_is_pending_is_recorded_when_the_server_ends(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        await api.client.get("/v1/incidents/INC0010001/history")
        using, token = api.house.settings, api.token

    async with serving_ledger(using, token) as again:
        assert [one["what"] for one in readings(again)] == ["history"]
        # The checkpoint that the server ended with covers it.
        newest = again.house.ledger.checkpoints.newest()
        assert newest is not None
        assert newest[0] >= again.house.ledger.entries_of(LEDGER, LedgerRead)[-1].position


async def test_reading_goes_on_while_nothing_can_be_appended(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, clock):
        # A wall clock that moved by itself stops appends.
        clock.ahead += timedelta(hours=1)

        answer = await api.client.get("/v1/incidents/INC0010001/history")
        clock.later_seconds += LONGEST_SECONDS
        api.house.ledger.record_reads()

        assert answer.status_code == 200
        metrics = (await api.client.get("/metrics")).text
        assert "itsm_ledger_reads_unrecorded 1.0" in metrics
        failures = "itsm_ledger_read_record_failures_total "
        failed = next(line for line in metrics.split("\n") if line.startswith(failures))
        assert float(failed.removeprefix(failures)) >= 1
        clock.ahead -= timedelta(hours=1)
        assert told(api)["history"] == (1, 1, ["incident/INC0010001"])
        assert "itsm_ledger_reads_unrecorded 0.0" in (await api.client.get("/metrics")).text


async def test_the_ledgers_history_tells_who_read_what(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, _):
        await api.client.get("/v1/incidents/INC0010001/history")
        api.house.ledger.record_reads(all_of_them=True)

        steps = (await api.client.get("/v1/ledgers/LDG0000001/history")).json()["events"]

        assert steps[-1]["type"] == "itsm.ledger.read.v1"
        assert steps[-1]["changes"]["reading.by"]["to"] == FIRST_PERSON
        assert steps[-1]["changes"]["reading.what"]["to"] == "history"


async def test_following_the_stream_is_recorded_and_does_not_feed_itself(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, clock):
        services = api.app.state.services
        authorization = (b"authorization", f"Bearer {api.token}".encode())
        request = Request({"type": "http", "headers": [authorization]})
        identity = await services.keeper.identify(dict(request.scope["headers"]))
        got: list[bytes] = []

        async def follow() -> None:
            async for sent in _following(services, identity, request, 0):
                got.append(sent)  # noqa: PERF401 - it goes on, and is looked at meanwhile

        async def a_minute() -> None:
            clock.later_seconds += LONGEST_SECONDS
            await asyncio.to_thread(api.house.ledger.record_reads)
            size = api.house.ledger.head().size
            async with asyncio.timeout(60):
                while f"id: {size}\n".encode() not in b"".join(got):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)

        follower = asyncio.create_task(follow())
        try:
            for _ in range(5):
                await a_minute()
        finally:
            follower.cancel()

        # The beginning was read, and recorded in the first minute. That record was read too, and nothing else.
        (one,) = readings(api)
        assert (one["what"], one["entries"]) == ("entries", api.house.ledger.head().size - 1)
        assert b"event: itsm.ledger.read.v1" in b"".join(got)


async def test_a_poller_of_the_feed_does_not_feed_itself(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, clock):
        after = "0"
        for _ in range(5):
            page = await api.client.get(f"/v1/events?limit=1000&after={after}")
            after = page.headers["Next-After"]
            clock.later_seconds += LONGEST_SECONDS
            api.house.ledger.record_reads()

        assert len(readings(api)) == 1
        await api.reported()
        await api.client.get(f"/v1/events?after={after}")
        assert told(api)["entries"] == (1, 1, [])


async def test_a_mirror_of_entry_bundles_does_not_feed_itself(tmp_path: Path) -> None:
    async with read_from(tmp_path) as (api, clock):

        async def mirrors() -> None:
            size = api.house.ledger.head().size
            index, width = divmod(size, 256)
            for full in range(index):
                await api.client.get(f"/log/tile/entries/{full:03}")
            answer = await api.client.get(f"/log/tile/entries/{index:03}.p/{width}")
            assert answer.status_code == 200, answer.text
            clock.later_seconds += LONGEST_SECONDS
            api.house.ledger.record_reads()

        first = api.house.ledger.head().size
        assert first < 240, "else another bundle begins"
        for _ in range(5):
            await mirrors()
        assert [one["entries"] for one in readings(api)] == [first]
        await api.reported()
        for _ in range(5):
            await mirrors()
        assert [one["entries"] for one in readings(api)] == [first, 1]
