"""Answers that carry their proof over HTTP: the file that the command line writes, for who may read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.reading import LedgerRead
from tests.api.http_client import Api, problem, serving
from tests.replay.given_answers import parsed, refused

pytestmark = pytest.mark.anyio

ADDRESS = "/v1/incidents/INC0010001"


async def assigned(api: Api) -> tuple[int, int]:
    """An incident with a title, reported and then assigned: both positions."""
    reported = await api.reported(title="Mail is slow")
    answer = await api.client.post(f"{ADDRESS}/assign", json={"assignment_group": "mail"})
    return reported["position"], answer.json()["position"]


async def test_a_state_is_handed_out_with_its_proof(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        before, _ = await assigned(api)

        answer = await api.client.get(f"{ADDRESS}/proof?position={before}")

        (told,) = parsed(answer.content)["answer"]["states"]
        assert refused(answer.content, [str(api.house.signer.vkey)]) is None
        assert (told["version"], told["state"]["status"]) == (1, "new")
        assert told["state"]["title"].startswith("sd:sha-256:")
        assert answer.headers["cache-control"] == "no-store"


async def test_it_is_of_what_was_appended_a_moment_ago(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        _, after = await assigned(api)

        answer = await api.client.get(f"{ADDRESS}/proof")

        assert refused(answer.content) is None
        assert parsed(answer.content)["answer"]["as_of"]["position"] >= after


async def test_a_difference_is_handed_out_with_its_proof(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        before, after = await assigned(api)

        answer = await api.client.get(f"{ADDRESS}/diff/proof?from={before}&to={after}")
        plain = await api.client.get(f"{ADDRESS}/diff?from={before}&to={after}")

        (told,) = parsed(answer.content)["answer"]["differences"]
        assert refused(answer.content) is None
        assert told["fields"] == plain.json()["fields"]


async def test_personal_values_are_disclosed_to_who_may_see_them_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await assigned(api)
        reader = api.token_for(api.principal(), "incident:read")

        allowed = await api.client.get(f"{ADDRESS}/proof?disclose=true")
        plain = await api.client.get(f"{ADDRESS}/proof", headers=reader)
        hidden = await api.client.get(f"{ADDRESS}/proof?disclose=true", headers=reader)

        assert refused(allowed.content) is None
        assert len(parsed(allowed.content)["disclosures"]) == 1
        assert plain.status_code == 200
        problem(hidden, 403, "scope-missing")


@pytest.mark.parametrize("address", [f"{ADDRESS}/proof", f"{ADDRESS}/diff/proof?from=1"])
async def test_who_may_not_read_the_family_gets_nothing(tmp_path: Path, address: str) -> None:
    async with serving(tmp_path) as api:
        await assigned(api)
        stranger = api.token_for(api.principal(), "change:read")

        answer = await api.client.get(address, headers=stranger)

        assert answer.status_code == 403
        assert "entries" not in answer.json()


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/incidents/INC0099999/proof", 404, "unknown-subject"),
        ("/v1/incidents/INC0010001/proof?position=999999", 422, "beyond-head"),
        ("/v1/incidents/INC0010001/proof?at=yesterday", 422, "malformed"),
        ("/v1/incidents/INC0010001/proof?position=1", 404, "unknown-subject"),
        ("/v1/incidents/INC0010001/proof?known_at=2026-01-01T00:00:00Z", 422, "moment-refused"),
        ("/v1/incidents/INC0010001/diff/proof", 422, "malformed"),
        ("/v1/incidents/INC0010001/diff/proof?from=0", 422, "malformed"),
        ("/v1/nothings/INC0010001/proof", 404, "no-such-address"),
    ],
)
async def test_what_has_no_answer_is_told_as_a_problem(
    tmp_path: Path, address: str, status: int, code: str
) -> None:
    async with serving(tmp_path) as api:
        await assigned(api)

        problem(await api.client.get(address), status, code)


async def test_that_entries_were_handed_out_is_recorded(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await assigned(api)
        await api.client.get(f"{ADDRESS}/proof")
        await api.client.get(f"{ADDRESS}/diff/proof?from=1")

        api.house.ledger.record_reads(all_of_them=True)

        (told,) = [
            entry.data["reading"]
            for entry in api.house.ledger.entries(0, 1000)
            if entry.type == LedgerRead.type_name and entry.data["reading"]["what"] == "entries"
        ]
        assert (told["requests"], told["entries"]) == (2, 4)
        assert told["about"] == ["incident/INC0010001"]
