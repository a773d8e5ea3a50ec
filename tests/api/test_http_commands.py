"""Orders over HTTP: receipts, preconditions, idempotency keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ledger.notes import parse_vkey
from ledger.proofs import verify_proof
from tests.api.http_client import INCIDENT, problem, serving

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


async def test_a_receipt_names_the_entry_and_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        receipt = await api.reported()

        answer = await api.client.post(
            "/v1/incidents/INC0010001/assign", json={"assignment_group": "mail"}
        )

        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["position"] == receipt["position"] + 1
        assert (told["subject"], told["version"]) == ("incident/INC0010001", 2)
        assert told["type"] == "itsm.incident.assigned.v1"
        assert len(told["leaf_hash"]) == 44
        assert answer.headers["ETag"] == '"2"'


async def test_a_proof_that_was_asked_for_holds_without_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post("/v1/incidents?proof=true", json=INCIDENT)

        told = answer.json()
        stored = await api.client.get(f"/v1/events/{told['position']}")
        vkey = parse_vkey(str(api.house.signer.vkey))
        proven = verify_proof(stored.content, told["proof"], [vkey])
        assert proven.index == told["position"] - 1
        assert told["proof"].endswith(told["checkpoint"])


async def test_a_version_that_does_not_match_records_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        size = api.house.ledger.head().size

        answer = await api.client.post(
            "/v1/incidents/INC0010001/assign",
            json={"assignment_group": "mail"},
            headers={"If-Match": '"7"'},
        )

        told = problem(answer, 412, "stale-version")
        assert told["facts"]["actual"] == 1
        assert api.house.ledger.head().size == size


async def test_a_version_that_matches_lets_the_order_pass(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()

        answer = await api.client.post(
            "/v1/incidents/INC0010001/assign",
            json={"assignment_group": "mail"},
            headers={"If-Match": '"1"'},
        )

        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("sent", ["1", 'W/"1"', '"1", "2"', '"x"'])
async def test_a_precondition_in_another_form_is_refused(tmp_path: Path, sent: str) -> None:
    async with serving(tmp_path) as api:
        await api.reported()

        answer = await api.client.post(
            "/v1/incidents/INC0010001/assign",
            json={"assignment_group": "mail"},
            headers={"If-Match": sent},
        )

        problem(answer, 422, "malformed")


async def test_the_same_key_with_the_same_request_gets_the_first_receipt(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        headers = {"Idempotency-Key": "retry-1"}
        first = await api.client.post("/v1/incidents", json=INCIDENT, headers=headers)
        size = api.house.ledger.head().size

        again = await api.client.post("/v1/incidents", json=INCIDENT, headers=headers)

        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert api.house.ledger.head().size == size


async def test_the_same_key_with_another_request_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        headers = {"Idempotency-Key": "retry-1"}
        await api.client.post("/v1/incidents", json=INCIDENT, headers=headers)

        other = await api.client.post(
            "/v1/incidents", json={**INCIDENT, "impact": 1}, headers=headers
        )

        problem(other, 409, "key-reused")


async def test_a_key_belongs_to_its_client(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        headers = {"Idempotency-Key": "retry-1"}
        await api.client.post("/v1/incidents", json=INCIDENT, headers=headers)

        other = await api.client.post(
            "/v1/incidents",
            json={**INCIDENT, "impact": 1},
            headers={**headers, **api.token_for(api.principal(), "*:append")},
        )

        assert other.status_code == 201, other.text


async def test_a_refused_order_may_be_given_again_under_its_key(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        headers = {"Idempotency-Key": "retry-1"}
        order = "/v1/incidents/INC0010001/close"
        refused = await api.client.post(order, json={}, headers=headers)
        assert refused.status_code == 409, refused.text

        corrected = await api.client.post(order, json={"reason": "x"}, headers=headers)

        # The state still forbids it, but the key was not taken by what was refused.
        problem(corrected, 409, "can-not")


async def test_a_key_in_flight_waits_and_records_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        size = api.house.ledger.head().size

        answers = await asyncio.gather(
            *(
                api.client.post("/v1/incidents", json=INCIDENT, headers={"Idempotency-Key": "same"})
                for _ in range(20)
            )
        )

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        assert api.house.ledger.head().size == size + 1


async def test_refusals_name_the_rules_and_record_nothing_else(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        size = api.house.ledger.head().size

        cannot = await api.client.post("/v1/incidents/INC0010001/reopen", json={})

        assert problem(cannot, 409, "can-not")["rules"] == ["transition"]
        (entry,) = api.house.ledger.entries(size, 10)
        assert entry.type == "itsm.principal.order-refused.v1"


async def test_what_may_not_be_done_names_the_rule(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        me = "PRN0000002"

        answer = await api.client.post(f"/v1/principals/{me}/deactivate", json={"reason": "gone"})

        assert problem(answer, 403, "may-not")["rules"] == ["nobody-deactivates-themself"]


async def test_a_command_on_an_unknown_subject_is_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post(
            "/v1/incidents/INC0099999/assign", json={"assignment_group": "mail"}
        )

        problem(answer, 404, "unknown-subject")


async def test_what_is_created_in_another_way_is_asked_for_by_its_verb(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        unknown = await api.client.post(
            "/v1/changes/detect-unauthorized", json={"deployment": "deployment/DEP-1"}
        )
        drafted = await api.client.post(
            "/v1/changes", json={"type": "normal", "title": "Move the queue", "services": ["mail"]}
        )
        nowhere = await api.client.post("/v1/changes/submit", json={})
        observed_only = await api.client.post("/v1/deployments", json={})

        assert unknown.json()["rules"] == ["deployment-exists"]
        assert drafted.status_code == 201, drafted.text
        assert drafted.json()["type"] == "itsm.change.drafted.v1"
        assert nowhere.status_code == 404
        assert observed_only.status_code in {404, 405}
