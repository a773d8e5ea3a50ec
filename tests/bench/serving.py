"""Over HTTP: appends at 32 connections, batches of 500, one worker, in a process of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx
import orjson

from api.settings import Settings
from ledger.observe import ObserveProposal
from tests.bench.desks import a_ledger, facts, observe_all, register_source, told
from tests.bench.load import Load, load, request
from tests.bench.measuring import Figure, Sides, rate
from tests.contract.databases import fresh_database_url
from tests.staffing import init

CONNECTIONS = 32
EACH = 60
ROUNDS = 5
BATCHES = 40
BATCH = 500
BODY = orjson.dumps(
    {
        "title": "Mail is not delivered", "service": "mail", "impact": 2, "urgency": 2,
        "contact_type": "phone", "detected_at": "2026-03-02T08:45:00Z",
    }
)  # fmt: skip


def served(kind: str) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as servers:
        port, token = servers.enter_context(our_server(kind, Path(directory)))
        bare_port = servers.enter_context(_bare_server())
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        one = request("POST", "/v1/incidents", BODY, headers)
        sides = Sides().rounds(ROUNDS, lambda: appends(port, one), lambda: appends(bare_port, one))
        ours, theirs = sides.medians()
        yield Figure(
            f"HTTP append at {CONNECTIONS} connections, against an endpoint that only validates",
            kind, ours, theirs, "requests/s", 0.4,
        )  # fmt: skip
        recording, source_token = source(port, headers)
        with a_ledger(kind) as (ledger, _):
            recorder = register_source(ledger)
            sides = Sides()
            for turn in range(ROUNDS):
                first = turn * BATCHES * BATCH
                batches = [told(first + n * BATCH, BATCH) for n in range(BATCHES)]
                sides.theirs.append(
                    rate(BATCHES * BATCH, partial(observe_all, ledger, recorder, batches))
                )
                sides.ours.append(_batches(port, source_token, first))
        assert recording
        yield Figure(
            f"batches of {BATCH} over HTTP, against the same in process",
            kind, *sides.medians(), "events/s", 0.5,
        )  # fmt: skip


def appends(port: int, one: bytes, each: int = EACH) -> float:
    """How many a second, each connection sending `each`."""
    return _good(load(port, [[one] * each] * CONNECTIONS), 201)


def _batches(port: int, token: str, first: int) -> float:
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/cloudevents-batch+json",
    }
    requests = [
        request("POST", "/v1/events", batch(first + n * BATCH), headers) for n in range(BATCHES)
    ]
    return BATCH * _good(load(port, [requests[0::2], requests[1::2]]), 200)


def batch(first: int) -> bytes:
    return orjson.dumps([_cloudevent(proposal) for proposal in facts("", told(first, BATCH))])


def _cloudevent(proposal: ObserveProposal) -> dict[str, object]:
    fact = proposal.facts[0]
    return {
        "specversion": "1.0", "id": fact.id, "source": fact.source, "type": fact.event.type_name,
        "subject": fact.subject, "time": fact.time, "datacontenttype": "application/json",
        "data": fact.data,
    }  # fmt: skip


def _good(outcome: Load, status: int) -> float:
    if set(outcome.statuses) != {status}:
        raise AssertionError(f"expected only {status}, got {outcome.statuses}")
    return outcome.rate


def source(port: int, headers: dict[str, str]) -> tuple[str, str]:
    """A source registered over HTTP, and its token."""
    made = ask(
        port, "/v1/principals", headers,
        {"kind": "source", "name": "bench", "mode": "observe", "source_uri": "/sources/bench"},
    )  # fmt: skip
    principal = str(made["subject"])
    issued = ask(port, "/v1/tokens", headers, {"principal": principal, "scopes": ["*:append"]})
    return principal, str(issued["token"])


def ask(port: int, path: str, headers: dict[str, str], body: object) -> dict[str, object]:
    answer = httpx.post(
        f"http://127.0.0.1:{port}{path}", headers=headers, content=orjson.dumps(body)
    )
    answer.raise_for_status()
    told: dict[str, object] = answer.json()
    return told


@contextlib.contextmanager
def our_server(kind: str, directory: Path, **more: str) -> Iterator[tuple[int, str]]:
    port = free_port()
    environment = {
        "ITSM_LEDGER_DATABASE_URL": fresh_database_url(kind, directory),
        "ITSM_LEDGER_VAULT_URL": f"sqlite:///{directory}/vault.db",
        "ITSM_LEDGER_VIEWS_URL": f"sqlite:///{directory}/views.db",
        "ITSM_LEDGER_KEY_FILE": str(directory / "key"),
        "ITSM_LEDGER_MASTER_KEY_FILE": str(directory / "master"),
        "ITSM_LEDGER_PORT": str(port),
        "ITSM_LEDGER_BODY_LIMIT_BYTES": "4194304",
        **more,
    }
    settings = Settings(
        database_url=environment["ITSM_LEDGER_DATABASE_URL"],
        vault_url=environment["ITSM_LEDGER_VAULT_URL"],
        key_file=Path(environment["ITSM_LEDGER_KEY_FILE"]),
        master_key_file=Path(environment["ITSM_LEDGER_MASTER_KEY_FILE"]),
    )
    token = init(settings, origin=None, administrator="Ada").token
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve"]
    with running(command, port, {**os.environ, **environment}):
        yield port, token


@contextlib.contextmanager
def _bare_server() -> Iterator[int]:
    port = free_port()
    with running([sys.executable, "-m", "tests.bench.bare_app", str(port)], port, dict(os.environ)):
        yield port


@contextlib.contextmanager
def running(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    """The id of the process that listens on the port."""
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
