"""The whole estate over HTTP: pages of one moment, all of it on lines, counts over time, and differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.http_client import Api, problem, serving

pytestmark = pytest.mark.anyio

STATE, COUNTS, DIFF = "/v1/replay/state", "/v1/replay/counts", "/v1/replay/diff"


async def incidents(api: Api) -> list[int]:
    """Three; the first is assigned at last. The positions of all that."""
    told = [(await api.reported(title=f"Mail {number}"))["position"] for number in range(3)]
    assigned = await api.client.post(
        "/v1/incidents/INC0010001/assign", json={"assignment_group": "mail"}
    )
    return [*told, assigned.json()["position"]]


async def answer(api: Api, path: str, **query: Any) -> dict[str, Any]:
    got = await api.client.get(path, params=query)
    assert got.status_code == 200, got.text
    told: dict[str, Any] = got.json()
    return told


async def test_pages_are_of_one_moment_whatever_is_appended_in_between(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await incidents(api)
        asked: dict[str, Any] = {"family": "incident", "limit": 2}

        first = await answer(api, STATE, **asked)
        await api.reported(title="Mail 4")
        asked |= {"position": first["position"], "after": first["next"]}
        second = await answer(api, STATE, **asked)

        assert (first["count"], second["count"]) == (3, 3)
        assert [row["subject"] for row in first["items"] + second["items"]] == [
            f"incident/INC001000{number}" for number in (1, 2, 3)
        ]
        assert first["items"][0]["state"]["status"] == "assigned"
        assert first["items"][0]["state"]["title"] == "[personal]"
        assert (first["basis"], second["next"]) == ("known", None)


async def test_whoever_takes_lines_gets_all_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        positions = await incidents(api)

        got = await api.client.get(
            STATE,
            params={"position": positions[1], "where": "status = new", "personal": True},
            headers={"Accept": "application/x-ndjson"},
        )

        assert got.headers["content-type"] == "application/x-ndjson"
        told = [json.loads(line) for line in got.text.splitlines()]
        assert [one["state"]["title"] for one in told] == ["Mail 0", "Mail 1"]
        assert {one["position"] for one in told} == {positions[1]}


async def test_counts_have_a_number_for_each_moment(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await incidents(api)
        when = api.house.ledger.now()

        told = await answer(api, COUNTS, **{"from": when, "to": when, "family": "incident"})

        assert told["moments"] == [when]
        assert told["series"] == [
            {"values": {"status": "new"}, "counts": [2]},
            {"values": {"status": "assigned"}, "counts": [1]},
        ]


async def test_a_difference_is_told_subject_by_subject(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        positions = await incidents(api)
        asked = {"from": positions[0], "family": "incident", "limit": 1}

        first = await answer(api, DIFF, **asked)
        second = await answer(api, DIFF, **asked, after=first["next"])

        (changed,), (added,) = first["items"], second["items"]
        assert (changed["subject"], changed["became"]) == ("incident/INC0010001", "changed")
        assert changed["entries"] == [{"position": positions[3], "why": "in-time"}]
        assert (added["subject"], added["became"]) == ("incident/INC0010002", "added")
        assert second["next"] == "incident/INC0010002"


async def test_what_was_learnt_of_a_moment_between_two_others(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await incidents(api)
        before = api.house.ledger.head().recordedtime
        await api.reported(title="Mail 4")
        at = api.house.ledger.now()

        told = await answer(api, DIFF, **{"at": at, "from": before, "family": "incident"})
        refused = await api.client.get(DIFF, params={"at": at, "from": before, "basis": "known"})

        assert [(one["subject"], one["became"]) for one in told["items"]] == [
            ("incident/INC0010004", "added")
        ]
        assert told["items"][0]["entries"][0]["why"] == "late"
        assert told["from"]["known_at"] == before
        problem(refused, 422, "malformed")


async def test_only_families_that_may_be_read_are_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await incidents(api)
        reader = api.token_for(api.principal(), "incident:read")

        told = (await api.client.get(STATE, headers=reader)).json()
        refused = await api.client.get(STATE, params={"family": "change"}, headers=reader)

        assert {row["family"] for row in told["items"]} == {"incident"}
        problem(refused, 403, "scope-missing")


async def test_a_question_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for path, query, code in (
            (STATE, {"where": "status ="}, "where-refused"),
            (STATE, {"where": "1=1) OR (1=1"}, "where-refused"),
            (STATE, {"at": "yesterday"}, "malformed"),
            (STATE, {"position": 10**17}, "beyond-head"),
            (COUNTS, {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "moment-refused"),
            (COUNTS, {"from": "1999-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "every": "hour"}, "moment-refused"),
            (COUNTS, {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "by": ["a", "b", "c", "d"]}, "moment-refused"),
            (DIFF, {"from": "0"}, "malformed"),
        ):  # fmt: skip
            problem(await api.client.get(path, params=query), 422, code)
