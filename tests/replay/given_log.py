"""A small ledger with a clock in our hand, and a plain SQL client that does what it should not.

with desk(url, directory) as at:
    at.observes("incident/INC0000045", "assigned", {"assignment_group": "mail"}, time="…")
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from api.compose import House, open_house
from api.settings import Settings
from domain.command import command_class
from domain.errors import LedgerError
from domain.event import Json, event_class
from ledger.govern import Actor, Order
from ledger.observe import Observation, ObserveProposal
from ledger.schema import TABLES
from ledger.urls import sqlite_path
from ledger.view import Receipt
from tests.contract.databases import fresh_database_url
from tests.staffing import init

ORIGIN = "ledger.example.com/replay"
OPERATOR = Actor("principal/PRN0000003")
SOURCE_URI = "//servicenow.example.com/incidents"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """Moves when told to, and a microsecond at each look, as real clocks do."""

    moment: datetime = START
    seconds: float = 0.0

    def now(self) -> datetime:
        self.advance(0.000001)
        return self.moment

    def monotonic_seconds(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Desk:
    house: House
    clock: HandClock
    recorder: str = ""
    ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def registers_source(self) -> None:
        command = command_class("principal", "register")
        order = command(kind="source", name="servicenow", mode="observe")  # type: ignore[call-arg]  # by its family
        self.recorder = self.house.ledger.execute(Order(order, OPERATOR)).receipts[0].subject

    def orders(
        self, subject: str | None, verb: str, family: str = "incident", **said: Any
    ) -> Receipt:
        command = command_class(family, verb)(**said)
        return self.house.ledger.execute(Order(command, OPERATOR, subject)).receipts[0]

    def fact(
        self,
        subject: str,
        name: str,
        data: Mapping[str, Json],
        *,
        time: str = "2026-03-01T00:00:00.000000Z",
        **more: Any,
    ) -> Observation:
        type_ = event_class(f"itsm.{subject.split('/', maxsplit=1)[0]}.{name}.v1")
        return Observation(type_, subject, data, time, f"ev-{next(self.ids)}", SOURCE_URI, **more)

    def observes(
        self,
        subject: str,
        name: str,
        data: Mapping[str, Json],
        *,
        time: str = "2026-03-01T00:00:00.000000Z",
        **more: Any,
    ) -> Receipt:
        """The fact's receipt; those of principals it introduces come before. Raises why it was refused."""
        return self.observes_all([self.fact(subject, name, data, time=time, **more)])[-1]

    def observes_all(self, facts: Sequence[Observation]) -> list[Receipt]:
        proposals = [ObserveProposal([fact], self.recorder) for fact in facts]
        receipts: list[Receipt] = []
        for outcome in self.house.ledger.observe(proposals):
            if isinstance(outcome, LedgerError):
                raise outcome
            receipts += outcome.receipts
        return receipts


@contextmanager
def desk(url: str, directory: Path) -> Iterator[Desk]:
    """A new ledger with a source that observes. Keys and vault lie in `directory`."""
    settings = settings_for(url, directory)
    clock = HandClock()
    init(settings, origin=ORIGIN, administrator="Ada Lovelace", clock=clock)
    house = open_house(settings, clock=clock)
    try:
        at = Desk(house, clock)
        at.registers_source()
        yield at
    finally:
        house.close()


def settings_for(url: str, directory: Path) -> Settings:
    return Settings(
        database_url=url,
        vault_url=f"sqlite:///{directory}/vault.db",
        key_file=directory / "ledger.key",
        master_key_file=directory / "master.key",
    )


# Behind the ledger's back


def keep_tables(url: str) -> None:
    """Copies of what a test may break, inside the PostgreSQL database: copying a whole one takes a second."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table in TABLES:
            connection.execute(f"CREATE TABLE kept.{table.name} AS TABLE {table.name}".encode())


def pristine(url: str, directory: Path) -> str:
    """The database as it was filled: a copy of the SQLite file, or the PostgreSQL one put back."""
    path = sqlite_path(url)
    if path is not None:
        fresh = fresh_database_url("sqlite", directory)
        shutil.copy(path, sqlite_path(fresh) or "")
        return fresh
    tamper(
        url,
        "TRUNCATE " + ", ".join(table.name for table in TABLES),
        *(f"INSERT INTO {table.name} TABLE kept.{table.name}" for table in TABLES),
    )
    return url


def tamper(url: str, *statements: str | tuple[str, Sequence[Any]]) -> None:
    """Run SQL as somebody would who owns the database: triggers go first, constraints as needed."""
    told = [(one, ()) if isinstance(one, str) else one for one in statements]
    path = sqlite_path(url)
    if path is not None:
        with closing(sqlite3.connect(path)) as connection:
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for sql, params in told:
                connection.execute(sql, params)
            connection.commit()
        return
    with psycopg.connect(url) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL".encode())
        for sql, params in told:
            connection.execute(sql.replace("?", "%s").encode(), params or None)


def ask(url: str, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    path = sqlite_path(url)
    if path is not None:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql, params).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(sql.replace("?", "%s").encode(), params or None).fetchall()


FILLED_SIZE = 600
"""Two full tiles and a part of a third."""


@dataclass(frozen=True)
class Filled:
    """A closed ledger of 600 entries, and the checkpoints that somebody kept elsewhere, by size."""

    url: str
    checkpoints: Mapping[int, str]


def fill(url: str, directory: Path) -> Filled:
    """Checkpoints at 300, 520 and 600. Each subject has ten entries."""
    checkpoints: dict[int, str] = {}
    with desk(url, directory) as at:
        size = at.house.ledger.head().size
        while size < FILLED_SIZE:
            end = next(stop for stop in (300, 520, FILLED_SIZE) if stop > size)
            upto = min(size + 50, end)
            at.observes_all([_nth_fact(at, number) for number in range(size + 1, upto + 1)])
            at.clock.advance(1.0)
            size = upto
            if size == end:
                checkpoints[size] = at.house.checkpoint()
    if sqlite_path(url) is None:
        keep_tables(url)
    return Filled(url, checkpoints)


def _nth_fact(at: Desk, number: int) -> Observation:
    column = {"source_status": f"status {number}", "source": {"u_count": number, "open": True}}
    return at.fact(f"incident/INC{number % 60:07d}", "source-status-recorded", column)
