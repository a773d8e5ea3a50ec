"""kill -9 under load: whatever was answered is there, once, and the log verifies."""

from __future__ import annotations

import base64
import http.client
import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.compose import open_house
from ledger.ledger import Ledger
from ledger.merkle import leaf_hash
from replay.verify import verify
from tests.api.http_client import INCIDENT
from tests.e2e.servers import Server, server

KILLS = 50
CLIENTS = 6


@dataclass
class Client:
    """Appends one incident after another, each under a key of its own, and repeats what was not answered."""

    port: int
    headers: dict[str, str]
    name: str
    stop: threading.Event
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: int = 0
    unexpected: list[str] = field(default_factory=list)

    def run(self) -> None:
        connection = self._connect()
        for number in itertools.count(1):
            key = f"{self.name}-{number}"
            receipt = None
            while receipt is None and not self.unexpected:
                try:
                    receipt = self._append(connection, key)
                except (OSError, http.client.HTTPException):
                    self.repeated += 1
                    connection.close()
                    connection = self._connect()
                    time.sleep(0.01)
            if receipt is not None:
                self.answered[key] = receipt
            if self.stop.is_set() or self.unexpected:
                connection.close()
                return

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def _append(self, connection: http.client.HTTPConnection, key: str) -> dict[str, Any] | None:
        """The receipt; None when the server said to come again."""
        connection.request(
            "POST",
            "/v1/incidents",
            orjson.dumps({**INCIDENT, "title": key}),
            {**self.headers, "Idempotency-Key": key},
        )
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 201:
            receipt: dict[str, Any] = orjson.loads(body)
            return receipt
        if answer.status != 503:
            self.unexpected.append(body.decode())
        return None


@pytest.mark.slow
def test_no_answered_append_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(9)
    with server(tmp_path, checkpoint_seconds=0.1) as served:
        served.start()
        stop = threading.Event()
        clients = [Client(served.port, served.headers, f"c{n}", stop) for n in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()

        for _ in range(KILLS):
            time.sleep(chance.uniform(0.02, 0.4))
            served.kill()
            served.start()
        stop.set()
        for thread in threads:
            thread.join()
        assert served.stop() == 0

        assert [told for client in clients for told in client.unexpected] == []
        assert sum(client.repeated for client in clients) >= KILLS
        _check(served, {k: r for client in clients for k, r in client.answered.items()})


def _check(served: Server, answered: dict[str, dict[str, Any]]) -> None:
    house = open_house(served.settings)
    try:
        _check_log(house.ledger, answered)
        # A copy that was being written when the server died has a name of its own, and counts for nothing.
        kept = (served.settings.checkpoint_copies or Path()).glob("checkpoint*")
        copies = [path.read_text() for path in kept]
        report = verify(house.ledger.database, copies)
        assert not report.problems, report.problems
        assert report.size == house.ledger.head().size
    finally:
        house.close()


def _check_log(ledger: Ledger, answered: dict[str, dict[str, Any]]) -> None:
    """Each answered append stands where its receipt says; nothing stands there that nobody asked for."""
    assert len(answered) > KILLS
    reported = set()
    size = ledger.head().size
    for after in range(0, size, 1000):
        for position, entry in enumerate(ledger.entries(after, 1000), after + 1):
            assert entry.position == position
            if entry.type == "itsm.incident.reported.v1":
                reported.add(position)
    assert reported == {receipt["position"] for receipt in answered.values()}
    assert len(reported) == len(answered)
    for receipt in answered.values():
        entry = ledger.entry(receipt["position"])
        assert entry.attributes["id"] == receipt["id"]
        assert base64.b64encode(leaf_hash(entry.raw)).decode() == receipt["leaf_hash"]
