"""Whoever waits for a commit is answered: whatever fails, whoever leads, and whoever is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ledger.database import Row, Transaction
from ledger.entry import Draft
from ledger.errors import OutcomeUnknown, StorageFailed
from ledger.proposal import Proposal, Unordered
from ledger.view import View
from ledger.writer import GROUP_PROPOSALS, Outcome, Recorded, Writer
from tests.contract.conftest import Desk, a
from tests.contract.test_appending import whole_log

SECONDS = 10


@dataclass
class Act(Unordered):
    """A proposal that does something under the lock, and records nothing."""

    does: Callable[[], object] = lambda: None

    def settle(self, view: View) -> Sequence[Draft]:
        self.does()
        return []


@contextmanager
def another_leads(writer: Writer) -> Iterator[threading.Event]:
    """Another thread is in the middle of a commit until the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(SECONDS)

    with ThreadPoolExecutor(1) as pool:
        leading = pool.submit(writer.submit, [Act(hold)])
        begun.wait(SECONDS)
        try:
            yield go_on
        finally:
            go_on.set()
        leading.result(SECONDS)


def is_alive(writer: Writer) -> bool:
    """Does the next one get its answer?"""
    answer: list[list[Outcome]] = []
    thread = threading.Thread(target=lambda: answer.append(writer.submit([Act()])), daemon=True)
    thread.start()
    thread.join(SECONDS)
    return answer == [[Recorded(())]]


def test_a_caller_behind_a_full_group_gets_its_own_answer(desk: Desk) -> None:
    writer = desk.log.writer
    queued = writer.enqueue([Act()] * GROUP_PROPOSALS, lambda: None)

    outcomes = writer.submit([Act()])

    assert outcomes == [Recorded(())]
    assert len(queued.result()) == GROUP_PROPOSALS
    assert is_alive(writer)


def test_a_caller_does_not_commit_for_others_once_it_has_its_answer(desk: Desk) -> None:
    writer = desk.log.writer
    stop = threading.Event()

    def ask_again() -> None:
        if not stop.is_set():
            writer.enqueue([Act()], ask_again)

    ask_again()
    caller = threading.Thread(target=writer.submit, args=([Act()],), daemon=True)
    caller.start()
    caller.join(SECONDS)
    was_answered = not caller.is_alive()
    stop.set()
    writer.drain()

    assert was_answered


def test_draining_takes_over_what_a_caller_leaves_behind(desk: Desk) -> None:
    writer = desk.log.writer
    done = threading.Event()

    with another_leads(writer) as go_on, ThreadPoolExecutor(1) as pool:
        writer.enqueue([Act()], done.set)
        draining = pool.submit(writer.drain)
        go_on.set()

        draining.result(SECONDS)

    assert done.is_set()


def test_a_mistake_in_one_job_fails_that_job_only(desk: Desk) -> None:
    writer, subject = desk.log.writer, desk.report()
    good = desk.log.proposal(desk.order(a("incident", "comment"), subject))

    jobs = [writer.enqueue(each, lambda: None) for each in ([good], [Act(lambda: 1 // 0)], [Act()])]
    writer.drain()

    assert isinstance(jobs[0].result()[0], Recorded)
    with pytest.raises(ZeroDivisionError):
        jobs[1].result()
    assert jobs[2].result() == [Recorded(())]
    assert desk.log.subject(subject).version == 2
    whole_log(desk.log)


def test_an_interrupted_commit_leaves_nobody_waiting(desk: Desk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    writer = desk.log.writer
    other = writer.enqueue([Act()], lambda: None)

    with pytest.raises(KeyboardInterrupt):
        writer.submit([Act(interrupt)])

    with pytest.raises(OutcomeUnknown):
        other.result()
    assert is_alive(writer)


def test_a_waiter_that_is_interrupted_does_not_keep_the_lead(desk: Desk) -> None:
    writer, main = desk.log.writer, threading.main_thread().ident
    assert main is not None

    with another_leads(writer):
        threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            writer.submit([Act()])

    assert is_alive(writer)


def test_an_answer_that_cannot_be_given_keeps_nobody_else_from_theirs(desk: Desk) -> None:
    def closed() -> None:
        raise RuntimeError("the event loop is closed")

    writer, answered = desk.log.writer, threading.Event()
    writer.enqueue([Act()], closed)
    writer.enqueue([Act()], answered.set)

    with pytest.raises(RuntimeError):
        writer.drain()

    assert answered.is_set()
    assert is_alive(writer)


def test_an_outcome_that_nobody_can_tell_is_not_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = [desk.report() for _ in range(2)]
    really = desk.log.database.writing

    @contextmanager
    def commits_and_breaks() -> Iterator[Transaction]:
        with really() as transaction:
            yield transaction
        raise OutcomeUnknown

    def unreachable(*_: object) -> list[Row]:
        raise StorageFailed("no server")

    made = [desk.log.proposal(desk.order(a("incident", "comment"), s)) for s in subjects]
    jobs = [desk.log.writer.enqueue([each], lambda: None) for each in made]
    with monkeypatch.context() as breaking:
        breaking.setattr(desk.log.database, "writing", commits_and_breaks)
        breaking.setattr(desk.log.database, "query", unreachable)
        breaking.setattr(desk.log.database, "reading", unreachable)
        desk.log.writer.drain()

    for job in jobs:
        with pytest.raises(OutcomeUnknown):
            job.result()
    assert [desk.log.subject(subject).version for subject in subjects] == [2, 2]


def test_a_connection_that_the_server_ends_behind_the_commit_leaves_the_outcome_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if desk.log.database.dialect != "postgresql":
        return  # SQLite has no server
    from ledger.postgres import PostgresTransactionCursor

    subjects = [desk.report() for _ in range(2)]
    really = PostgresTransactionCursor.execute

    def execute(self: PostgresTransactionCursor, sql: str, params: Sequence[object] = ()) -> None:
        really(self, sql, params)  # type: ignore[arg-type]  # passed through
        if sql == "COMMIT":
            really(self, "SELECT pg_terminate_backend(pg_backend_pid())")

    made: list[Proposal] = [
        desk.log.proposal(desk.order(a("incident", "comment"), s)) for s in subjects
    ]
    jobs = [desk.log.writer.enqueue([each], lambda: None) for each in made]
    with monkeypatch.context() as ending:
        ending.setattr(PostgresTransactionCursor, "execute", execute)
        desk.log.writer.drain()

    assert [len(job.result()) for job in jobs] == [1, 1]  # it was found to be there
    assert [desk.log.subject(subject).version for subject in subjects] == [2, 2]
    whole_log(desk.log)
