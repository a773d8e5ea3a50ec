"""Appending: ours against the stock application, and against bare inserts of the same bytes."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from domain.by_policy import by_policy
from ledger.establish import establish
from ledger.ledger import Ledger
from ledger.urls import sqlite_path
from tests.bench.company import PEOPLE, staffed
from tests.bench.desks import (
    a_ledger,
    assign,
    observe_all,
    reassign,
    register_source,
    report,
    told,
)
from tests.bench.lives import lives
from tests.bench.measuring import Figure, Sides, in_threads, rate, seconds
from tests.bench.stock import stock_desk
from tests.contract.databases import fresh_database_url

WRITERS = 64
TICKETS = 15 * WRITERS
ROUNDS = 5
BATCH = 500
BLOCK = 20_000


def governed(kind: str) -> Iterator[Figure]:
    """Load, change, save, by one writer and by 64; tickets of a dozen events, as tickets are."""
    with a_ledger(kind) as (ledger, _), tempfile.TemporaryDirectory() as directory:
        stock = stock_desk(fresh_database_url(kind, Path(directory)))
        tickets = [stock.report(f"T{n}", "Mail is down") for n in range(TICKETS)]
        subjects = [report(ledger) for _ in range(TICKETS)]
        for subject in subjects:
            assign(ledger, subject)

        def ours_changes(writer: int, n: int) -> None:
            reassign(ledger, subjects[_ticket(writer, n)], f"Group {n} of {time.monotonic_ns()}")

        def theirs_changes(writer: int, n: int) -> None:
            stock.reassign(tickets[_ticket(writer, n)], f"Group {n}")

        for writers, each, target in ((1, 300, 2.0), (WRITERS, 60, 4.0)):
            sides = Sides().rounds(
                ROUNDS,
                partial(in_threads, writers, each, ours_changes),
                partial(in_threads, writers, each, theirs_changes),
            )
            ours, theirs = sides.medians()
            yield Figure(
                f"append, {writers} writer{'s' * (writers > 1)}, against stock load-change-save",
                kind, ours, theirs, "appends/s", target,
            )  # fmt: skip
        stock.close()


def entitled(kind: str) -> Iterator[Figure]:
    """The same by 64 writers for a company whose every order passes the whole shipped policy."""
    with (
        a_ledger(kind, by_policy, establish) as (ledger, _),
        tempfile.TemporaryDirectory() as directory,
    ):
        stock = stock_desk(fresh_database_url(kind, Path(directory)))
        tickets = [stock.report(f"T{n}", "Mail is down") for n in range(TICKETS)]
        company = staffed(ledger)
        acts = [lives(ledger, company, writer) for writer in range(WRITERS)]
        sides = Sides().rounds(
            ROUNDS,
            lambda: in_threads(WRITERS, 60, lambda writer, _: next(acts[writer])),
            lambda: in_threads(
                WRITERS, 60, lambda k, n: stock.reassign(tickets[_ticket(k, n)], f"Group {n}")
            ),
        )
        stock.close()
        yield Figure(
            f"append, {WRITERS} writers, whole shipped policy, {PEOPLE:,} principals, against stock load-change-save",
            kind, *sides.medians(), "appends/s", 3.0,
        )  # fmt: skip


def _ticket(writer: int, n: int) -> int:
    """Writers never meet at a ticket, and come back to one only after all the others."""
    return (writer + WRITERS * n) % TICKETS


def observed(kind: str, count: int) -> Iterator[Figure]:
    """Facts in batches of 500, up to `count`, against stock at 64 writers and against bare inserts."""
    with a_ledger(kind) as (ledger, _), tempfile.TemporaryDirectory() as directory:
        stock = stock_desk(fresh_database_url(kind, Path(directory)))
        tickets = [stock.report(f"T{n}", "Mail is down") for n in range(WRITERS)]
        theirs = in_threads(WRITERS, 40, lambda k, m: stock.reassign(tickets[k], f"Group {m}"))
        source = register_source(ledger)
        ours = _observed_rate(ledger, source, count)
        theirs = (
            theirs + in_threads(WRITERS, 40, lambda k, m: stock.reassign(tickets[k], f"Group {m}"))
        ) / 2
        stock.close()
        yield Figure(
            f"observed facts, batches of {BATCH}, {count:,} rows, against stock at 64 writers",
            kind, ours, theirs, "events/s", 12.0,
        )  # fmt: skip
        with bare_table(fresh_database_url(kind, Path(directory))) as insert:
            bare = rate(count, lambda: _insert_all(ledger, insert, count))
        yield Figure(
            "the same, against bare inserts of the same bytes in the same batches",
            kind, ours, bare, "events/s", 0.15,
        )  # fmt: skip


def _observed_rate(ledger: Ledger, source: str, count: int) -> float:
    """From what a client holds to what survives a crash; what the client does to have it is not counted."""
    taken = 0.0
    for block in range(0, count, BLOCK):
        batches = [told(at, BATCH) for at in range(block, block + BLOCK, BATCH)]
        taken += seconds(partial(observe_all, ledger, source, batches))
    return count / taken


def _insert_all(
    ledger: Ledger, insert: Callable[[Sequence[tuple[int, bytes]]], None], count: int
) -> None:
    # The bytes are read outside what is timed on our side too: reading them here favours us a little less
    # than it costs, so a block is read once and inserted under new positions.
    block = [entry.raw for entry in ledger.entries(ledger.head().size - 20_000, 20_000)]
    for at in range(0, count, BATCH):
        insert([(at + n, block[(at + n) % len(block)]) for n in range(BATCH)])


@contextmanager
def bare_table(url: str) -> Iterator[Callable[[Sequence[tuple[int, bytes]]], None]]:
    """Two columns, one key, nothing else; a transaction a batch, as durable as ours."""
    path = sqlite_path(url)
    if path is not None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE bare (position INTEGER PRIMARY KEY, entry BLOB)")

        def insert(rows: Sequence[tuple[int, bytes]]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)
            connection.execute("COMMIT")

        yield insert
        connection.close()
        return
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE TABLE bare (position bigint PRIMARY KEY, entry bytea)")

        def insert_set(rows: Sequence[tuple[int, bytes]]) -> None:
            positions, entries = zip(*rows, strict=True)
            with server.transaction():
                server.execute(
                    "INSERT INTO bare SELECT * FROM unnest(%s::bigint[], %s::bytea[])",
                    (list(positions), list(entries)),
                )

        yield insert_set
