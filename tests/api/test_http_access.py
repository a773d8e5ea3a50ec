"""Who may ask: tokens, scopes, personal values, and the acts that administer the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.http_client import INCIDENT, problem, serving

pytestmark = pytest.mark.anyio

PUBLIC = ("/healthz", "/readyz", "/log/checkpoint", "/problems/may-not", "/openapi.json")
GUARDED = (
    "/v1/incidents",
    "/v1/incidents/INC0010001",
    "/v1/incidents/INC0010001/history",
    "/v1/incidents/INC0010001/diff?from=1",
    "/v1/unicorns/UNI0000001",
    "/v1/events",
    "/v1/events/1",
    "/v1/events/stream",
    "/v1/proofs/1",
    "/v1/activity",
    "/v1/flow",
    "/v1/holds",
    "/log/tile/entries/000.p/1",
    "/metrics",
)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        "Bearer itl_LDG0000002_" + "a" * 32,
        "Bearer itl_X_" + "a" * 32,
    ],
)
async def test_whoever_is_not_signed_in_is_told_how(tmp_path: Path, header: str) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.get("/v1/events", headers={"Authorization": header})

        problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "a" * 32 not in answer.text


async def test_all_but_health_checkpoint_and_tiles_needs_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        nobody = {"Authorization": ""}
        for path in GUARDED:
            problem(await api.client.get(path, headers=nobody), 401, "unauthenticated")
        for path in ("/v1/incidents", "/v1/incidents/INC1/assign", "/v1/events", "/v1/tokens",
                     "/v1/holds", "/v1/incidents/INC1/erase", "/v1/unicorns/UNI1/erase"):  # fmt: skip
            problem(await api.client.post(path, json={}, headers=nobody), 401, "unauthenticated")
        for path in PUBLIC:
            assert (await api.client.get(path, headers=nobody)).status_code == 200, path


async def test_a_scope_that_is_missing_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        reader = api.token_for(api.principal(), "incident:read")

        read = await api.client.get("/v1/incidents/INC0010001", headers=reader)
        written = await api.client.post("/v1/incidents", json=INCIDENT, headers=reader)
        administered = await api.client.post("/v1/holds", json={}, headers=reader)
        other = await api.client.get("/v1/problems/PRB0010001", headers=reader)

        assert read.status_code == 200
        assert problem(written, 403, "scope-missing")["facts"]["scope"] == "incident:append"
        assert problem(administered, 403, "scope-missing")["facts"]["scope"] == "ledger:administer"
        assert problem(other, 403, "scope-missing")["facts"]["scope"] == "problem:read"


async def test_entry_bundles_take_the_right_to_read_every_family(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        reader = api.token_for(api.principal(), "incident:read")

        problem(
            await api.client.get("/log/tile/entries/000.p/1", headers=reader), 403, "scope-missing"
        )
        assert (await api.client.get("/log/tile/entries/000.p/1")).status_code == 200


async def test_personal_values_are_shown_to_who_holds_the_right(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported(title="Ada's laptop")
        reader = api.token_for(api.principal(), "*:read")
        paths = (
            "/v1/incidents/INC0010001",
            "/v1/incidents/INC0010001/history",
            "/v1/incidents/INC0010001/diff?from=1",
        )

        for path in paths:
            seen, hidden = await api.client.get(path), await api.client.get(path, headers=reader)

            assert "Ada's laptop" in seen.text
            assert "[personal]" in hidden.text
            assert "Ada's laptop" not in hidden.text
            assert "sd:sha-256" not in hidden.text


async def test_the_feed_shows_commitments_to_everybody(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        receipt = await api.reported(title="Ada's laptop")

        answer = await api.client.get(f"/v1/events/{receipt['position']}")

        assert "sd:sha-256:" in answer.text
        assert "Ada's laptop" not in answer.text


async def test_what_was_erased_stays_erased(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported(title="Ada's laptop")

        erased = await api.client.post(
            "/v1/incidents/INC0010001/erase", json={"reason": "GDPR art. 17"}
        )

        assert erased.status_code == 200, erased.text
        found = await api.client.get("/v1/incidents/INC0010001")
        assert found.json()["state"]["title"] == "[erased]"


async def test_a_legal_hold_keeps_values_until_it_is_lifted(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        erase, reason = "/v1/incidents/INC0010001/erase", {"reason": "asked"}
        placed = await api.client.post(
            "/v1/holds", json={"target": "incident/INC0010001", "reason": "Litigation"}
        )
        assert placed.status_code == 200, placed.text

        refused = await api.client.post(erase, json=reason)

        assert problem(refused, 409, "can-not")["rules"] == ["no-legal-hold"]
        (hold,) = (await api.client.get("/v1/holds")).json()["holds"]
        lifted = await api.client.post(f"/v1/holds/{hold}/lift", json={"reason": "over"})
        assert lifted.status_code == 200, lifted.text
        assert (await api.client.post(erase, json=reason)).status_code == 200


async def test_a_token_is_shown_once_and_signs_in_until_it_is_revoked(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        ben = api.principal()

        issued = await api.client.post(
            "/v1/tokens", json={"principal": ben, "scopes": ["incident:append"]}
        )

        assert issued.status_code == 201, issued.text
        token = issued.json()["token"]
        signed_in = {"Authorization": f"Bearer {token}"}
        reported = await api.client.post("/v1/incidents", json=INCIDENT, headers=signed_in)
        assert reported.status_code == 201
        entry = api.house.ledger.entry(reported.json()["position"]).attributes
        assert entry["authid"] == ben
        stored = b"".join(entry.raw for entry in api.house.ledger.entries(0, 1000))
        assert token.encode() not in stored
        number = token.split("_")[1]
        revoked = await api.client.post(f"/v1/tokens/{number}/revoke", json={"reason": "Lost"})
        assert revoked.status_code == 200, revoked.text
        size = api.house.ledger.head().size
        again = await api.client.post("/v1/incidents", json=INCIDENT, headers=signed_in)
        assert again.status_code in {401, 403}
        assert api.house.ledger.head().size == size


async def test_a_token_with_a_scope_that_does_not_exist_is_not_issued(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        ben = api.principal()

        for scopes in (["incident:delete"], ["unicorn:read"], [""]):
            answer = await api.client.post("/v1/tokens", json={"principal": ben, "scopes": scopes})

            problem(answer, 422, "malformed")


async def test_a_deactivated_principal_signs_nobody_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        ben = api.principal()
        signed_in = api.token_for(ben, "*:read")
        number = ben.split("/")[1]
        await api.client.post(f"/v1/principals/{number}/deactivate", json={"reason": "Left"})

        answer = await api.client.get("/v1/events", headers=signed_in)

        problem(answer, 401, "unauthenticated")
