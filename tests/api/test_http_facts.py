"""Observed facts over HTTP: the three modes of CloudEvents, event by event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.http_client import SOURCE_URI, Api, problem, serving, statuses

pytestmark = pytest.mark.anyio

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


def fact(id_: str = "1", **changed: Any) -> dict[str, Any]:
    """A CloudEvent about MON-1; `None` leaves an attribute out."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE_URI,
        "type": "itsm.incident.reported.v1",
        "subject": f"incident/MON-{id_}",
        "time": "2026-03-02T10:30:00+01:00",
        "data": {"title": "Mail queue grows", "service": "mail"},
        **changed,
    }
    return {name: value for name, value in event.items() if value is not None}


async def observe(api: Api, source: dict[str, str], event: Any) -> httpx.Response:
    return await api.client.post("/v1/events", json=event, headers={**source, **STRUCTURED})


async def observe_all(api: Api, source: dict[str, str], events: Any) -> httpx.Response:
    return await api.client.post("/v1/events", json=events, headers={**source, **BATCHED})


async def test_a_fact_is_recorded_as_its_source_told_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), fact(correlationid="c-1"))

        assert answer.status_code == 200, answer.text
        entry = api.house.ledger.entry(answer.json()["position"]).attributes
        assert (entry["id"], entry["source"]) == ("1", SOURCE_URI)
        assert entry["time"] == "2026-03-02T09:30:00.000000Z"
        assert entry["decision"] == "observed"
        assert entry["correlationid"] == "c-1"
        assert entry["recordedby"] == entry["authid"]


async def test_who_acted_becomes_a_principal_of_the_ledger(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), fact(authid="Ben Kaya", reason="He said so"))

        told = answer.json()
        entry = api.house.ledger.entry(told["position"]).attributes
        assert entry["authid"] == told["also"][0]["subject"]
        assert b"Ben Kaya" not in api.house.ledger.entry(told["position"]).raw
        assert b"He said so" not in api.house.ledger.entry(told["position"]).raw


