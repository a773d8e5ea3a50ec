"""What it costs an HTTP append to know who is there: one server, with and without the token's step.

Counted in the server's time on a processor: by the clock the difference is smaller than what others do meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from domain.identity import LinkIdentity
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order
from tests.api.issuer import AUDIENCE, issuer_process
from tests.bench.houses import a_house, a_place
from tests.bench.load import request
from tests.bench.measuring import Figure
from tests.bench.serving import BODY, CONNECTIONS, appends, free_port, running

ROUNDS = 18
EACH = 20
VALID_SECONDS = 3_600


def signed_in(kind: str) -> Iterator[Figure]:
    """The same append by a constant principal, by an API token, and by an issuer's token."""
    with contextlib.ExitStack() as around:
        issuer = around.enter_context(issuer_process())
        place = around.enter_context(a_place(kind))
        with a_house(place) as house:
            link = LinkIdentity(issuer=issuer.url, subject="ada")
            house.ledger.execute(Order(link, Actor(OPERATOR), FIRST_PERSON))
        port = free_port()
        environment = {
            **os.environ,
            **place.environment,
            "ITSM_LEDGER_PORT": str(port),
            "ITSM_LEDGER_OIDC_ISSUERS": issuer.url,
            "ITSM_LEDGER_OIDC_AUDIENCE": AUDIENCE,
        }
        command = [sys.executable, "-m", "tests.bench.constant_app"]
        server = around.enter_context(running(command, port, environment))
        by = {
            "Constant": "Constant",
            "an API token": f"Bearer {place.token}",
            "an issuer's token": f"Bearer {issuer.token(exp=int(time.time()) + VALID_SECONDS)}",
        }
        asked = {name: _append(authorization) for name, authorization in by.items()}
        taken: dict[str, list[float]] = {name: [] for name in by}
        names = list(by)
        for turn in range(ROUNDS + 1):
            # Each comes first, second and last as often, since the database grows meanwhile.
            for name in (*names[turn % 3 :], *names[: turn % 3]):
                before = _processor_seconds(server)
                appends(port, asked[name], EACH)
                if turn:  # the first one warms up
                    spent = _processor_seconds(server) - before
                    taken[name].append(spent / (EACH * CONNECTIONS))
        constant, *others = taken
        for name in others:
            ours, theirs = statistics.median(taken[name]), statistics.median(taken[constant])
            yield Figure(
                f"HTTP append signed in by {name}, against a constant principal",
                kind, 1e6 * ours, 1e6 * theirs, "µs", 1.1, at_most=True,
            )  # fmt: skip


def _processor_seconds(process: int) -> float:
    """Of all its threads (Linux counts them in nanoseconds)."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _append(authorization: str) -> bytes:
    headers = {"authorization": authorization, "content-type": "application/json"}
    return request("POST", "/v1/incidents", BODY, headers)
