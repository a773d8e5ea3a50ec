"""A ledger with a courier, on each database: what stories of deliveries are told with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from api.delivering.courier import Courier
from api.delivering.posting import Patience, Poster
from api.delivering.progress import Progress
from api.delivering.schedule import Schedule
from api.delivering.webhooks import (
    register_webhook,
)
from api.identity import Identity
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor
from ledger.reading import Readable
from tests.api.delivering.receivers import Names, Receiver

if TYPE_CHECKING:
    from tests.contract.conftest import Desk

PATIENCE_SECONDS = 20
FAILS = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
AT_ONCE = Schedule(first_seconds=0.0, tries=3, disable_after=timedelta(days=3))
SCOPES = frozenset({"*:read", "*:append", "*:administer"})


@dataclass
class Post:
    """A ledger with a courier, who delivers while `delivering`."""

    desk: Desk
    progress: Progress
    schedule: Schedule = AT_ONCE
    names: Names = field(default_factory=lambda: Names(["127.0.0.1"]))
    couriers: list[Courier] = field(default_factory=list)

    @property
    def poster(self) -> Poster:
        return Poster(True, self.names, Patience(0.5, 1.0))

    def identity(self, principal: str = FIRST_PERSON) -> Identity:
        actor = Actor(principal)
        return Identity(actor, SCOPES, readable=Readable(self.desk.log, actor))

    def register(self, receiver: Receiver, *events: str, **more: Any) -> tuple[str, str]:
        """The webhook and its secret."""
        who = self.identity(more.pop("who", FIRST_PERSON))
        told = register_webhook(
            self.desk.log,
            who,
            self.poster,
            url=receiver.url,
            events=events or ("incident",),
            **more,
        )
        return told.receipt.subject, told.secret

    def courier(self, holder: str = "one", **more: Any) -> Courier:
        told = {"schedule": self.schedule, **more}
        made = Courier(self.desk.log, self.progress, self.poster, lambda: 0.5, holder, **told)
        self.couriers.append(made)
        return made

    @contextmanager
    def delivering(self, *couriers: Courier) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor() as pool:
            running = [pool.submit(one.run, stop) for one in couriers or (self.courier(),)]
            try:
                yield
            finally:
                stop.set()
                for one in running:
                    one.result()

    def positions(self, receiver: Receiver) -> list[int]:
        return [int(one.headers["webhook-id"].rpartition("-")[2]) for one in receiver.requests]

    def state(self, webhook: str) -> Any:
        return self.desk.log.load(webhook).state


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
