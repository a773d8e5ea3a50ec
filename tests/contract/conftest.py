"""One ledger, on each database in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.delivering.progress import Progress
from domain.command import Command, command_class
from domain.event import event_class
from domain.may import May
from domain.moments import to_text
from domain.principal import RegisterPrincipal
from domain.rosters import ROLES
from ledger.checkpoints import Signer
from ledger.clock import SystemClock
from ledger.establish import establish
from ledger.genesis import FIRST_PERSON, Genesis, create, open_for_appending
from ledger.govern import Actor, Order
from ledger.ledger import Ledger, LogSettings
from ledger.observe import Observation, ObserveProposal
from ledger.taken import Request
from ledger.view import Receipt
from ledger.writer import Outcome
from tests.contract.databases import BOTH, fresh_database_url
from tests.contract.post import Post
from tests.open_door import open_door

ORIGIN = "ledger.example/contract"
NOBODY_HASH = "sha256:" + "0" * 64


class SettableClock:
    """Runs with the system's clocks: `later_seconds` later, and the wall clock `ahead` of that as well."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.later_seconds = 0.0
        self._system = SystemClock()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead + timedelta(seconds=self.later_seconds)

    def monotonic_seconds(self) -> float:
        return self._system.monotonic_seconds() + self.later_seconds


@dataclass
class Desk:
    """A ledger in a directory, and short ways to work at it.

    `may=by_policy, prepare=establish`: the shipped policy is in force, and the first person may let others in.
    """

    directory: Path
    url: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    master_key: bytes = field(default_factory=lambda: os.urandom(32))
    clock: SettableClock = field(default_factory=SettableClock)
    copies: Path | None = None
    may: May = open_door
    prepare: Callable[[Ledger], None] | None = None
    opened: list[Ledger] = field(default_factory=list)

    def __post_init__(self) -> None:
        made = self.ledger(create_tables=True)
        create(made, Genesis(ORIGIN, str(Signer(ORIGIN, self.key).vkey), "1", "Ada", NOBODY_HASH))
        self.log = self.open()

    def ledger(self, *, create_tables: bool = False) -> Ledger:
        settings = LogSettings(
            self.url, f"sqlite:///{self.directory / 'vault.db'}", copies=self.copies
        )
        made = Ledger(
            settings,
            master_key=self.master_key,
            clock=self.clock,
            may=self.may,
            create_tables=create_tables,
        )
        self.opened.append(made)
        return made

    def open(self) -> Ledger:
        """Another process's view of the same log: nothing is shared but the database."""
        ledger = self.ledger()
        open_for_appending(ledger, self.key, "1", self.prepare)
        return ledger

    def order(
        self,
        command: Command,
        subject: str | None = None,
        *,
        actor: str = FIRST_PERSON,
        expected: int | None = None,
        request: Request | None = None,
    ) -> Order:
        return Order(command, Actor(actor), subject, expected, request)

    def do(self, command: Command, subject: str | None = None, **more: object) -> Receipt:
        return self.log.execute(self.order(command, subject, **more)).receipts[0]  # type: ignore[arg-type]  # passed through

    def report(self, **members: object) -> str:
        return self.do(a("incident", "report", **members)).subject

    def comment(self, subject: str, text: str) -> Receipt:
        return self.do(a("incident", "comment", comment=text), subject)

    def source(self, name: str = "monitoring") -> str:
        command = RegisterPrincipal(
            kind="source", name=name, mode="observe", source_uri=f"/sources/{name}"
        )
        return self.do(command).subject

    def person(self, name: str) -> str:
        return self.do(RegisterPrincipal(kind="person", name=name)).subject

    def role(self, name: str) -> str:
        """The role of this name; `make_desk(prepare=establish)` has the shipped ones."""
        roles = self.log.roster(ROLES).members
        return next(role for role in roles if self.log.load(role).state["name"] == name)

    def grant(self, holder: str, role: str) -> str:
        """A grant that counts for a month from now on, by the orders that it takes: the holder asks for it."""
        until = to_text(self.clock.now() + timedelta(days=30))
        ask = a("grant", "request", role=self.role(role), holder=None, scope=None, valid_to=until)
        grant = self.do(ask, actor=holder).subject
        self.do(command_class("grant", "approve")(), grant)
        self.do(command_class("grant", "activate")(), grant)
        return grant


def a(family: str, verb: str, **members: object) -> Command:
    """A valid command: its documented example with these members instead."""
    command = command_class(family, verb)
    return command(**{**command.example, **members})


def observe(
    desk: Desk,
    recorder: str,
    subject: str,
    type_name: str = "itsm.incident.reported.v1",
    data: dict[str, object] | None = None,
    **more: object,
) -> Outcome:
    """What becomes of one fact that a source tells."""
    fact: dict[str, object] = {
        "time": "2026-01-05T09:00:00.000000Z",
        "id": f"{subject}-{type_name}-{time.monotonic_ns()}",
        "source": "/sources/monitoring",
        **more,
    }
    observation = Observation(event_class(type_name), subject, data or {}, **fact)  # type: ignore[arg-type]  # passed through
    return desk.log.observe([ObserveProposal([observation], recorder)])[0]


def source_status(number: int, status: str, **source: str | int) -> Observation:
    """A small fact about `incident/EXT-<number>`, with what the source itself calls things."""
    return Observation(
        event_class("itsm.incident.source-status-recorded.v1"),
        f"incident/EXT-{number}",
        {"source_status": status, "source": source},
        "2026-01-05T09:00:00.000000Z",
        f"{number}-{status[:20]}",
        "/sources/monitoring",
    )


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_desk(tmp_path: Path, database: str) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**more: object) -> Desk:
        desks.append(Desk(tmp_path, fresh_database_url(database, tmp_path), **more))  # type: ignore[arg-type]  # passed through
        return desks[-1]

    yield make
    for desk in desks:
        for ledger in desk.opened:
            ledger.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.fixture
def make_post(make_desk: Callable[..., Desk], tmp_path: Path) -> Iterator[Callable[..., Post]]:
    made: list[Post] = []

    def make(**more: Any) -> Post:
        desk = make_desk(prepare=establish, **more)  # reading is by policy, whatever may be ordered
        url = desk.url
        if url.startswith("sqlite"):
            url = f"sqlite:///{tmp_path / 'deliveries.db'}"
        made.append(Post(desk, Progress(url)))
        return made[-1]

    yield make
    for post in made:
        assert [courier.failure for courier in post.couriers] == [None] * len(post.couriers)
        post.progress.close()


@pytest.fixture
def post(make_post: Callable[..., Post]) -> Post:
    return make_post()
