"""Signing in with an issuer's token: who that is, and what they may do with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.genesis import FIRST_PERSON
from tests.api.http_client import INCIDENT, problem
from tests.api.issuer import ALGORITHM, AUDIENCE, KINDS, Issuer, issuer_process
from tests.api.oidc_house import (
    SKEW_SECONDS,
    MovingClock,
    ask,
    bearer,
    from_now,
    link,
    refused_as,
    trusting,
)

pytestmark = pytest.mark.anyio


async def test_a_person_acts_by_the_issuers_token_as_by_a_local_one(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        told = await api.client.post(
            "/v1/incidents", json=INCIDENT, headers=bearer(issuer.token("ada"))
        )
        local = await api.reported()

        assert told.status_code == 201, told.text
        entries = [api.house.ledger.entry(at["position"]).attributes for at in (told.json(), local)]
        for name in ("authid", "authtype", "recordedby"):
            assert entries[0][name] == entries[1][name]
        assert entries[0]["authid"] == FIRST_PERSON


async def test_a_service_and_a_source_sign_in_too(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        service = api.principal("Deploy pipeline", kind="service")
        source = api.principal(
            "Monitoring", kind="source", mode="observe", source_uri="/sources/monitoring"
        )
        link(api, "repo:acme", service, issuer.url)
        link(api, "monitoring", source, issuer.url)

        ordered = await api.client.post(
            "/v1/incidents", json=INCIDENT, headers=bearer(issuer.token("repo:acme"))
        )
        event = {"specversion": "1.0", "id": "1", "source": "/sources/monitoring",
                 "type": "itsm.incident.reported.v1", "subject": "incident/EXT-1",
                 "time": "2026-03-02T09:30:00Z", "data": {"title": "Disk full"}}  # fmt: skip
        observed = await api.client.post(
            "/v1/events",
            content=json.dumps(event),
            headers={
                **bearer(issuer.token("monitoring")),
                "Content-Type": "application/cloudevents+json",
            },
        )

        assert (ordered.status_code, observed.status_code) == (201, 200), observed.text
        entry = api.house.ledger.entry(ordered.json()["position"]).attributes
        assert (entry["authid"], entry["authtype"]) == (service, "service_account")
        fact = api.house.ledger.entry(observed.json()["position"]).attributes
        assert fact["recordedby"] == source


ALGORITHMS = [
    *((kind, algorithm) for kind, algorithm in ALGORITHM.items()),
    *(("RSA", algorithm) for algorithm in ("RS384", "RS512", "PS256", "PS384", "PS512")),
]


async def test_every_algorithm_of_the_list_is_taken(issuer: Issuer, tmp_path: Path) -> None:
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock) as api:
        for kind, algorithm in ALGORITHMS:
            issuer.turn(kind)
            clock.passed += 10
            answer = await ask(api, issuer.token(header={"alg": algorithm}))

            assert answer.status_code == 200, algorithm


async def test_its_scopes_are_those_of_the_setting(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path, oidc_scopes="incident:read") as api:
        token = bearer(issuer.token())

        refused = await api.client.post("/v1/incidents", json=INCIDENT, headers=token)

        assert problem(refused, 403, "scope-missing")["facts"]["scope"] == "incident:append"


async def test_a_token_may_name_other_audiences_beside_ours(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        answer = await ask(api, issuer.token(aud=["https://other.example.com", AUDIENCE]))

        assert answer.status_code == 200


@pytest.mark.parametrize(
    "claims",
    [{"exp": -SKEW_SECONDS + 20}, {"nbf": SKEW_SECONDS - 20}, {"iat": SKEW_SECONDS - 20}],
    ids=["just expired", "soon valid", "issued soon"],
)
async def test_clocks_may_differ_by_the_skew(
    issuer: Issuer, tmp_path: Path, claims: dict[str, int]
) -> None:
    async with trusting(issuer, tmp_path) as api:
        answer = await ask(api, issuer.token(**from_now(claims)))

        assert answer.status_code == 200


async def test_an_identity_is_linked_and_unlinked_over_http(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        ben, cleo = (api.principal(name).split("/")[1] for name in ("Ben", "Cleo"))
        identity = {"issuer": issuer.url, "subject": "ben@example.com"}
        token = issuer.token("ben@example.com")
        assert await refused_as(api, token) == "not-linked"

        linked = await api.client.post(f"/v1/principals/{ben}/link-identity", json=identity)
        twice = await api.client.post(f"/v1/principals/{cleo}/link-identity", json=identity)

        assert linked.status_code == 200, linked.text
        assert problem(twice, 409, "can-not")["rules"] == ["identity-is-free"]
        assert "ben@example.com" not in twice.text
        assert (await ask(api, token)).status_code == 200
        state = (await api.client.get(f"/v1/principals/{ben}")).json()["state"]
        ((named, shown),) = state["identities"].items()
        assert shown == identity
        unlinked = await api.client.post(
            f"/v1/principals/{ben}/unlink-identity", json={"identity": named, "reason": "Left"}
        )
        assert unlinked.status_code == 200, unlinked.text
        assert await refused_as(api, token) == "not-linked"
        stored = b"".join(entry.raw for entry in api.house.ledger.entries(0, 1000))
        assert b"ben@example.com" not in stored


async def test_a_deactivated_principal_is_stopped_at_once(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        ben = api.principal()
        number = ben.split("/")[1]
        link(api, "ben", ben, issuer.url)
        token = issuer.token("ben")
        assert (await ask(api, token)).status_code == 200

        await api.client.post(f"/v1/principals/{number}/deactivate", json={"reason": "Left"})
        assert await refused_as(api, token) == "principal-not-registered"

        await api.client.post(f"/v1/principals/{number}/reactivate", json={"reason": "Back"})
        assert (await ask(api, token)).status_code == 200


async def test_an_erased_principal_is_stopped_at_once(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        ben = api.principal()
        link(api, "ben", ben, issuer.url)
        token = issuer.token("ben")
        assert (await ask(api, token)).status_code == 200

        erased = await api.client.post(
            f"/v1/principals/{ben.split('/')[1]}/erase", json={"reason": "GDPR art. 17"}
        )

        assert erased.status_code == 200, erased.text
        assert await refused_as(api, token) == "not-linked"


async def test_the_same_token_may_come_to_mean_somebody_else(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        people = [api.principal(name) for name in ("Ben", "Cleo")]
        token = issuer.token("desk")
        for person in people:
            link(api, "desk", person, issuer.url)

            told = await api.client.post("/v1/incidents", json=INCIDENT, headers=bearer(token))

            entry = api.house.ledger.entry(told.json()["position"]).attributes
            assert entry["authid"] == person
            (named,) = api.house.ledger.subject(person).state["identities"]
            number = person.split("/")[1]
            path = f"/v1/principals/{number}/unlink-identity"
            await api.client.post(path, json={"identity": named, "reason": "Shift ends"})


async def test_two_issuers_may_call_different_people_the_same(
    issuer: Issuer, tmp_path: Path
) -> None:
    with issuer_process() as second:
        both = f"{issuer.url} {second.url}"
        async with trusting(issuer, tmp_path, oidc_issuers=both) as api:
            ben = api.principal()
            link(api, "ada", ben, second.url)
            told = [
                await api.client.post(
                    "/v1/incidents", json=INCIDENT, headers=bearer(one.token("ada"))
                )
                for one in (issuer, second)
            ]
            authors = [
                api.house.ledger.entry(one.json()["position"]).attributes["authid"] for one in told
            ]
            forged = issuer.token(iss=second.url)

            assert authors == [FIRST_PERSON, ben]
            assert await refused_as(api, forged) == "unknown-key"


def test_what_the_tests_can_sign_with_is_what_is_taken() -> None:
    assert set(ALGORITHM) == set(KINDS)
