"""The eight questions of auditors on the demo's ledger: by a command, from start to end, and over HTTP."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from api.compose import open_house
from api.demo import Demo, build, demo_settings
from api.policies import held
from api.roles import role_named
from api.settings import Settings
from tests.bench.houses import itsm_ledger
from tests.bench.measuring import Figure, seconds
from tests.bench.serving import free_port, running

TIMES = 5
LIMIT_SECONDS = 1.0
MONTH = timedelta(days=30)
ROLE = "change-authority"


def asked(kind: str) -> Iterator[Figure]:
    """The demo's ledger is on SQLite."""
    if kind != "sqlite":
        return
    with tempfile.TemporaryDirectory() as directory:
        settings = demo_settings(Path(directory), Settings())
        demo = build(Path(directory), settings)
        environment = {"ITSM_LEDGER_DATABASE_URL": settings.database_url}
        month_ago = (datetime.now(UTC) - MONTH).isoformat()
        for question, arguments in _commands(demo, month_ago).items():
            taken = [itsm_ledger(arguments, environment).seconds for _ in range(TIMES)]
            yield _figure(f"{question}: by command", taken)
        port = free_port()
        command = [sys.executable, "-c", "from api.cli import main; main()", "serve"]
        served = {**os.environ, **environment, "ITSM_LEDGER_PORT": str(port)}
        with running(command, port, served), _client(port, demo.tokens["AUDITOR"]) as client:
            for question, request in _requests(client, demo, settings, month_ago).items():
                taken = [_answered(client, request) for _ in range(TIMES)]
                yield _figure(f"{question}: over HTTP", taken)


def _figure(what: str, taken: Sequence[float]) -> Figure:
    median = statistics.median(taken)
    return Figure(what, "sqlite", median, LIMIT_SECONDS, "s", 1.0, at_most=True)


def _commands(demo: Demo, month_ago: str) -> Mapping[str, Sequence[str]]:
    cases = demo.quarter.cases
    approved, undone = cases["as-it-should-be"].subject, cases["more-than-approved"].subject
    stricter = cases["stricter-policy"].subject
    return {
        "who approved a change with what authority": ["authority", approved],
        "who held a role then, in effect": ["holders", ROLE, "--at", month_ago],
        "who held a role then, as known": ["holders", ROLE, "--at", month_ago, "--basis", "known"],
        "was what was approved what was implemented": ["authority", undone],
        "approved after it began": ["changes", "late-approvals"],
        "emergencies": ["changes", "emergencies"],
        "in freezes": ["changes", "in-freezes"],
        "under delegation": ["delegated"],
        "what a stricter policy refuses of a month": [
            "check", "--policy", stricter, "--from", month_ago,
        ],
    }  # fmt: skip


def _requests(
    client: httpx.Client, demo: Demo, settings: Settings, month_ago: str
) -> Mapping[str, httpx.Request]:
    cases = demo.quarter.cases
    approved, undone = (
        cases[case].subject.partition("/")[2] for case in ("as-it-should-be", "more-than-approved")
    )
    stricter, role = _stricter(demo, settings)
    holders, then = f"/v1/roles/{role}/holders", {"at": month_ago}

    def get(path: str, **query: str) -> httpx.Request:
        return client.build_request("GET", path, params=query)

    return {
        "who approved a change with what authority": get(f"/v1/changes/{approved}/authority"),
        "who held a role then, in effect": get(holders, **then),
        "who held a role then, as known": get(holders, **then, basis="known"),
        "was what was approved what was implemented": get(f"/v1/changes/{undone}/authority"),
        "approved after it began": get("/v1/changes/late-approvals"),
        "emergencies": get("/v1/changes/emergencies"),
        "in freezes": get("/v1/changes/in-freezes"),
        "under delegation": get("/v1/replay/delegated"),
        "what a stricter policy refuses of a month": client.build_request(
            "POST", "/v1/replay/check", json={"texts": stricter, "from": month_ago}
        ),
    }


def _stricter(demo: Demo, settings: Settings) -> tuple[Mapping[str, str], str]:
    """The texts of the demo's stricter policy, and the number of the role that is asked about."""
    house = open_house(settings)
    try:
        policy = held(demo.quarter.cases["stricter-policy"].subject, house.ledger)
        return dict(policy.texts), role_named(house.ledger, ROLE).partition("/")[2]
    finally:
        house.close()


def _client(port: int, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    )


def _answered(client: httpx.Client, request: httpx.Request) -> float:
    return seconds(lambda: client.send(request).raise_for_status())
