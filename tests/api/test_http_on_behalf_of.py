"""Orders on somebody's behalf over HTTP: who acted and for whom, and each way that it can go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.principal import DeactivatePrincipal
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order
from tests.api.delegating import Delegated, delegated
from tests.api.http_client import SOURCE_URI, Api, problem, serving
from tests.api.test_http_facts import STRUCTURED, fact

pytestmark = pytest.mark.anyio

TO_MAIL = {"assignment_group": "mail"}
ASSIGN = "/v1/incidents/INC0010001/assign"


async def at_work(api: Api, role: str = "dispatcher") -> tuple[Delegated, dict[str, str]]:
    """A reported incident, and the header that signs in somebody who has that role by delegation only."""
    await api.reported()
    found = delegated(api.house.ledger, role)
    return found, api.token_for(found.delegate, "*:append", "*:read", "*:administer")


async def assigned(api: Api, signed_in: dict[str, str], holder: str, **more: str) -> httpx.Response:
    headers = {**signed_in, "On-Behalf-Of": holder, **more}
    return await api.client.post(ASSIGN, json=TO_MAIL, headers=headers)


def last_refusal(api: Api, principal: str) -> tuple[dict[str, Any], str]:
    """What the newest entry on the principal says of an order refused, and by which rules."""
    entry = api.house.ledger.entries_of(principal)[-1]
    assert entry.type == "itsm.principal.order-refused.v1"
    return entry.data["last_refusal"], str(entry.attributes["rules"])


async def test_both_who_acted_and_for_whom_are_recorded_with_the_grant(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)

        answer = await assigned(api, signed_in, found.holder)

        assert answer.status_code == 200, answer.text
        said = api.house.ledger.entry(answer.json()["position"]).attributes
        assert (said["authid"], said["onbehalfof"]) == (found.delegate, found.holder)
        assert said["recordedby"] == found.delegate
        assert said["grants"] == found.grant


async def test_without_the_header_a_delegate_acts_in_their_own_roles_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)

        answer = await api.client.post(ASSIGN, json=TO_MAIL, headers=signed_in)

        assert problem(answer, 403, "may-not")["rules"] == ["no-permit:incident:assign"]
        assert last_refusal(api, found.delegate)[0].get("on_behalf_of") is None


@pytest.mark.parametrize("role", ["service-desk", "dispatcher"])
async def test_acting_for_somebody_who_delegated_nothing_is_refused_and_recorded(
    tmp_path: Path, role: str
) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api, role)
        found.end(api.house.ledger)

        answer = await assigned(api, signed_in, found.holder)

        told = problem(answer, 403, "may-not")
        assert "no-delegation-without-grant" in told["rules"]
        refusal, rules = last_refusal(api, found.delegate)
        assert refusal["on_behalf_of"] == found.holder
        assert "no-delegation-without-grant" in rules


async def test_a_delegation_gives_no_more_than_the_role_it_is_of(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api, "fulfiller")

        answer = await assigned(api, signed_in, found.holder)

        assert problem(answer, 403, "may-not")["rules"] == ["no-permit:incident:assign"]
        assert last_refusal(api, found.delegate)[0]["on_behalf_of"] == found.holder


async def test_a_later_refusal_in_ones_own_name_clears_whom_one_acted_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api, "fulfiller")
        await assigned(api, signed_in, found.holder)

        await api.client.post(ASSIGN, json=TO_MAIL, headers=signed_in)

        state = api.house.ledger.subject(found.delegate).state
        assert "on_behalf_of" not in state["last_refusal"]


@pytest.mark.parametrize(
    "sent", ["", "PRN0000004", "incident/INC0010001", "principal/", "principal/PRN1,principal/PRN2",
             "principal/" + "9" * 200, "principal/PRN\xe9", " principal/x y"],
)  # fmt: skip
async def test_a_malformed_header_is_no_principal(tmp_path: Path, sent: str) -> None:
    async with serving(tmp_path) as api:
        _, signed_in = await at_work(api)
        size = api.house.ledger.head().size
        said = {**signed_in, "On-Behalf-Of": sent}
        headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]

        answer = await api.client.post(ASSIGN, json=TO_MAIL, headers=headers)

        assert "principal/PRN0000012" in problem(answer, 422, "malformed")["detail"]
        assert api.house.ledger.head().size == size


async def test_an_unknown_principal_is_nobody_to_act_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        _, signed_in = await at_work(api)

        answer = await assigned(api, signed_in, "principal/PRN0000099")

        told = problem(answer, 422, "malformed")
        assert told["detail"] == "principal/PRN0000099 is not a known principal"


async def test_nobody_acts_for_whoever_was_deactivated(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)
        deactivate = DeactivatePrincipal(reason="Left")
        api.house.ledger.execute(Order(deactivate, Actor(OPERATOR, "system"), found.holder))

        answer = await assigned(api, signed_in, found.holder)

        assert problem(answer, 403, "may-not")["rules"] == ["acted-for-is-registered"]
        assert last_refusal(api, found.delegate)[1] == "acted-for-is-registered"


async def test_nobody_acts_on_their_own_behalf(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()

        answer = await assigned(api, {}, FIRST_PERSON)

        assert "acts already" in problem(answer, 422, "malformed")["detail"]


async def test_a_source_acts_for_nobody_but_itself(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.reported()
        pipeline = api.principal("Pipeline", kind="source", mode="govern")
        delegated(api.house.ledger, delegate=api.principal())

        answer = await assigned(api, api.token_for(pipeline, "*:append"), FIRST_PERSON)

        assert problem(answer, 403, "may-not")["rules"] == ["source-acts-for-itself"]
        assert last_refusal(api, pipeline)[1] == "source-acts-for-itself"


async def test_the_header_given_twice_is_refused_even_if_both_say_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)
        twice = [("On-Behalf-Of", found.holder)] * 2

        answer = await api.client.post(ASSIGN, json=TO_MAIL, headers=[*signed_in.items(), *twice])

        assert "expected one On-Behalf-Of, got 2" in problem(answer, 422, "malformed")["detail"]


@pytest.mark.parametrize("path", ["/v1/incidents/INC0010001", "/v1/incidents", "/v1/events"])
async def test_everybody_reads_in_their_own_name(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)

        answer = await api.client.get(path, headers={**signed_in, "On-Behalf-Of": found.holder})

        assert "reads in their own name" in problem(answer, 422, "malformed")["detail"]


async def test_facts_name_who_acted_themselves(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        headers = {**api.source(), **STRUCTURED, "On-Behalf-Of": FIRST_PERSON}

        answer = await api.client.post("/v1/events", json=fact(), headers=headers)

        assert "authid" in problem(answer, 422, "malformed")["detail"]


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_a_source_does_not_say_on_whose_behalf_it_happened(tmp_path: Path, mode: str) -> None:
    async with serving(tmp_path) as api:
        event = fact(onbehalfof=FIRST_PERSON)
        sent: dict[str, Any]
        if mode == "structured":
            sent = {"json": event, "headers": {**api.source(), **STRUCTURED}}
        else:
            said = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
            sent = {"json": event["data"], "headers": {**api.source(), **said}}

        answer = await api.client.post("/v1/events", **sent)

        told = problem(answer, 422, "malformed")
        assert told["detail"] == "only the ledger sets onbehalfof; leave them out"
        assert SOURCE_URI not in told["detail"]


async def test_a_key_belongs_to_the_order_for_the_same_person(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        _, key = await at_work(api), {"Idempotency-Key": "retry-1"}
        ben = api.principal()
        first = await api.client.post(ASSIGN, json=TO_MAIL, headers=key)
        assert first.status_code == 200, first.text

        for_ben = await assigned(api, {}, ben, **key)

        problem(for_ben, 409, "key-reused")
        again = await api.client.post(ASSIGN, json=TO_MAIL, headers=key)
        assert (again.status_code, again.json()) == (200, first.json())


async def test_a_key_replays_for_the_same_person_acted_for_and_no_other(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api)
        signed_in["Idempotency-Key"] = "retry-1"
        first = await assigned(api, signed_in, found.holder)
        assert first.status_code == 200, first.text

        again = await assigned(api, signed_in, found.holder)
        for_another = await assigned(api, signed_in, "principal/PRN0000003")
        for_oneself = await api.client.post(ASSIGN, json=TO_MAIL, headers=signed_in)

        assert (again.status_code, again.json()) == (200, first.json())
        problem(for_another, 409, "key-reused")
        problem(for_oneself, 409, "key-reused")


async def test_the_ledgers_own_acts_are_given_on_behalf_of_others_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api, "privacy-officer")
        headers = {**signed_in, "On-Behalf-Of": found.holder}
        body = {"target": "incident/INC0010001", "reason": "A claim is pending"}

        placed = await api.client.post("/v1/holds", json=body, headers=headers)
        in_own_name = await api.client.post("/v1/holds", json=body, headers=signed_in)

        assert placed.status_code == 200, placed.text
        said = api.house.ledger.entry(placed.json()["position"]).attributes
        assert (said["authid"], said["onbehalfof"]) == (found.delegate, found.holder)
        problem(in_own_name, 403, "may-not")


async def test_a_token_is_issued_on_behalf_of_others_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        found, signed_in = await at_work(api, "administrator")
        headers = {**signed_in, "On-Behalf-Of": found.holder}
        body = {"principal": found.holder, "scopes": ["incident:read"]}

        issued = await api.client.post("/v1/tokens", json=body, headers=headers)

        assert issued.status_code == 201, issued.text
        said = api.house.ledger.entry(issued.json()["receipt"]["position"]).attributes
        assert (said["authid"], said["onbehalfof"]) == (found.delegate, found.holder)


async def test_every_order_is_described_with_the_header(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        described = api.app.openapi()["paths"]

        orders = {
            path
            for path, operations in described.items()
            for parameter in operations.get("post", {}).get("parameters", ())
            if parameter["name"] == "On-Behalf-Of"
        }

        posts = {path for path, operations in described.items() if "post" in operations}
        told = {"/v1/events", "/v1/deployments/webhook", "/v1/replay/check"}
        assert posts - orders == told
        reads = [one for operations in described.values() for one in [operations.get("get", {})]]
        assert not any("On-Behalf-Of" in str(one.get("parameters")) for one in reads)
