"""The one way into the log: a queue, and whoever comes first commits for everybody who waits.

Proposals are settled under the lock, one after the other, each wholly or not at all; then the group is
committed in one transaction and every waiter gets its own answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from domain.errors import KeyReused, LedgerError
from ledger.clock import RecordingClock
from ledger.database import Database
from ledger.entry import Draft, Entry
from ledger.errors import OutcomeUnknown, StorageFailed
from ledger.log import lock_head
from ledger.merkle import leaf_hash
from ledger.states import StateCache
from ledger.taken import Request
from ledger.vault import Vault
from ledger.view import Needs, Receipt, View

GROUP_PROPOSALS = 2_000
"""Most proposals in one commit: bounds how long the first of them waits."""
GATHER_SECONDS = 0.002
"""Longest that a commit waits for as many as the one before it had: about what a commit costs."""


class Proposal(Protocol):
    """Something that wants to become entries. `request`: the client's idempotency key, if it gave one."""

    request: Request | None

    def foresee(self, needs: Needs) -> None:
        """Add what settling will look up, so that a whole group is looked up together."""
        ...

    def settle(self, view: View) -> Sequence[Draft]:
        """Decide, in the state that holds now. Called under the lock, once per try.

        Raises LedgerError: then nothing of this proposal is recorded, and the others go on.
        """
        ...


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
        self.failure: BaseException | None = None
        self.done = False
        self.when_done = when_done
        self.turn = threading.Lock()
        self.turn.acquire()

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
    ) -> None:
        self._database, self._vault, self._clock, self._cache = database, vault, clock, cache
        self._source = source
        self._mutex = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._is_led = False
        self._expected = 1
        self._gathered = threading.Event()

    def submit(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """One outcome for each, in order. What is Recorded survives a crash once this returns.

        Raises StorageFailed, ClockJumped or OutcomeUnknown when the transaction as a whole failed.
        """
        job = _Job(proposals)
        if not self._enqueue(job):
            job.turn.acquire()
        if not job.done:
            self._lead()
        return job.result()

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
        """Commit what is queued, group by group, unless another thread is about to."""
        with self._mutex:
            if self._is_led or not self._queue:
                return
            self._is_led = True
        self._lead()

    def _enqueue(self, job: _Job) -> bool:
        """Is the caller to lead: nobody else does?"""
        with self._mutex:
            self._queue.append(job)
            if self._is_led:
                if len(self._queue) >= self._expected:
                    self._gathered.set()
                return False
            self._is_led = True
            return True

    def _lead(self) -> None:
        """Commit group after group while enqueued jobs come next; then let the first who waits lead."""
        successor = self._lead_one_group()
        while successor is not None and successor.when_done is not None:
            successor = self._lead_one_group()
        if successor is not None:
            successor.turn.release()

    def _lead_one_group(self) -> _Job | None:
        """Commit one group; the first who came meanwhile, for whom the lead is kept."""
        if self._expected > 1:
            # Those whose answers just went out are about to come again: one commit for all of them.
            self._gathered.wait(GATHER_SECONDS)
        with self._mutex:
            jobs = self._take_group()
            self._gathered.clear()
        self._expected = len(jobs)
        self._commit(jobs)
        for job in jobs:
            job.finish()
        with self._mutex:
            successor = self._queue[0] if self._queue else None
            self._is_led = successor is not None
        return successor

    def _take_group(self) -> list[_Job]:
        jobs: list[_Job] = []
        proposals = 0
        while self._queue and proposals < GROUP_PROPOSALS:
            jobs.append(self._queue.popleft())
            proposals += len(jobs[-1].proposals)
        return jobs

    def _commit(self, jobs: Sequence[_Job]) -> None:
        try:
            self._commit_together(jobs)
        except StorageFailed as error:
            self._vault.forget_names()
            if len(jobs) == 1:
                jobs[0].failure = error
                return
            # What the database cannot take may be one job's alone: the others must not fail with it.
            for job in jobs:
                self._commit([job])
        except BaseException as error:
            self._vault.forget_names()  # some may lead to principals that were not recorded
            for job in jobs:
                job.failure = error
            if not isinstance(error, Exception):
                raise

    def _commit_together(self, jobs: Sequence[_Job]) -> None:
        view: View | None = None
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
                    job.outcomes = [_settled(view, proposal) for proposal in job.proposals]
                after = head if view.is_empty else view.flush()
        except OutcomeUnknown:
            if view is None or not self._is_committed(view):
                raise
            self._cache.position = 0  # whatever came in between: start from the log itself
            return
        self._cache.accept(view.moved, after)

    def _is_committed(self, view: View) -> bool:
        """After a connection broke in COMMIT: are our entries there?"""
        last = view.last_receipt
        if last is None:
            return True
        with self._database.reading() as transaction:
            row = transaction.row("SELECT leaf FROM events WHERE position = ?", (last.position,))
        return row is not None and row[0] == last.leaf_hash


def _prefetch(view: View, proposals: Sequence[Proposal]) -> None:
    if len(proposals) == 1:
        return  # there is nothing to look up together
    needs = Needs()
    for proposal in proposals:
        proposal.foresee(needs)
        if proposal.request is not None:
            needs.requests.append(proposal.request)
    view.prefetch(needs)


def _settled(view: View, proposal: Proposal) -> Outcome:
    saved = view.savepoint()
    try:
        if proposal.request is not None:
            earlier = _earlier(view, proposal.request)
            if earlier is not None:
                return earlier
        drafts = proposal.settle(view)
        return Recorded(tuple(view.add(drafts, proposal.request)))
    except LedgerError as error:
        view.restore(saved)
        return error


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
