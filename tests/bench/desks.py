"""Ledgers to measure, on a disk, and what is done to them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import domain.catalogue  # noqa: F401 - registers every type and command
from api.collector import calm_collector
from domain.event import Event, event_class
from domain.incident_commands import AssignIncident, ReassignIncident, ReportIncident
from domain.may import May
from domain.principal import RegisterPrincipal
from ledger.checkpoints import Signer
from ledger.clock import SystemClock
from ledger.genesis import FIRST_PERSON, Genesis, create, open_for_appending
from ledger.govern import Actor, Order
from ledger.ledger import Ledger, LogSettings
from ledger.observe import Observation, ObserveProposal
from ledger.taken import Request
from tests.contract.databases import fresh_database_url
from tests.open_door import open_door

ORIGIN = "ledger.example/bench"
ACTOR = Actor(FIRST_PERSON)
EVENTS_PER_SUBJECT = 10
_REPORTED = event_class("itsm.incident.reported.v1")
_FIRST: dict[str, str | int] = {
    "category": "Category 7",
    "priority": 3,
    "impact": 2,
    "urgency": 2,
}
_REASSIGNED = event_class("itsm.incident.reassigned.v1")


@contextmanager
def a_ledger(
    kind: str, may: May = open_door, prepare: Callable[[Ledger], None] | None = None
) -> Iterator[tuple[Ledger, Signer]]:
    """A fresh ledger on this kind of database, as durable as it comes, in a process set up as ours are."""
    calm_collector()
    with tempfile.TemporaryDirectory() as directory:
        settings = LogSettings(
            fresh_database_url(kind, Path(directory)), f"sqlite:///{directory}/vault.db"
        )
        key = Ed25519PrivateKey.generate()
        ledger = Ledger(
            settings,
            master_key=os.urandom(32),
            clock=SystemClock(),
            may=may,
            create_tables=True,
        )
        signer = Signer(ORIGIN, key)
        create(ledger, Genesis(ORIGIN, str(signer.vkey), "bench", "Ada", "sha256:" + "0" * 64))
        open_for_appending(ledger, key, "bench", prepare)
        try:
            yield ledger, signer
        finally:
            ledger.close()


def report(ledger: Ledger) -> str:
    """A governed incident with nothing personal in it but its title; its id."""
    command = ReportIncident.model_validate(ReportIncident.example)
    return ledger.execute(Order(command, ACTOR)).receipts[0].subject


def assign(ledger: Ledger, subject: str) -> None:
    ledger.execute(Order(AssignIncident(assignment_group="Group 0"), ACTOR, subject))


def reassign(ledger: Ledger, subject: str, group: str) -> None:
    """What the stock application does too: load, change, save; here with a reason that is sealed."""
    command = ReassignIncident(assignment_group=group, reason="Belongs to them")
    ledger.execute(Order(command, ACTOR, subject))


def register_source(ledger: Ledger) -> str:
    command = RegisterPrincipal(
        kind="source", name="bench", mode="observe", source_uri="/sources/bench"
    )
    return ledger.execute(Order(command, ACTOR)).receipts[0].subject


Told = tuple[type[Event], str, dict[str, str | int], str, str]
"""(type, subject, data, time, id): a fact as its source's client holds it."""


def told(first: int, count: int) -> list[Told]:
    """Facts `first` … of a source's endless story: tickets of ten events each."""
    return [_told(number) for number in range(first, first + count)]


def facts(source: str, story: Sequence[Told], *, keyed: bool = True) -> list[ObserveProposal]:
    """The same on their way into the ledger. `keyed`: each with an idempotency key."""
    return [
        ObserveProposal(
            [Observation(event, subject, data, time, id_, "/sources/bench")],
            source,
            Request(source, "/sources/bench " + id_, b"h" * 32) if keyed else None,
        )
        for event, subject, data, time, id_ in story
    ]


def observe_all(ledger: Ledger, source: str, batches: Sequence[Sequence[Told]]) -> None:
    """From what a client holds to what survives a crash: building the proposals is part of it."""
    for batch in batches:
        ledger.observe(facts(source, batch))


def _told(number: int) -> Told:
    ticket, step = divmod(number, EVENTS_PER_SUBJECT)
    event, data = _REPORTED, dict(_FIRST)
    if step:
        event = _REASSIGNED
        data = {"assignment_group": f"Group {number % 71}", "reassignment_count": step}
    time = f"2026-01-{1 + number % 28:02d}T{number // 28 % 24:02d}:00:00.000000Z"
    return event, f"incident/EXT-{ticket:07d}", data, time, f"{number:012d}"


def fill(ledger: Ledger, source: str, first: int, count: int, *, keyed: bool = False) -> None:
    for at in range(first, first + count, 500):
        ledger.observe(facts(source, told(at, min(500, first + count - at)), keyed=keyed))
