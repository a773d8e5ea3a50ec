"""The one way into the log: a queue, and whoever comes first commits for everybody who waits.

Proposals are settled under the lock, one after the other, each wholly or not at all; then the group is
committed in one transaction and every waiter gets its own answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from domain.errors import KeyReused, LedgerError, Refused
from ledger.clock import RecordingClock
from ledger.database import Database
from ledger.entry import Entry
from ledger.errors import OutcomeUnknown, StorageFailed
from ledger.log import lock_head
from ledger.merkle import leaf_hash
from ledger.owed import Owed, Settling
from ledger.proposal import Proposal
from ledger.reads import Reads
from ledger.refusals import Refusals
from ledger.states import StateCache
from ledger.taken import Request
from ledger.vault import Vault
from ledger.view import Needs, Receipt, View

GROUP_PROPOSALS = 2_000
"""Most proposals in one commit: bounds how long the first of them waits."""
GATHER_SECONDS = 0.002
"""Longest that a commit waits for as many as the one before it had: about what a commit costs."""


class Recorded(NamedTuple):
    """`replayed`: the receipts are those of an earlier request under the same key."""

    receipts: tuple[Receipt, ...]
    replayed: bool = False


Outcome = Recorded | LedgerError


class _Job:
    """Proposals of one caller, and what became of them. `turn` is released when it is done or is to lead."""

    __slots__ = ("done", "failure", "outcomes", "proposals", "turn", "when_done")

    def __init__(
        self, proposals: Sequence[Proposal], when_done: Callable[[], None] | None = None
    ) -> None:
        self.proposals = proposals
        self.outcomes: list[Outcome] = []
        self.failure: Exception | None = None
        self.done = False
        self.when_done = when_done
        self.turn = threading.Lock()
        self.turn.acquire()

    def fail(self, failure: Exception) -> None:
        self.failure, self.outcomes = failure, []

    def finish(self) -> None:
        self.done = True
        self.turn.release()
        if self.when_done is not None:
            self.when_done()

    def result(self) -> list[Outcome]:
        if self.failure is not None:
            raise self.failure
        return self.outcomes


class Writer:
    """Safe from any number of threads and processes."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: RecordingClock,
        cache: StateCache,
        source: str,
        *,
        reads: Reads,
    ) -> None:
        """`reads`: what readers were shown, which this writer records when it is told to."""
        self._database, self._vault, self._clock, self._cache = database, vault, clock, cache
        self._refusals, self._reads = Refusals(clock.monotonic_seconds), reads
        self._owed: tuple[Owed[Any, Any], ...] = (self._refusals, reads)
        self._source = source
        self._mutex = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._is_led = False
        self._heir: _Job | None = None
        """Of those who wait in the queue the one that was told to lead, and has not begun."""
        self._expected = 1
        self._gathered = threading.Event()

    def submit(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """One outcome for each, in order. What is Recorded survives a crash once this returns.

        Raises StorageFailed, ClockJumped or OutcomeUnknown when the transaction as a whole failed.
        """
        job = _Job(proposals)
        self._see_through(job)
        return job.result()

    def settle_refusals(self) -> None:
        """Record the refusals that were only counted so far. Raises as `submit`."""
        if self._refusals.owes:
            self.submit([Settling(self._refusals, all_of_them=True)])

    def settle_reads(self, *, all_of_them: bool) -> None:
        """Record what readers were shown, once it has been owed for too long, or whatever is owed. Raises as `submit`."""
        self.submit([Settling(self._reads, all_of_them=all_of_them)])

    def enqueue(self, proposals: Sequence[Proposal], when_done: Callable[[], None]) -> _Job:
        """For an event loop: `when_done` is called from the thread that commits, which `drain` may be.

        The job's `result()` then tells its outcomes, or raises what `submit` would.
        """
        job = _Job(proposals, when_done)
        with self._mutex:
            self._queue.append(job)
            if self._is_led and len(self._queue) >= self._expected:
                self._gathered.set()
        return job

    def drain(self) -> None:
        """Commit what is queued, group by group. While another thread leads, the lead is waited for:
        who leads commits until its own answer is there, and no longer.
        """
        while True:
            with self._mutex:
                if not self._queue:
                    return
                is_led, self._is_led = self._is_led, True
            if is_led:
                self._see_through(_Job([]))
            else:
                self._lead()

    def _see_through(self, job: _Job) -> None:
        """Until it is done: by whoever leads, or by this thread when nobody does or it is told to."""
        with self._mutex:
            self._queue.append(job)
            is_led, self._is_led = self._is_led, True
            if is_led and len(self._queue) >= self._expected:
                self._gathered.set()
        if is_led:
            try:
                job.turn.acquire()
            except BaseException:
                self._withdraw(job)
                raise
        if not job.done:
            self._lead(job)

    def _withdraw(self, job: _Job) -> None:
        """Its thread was interrupted. A job that nobody took yet is not recorded; nor does it keep the lead."""
        with self._mutex:
            if job in self._queue:
                self._queue.remove(job)
            if self._heir is job:
                self._name_heir()

    def _lead(self, own: _Job | None = None) -> None:
        """Commit one group, or until `own` is done; then let the first who waits lead, whatever went wrong."""
        try:
            self._commit_one_group()
            while own is not None and not own.done:
                self._commit_one_group()
        finally:
            with self._mutex:
                if own is not None and not own.done and own in self._queue:
                    self._queue.remove(own)  # its thread was interrupted
                self._name_heir()

    def _name_heir(self) -> None:
        """Called by who leads no longer. Enqueued jobs are left to `drain`. The mutex is held."""
        self._heir = next((job for job in self._queue if job.when_done is None), None)
        self._is_led = self._heir is not None
        if self._heir is not None:
            self._heir.turn.release()

    def _commit_one_group(self) -> None:
        if self._expected > 1:
            # Those whose answers just went out are about to come again: one commit for all of them.
            self._gathered.wait(GATHER_SECONDS)
        with self._mutex:
            jobs = self._take_group()
            self._gathered.clear()
        self._expected = sum(1 for job in jobs if job.proposals)
        with ExitStack() as answering:
            # Whatever is raised, by the commit or by a `when_done`: nobody is left waiting.
            for job in reversed(jobs):
                answering.callback(job.finish)
            self._commit(jobs)

    def _take_group(self) -> list[_Job]:
        jobs: list[_Job] = []
        proposals = 0
        while self._queue and proposals < GROUP_PROPOSALS:
            jobs.append(self._queue.popleft())
            proposals += len(jobs[-1].proposals)
        return jobs

    def _commit(self, jobs: Sequence[_Job]) -> None:
        if not any(job.proposals for job in jobs):
            return
        try:
            failure = self._commit_together(jobs)
        except BaseException as error:
            if isinstance(error, Exception):
                self._fail(jobs, error)
                return
            # This thread was interrupted, perhaps behind the COMMIT. The others were not.
            self._fail(jobs, OutcomeUnknown(reason="the committing thread was interrupted"))
            raise
        if failure is None:
            return
        self._fail(jobs, failure)
        if len(jobs) > 1:
            for job in jobs:
                self._commit([job])

    def _fail(self, jobs: Sequence[_Job], error: Exception) -> None:
        self._vault.forget_names()  # some may lead to principals that were not recorded
        for job in jobs:
            job.fail(error)

    def _commit_together(self, jobs: Sequence[_Job]) -> Exception | None:
        """All of them, or none. Returned: why none, where it may be the doing of one of them alone.

        Raises what is nobody's in particular: the lock was not had, or the outcome is unknown.
        """
        view: View | None = None
        is_written = False
        try:
            with self._database.writing() as transaction:
                head = lock_head(transaction)
                if self._cache.catch_up(transaction, head):
                    self._vault.forget_keys()
                view = View(
                    transaction,
                    head,
                    self._clock.recorded_time(head.recordedtime),
                    cache=self._cache,
                    vault=self._vault,
                    source=self._source,
                )
                _prefetch(view, [proposal for job in jobs for proposal in job.proposals])
                for job in jobs:
                    job.outcomes = [
                        _settled(view, proposal, self._refusals) for proposal in job.proposals
                    ]
                view.add(self._refusals.due(view))
                moved, rosters = view.moved, view.moved_rosters
                after = head if view.is_empty else view.flush()
                is_written = True
        except OutcomeUnknown:
            if view is None or not is_written or not self._is_committed(view):
                self._undo()
                raise
            self._cache.position = 0  # whatever came in between: start from the log itself
        except Exception as error:  # one job's own, perhaps: the caller tries each alone
            self._undo()
            if view is None or (is_written and not isinstance(error, StorageFailed)):
                raise
            return error
        else:
            self._cache.accept(moved, rosters, after)
        finally:
            if view is not None:
                view.let_go()
        for owed in self._owed:
            owed.keep()
        for job in jobs:
            job.failure = None
        return None

    def _undo(self) -> None:
        for owed in self._owed:
            owed.undo()

    def _is_committed(self, view: View) -> bool:
        """After a connection broke in COMMIT: is it certain that our entries are there?"""
        last = view.last_receipt
        if last is None:
            return view.is_empty
        sql = "SELECT leaf FROM events WHERE position = ?"
        try:
            rows = self._database.query(sql, (last.position,))
        except StorageFailed:
            return False  # what broke is still broken
        return bool(rows) and rows[0][0] == last.leaf_hash


def _prefetch(view: View, proposals: Sequence[Proposal]) -> None:
    if len(proposals) == 1:
        return  # there is nothing to look up together
    needs = Needs()
    for proposal in proposals:
        proposal.foresee(needs)
        if proposal.request is not None:
            needs.requests.append(proposal.request)
    view.prefetch(needs)


def _settled(view: View, proposal: Proposal, refusals: Refusals) -> Outcome:
    saved = view.savepoint()
    try:
        if proposal.request is not None:
            earlier = _earlier(view, proposal.request)
            if earlier is not None:
                return earlier
        for timer in proposal.comes_after(view):
            _settled(view, timer, refusals)
        receipts = tuple(view.add(proposal.settle(view), proposal.request))
    except LedgerError as error:
        view.restore(saved)
        if isinstance(error, Refused):
            attempt = proposal.attempt(error, view.recordedtime)
            if attempt is not None:
                view.add(refusals.noted(attempt, view))
        return error
    for follow_up in proposal.follow_ups(view, receipts):
        _settled(view, follow_up, refusals)
    return Recorded(receipts)


def _earlier(view: View, request: Request) -> Recorded | None:
    """The receipts first given under this key. Raises KeyReused when that was another request."""
    row = view.taken.request(request)
    if row is None:
        return None
    hash_, first, last = row
    if hash_ != request.hash:
        raise KeyReused(
            f"the key {request.key!r} was used before with another request; "
            f"its entries are {first} to {last}",
            key=request.key,
            first=first,
            last=last,
        )
    receipts = (
        receipt_of(position, view.entry_at(position) or b"") for position in range(first, last + 1)
    )
    return Recorded(tuple(receipts), replayed=True)


def receipt_of(position: int, raw: bytes) -> Receipt:
    """The receipt that the entry's append returned. Raises CorruptEntry."""
    entry = Entry(position, raw)
    return Receipt(
        position,
        entry.subject,
        entry.version,
        entry.type,
        str(entry.attributes["id"]),
        entry.recordedtime,
        leaf_hash(raw),
    )
