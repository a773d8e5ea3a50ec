"""Reading: histories and past states against the stock application, proofs and verify against bare loops."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path

from ledger.checkpoints import Signer
from ledger.ledger import Ledger
from replay.as_of import subject_as_of
from replay.history import history
from replay.verify import verify
from tests.bench.desks import a_ledger, assign, fill, reassign, register_source, report
from tests.bench.measuring import Figure, Sides, rate, seconds
from tests.bench.stock import stock_desk
from tests.contract.databases import fresh_database_url

ROUNDS = 5
EVENTS = 51
TODAY = date(2026, 1, 1)


def one_subject(kind: str) -> Iterator[Figure]:
    """A subject of 51 events: its history, and its state as of its 26th."""
    with a_ledger(kind) as (ledger, _), tempfile.TemporaryDirectory() as directory:
        stock = stock_desk(fresh_database_url(kind, Path(directory)))
        ticket, subject = stock.report("T", "Mail is down"), report(ledger)
        assign(ledger, subject)
        for number in range(EVENTS - 1):
            stock.reassign(ticket, f"Group {number}")
        for number in range(EVENTS - 2):
            reassign(ledger, subject, f"Group {number + 1}")
        middle = ledger.entries_of(subject)[25]
        for what, ours, theirs, target in (
            (
                f"history of a subject of {EVENTS} events with what each changed, against the same by stock",
                lambda: history(ledger, subject), lambda: stock.history(ticket), 3.0,
            ),
            (
                "its events alone, read and parsed, against stock events",
                lambda: [entry.attributes for entry in ledger.entries_of(subject)],
                lambda: list(stock.events.get(ticket)), None,
            ),
            (
                "its state at a past position, against stock get(version)",
                lambda: subject_as_of(ledger, subject, position=middle.position),
                lambda: stock.repository.get(ticket, version=26),
                5.0,
            ),
            (
                "its state in effect at a moment (corrections looked for), against stock get(version)",
                lambda: subject_as_of(ledger, subject, at=middle.recordedtime),
                lambda: stock.repository.get(ticket, version=26), 5.0,
            ),
        ):  # fmt: skip
            sides = Sides().rounds(ROUNDS, partial(_often, ours), partial(_often, theirs))
            yield Figure(what, kind, *sides.medians(), "/s", target)
        stock.close()


def _often(ask: Callable[[], object], times: int = 100) -> float:
    return rate(times, lambda: [ask() for _ in range(times)])


def grown(kind: str, small: int, large: int) -> Iterator[Figure]:
    """A proof, a subject as of a past moment, and verify, at `small` and at `large` events."""
    with a_ledger(kind) as (ledger, signer):
        source = register_source(ledger)
        fill(ledger, source, 0, small)
        proof_small, state_small = _proofs(ledger, signer), _states(ledger)
        fill(ledger, source, small, large - small)
        proof_large, state_large = _proofs(ledger, signer), _states(ledger)
        yield Figure(
            f"a proof at {large:,} events, against {small:,}",
            kind,
            proof_large * 1e3,
            proof_small * 1e3,
            "ms",
            2.5,
            at_most=True,
        )
        yield Figure(
            f"a subject as of a past moment at {large:,} events, against {small:,}",
            kind,
            state_large * 1e3,
            state_small * 1e3,
            "ms",
            2.5,
            at_most=True,
        )
        sides = Sides().rounds(
            3,
            lambda: rate(large, lambda: verify(ledger.database)),
            lambda: rate(large, lambda: _bare_hashes(ledger)),
        )
        yield Figure(
            f"verify of {large:,} entries, against reading and hashing each row once",
            kind,
            *sides.medians(),
            "entries/s",
            0.25,
        )


def _proofs(ledger: Ledger, signer: Signer) -> float:
    """Median-like seconds of one proof: entries all over the log, checkpoint included once."""
    ledger.checkpoints.publish(signer, TODAY)
    size = ledger.head().size
    positions = [1 + n * (size - 1) // 199 for n in range(200)]
    return seconds(lambda: [ledger.prove(p, lambda: "") for p in positions]) / len(positions)


def _states(ledger: Ledger) -> float:
    """Seconds of one subject as of the middle of its story, subjects all over the log."""
    size = ledger.head().size
    entries = [ledger.entry(10 + n * (size - 20) // 199) for n in range(200)]
    asked = [(entry.subject, entry.time) for entry in entries]

    def ask() -> None:
        for subject, moment in asked:
            subject_as_of(ledger, subject, at=moment)

    return seconds(ask) / len(asked)


def _bare_hashes(ledger: Ledger) -> None:
    with ledger.database.reading() as transaction:
        for (raw,) in transaction.stream("SELECT entry FROM events ORDER BY position"):
            sha256(raw).digest()
