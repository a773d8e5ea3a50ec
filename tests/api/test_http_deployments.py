"""What pipelines tell: the webhook's body and CDEvents become deployments, and nothing of them is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http.pipelines import PipelineRun
from tests.api.http_client import SOURCE_URI, Api, problem, serving, statuses
from tests.api.test_http_auditing import settled
from tests.contract.databases import BOTH, fresh_database_url

pytestmark = pytest.mark.anyio

WEBHOOK = "/v1/deployments/webhook"
DIGEST = "0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
UUID = "271069a8-fc18-44f1-b38f-9d70a1695819"
AT = "2026-03-07T20:11:00.000000Z"


def run(**changed: Any) -> dict[str, Any]:
    told = {**PipelineRun.example, **changed}
    return {name: value for name, value in told.items() if value is not None}


def cdevent(
    what: str = "service.deployed.0.2.0", custom: Any = None, **changed: Any
) -> dict[str, Any]:
    """As the CloudEvents binding of CDEvents has it; `None` leaves an attribute out."""
    content: dict[str, Any] = {
        "environment": {"id": "production", "source": "/clusters/one"},
        "artifactId": f"pkg:oci/mail@sha256%3A{DIGEST}?repository_url=registry",
    }
    said: dict[str, Any] = {
        "context": {
            "version": "0.4.1", "id": UUID, "source": SOURCE_URI, "type": f"dev.cdevents.{what}",
            "timestamp": "2026-03-07T20:11:00Z", "chainId": "4c8cb7dd-3448-41de-8768-eec704e2829b",
        },
        "subject": {"id": "mail", "source": SOURCE_URI, "type": "service", "content": content},
    }  # fmt: skip
    if custom is not None:
        said["customData"] = custom
    event = {
        "specversion": "1.0",
        "id": UUID,
        "source": SOURCE_URI,
        "type": f"dev.cdevents.{what}",
        "subject": "mail",
        "time": "2026-03-07T20:11:00Z",
        "dataschema": "https://cdevents.dev/0.4.1/schema/service-deployed-event",
        "data": said,
        **changed,
    }
    return {name: value for name, value in event.items() if value is not None}


async def tell(api: Api, source: Mapping[str, str], body: Any) -> httpx.Response:
    return await api.client.post(WEBHOOK, json=body, headers=source)


async def observe(api: Api, source: Mapping[str, str], *events: Any) -> httpx.Response:
    kind = {"Content-Type": "application/cloudevents-batch+json"}
    return await api.client.post("/v1/events", json=list(events), headers={**source, **kind})


def state(api: Api, subject: str) -> Mapping[str, Any]:
    return api.house.ledger.load(subject).state


async def kept(api: Api, receipt: Mapping[str, Any]) -> Any:
    """The fact that was kept beside it, as it is revealed."""
    (fact,) = [one for one in receipt["also"] if one["subject"].startswith("fact/")]
    told = await api.client.get(f"/v1/facts/{fact['subject'].partition('/')[2]}")
    return told.json()["state"]


@pytest.mark.parametrize("kind", BOTH)
async def test_a_run_becomes_a_deployment_once(kind: str, tmp_path: Path) -> None:
    async with serving(
        tmp_path,
        database_url=fresh_database_url(kind, tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master",
    ) as api:
        source = api.source()

        answer = await tell(api, source, run())
        size = api.house.ledger.head().size
        again = await tell(api, source, run())

        assert answer.status_code == 200, answer.text
        assert answer.json()["type"] == "itsm.deployment.recorded.v1"
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
        assert api.house.ledger.head().size == size
        entry = api.house.ledger.entry(answer.json()["position"])
        assert (entry.time, entry.attributes["source"]) == (AT, SOURCE_URI)
        assert entry.attributes["authid"] == entry.data["deployed_by"]
        assert entry.data == {
            "status": "deployed",
            "service": "mail",
            "environment": "production",
            "change": "change/CHG0010042",
            "content_hash": "sha256:" + "5e" * 32,
            "commits": {"3f786850e387550fdab836ed7e6dc881de23001b": True},
            "started_at": "2026-03-07T20:05:00.000000Z",
            "finished_at": AT,
            "deployed_by": entry.data["deployed_by"],
            "pipeline_run": "https://ci.example.com/mail/runs/4711",
        }
        assert api.house.ledger.head().size == entry.position


async def test_each_outcome_of_a_run_is_a_fact_of_one_deployment(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        later = "2026-03-07T20:40:00Z"
        failed = run(outcome="failed", failure="Two of three nodes are down")
        restored = run(outcome="restored", finished_at=later, incident="incident/INC0010077")

        answer = await tell(api, source, [run(), failed, restored])

        told = answer.json()
        assert (told["recorded"], told["refused"]) == (3, 0), told
        deployment = state(api, "deployment/mail-4711")
        assert (deployment["status"], deployment["finished_at"]) == ("restored", AT)
        assert deployment["restored_at"] == "2026-03-07T20:40:00.000000Z"
        assert deployment["failure"].startswith("sd:")


async def test_details_are_kept_whole_with_the_body_that_they_came_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        body = run(details={"flags": ["canary"], "attempt": 2})

        answer = await tell(api, api.source(), body)

        fact = await kept(api, answer.json())
        assert fact["original_type"] == "itsm-ledger.deployments.webhook"
        assert fact["payload"] == body
        entry = api.house.ledger.entry(answer.json()["position"])
        assert entry.attributes["correlationid"] == "mail-4711:deployed"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (run(id=None), "id"),
        (run(id="mail/4711"), "id"),
        (run(outcome="done"), "outcome"),
        (run(service=None), "service"),
        (run(environment=None), "environment"),
        (run(finished_at="2026-03-07T20:11:00"), "finished_at"),
        (run(enviroment="production"), "enviroment"),
        (run(content_hash="md5:5e"), "content_hash"),
        (run(commits="3f78"), "commits"),
        (run(change=7), "change"),
        (run(change="incident/INC0010077"), "change"),
        (run(failure="It failed"), "failure"),
        (run(incident="incident/INC0010077"), "incident"),
        ("deployed", "JSON object"),
    ],
)
async def test_a_bad_body_is_refused_with_the_member_that_is_wrong(
    tmp_path: Path, body: Any, why: str
) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        size = api.house.ledger.head().size

        alone = await tell(api, source, body)
        batch = await tell(api, source, [body, run(id="other")])

        assert why in problem(alone, 422, "malformed")["detail"]
        assert statuses(batch.json()["results"]) == [422, 200]
        assert api.house.ledger.head().size > size


async def test_only_sources_tell_of_deployments_and_not_twice_otherwise(tmp_path: Path) -> None:
    async with serving(tmp_path, batch_limit_events=1) as api:
        source = api.source()
        await tell(api, source, run())

        problem(await tell(api, source, run(service="erp")), 409, "key-reused")
        problem(await tell(api, source, [run(), run(id="2")]), 413, "batch-too-large")
        problem(await tell(api, api.client.headers, run(id="3")), 403, "may-not")
        text = {**source, "Content-Type": "text/plain"}
        problem(
            await api.client.post(WEBHOOK, content="{}", headers=text),
            415,
            "unsupported-media-type",
        )
        problem(await api.client.post(WEBHOOK, content="{", headers=source), 400, "unreadable-body")


@pytest.mark.parametrize("what", ["deployed.0.2.0", "upgraded.0.1.1", "rolledback.0.3.0-draft"])
async def test_a_cdevent_of_what_went_live_is_a_deployment_and_kept_whole(
    tmp_path: Path, what: str
) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        event = cdevent(f"service.{what}")

        answer = await observe(api, source, event)
        again = await observe(api, source, event)

        (result,) = answer.json()["results"]
        assert result["status"] == 200, result
        receipt = result["receipt"]
        assert again.json()["results"][0]["receipt"] == receipt
        assert receipt["subject"] == f"deployment/{UUID}"
        entry = api.house.ledger.entry(receipt["position"])
        assert (entry.attributes["id"], entry.attributes["source"]) == (UUID, SOURCE_URI)
        assert state(api, receipt["subject"]) == {
            "status": "deployed",
            "service": "mail",
            "environment": "production",
            "artifact": f"sha256:{DIGEST}",
            "finished_at": AT,
        }
        fact = await kept(api, receipt)
        assert (fact["original_type"], fact["payload"]) == (event["type"], event)


async def test_custom_data_may_say_what_the_webhook_says(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        custom = {
            "change": "CHG0010042", "commits": ["c0ffee"], "started_at": "2026-03-07T21:05:00+01:00",
            "run_url": "https://ci.example.com/1", "deployed_by": "Ben Kaya", "weather": "fine",
        }  # fmt: skip

        answer = await observe(api, api.source(), cdevent(custom=custom))

        assert answer.json()["recorded"] == 1, answer.text
        told = state(api, f"deployment/{UUID}")
        assert (told["change"], told["commits"]) == ("change/CHG0010042", {"c0ffee": True})
        assert told["started_at"] == "2026-03-07T20:05:00.000000Z"
        assert told["deployed_by"].startswith("principal/")
        assert "weather" not in told


@pytest.mark.parametrize(
    "custom",
    ["text", {"change": {"id": 5}, "commits": [], "started_at": "yesterday", "content_hash": 7}],
)
async def test_custom_data_of_another_shape_stays_in_the_whole_only(
    tmp_path: Path, custom: Any
) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), cdevent(custom=custom))

        assert answer.json()["recorded"] == 1, answer.text
        assert {"change", "commits", "started_at", "content_hash"}.isdisjoint(
            state(api, f"deployment/{UUID}")
        )
        fact = await kept(api, answer.json()["results"][0]["receipt"])
        assert fact["payload"]["data"]["customData"] == custom


@pytest.mark.parametrize(
    "what", ["service.removed.0.2.0", "incident.detected.0.2.0", "coffee.brewed.9.9.9", "nonsense"]
)
async def test_every_other_cdevent_is_kept_as_a_fact(tmp_path: Path, what: str) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), cdevent(what))

        receipt = answer.json()["results"][0]["receipt"]
        assert receipt["type"] == "itsm.fact.observed.v1"
        assert "also" not in receipt
        assert state(api, receipt["subject"])["original_type"] == f"dev.cdevents.{what}"


async def test_an_id_that_no_subject_can_have_is_hashed(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), cdevent(id="run 1/2"), cdevent(id="run 1/3"))

        told = [one["receipt"]["subject"] for one in answer.json()["results"]]
        assert len(set(told)) == 2
        assert all(one.startswith("deployment/") for one in told)


def without(part: str) -> dict[str, Any]:
    return {name: value for name, value in cdevent()["data"].items() if name != part}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (cdevent(id=None), "lacks id"),
        (cdevent(data=None), "lacks data"),
        (cdevent(id="\n"), "id"),
        (cdevent(specversion="0.3"), "specversion"),
        (cdevent(source="/elsewhere"), "source"),
        (cdevent(data=[]), "data as a JSON object"),
        (cdevent(data=without("context")), "context"),
        (cdevent(data=without("subject")), "subject"),
        (cdevent(data={**cdevent()["data"], "subject": {"id": 7}}), "subject.id"),
        (cdevent(time="noon"), "RFC 3339"),
        (cdevent(time=None, data={**cdevent()["data"], "context": {}}), "context.timestamp"),
        (cdevent(data={**cdevent()["data"], "subject": {"id": "x" * 201}}), "service"),
    ],
)
async def test_a_bad_cdevent_is_refused_alone(tmp_path: Path, event: Any, why: str) -> None:
    async with serving(tmp_path) as api:
        good = cdevent(id="good")

        answer = await observe(api, api.source(), event, good)

        assert statuses(answer.json()["results"]) == [422, 200]
        assert why in answer.json()["results"][0]["problem"]["detail"]


async def test_the_time_of_the_context_does_where_the_envelope_has_none(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await observe(api, api.source(), cdevent(time=None))

        position = answer.json()["results"][0]["receipt"]["position"]
        assert api.house.ledger.entry(position).time == AT


async def test_a_cdevent_comes_in_binary_mode_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        event = cdevent()
        headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}

        answer = await api.client.post(
            "/v1/events",
            content=json.dumps(event["data"]),
            headers={**api.source(), **headers, "Content-Type": "application/json"},
        )

        assert answer.json()["subject"] == f"deployment/{UUID}", answer.text


async def test_a_token_must_reach_both_families(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source("deployment:append")

        told = await observe(api, source, cdevent())

        assert statuses(told.json()["results"]) == [403]
        assert (await tell(api, source, run())).status_code == 200


@pytest.mark.parametrize("kind", BOTH)
async def test_the_register_tells_each_deployment_with_its_verdict_page_by_page(
    kind: str, tmp_path: Path
) -> None:
    async with serving(
        tmp_path,
        database_url=fresh_database_url(kind, tmp_path),
        views_url=f"sqlite:///{tmp_path / 'ledger.views.db'}",
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master",
    ) as api:
        staging = run(id="mail-4712", environment="staging", change=None)
        await tell(api, api.source(), [run(), staging])

        told = await settled(api, "/v1/deployments", sort="number", limit=1)
        other = await settled(api, "/v1/deployments", sort="number", limit=1, cursor=told["next"])
        production = await settled(api, "/v1/deployments", environment="production")
        wrong = await settled(api, "/v1/deployments", verdict="unmatched", service="mail")
        early = await settled(api, "/v1/deployments", to="2026-03-07T20:11:00Z")

        (one,) = told["items"]
        assert (one["subject"], one["verdict"]) == ("deployment/mail-4711", "unmatched")
        assert one["breaches"] == {"unmatched": "change/CHG0010042 is not recorded"}
        assert (one["change"], one["found_by"]) == ("change/CHG0010042", "reference")
        assert [row["subject"] for row in other["items"]] == ["deployment/mail-4712"]
        assert other["next"] is None
        assert production["items"] == told["items"]
        assert len(wrong["items"]) == 2
        assert early["items"] == []


async def test_the_register_takes_only_what_it_knows_and_who_may_read_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for query in ({"verdict": "good"}, {"sort": "service"}, {"from": "yesterday"}, {"at": AT}):
            problem(await api.client.get("/v1/deployments", params=query), 422, "malformed")
        only = api.source("deployment:read")
        problem(await api.client.get("/v1/deployments", headers=only), 403, "scope-missing")
