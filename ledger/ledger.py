"""The ledger: the library's application over our log. Every way in appends through `execute` or `observe`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import PersistenceError, Subscription

from domain.acts import LEDGER, KeyRotated, LedgerCreated
from domain.errors import LedgerError, Refused, UnknownSubject
from domain.event import Event
from domain.may import May
from domain.moments import to_text
from domain.population import Bounds
from domain.reading import ReadingKind
from ledger.census import LogCensus, count_grants
from ledger.checkpoints import CheckpointStore, Copies
from ledger.clock import Clock, RecordingClock
from ledger.database import Database
from ledger.entry import Entry
from ledger.errors import CorruptEntry, StorageFailed
from ledger.govern import GovernProposal, Order
from ledger.log import Head
from ledger.migrate import check_version, schema_version
from ledger.notes import VerifierKey, parse_vkey
from ledger.observe import ObserveProposal
from ledger.proofs import format_proof
from ledger.reads import Reads
from ledger.repository import Subject, fold_subject
from ledger.rosters import Roster, load_roster
from ledger.states import CACHED_SUBJECTS, Loaded, StateCache, load
from ledger.tree import StoredTree
from ledger.urls import library_environment
from ledger.vault import Vault
from ledger.writer import Outcome, Recorded, Writer


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where a ledger is kept. `copies`: a directory elsewhere that keeps each checkpoint."""

    database_url: str
    vault_url: str
    copies: Path | None = None
    cached_subjects: int = CACHED_SUBJECTS