async def test_binary_mode_takes_attributes_from_headers(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        event = fact(authid="Zoë Ünal")
        headers = {
            f"ce-{name}": value.replace("ë", "%C3%AB").replace("Ü", "%C3%9C").replace(" ", "%20")
            for name, value in event.items()
            if name != "data"
        }

        answer = await api.client.post(
            "/v1/events", json=event["data"], headers={**api.source(), **headers}
        )

        assert answer.status_code == 200, answer.text
        acting = answer.json()["also"][0]["subject"].split("/")[1]
        named = await api.client.get(f"/v1/principals/{acting}")
        assert named.json()["state"]["name"] == "Zoë Ünal"


async def test_the_same_event_again_gets_its_first_receipt_in_whatever_mode(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        first = await observe(api, source, fact())
        size = api.house.ledger.head().size

        again = await observe(api, source, dict(reversed(fact().items())))
        batched = await observe_all(api, source, [fact()])

        assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
        assert batched.json()["replayed"] == 1
        assert batched.json()["results"][0]["receipt"] == first.json()
        assert api.house.ledger.head().size == size


async def test_the_same_id_with_another_event_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        await observe(api, source, fact())

        problem(await observe(api, source, fact(data={"title": "x"})), 409, "key-reused")


async def test_a_batch_is_taken_event_by_event_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        assigned = fact("3", type="itsm.incident.assigned.v1", subject="incident/MON-1")
        batch = [
            fact("1"),
            fact("2", time="2026-03-02T10:30:00"),
            assigned | {"data": {"assignment_group": "mail"}},
            "no event",
            fact("4", type="com.example.alert"),
            fact("5"),
        ]

        answer = await observe_all(api, api.source(), batch)

        told = answer.json()
        assert answer.status_code == 200
        assert statuses(told["results"]) == [200, 422, 200, 422, 422, 200]
        assert (told["recorded"], told["refused"]) == (3, 3)
        assert told["results"][2]["receipt"]["version"] == 2
        assert told["results"][4]["problem"]["code"] == "unknown-type"
        assert "itsm.fact.observed.v1" in told["results"][4]["problem"]["detail"]


async def test_a_batch_over_the_limit_is_refused_whole(tmp_path: Path) -> None:
    async with serving(tmp_path, batch_limit_events=2) as api:
        source = api.source()
        size = api.house.ledger.head().size

        answer = await observe_all(api, source, [fact("1"), fact("2"), fact("3")])

        problem(answer, 413, "batch-too-large")
        assert api.house.ledger.head().size == size


async def test_a_batch_that_is_no_array_is_refused_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        problem(await observe_all(api, api.source(), fact()), 400, "unreadable-body")


async def test_an_empty_batch_is_answered_with_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        assert (await observe_all(api, api.source(), [])).json()["results"] == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": None}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"id": 7}, "id"),
        ({"source": "/sources/other"}, SOURCE_URI),
        ({"subject": None}, "subject"),
        ({"subject": "problem/PRB1"}, "incident/"),
        ({"subject": "nonsense"}, "subject id"),
        ({"subject": "incident/MON-1\n"}, "subject id"),
        ({"time": None}, "time"),
        ({"time": "2026-03-02T09:30:00"}, "zone"),
        ({"data": None}, "data"),
        ({"data": "text"}, "data"),
        ({"data": {"title": "x", "color": "red"}}, "color"),
        ({"data": {"title": "sd:sha-256:" + "A" * 43}}, "sd:"),
        ({"reason": "sd:sha-256:" + "A" * 43}, "sd:"),
        ({"datacontenttype": "text/xml"}, "JSON"),
        ({"sequence": "1"}, "only the ledger sets sequence"),
        ({"recordedby": "principal/PRN0000002"}, "only the ledger sets recordedby"),
        ({"traceparent": "00-0"}, "traceparent"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"type": "itsm.incident.fact-corrected.v1", "data": {"title": "x"}}, "correct-fact"),
        ({"type": "itsm.incident.fact-corrected.v1", "corrects": 7}, "only the ledger sets"),
        ({"authid": "principal/PRN0099999"}, "send the name"),
    ],
)
async def test_an_event_that_is_not_well_formed_is_refused(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        size = api.house.ledger.head().size

        answer = await observe(api, source, fact(**changed))

        assert told in problem(answer, 422, "malformed")["detail"]
        assert api.house.ledger.head().size == size


async def test_what_confers_authority_is_never_observed(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        event = fact(
            type="itsm.principal.registered.v1",
            subject="principal/EVE",
            data={"kind": "person", "name": "Eve"},
        )

        answer = await observe(api, api.source(), event)

        assert problem(answer, 403, "may-not")["rules"] == ["govern-only"]


async def test_a_fact_about_an_unknown_subject_is_recorded(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        event = fact(type="itsm.incident.resolved.v1", data={"resolution_code": "fixed"})

        assert (await observe(api, api.source(), event)).status_code == 200


async def test_a_payload_of_any_shape_is_kept_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        payload = {"job": "nightly", "sizes": [1, {"deep": None}], "ratio": 0.5}
        event = fact(
            type="itsm.fact.observed.v1",
            subject="fact/backup-1",
            data={"original_type": "com.example.backup", "payload": payload},
        )

        answer = await observe(api, api.source(), event)

        assert answer.status_code == 200, answer.text
        found = await api.client.get("/v1/facts/backup-1")
        assert found.json()["state"]["payload"] == payload


async def test_a_second_source_claiming_a_subject_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await observe(api, api.source(), fact())
        other = api.principal("Other", kind="source", mode="observe", source_uri="/sources/other")
        token = api.token_for(other, "*:append")

        answer = await observe(
            api, token, fact("9", source="/sources/other", subject="incident/MON-1")
        )

        problem(answer, 409, "not-the-owner")


async def test_a_command_on_an_observed_subject_is_refused_unless_it_is_common(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as api:
        await observe(api, api.source(), fact())

        refused = await api.client.post(
            "/v1/incidents/MON-1/assign", json={"assignment_group": "mail"}
        )
        commented = await api.client.post("/v1/incidents/MON-1/comment", json={"comment": "Seen"})

        problem(refused, 409, "not-the-owner")
        assert commented.status_code == 200, commented.text


async def test_only_sources_state_facts(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, {}, fact())

        assert problem(answer, 403, "may-not")["rules"] == ["observing-source"]


async def test_a_source_gives_no_orders(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post("/v1/incidents", json={"title": "x"}, headers=api.source())

        assert problem(answer, 403, "may-not")["rules"] == ["observing-source-may-not-govern"]


async def test_a_source_is_held_to_the_families_of_its_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe_all(api, api.source("problem:append"), [fact()])

        told = answer.json()["results"][0]
        assert (told["status"], told["problem"]["code"]) == (403, "scope-missing")


async def test_another_content_type_is_not_taken_for_an_event(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post(
            "/v1/events",
            content=json.dumps(fact()),
            headers={**api.source(), "Content-Type": "application/json"},
        )

        told = problem(answer, 415, "unsupported-media-type")
        assert "application/cloudevents+json" in told["detail"]


async def test_a_token_revoked_a_moment_ago_records_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        await observe(api, source, fact("1"))
        number = source["Authorization"].split("_")[1]
        revoked = await api.client.post(f"/v1/tokens/{number}/revoke", json={"reason": "Lost"})
        assert revoked.status_code == 200, revoked.text
        size = api.house.ledger.head().size

        # The server may still know the token for a second; the log's lock asks again.
        answer = await observe(api, source, fact("2"))

        assert answer.status_code in {401, 403}
        assert api.house.ledger.head().size == size
