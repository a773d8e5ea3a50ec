"""Reading over HTTP: past states, registers, the feed, proofs, health, and the API's own description."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.catalogue import COMMANDS
from ledger.checkpoints import Copies
from ledger.merkle import leaf_hash
from ledger.notes import parse_vkey, verify_checkpoint
from ledger.proofs import verify_proof
from ledger.tiles import decode_bundle, decode_tile
from projections.registry import PROJECTIONS
from tests.api.http_client import Api, problem, serving

pytestmark = pytest.mark.anyio


async def _assigned(api: Api) -> tuple[int, int]:
    """An incident, reported and then assigned: both positions."""
    reported = await api.reported()
    answer = await api.client.post(
        "/v1/incidents/INC0010001/assign", json={"assignment_group": "mail"}
    )
    return reported["position"], answer.json()["position"]


async def _settled(api: Api, path: str) -> dict[str, Any]:
    """The answer of a register once it reflects the log's head."""
    for _ in range(200):
        answer = await api.client.get(path)
        if answer.status_code == 200 and answer.json()["position"] == api.house.ledger.head().size:
            told: dict[str, Any] = answer.json()
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(answer.text)


async def test_a_subject_is_read_as_it_stood(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        before, after = await _assigned(api)

        then = await api.client.get(f"/v1/incidents/INC0010001?position={before}")
        now = await api.client.get("/v1/incidents/INC0010001")

        assert (then.json()["state"]["status"], then.json()["version"]) == ("new", 1)
        assert then.json()["basis"] == "known"
        assert "ETag" not in then.headers
        assert (now.json()["state"]["status"], now.json()["position"]) == ("assigned", after)


async def test_a_subject_is_read_as_it_was_in_effect(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)

        when = api.house.ledger.now()
        answer = await api.client.get(f"/v1/incidents/INC0010001?at={when}")

        told = answer.json()
        assert (told["basis"], told["at"]) == ("effect", when)
        assert told["known_at"] is not None


async def test_a_history_tells_who_did_what(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)

        told = (await api.client.get("/v1/incidents/INC0010001/history")).json()

        reported, assigned = told["events"]
        assert reported["authid"] == "principal/PRN0000002"
        assert assigned["changes"]["status"] == {"from": "new", "to": "assigned"}


async def test_a_difference_names_fields_and_entries(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        before, after = await _assigned(api)

        told = (await api.client.get(f"/v1/incidents/INC0010001/diff?from={before}")).json()

        changed = {field["field"]: field for field in told["fields"]}
        assert changed["status"]["positions"] == [after]
        assert (told["from"]["version"], told["to"]["version"]) == (1, 2)


async def test_a_register_pages_to_its_end_and_filters(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for number in range(5):
            await api.reported(title=f"Mail {number}")
        await api.client.post("/v1/incidents/INC0010001/assign", json={"assignment_group": "mail"})
        await _settled(api, "/v1/incidents")

        seen, path = [], "/v1/incidents?limit=2&sort=number"
        while path:
            page = await api.client.get(path)
            seen += [row["number"] for row in page.json()["items"]]
            assert ("next" in page.links) == bool(page.json()["next"])
            path = page.links.get("next", {}).get("url", "")
        assigned = await api.client.get("/v1/incidents?status=assigned&status=resolved")

        assert seen == [f"INC001000{n}" for n in range(1, 6)]
        assert [row["number"] for row in assigned.json()["items"]] == ["INC0010001"]
        assert assigned.json()["items"][0]["title"] == "Mail 0"


async def test_a_register_shows_personal_values_to_who_holds_the_right(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported(title="Ada's laptop")
        await _settled(api, "/v1/incidents")

        reader = api.token_for(api.principal(), "incident:read")
        answer = await api.client.get("/v1/incidents", headers=reader)

        assert answer.json()["items"][0]["title"] == "[personal]"


async def test_activity_and_flow_tell_what_happened(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)

        activity = await _settled(api, "/v1/activity?actor=principal/PRN0000002&family=incident")
        busiest = await _settled(api, "/v1/activity")
        flow = await _settled(api, "/v1/flow?family=incident")
        deviations = await _settled(api, "/v1/flow/deviations")

        assert sum(row["count"] for row in activity["items"]) == 2
        assert busiest["items"][0]["actor"].startswith("principal/")
        assert {row["to_status"] for row in flow["items"]} == {"new", "assigned"}
        assert deviations["items"] == []


async def test_the_feed_is_the_log_byte_for_byte(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)
        stored = [entry.raw for entry in api.house.ledger.entries(0, 1000)]

        seen, path = [], "/v1/events?limit=3"
        while True:
            page = await api.client.get(path)
            assert page.headers["content-type"] == "application/cloudevents-batch+json"
            if page.content == b"[]":
                break
            seen.append(page.content[1:-1])
            path = page.links["next"]["url"]

        assert b",".join(seen) == b",".join(stored)
        assert page.headers["Next-After"] == str(len(stored))


async def test_the_feed_leaves_out_what_a_token_does_not_read(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)
        reader = api.token_for(api.principal(), "incident:read")

        page = await api.client.get("/v1/events?limit=1000", headers=reader)

        assert {event["subject"] for event in page.json()} == {"incident/INC0010001"}
        assert page.headers["Next-After"] == str(api.house.ledger.head().size)


async def test_a_proof_is_checked_with_the_entry_and_the_key_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        position, _ = await _assigned(api)

        proof = await api.client.get(f"/v1/proofs/{position}")
        entry = await api.client.get(f"/v1/events/{position}")

        vkey = parse_vkey(str(api.house.signer.vkey))
        assert verify_proof(entry.content, proof.text, [vkey]).index == position - 1
        problem(await api.client.get("/v1/proofs/9999"), 404, "unknown-subject")


async def test_checkpoint_and_tiles_are_public_and_agree(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await _assigned(api)
        note = api.house.checkpoint()
        nobody = {"Authorization": ""}
        size = api.house.ledger.head().size

        answer = await api.client.get("/log/checkpoint", headers=nobody)
        tile = await api.client.get(f"/log/tile/0/000.p/{size}", headers=nobody)
        bundle = await api.client.get(f"/log/tile/entries/000.p/{size}")

        assert answer.text == note
        vkey = parse_vkey(str(api.house.signer.vkey))
        assert verify_checkpoint(answer.text, [vkey]).checkpoint.size == size
        assert decode_tile(tile.content, size) == [
            leaf_hash(raw) for raw in decode_bundle(bundle.content)
        ]
        assert "immutable" in tile.headers["Cache-Control"]
        assert "private" in bundle.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["0/999", "0/000.p/256", "0/0", "7/000", "nonsense", "0/001.p/200", "64/000"]
)
async def test_a_tile_that_does_not_exist_is_not_found(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as api:
        assert (await api.client.get(f"/log/tile/{path}")).status_code == 404


async def test_readiness_tells_what_is_behind_and_what_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The publisher takes a failure back as soon as it succeeds: here it succeeds once, before.
    async with serving(tmp_path, checkpoint_seconds=3600) as api:
        ready = await api.client.get("/readyz")
        assert ready.status_code == 200, ready.text
        assert {told["name"] for told in ready.json()["projections"]} == {
            projection.name for projection in PROJECTIONS
        }

        vitals = api.app.state.services.vitals
        for _ in range(100):
            monkeypatch.setattr(vitals, "checkpoint_failure", "storage-failed")
            failing = await api.client.get("/readyz")
            if failing.status_code == 503:
                break
            await asyncio.sleep(0.02)

        told = problem(failing, 503, "not-ready")
        assert told["facts"]["failing"] == ["storage-failed"]
        assert failing.headers["Retry-After"]


async def test_a_checkpoint_that_cannot_be_kept_elsewhere_stops_no_append(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.write_text("a file where a directory should be")
    async with serving(tmp_path, checkpoint_copies=None, checkpoint_seconds=0.01) as api:
        broken = api.house.ledger.checkpoints
        broken._copies = Copies(copies)
        await api.reported()

        for _ in range(100):
            answer = await api.client.get("/readyz")
            if answer.status_code == 503:
                break
            await asyncio.sleep(0.02)

        assert problem(answer, 503, "not-ready")["facts"]["failing"] == ["storage-failed"]
        await api.reported()
        copies.unlink()
        for _ in range(100):
            answer = await api.client.get("/readyz")
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.02)
        assert answer.status_code == 200


async def test_metrics_count_requests_appends_and_entries(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()

        text = (await api.client.get("/metrics")).text

        assert 'route="/v1/incidents",status="201"} 1.0' in text
        assert 'itsm_ledger_proposals_total{outcome="recorded"} 1.0' in text
        assert f"itsm_ledger_head_size {float(api.house.ledger.head().size)}" in text
        assert 'itsm_ledger_projection_lag{projection="tickets"}' in text


async def test_the_description_names_every_command_with_a_real_example(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        told = (await api.client.get("/openapi.json")).json()

        paths = told["paths"]
        for (family, verb), ordered in COMMANDS.items():
            if family == "ledger":
                continue
            plural = ordered.family.plural
            path = f"/v1/{plural}" if ordered.creates else f"/v1/{plural}/{{number}}/{verb}"
            path = f"/v1/{plural}/{verb}" if ordered.by_verb else path
            example = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
            ordered.model_validate(example)
        assert _dangling(told) == set()
        described = {tag["name"] for tag in told["tags"]}
        for path, operations in paths.items():
            for operation in operations.values():
                assert operation["summary"] or operation["description"], path
                assert set(operation["tags"]) <= described, path
                assert "application/problem+json" in operation["responses"]["4XX"]["content"]


def _dangling(told: dict[str, Any]) -> set[str]:
    """References to schemas that the description does not have."""
    text = orjson.dumps(told).decode()
    asked = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    return asked - told["components"]["schemas"].keys()


async def test_beyond_its_limit_the_server_tells_clients_to_come_again(tmp_path: Path) -> None:
    async with serving(tmp_path, connection_limit=1) as api:
        answers = await asyncio.gather(*(api.reported_raw() for _ in range(20)))

        codes = {answer.status_code for answer in answers}
        assert codes == {201, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        problem(refused, 503, "busy")
        assert refused.headers["Retry-After"]
        assert (await api.client.get("/healthz")).status_code == 200
