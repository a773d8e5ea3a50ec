"""Detectors: beside an import, over a million events anew, and how soon somebody hears of what is broken."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson

from api.delivering.posting import Poster
from api.examining import Examiner
from domain.moments import to_text
from ledger.ledger import Ledger
from projections.views import Views
from projections.violations import Violations
from replay.detection.detector import Detector
from replay.detection.lone_self_approval import LoneSelfApproval
from replay.detection.registry import DETECTORS
from replay.detection.unmatched_deployment import UnmatchedDeployment
from tests.api.delivering.receivers import OK, Receiver, receiving_apart
from tests.bench.company import staffed
from tests.bench.decided import decided
from tests.bench.houses import a_house, a_place, itsm_ledger
from tests.bench.measuring import Figure, rate, seconds
from tests.bench.serving import ask, batch, our_server, source
from tests.shared import shared_path

FEW, MANY = 100_000, 1_000_000
LIMIT_SECONDS = 120.0
FACTS = 40
AT_ONCE = 500
DELIVERIES = 5_000
PATIENCE_SECONDS = 300.0


class ChangedRule(LoneSelfApproval):
    """The same with another version: what somebody who changes a rule puts in its place."""

    version = LoneSelfApproval.version + 1


def detected(kind: str) -> Iterator[Figure]:
    yield _beside_an_import(kind)
    yield from _anew(kind)
    yield from _heard_of(kind)


def _beside_an_import(kind: str) -> Figure:
    log = str(shared_path("data", "uci_incident_event_log.csv.gz"))
    with a_place(kind) as place:
        told = ["import", log, "--mapping", "servicenow-incidents", "--json"]
        rejects = ["--rejects", f"{place.environment['ITSM_LEDGER_KEY_FILE']}.rejects"]
        taken = itsm_ledger([*told, *rejects], place.environment).seconds
        with a_house(place) as house, _views(place.settings.resolved_views_url) as views:
            size = house.ledger.head().size
            examined = _examined(house.ledger, views, DETECTORS)
    return Figure(
        f"all {len(DETECTORS)} detectors over the ServiceNow log, against its import",
        kind, size / examined, size / taken, "entries/s", 0.5,
    )  # fmt: skip


def _anew(kind: str) -> Iterator[Figure]:
    """By one process. On PostgreSQL a tenth of the events: what is behind the database is the same."""
    count = MANY if kind == "sqlite" else FEW
    with a_place(kind) as place, a_house(place) as house:
        decided(house.ledger, staffed(house.ledger), count)
        size = house.ledger.head().size
        limit = LIMIT_SECONDS * count / MANY
        with _views(place.settings.resolved_views_url) as views:
            one = _examined(house.ledger, views, (ChangedRule(),))
            yield Figure(
                f"one rule that was changed, over {size:,} events", kind, one, limit, "s", 1.0,
                at_most=True,
            )  # fmt: skip
            every = _examined(house.ledger, views, DETECTORS)
            yield Figure(f"all {len(DETECTORS)} detectors over them", kind, every, limit, "s", None)


def _examined(ledger: Ledger, views: Views, detectors: tuple[Detector, ...]) -> float:
    """Seconds until all that they find is raised."""
    return seconds(Examiner(ledger, Violations(views), detectors).run_until)


@contextmanager
def _views(url: str) -> Iterator[Views]:
    views = Views(url)
    try:
        yield views
    finally:
        views.close()


@dataclass
class _Ear:
    """When what a receiver was told came."""

    times: list[float] = field(default_factory=list)

    async def manner(self, writer: asyncio.StreamWriter) -> None:
        self.times.append(time.time())
        writer.write(OK)
        await writer.drain()


def _heard_of(kind: str) -> Iterator[Figure]:
    """Deployments without a change, one after the other, each until the receiver knows of it."""
    ear = _Ear()
    with (
        tempfile.TemporaryDirectory() as directory,
        receiving_apart(ear.manner) as receiver,
        our_server(kind, Path(directory), ITSM_LEDGER_WEBHOOK_ALLOW_PRIVATE="1") as (port, token),
    ):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        _, source_token = source(port, headers)
        theirs = {**headers, "authorization": f"Bearer {source_token}"}
        hook = {"url": receiver.address, "events": ["itsm.finding.raised.v1"]}
        ask(port, "/v1/webhooks", headers, hook)
        _lag(port, theirs, FACTS, receiver, ear)  # once what keeps the read models has started
        lags = [_lag(port, theirs, number, receiver, ear) for number in range(FACTS)]
        raised, heard = (max(each) for each in zip(*lags, strict=True))
        what = f"from a fact to the finding that it is broken, the slowest of {FACTS}"
        yield Figure(what, kind, raised, 1.0, "s", 1.0, at_most=True)
        yield Figure("to a webhook's receiver", kind, heard, 1.0, "s", 1.0, at_most=True)
        for first in range(0, DELIVERIES, AT_ONCE):
            observed = {
                "authorization": f"Bearer {source_token}",
                "content-type": "application/cloudevents-batch+json",
            }
            _posted(port, "/v1/events", observed, batch(first))
        yield _throughput(kind, port, headers, receiver, ear)


def _lag(
    port: int, headers: dict[str, str], number: int, receiver: Receiver, ear: _Ear
) -> tuple[float, float]:
    """Seconds from the entry of the fact to that of the finding, and until the receiver knew."""
    run = f"RUN-{number:06d}"
    fact = ask(
        port, "/v1/deployments/webhook", headers,
        {"id": run, "outcome": "deployed", "service": "mail", "environment": "production",
         "finished_at": to_text(datetime.now(UTC))},
    )  # fmt: skip
    group = f"deployment/{run}"

    def heard() -> list[int]:
        return [at for at, one in enumerate(receiver.requests) if _is_about(one.body, group)]

    _until(heard)
    (at,) = heard()
    recorded = _moment(str(fact["recordedtime"]))
    raised = _moment(orjson.loads(receiver.requests[at].body)["recordedtime"])
    return raised - recorded, ear.times[at] - recorded


def _is_about(body: bytes, group: str) -> bool:
    data = orjson.loads(body)["data"]
    return bool((data["rule"], data["group"]) == (UnmatchedDeployment.name, group))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _throughput(
    kind: str, port: int, headers: dict[str, str], receiver: Receiver, ear: _Ear
) -> Figure:
    """All that the source told, from registration to the last one, against the same posts with no ledger behind."""
    before = len(ear.times)
    hook = {"url": receiver.address, "events": ["incident"], "after": 0}
    started = time.time()
    ask(port, "/v1/webhooks", headers, hook)
    _until(lambda: len(ear.times) >= before + DELIVERIES)
    ours = DELIVERIES / (ear.times[-1] - started)
    body, poster = receiver.requests[-1].body, Poster(allow_private=True)

    async def posts() -> None:
        for _ in range(DELIVERIES // 5):
            await poster.post(receiver.address, {}, body)

    theirs = rate(DELIVERIES // 5, lambda: asyncio.run(posts()))
    return Figure("deliveries of one webhook, against bare posts", kind, ours, theirs, "events/s")


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the receiver was not told")
        time.sleep(0.005)


def _posted(port: int, path: str, headers: dict[str, str], body: bytes) -> None:
    httpx.post(f"http://127.0.0.1:{port}{path}", headers=headers, content=body).raise_for_status()
