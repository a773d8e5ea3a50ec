"""Whatever is wrong with a request gets a clear problem of its own, and records nothing."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from api.errors import every_kind
from domain.errors import LedgerError
from ledger.errors import ClockJumped, OutcomeUnknown, StorageFailed
from tests.api.http_client import INCIDENT, problem, serving

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"title": "x"', "line 1, column 14"),
        (b"", "title"),
        (b"nonsense", "expected JSON"),
        (b'{"title": "\xff"}', "UTF-8"),
        ('{"title": "é"}'.encode("utf-16"), "UTF-8"),
        (b'{"title": "x", "title": "y"}', "once"),
        (b'{"title": NaN}', "NaN"),
        (b'{"title": "\\ud800"}', "whole characters"),
        (b'{"title": "a\\u0000b"}', "U+0000"),
        (b'{"title": "x", "impact": 90071992547409921}', "2^53"),
        (b'{"impact": ' + b"9" * 5000 + b"}", "2^53"),
        (b"[" * 2000 + b"]" * 2000, "nesting"),
        (b"[" * 300 + b"]" * 300, "nesting"),
        (gzip.compress(b"{}", mtime=0), "UTF-8"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(tmp_path: Path, body: bytes, told: str) -> None:
    async with serving(tmp_path) as api:
        size = api.house.ledger.head().size

        answer = await api.client.post("/v1/incidents", content=body, headers=JSON)

        assert answer.status_code in {400, 422}, answer.text
        assert told in problem(answer, answer.status_code, answer.json()["code"])["detail"]
        assert api.house.ledger.head().size == size


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"impact": 9, "urgency": 2},
        {"nickname": "x"},
        {"recordedtime": "2026-03-02T09:30:00Z"},
        {"detected_at": "2026-03-02T09:30:00"},
        {"detected_at": "yesterday"},
        {"detected_at": "0001-01-01T00:00:00+02:00"},
    ],
)
async def test_members_that_are_wrong_are_named(tmp_path: Path, wrong: dict[str, object]) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post("/v1/incidents", json={**INCIDENT, **wrong})

        told = problem(answer, 422, "malformed")
        assert next(iter(wrong)) in told["detail"]


async def test_values_of_a_request_are_not_repeated_in_its_problem(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post(
            "/v1/incidents", json={"title": ["Ada Lovelace"], "service": {"name": "Ada Lovelace"}}
        )

        problem(answer, 422, "malformed")
        assert "Lovelace" not in answer.text


async def test_commitments_are_made_by_the_ledger_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        forged = "sd:sha-256:" + "A" * 43

        plain = await api.client.post("/v1/incidents", json={**INCIDENT, "service": forged})
        escaped = await api.client.post(
            "/v1/incidents",
            content=b'{"title": "x", "service": "\\u0073d:sha-256:' + b"A" * 43 + b'"}',
            headers=JSON,
        )

        assert "sd:" in problem(plain, 422, "malformed")["detail"]
        assert "sd:" in problem(escaped, 422, "malformed")["detail"]


async def test_another_content_type_is_not_taken_for_json(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post(
            "/v1/incidents", content=b"title=x", headers={"Content-Type": "text/plain"}
        )

        problem(answer, 415, "unsupported-media-type")


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(tmp_path: Path) -> None:
    async with serving(tmp_path, body_limit_bytes=1024) as api:
        answer = await api.client.post("/v1/incidents", json={"title": "x" * 2000})

        assert problem(answer, 413, "body-too-large")["facts"]["limit_bytes"] == 1024


async def test_a_body_over_the_limit_is_refused_while_it_streams_in(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b'{"title": "' if sent == 1 else b"x" * 512

    async with serving(tmp_path, body_limit_bytes=1024) as api:
        answer = await api.client.post("/v1/incidents", content=endless(), headers=JSON)

        problem(answer, 413, "body-too-large")


async def test_an_entry_over_its_limit_is_refused_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        source = api.source()
        size = api.house.ledger.head().size
        columns = {f"column_{n}": "x" * 1000 for n in range(80)}
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": "/sources/monitoring",
            "type": "itsm.incident.source-status-recorded.v1",
            "subject": "incident/MON-1",
            "time": "2026-03-02T09:30:00Z",
            "data": {"source_status": "x", "source": columns},
        }

        answer = await api.client.post(
            "/v1/events",
            json=event,
            headers={**source, "Content-Type": "application/cloudevents+json"},
        )

        told = problem(answer, 413, "entry-too-large")
        assert told["facts"]["limit"] == 65_535
        assert api.house.ledger.head().size == size


@pytest.mark.parametrize("key", ["", "with space", "ü", "x" * 256])
async def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.post(
            "/v1/incidents", json=INCIDENT, headers={b"Idempotency-Key": key.encode()}
        )

        problem(answer, 422, "malformed")


async def test_addresses_that_do_not_exist_are_problems(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for path in ("/nothing", "/v1/unicorns", "/v1/incidents/INC0010001/history/more"):
            problem(await api.client.get(path), 404, "no-such-address")
        for path in (
            "/v1/unicorns",
            "/v1/incidents/INC0010001/explode",
            "/v1/ledgers",
            "/v1/facts",
        ):
            problem(await api.client.post(path, json={}), 404, "no-such-address")


async def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as api:
        for method, path in (
            ("DELETE", "/v1/incidents/INC0010001"),
            ("PUT", "/v1/events"),
            ("DELETE", "/v1/incidents/INC0010001/assign"),
        ):
            answer = await api.client.request(method, path)

            problem(answer, 405, "method-not-allowed")
            assert answer.headers["Allow"]


async def test_a_number_that_no_subject_can_have_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.get("/v1/incidents/-x")

        problem(answer, 422, "malformed")


@pytest.mark.parametrize(
    "query",
    [
        "at=2026-03-02T09:30:00",
        "at=nonsense",
        "position=0",
        "position=99999",
        "basis=maybe",
        "known_at=2026-03-02T09:30:00Z&basis=known",
    ],
)
async def test_a_moment_that_cannot_be_asked_for_is_refused(tmp_path: Path, query: str) -> None:
    async with serving(tmp_path) as api:
        await api.reported()

        answer = await api.client.get(f"/v1/incidents/INC0010001?{query}")

        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_filter_that_is_misspelt_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.client.get("/v1/incidents?statsu=new")

        assert "statsu" in problem(answer, 422, "malformed")["detail"]


async def test_each_problem_leads_to_a_page_about_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        for kind in every_kind():
            page = await api.client.get(f"/problems/{kind.code}", headers={"Authorization": ""})

            assert page.status_code == 200
            assert kind.summary in page.text
            assert "What to do:" in page.text


async def test_a_fault_of_the_software_is_a_problem_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as api:
        monkeypatch.setattr(api.app.state.services.dispatcher, "submit", None, raising=False)

        answer = await api.client.post("/v1/incidents", json=INCIDENT)

        told = problem(answer, 500, "server-fault")
        assert "NoneType" not in told["detail"]


@pytest.mark.parametrize(
    "failure", [StorageFailed("the disk is full"), ClockJumped(), OutcomeUnknown()]
)
async def test_a_failing_store_is_told_and_nothing_is_half_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: LedgerError
) -> None:
    async with serving(tmp_path) as api:
        ledger = api.house.ledger
        size = ledger.head().size
        with monkeypatch.context() as broken:
            broken.setattr(ledger.writer, "_commit_together", _raising(failure))
            answer = await api.client.post(
                "/v1/incidents", json=INCIDENT, headers={"Idempotency-Key": "k"}
            )

        problem(answer, 503, failure.code)
        assert answer.headers["Retry-After"]
        assert ledger.head().size == size
        again = await api.client.post(
            "/v1/incidents", json=INCIDENT, headers={"Idempotency-Key": "k"}
        )
        assert again.status_code == 201


def _raising(failure: LedgerError) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise failure

    return fail
