"""The one way into the log: a queue, and whoever comes first commits for everybody who waits.

Proposals are settled under the lock, one after the other, each wholly or not at all; then the group is
committed in one transaction and every waiter gets its own answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import KeyReused, LedgerError
from ledger.clock import RecordingClock
from ledger.database import Database
from ledger.entry import Draft, Entry
from ledger.errors import OutcomeUnknown, StorageFailed
from ledger.log import lock_head
from ledger.merkle import leaf_hash
from ledger.states import StateCache
from ledger.vault import Vault
from ledger.view import Receipt, Request, View

GROUP_PROPOSALS = 2_000
"""Most proposals in one commit: bounds how long the first of them waits."""


class Proposal(Protocol):
    """Something that wants to become entries. `request`: the client's idempotency key, if it gave one."""

    request: Request | None

    def settle(self, view: View) -> Sequence[Draft]:
        """Decide, in the state that holds now. Called under the lock, once per try.

        Raises LedgerError: then nothing of this proposal is recorded, and the others go on.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """`replayed`: the receipts are those of an earlier request under the same key."""

    receipts: tuple[Receipt, ...]
    replayed: bool = False


Outcome = Recorded | LedgerError


@dataclass(slots=True)
class _Job:
    proposals: Sequence[Proposal]
    outcomes: list[Outcome] = field(default_factory=list)
    failure: BaseException | None = None
    done: bool = False
    when_done: Callable[[], None] | None = None


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
        self._queue: deque[_Job] = deque()
        self._commit_lock = threading.Lock()

    def submit(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """One outcome for each, in order. What is Recorded survives a crash once this returns.

        Raises StorageFailed, ClockJumped or OutcomeUnknown when the transaction as a whole failed.
        """
        job = _Job(proposals)
        self._queue.append(job)
        with self._commit_lock:
            # Whoever held the lock before may have committed this job along with its own.
            if not job.done:
                self._commit_queue()
        if job.failure is not None:
            raise job.failure
        return job.outcomes

    def enqueue(self, proposals: Sequence[Proposal], when_done: Callable[[], None]) -> _Job:
        """For an event loop: nothing is committed before somebody calls `drain`."""
        job = _Job(proposals, when_done=when_done)
        self._queue.append(job)
        return job

    def drain(self) -> None:
        """Commit what is queued, group by group."""
        while self._queue:
            with self._commit_lock:
                self._commit_queue()

    def _commit_queue(self) -> None:
        jobs: list[_Job] = []
        proposals = 0
        while self._queue and proposals < GROUP_PROPOSALS:
            jobs.append(self._queue.popleft())
            proposals += len(jobs[-1].proposals)
        if not jobs:
            return
        self._commit(jobs)
        for job in jobs:
            job.done = True
            if job.when_done is not None:
                job.when_done()

    def _commit(self, jobs: Sequence[_Job]) -> None:
        try:
            self._commit_together(jobs)
        except StorageFailed as error:
            if len(jobs) == 1:
                jobs[0].failure = error
                return
            # What the database cannot take may be one job's alone: the others must not fail with it.
            for job in jobs:
                self._commit([job])
        except BaseException as error:
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
                    self._vault.forget_cached()
                view = View(
                    transaction,
                    head,
                    self._clock.recorded_time(head.recordedtime),
                    cache=self._cache,
                    vault=self._vault,
                    source=self._source,
                )
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
    row = view.request(request)
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