class Ledger(Application[str]):
    """One log in one database. Safe from any number of threads; any number of processes may open it."""

    name = "itsm_ledger"
    is_snapshotting_enabled = True

    def __init__(
        self,
        settings: LogSettings,
        *,
        master_key: bytes,
        clock: Clock,
        may: May,
        create_tables: bool = False,
    ) -> None:
        environment = {
            **library_environment(settings.database_url, create_tables=create_tables),
            "MAPPER_TOPIC": "ledger.repository:EntryMapper",
            "IS_SNAPSHOTTING_ENABLED": "y",
        }
        try:
            super().__init__(environment)
        except PersistenceError as error:
            raise StorageFailed(f"the database cannot be reached: {error}") from error
        self.database: Database = self.recorder.database  # type: ignore[attr-defined]  # our recorders have one
        self._may, self._clock = may, clock
        self.vault = Vault(settings.vault_url, master_key)
        self.tree = StoredTree(self.database)
        self.checkpoints = CheckpointStore(
            self.database, self.tree, Copies(settings.copies) if settings.copies else None
        )
        self._cache = StateCache(settings.cached_subjects)
        self.reads = Reads(clock.monotonic_seconds)
        self.when_unrecorded: Callable[[int, LedgerError], None] = lambda requests, error: None  # noqa: ARG005 - a listener need not listen
        """Told how many requests for audit data could not be recorded so far, and why."""
        self.source = ""
        self._writer: Writer | None = None

    # Opening

    def check_schema(self) -> None:
        """Raises NewerDatabase."""
        with self.database.reading() as transaction:
            check_version(schema_version(transaction))

    def start(self, origin: str) -> None:
        """Take appends from now on, as the log of this origin."""
        self.source = f"/ledgers/{origin}"
        self._writer = Writer(
            self.database,
            self.vault,
            RecordingClock(self._clock),
            self._cache,
            self.source,
            reads=self.reads,
        )

    def save(self, *_: Any, **__: Any) -> Any:
        """The library's way in is closed: it would pass by the decision, the lock and the commitments."""
        raise Refused("append through execute() or observe()")

    # Appending

    @property
    def writer(self) -> Writer:
        if self._writer is None:
            raise Refused("the ledger was opened for reading")
        return self._writer

    def now(self) -> str:
        return to_text(self._clock.now())

    def proposal(self, order: Order) -> GovernProposal:
        """Decided ahead of the lock, where that goes: a refusal is for the log to tell, and is recorded there.

        Only from what is at hand: what has to be read is read once, by the writer, for all who ask for it.
        """
        made = self.undecided(order)
        # A repeated request gets its first receipt, even where the order would be refused by now.
        if order.request is None:
            with contextlib.suppress(LedgerError, _NotAtHandError):
                made.rehearse(_AtHand(self._cache), self.now(), self._cache.position)
        return made

    def undecided(self, order: Order) -> GovernProposal:
        """Decided under the lock only: for an event loop, which must not wait for the database."""
        return GovernProposal(order, self._may, self.source)

    def execute(self, order: Order) -> Recorded:
        """Carry the order out. What is returned survives a crash. Raises LedgerError."""
        return recorded(self.writer.submit([self.proposal(order)])[0])

    def observe(self, proposals: Sequence[ObserveProposal]) -> list[Outcome]:
        """One outcome for each, in order: its receipts, or why it was not recorded."""
        return self.writer.submit(proposals)

    def note_reading(
        self, by: str, what: ReadingKind, *, entries: int, about: Iterable[str] = ()
    ) -> None:
        """`by` was shown audit data: so many entries, or rows of an answer. Waits for nothing; `record_reads` records it."""
        self.reads.note(by, what, self.now(), entries=entries, about=about)

    def record_reads(self, *, all_of_them: bool = False) -> None:
        """Record the readings that have waited for as long as they may, or all. Raises no LedgerError.

        What could not be recorded stays owed, and `when_unrecorded` is told.
        """
        late = self.reads.pending if all_of_them else self.reads.is_late
        if self._writer is None or not late:
            return
        try:
            self._writer.settle_reads(all_of_them=all_of_them)
        except LedgerError as error:
            self.when_unrecorded(self.reads.pending, error)

    # Reading

    def load(self, subject: str) -> Loaded:
        """The subject as the log tells it at this moment."""
        with self.database.reading() as transaction:
            return load(transaction, subject)

    def version_at_hand(self, subject: str) -> int:
        """The newest version that this process has met, without asking the log; 0 when it has met none."""
        found = self._cache.get(subject)
        return found.version if found else 0

    def roster(self, name: str) -> Roster:
        """The roster as the log tells it at this moment."""
        with self.database.reading() as transaction:
            return load_roster(transaction, name)

    def census(self) -> LogCensus:
        """Counts grants as the log has them; the last counts are kept."""

        def counted(bounds: Bounds) -> tuple[str, ...]:
            with self.database.reading() as transaction:
                return count_grants(transaction, bounds)

        return LogCensus(self.head().size, self._cache.counts, counted)

    def subject(self, subject: str) -> Subject:
        """Its newest state, through the library's repository and our snapshots. Raises UnknownSubject."""
        try:
            return self.repository.get(subject, projector_func=fold_subject)
        except AggregateNotFoundError:
            raise UnknownSubject(f"{subject} is not known", subject=subject) from None

    def entries_of(self, subject: str, *types: type[Event]) -> list[Entry]:
        """All entries of a subject in order, or those of some types. Raises UnknownSubject, unless types are named."""
        among = f"AND type IN ({', '.join('?' * len(types))}) " if types else ""
        rows = self.database.query(
            "SELECT position, entry FROM events WHERE subject = (SELECT id FROM subjects WHERE name = ?) "
            f"{among}ORDER BY version",
            (subject, *(one.type_name for one in types)),
        )
        if not rows and not types:
            raise UnknownSubject(f"{subject} is not known", subject=subject)
        return [Entry(position, raw) for position, raw in rows]

    def entries(self, after: int, limit: int, up_to: int | None = None) -> list[Entry]:
        """The entries at positions after + 1 …, at most `limit`."""
        last = after + limit if up_to is None else min(after + limit, up_to)
        rows = self.database.query(
            "SELECT position, entry FROM events WHERE position > ? AND position <= ? ORDER BY position",
            (after, last),
        )
        return [Entry(position, raw) for position, raw in rows]

    def newest_subjects(self, family: str, limit: int) -> list[str]:
        """Of a family whose numbers the ledger hands out: those with the highest, the newest first."""
        rows = self.database.query(
            "SELECT name FROM subjects WHERE name >= ? AND name < ? ORDER BY name DESC LIMIT ?",
            (f"{family}/", f"{family}0", limit),  # the character after `/`
        )
        return [name for (name,) in rows]

    def count_entries(self, after: int, up_to: int, without: type[Event]) -> int:
        """How many entries at positions after + 1 … up_to are of other types than that one."""
        rows = self.database.query(
            "SELECT count(*) FROM events WHERE position > ? AND position <= ? AND type <> ?",
            (after, up_to, without.type_name),
        )
        return int(rows[0][0])

    def entry(self, position: int) -> Entry:
        """Raises UnknownSubject beyond the head."""
        found = self.entries(position - 1, 1)
        if not found:
            raise UnknownSubject(f"there is no entry at position {position}", position=position)
        return found[0]

    def follow(self, after: int) -> Subscription[Any]:
        """Entries after a position, past and to come, as the library's notifications."""
        return self.recorder.subscribe(gt=after)

    def head(self) -> Head:
        return self.tree.head()

    # Personal data

    def disclosures(self, subject: str) -> Mapping[str, tuple[int, bytes]]:
        """What lies outside the log for this subject: digest → (vault key, ciphertext)."""
        rows = self.database.query(
            "SELECT d.digest, d.key, d.sealed FROM disclosures d JOIN subjects s ON s.id = d.subject "
            "WHERE s.name = ?",
            (subject,),
        )
        return {digest: (key, sealed) for digest, key, sealed in rows}

    # Proof

    def vkeys(self) -> list[VerifierKey]:
        """The log's verifier keys, the newest first: what it is signed with now, and before each rotation."""
        # Most of what the ledger says of itself is who read: not looked through for its few keys.
        said = self.entries_of(LEDGER, LedgerCreated, KeyRotated)
        return [parse_vkey(entry.data["vkey"]) for entry in reversed(said)]

    def prove(self, position: int, checkpoint: Callable[[], str]) -> str:
        """A tlog-proof of the entry under the newest checkpoint, or under a new one if that is older."""
        self.entry(position)
        covering = self.checkpoints.first_covering(position)
        if covering is None:
            checkpoint()
            covering = self.checkpoints.first_covering(position)
        if covering is None:
            raise CorruptEntry(f"no checkpoint covers position {position}", position=position)
        size, note = covering
        return format_proof(position - 1, self.tree.inclusion(position, size), note)

    def close(self) -> None:
        """What is owed to the log is recorded first. Raises StorageFailed when that fails; it is closed then too."""
        try:
            if self._writer is not None:
                self.record_reads(all_of_them=True)
                self._writer.settle_refusals()
        finally:
            self._close()

    def _close(self) -> None:
        super().close()
        self.vault.close()


class _NotAtHandError(Exception):
    """The cache does not hold it."""


@dataclass(frozen=True, slots=True)
class _AtHand:
    """What this process has in its cache."""

    cache: StateCache

    def load(self, subject: str) -> Loaded:
        found = self.cache.get(subject)
        if found is None:
            raise _NotAtHandError
        return found

    def roster(self, name: str) -> Roster:
        found = self.cache.rosters.get(name)
        if found is None:
            raise _NotAtHandError
        return found

    def census(self) -> LogCensus:
        return LogCensus(self.cache.position, self.cache.counts, _uncounted)


def _uncounted(_: Bounds) -> tuple[str, ...]:
    raise _NotAtHandError


def recorded(outcome: Outcome) -> Recorded:
    """The receipts, or the error raised."""
    if isinstance(outcome, Recorded):
        return outcome
    raise outcome
