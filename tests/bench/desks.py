"""Ledgers to measure, on a disk, and what is done to them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import domain.catalogue  # noqa: F401 - registers every type and command
from domain.event import event_class
from domain.incident_commands import AssignIncident, ReassignIncident, ReportIncident
from domain.principal import RegisterPrincipal
from domain.rules import built_in
from ledger.checkpoints import Signer
from ledger.clock import SystemClock
from ledger.genesis import FIRST_PERSON, Genesis, create, open_for_appending
from ledger.govern import Actor, Order
from ledger.ledger import Ledger, LogSettings
from ledger.observe import Observation, ObserveProposal
from ledger.taken import Request
from tests.contract.databases import fresh_database_url

ORIGIN = "ledger.example/bench"
ACTOR = Actor(FIRST_PERSON)
EVENTS_PER_SUBJECT = 10
_REPORTED = event_class("itsm.incident.reported.v1")
_REASSIGNED = event_class("itsm.incident.reassigned.v1")


@contextmanager
def a_ledger(kind: str) -> Iterator[tuple[Ledger, Signer]]:
    """A fresh ledger on this kind of database, as durable as it comes."""
    with tempfile.TemporaryDirectory() as directory:
        settings = LogSettings(
            fresh_database_url(kind, Path(directory)), f"sqlite:///{directory}/vault.db"
        )
        key = Ed25519PrivateKey.generate()
        ledger = Ledger(
            settings,
            master_key=os.urandom(32),
            clock=SystemClock(),
            may=built_in,
            create_tables=True,
        )
        signer = Signer(ORIGIN, key)
        create(ledger, Genesis(ORIGIN, str(signer.vkey), "bench", "Ada", "sha256:" + "0" * 64))
        open_for_appending(ledger, key, "bench")
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


def facts(source: str, first: int, count: int, *, keyed: bool = True) -> Sequence[ObserveProposal]:
    """Facts `first` … of a source's endless story: tickets of ten events each. `keyed`: with an idempotency key."""
    return [_fact(source, number, keyed=keyed) for number in range(first, first + count)]


def _fact(source: str, number: int, *, keyed: bool) -> ObserveProposal:
    ticket, step = divmod(number, EVENTS_PER_SUBJECT)
    event, data = (
        _REASSIGNED,
        {"assignment_group": f"Group {number % 71}", "reassignment_count": step},
    )
    if step == 0:
        event = _REPORTED
        data = {"category": "Category 7", "priority": 3, "impact": 2, "urgency": 2}
    fact = Observation(
        event,
        f"incident/EXT-{ticket:07d}",
        data,
        f"2026-01-{1 + number % 28:02d}T{number // 28 % 24:02d}:00:00.000000Z",
        f"{number:012d}",
        "/sources/bench",
    )
    request = Request(source, f"/sources/bench {number:012d}", b"h" * 32) if keyed else None
    return ObserveProposal([fact], source, request)


def fill(ledger: Ledger, source: str, first: int, count: int, *, keyed: bool = False) -> None:
    for at in range(first, first + count, 500):
        ledger.observe(facts(source, at, min(500, first + count - at), keyed=keyed))
