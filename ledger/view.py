"""The log as a commit sees it while it holds the lock: stored state, and what this commit adds to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import orjson

from domain.commitment import SALT_BYTES, check, commit, is_commitment
from domain.event import Json
from domain.families import FAMILIES, human_number, subject_id
from domain.fold import merge_patch
from domain.principal import PrincipalReferenced
from ledger.database import Row, Transaction
from ledger.entry import Draft, write_entry
from ledger.errors import KeyDestroyed
from ledger.log import Head, NewEntry, append_entries
from ledger.merkle import leaf_hash
from ledger.schema import DISCLOSURES, REQUESTS, ROWS, SNAPSHOTS, SUBJECT_KEYS, SUBJECTS
from ledger.snapshots import INTERVAL
from ledger.states import UNKNOWN, Loaded, StateCache, load
from ledger.vault import Vault

_T = TypeVar("_T")

SYSTEM = "principal/PRN0000001"
"""The ledger itself: it records referenced principals, the start of software, timers."""
PERSONAL_ATTRIBUTES = ("reason", "comment")


class Receipt(NamedTuple):
    """What an append returns: where the event stands, and the leaf hash that a proof will lead from."""

    position: int
    subject: str
    version: int
    type: str
    id: str
    recordedtime: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A client's idempotency key, and the keyed hash of the request it came with."""

    client: str
    key: str
    hash: bytes


_Savepoint = tuple[dict[str, int], int, int]
PREFETCH = 400
"""Names or keys in one look-up: SQLite's limit of parameters is 32,766, and a statement of many is slow."""


@dataclass(slots=True)
class _Additions:
    """What one proposal adds. Joined to the view when all of it is known to fit."""

    entries: list[NewEntry] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    moved: dict[str, Loaded] = field(default_factory=dict)
    subjects: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)
    key_of: dict[int, int] = field(default_factory=dict)
    disclosures: dict[tuple[int, str], tuple[int, bytes]] = field(default_factory=dict)


class View:
    """`position` is the last one taken. Nothing is written before `flush`."""

    def __init__(
        self,
        transaction: Transaction,
        head: Head,
        recordedtime: str,
        *,
        cache: StateCache,
        vault: Vault,
        source: str,
    ) -> None:
        self._transaction, self._head, self._cache, self._vault = transaction, head, cache, vault
        self.recordedtime, self.source = recordedtime, source
        self.moved: dict[str, Loaded] = {}
        self._entries: list[NewEntry] = []
        self._subjects: list[Row] = []
        self._keys: list[Row] = []
        self._key_of: dict[int, int] = {}
        self._disclosures: dict[tuple[int, str], tuple[int, bytes]] = {}
        self._requests: dict[tuple[str, str], Row] = {}
        self._rows: list[Row] = []
        self._row_set: set[Row] = set()
        self._earlier: dict[tuple[str, str], Row | None] = {}
        self._numbers_seen: set[tuple[str, str]] = set()
        self._names: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._first_key: int | None = None
        self._last: Receipt | None = None

    @property
    def position(self) -> int:
        return self._head.size + len(self._entries)

    @property
    def is_empty(self) -> bool:
        return not (self._entries or self._rows)

    @property
    def last_receipt(self) -> Receipt | None:
        return self._last

    # Reading

    def prefetch(
        self, subjects: set[str], requests: Sequence[Request], rows: Sequence[tuple[str, str, int]]
    ) -> None:
        """Look up in a few statements what settling these would look up one by one."""
        unknown = [name for name in subjects if self._cache.get(name) is None]
        for names in _portions(unknown):
            clause, values = self._transaction.among("name", names)
            found = self._transaction.rows(f"SELECT name FROM subjects WHERE {clause}", values)
            known = {name for (name,) in found}
            for name in names:
                if name not in known:
                    self._cache.put(name, UNKNOWN)
        for portion in _portions(requests):
            for client in {request.client for request in portion}:
                self._prefetch_requests(client, [r.key for r in portion if r.client == client])
        for few in _portions(rows):
            for source in {row[0] for row in few}:
                self._prefetch_rows(source, sorted({row[1] for row in few if row[0] == source}))

    def _prefetch_requests(self, client: str, keys: Sequence[str]) -> None:
        clause, values = self._transaction.among("key", keys)
        self._earlier.update({(client, key): None for key in keys})
        for key, *row in self._transaction.rows(
            f"SELECT key, request, first, last FROM requests WHERE client = ? AND {clause}",
            [client, *values],
        ):
            self._earlier[(client, key)] = tuple(row)

    def _prefetch_rows(self, source: str, numbers: Sequence[str]) -> None:
        clause, values = self._transaction.among("number", numbers)
        self._numbers_seen.update((source, number) for number in numbers)
        self._row_set.update(
            self._transaction.rows(
                f"SELECT source, number, ordinal FROM import_rows WHERE source = ? AND {clause}",
                [source, *values],
            )
        )

    def load(self, subject: str) -> Loaded:
        found = self.moved.get(subject) or self._cache.get(subject)
        if found is None:
            found = load(self._transaction, subject)
            self._cache.put(subject, found)
        return found

    def entry_at(self, position: int) -> bytes | None:
        """The stored bytes at a position, those of this commit included."""
        if position > self._head.size:
            index = position - self._head.size - 1
            return self._entries[index].entry if index < len(self._entries) else None
        row = self._transaction.row("SELECT entry FROM events WHERE position = ?", (position,))
        return row[0] if row else None

    def entries_of(self, subject: str) -> list[tuple[int, bytes]]:
        """(position, bytes) of a subject's entries in order, those of this commit included."""
        loaded = self.load(subject)
        stored = self._transaction.rows(
            "SELECT position, entry FROM events WHERE subject = ? ORDER BY position", (loaded.key,)
        )
        added = enumerate(self._entries, self._head.size + 1)
        return [*stored, *((at, new.entry) for at, new in added if new.subject == loaded.key)]

    def next_number(self, family: str) -> str:
        """The subject id with the family's next free human number. Taken when a draft uses it."""
        kind = FAMILIES[family]
        ordinal = self._numbers.get(family)
        if ordinal is None:
            row = self._transaction.row("SELECT next FROM numbers WHERE family = ?", (family,))
            ordinal = row[0] if row else kind.first
        subject = subject_id(family, human_number(kind, ordinal))
        while self.load(subject).version:
            ordinal += 1
            subject = subject_id(family, human_number(kind, ordinal))
        self._numbers[family] = ordinal
        return subject

    def take_number(self, subject: str) -> None:
        family = subject.split("/", 1)[0]
        self._numbers[family] += 1

    def request(self, request: Request) -> Row | None:
        """(hash, first position, last position) recorded under the client's key."""
        key = (request.client, request.key)
        mine = self._requests.get(key)
        if mine is not None:
            return mine[2:]
        if key in self._earlier:
            return self._earlier[key]
        return self._transaction.row(
            "SELECT request, first, last FROM requests WHERE client = ? AND key = ?",
            (request.client, request.key),
        )

    def row_seen(self, source: str, number: str, ordinal: int) -> bool:
        """Was this row of an imported file taken before?"""
        row = (source, number, ordinal)
        if row in self._row_set:
            return True
        return (source, number) not in self._numbers_seen and bool(
            self._transaction.row(
                "SELECT 1 FROM import_rows WHERE source = ? AND number = ? AND ordinal = ?", row
            )
        )

    def person(self, named: str, known_to: str) -> tuple[str, list[Draft]]:
        """The principal id for what a source calls somebody, and the event that introduces a new one."""
        known = self._names.get((named, known_to)) or self._vault.principal_named(named, known_to)
        if known is not None and self.load(known).version:
            return known, []
        principal = self.next_number("principal")
        self.take_number(principal)
        self._names[(named, known_to)] = principal
        introduction = Draft(
            principal,
            PrincipalReferenced,
            {"status": "referenced", "kind": "person", "name": named, "known_to": known_to},
            time=self.recordedtime,
            id=f"{principal}:referenced",
            source=self.source,
            said={
                "authtype": "system",
                "authid": SYSTEM,
                "recordedby": SYSTEM,
                "decision": "observed",
            },
        )
        return principal, [introduction]

    # Adding

    def savepoint(self) -> _Savepoint:
        """What a failing proposal gives back: numbers, the names that lead to them, its row."""
        return self._numbers.copy(), len(self._names), len(self._rows)

    def restore(self, saved: _Savepoint) -> None:
        self._numbers, names, rows = saved
        while len(self._names) > names:
            self._names.popitem()
        self._row_set.difference_update(self._rows[rows:])
        del self._rows[rows:]

    def add(self, drafts: Sequence[Draft], request: Request | None = None) -> list[Receipt]:
        """Take the drafts as consecutive entries, or none of them. Raises EntryTooLarge."""
        additions = _Additions()
        for draft in drafts:
            self._add_one(draft, additions)
        first = self.position + 1
        self._entries += additions.entries
        self._subjects += additions.subjects
        self._keys += additions.keys
        self._key_of.update(additions.key_of)
        self._disclosures.update(additions.disclosures)
        self.moved.update(additions.moved)
        if additions.receipts:
            self._last = additions.receipts[-1]
        if request is not None:
            row = (request.client, request.key, request.hash, first, self.position)
            self._requests[(request.client, request.key)] = row
        return additions.receipts

    def take_row(self, source: str, number: str, ordinal: int) -> None:
        self._rows.append((source, number, ordinal))
        self._row_set.add((source, number, ordinal))

    def _add_one(self, draft: Draft, additions: _Additions) -> None:
        loaded = additions.moved.get(draft.subject) or self.load(draft.subject)
        key = loaded.key
        if key is None:
            key = self._fresh_key(additions)
            additions.subjects.append((key, draft.subject, draft.owner))
        position, version = self.position + len(additions.entries) + 1, loaded.version + 1
        data, said = self._committed(draft, loaded, key, additions)
        raw = write_entry(
            draft, data, said, position=position, version=version, recordedtime=self.recordedtime
        )
        leaf = leaf_hash(raw)
        type_name = draft.event.type_name
        additions.entries.append(NewEntry(key, version, type_name, raw, leaf))
        additions.receipts.append(
            Receipt(position, draft.subject, version, type_name, draft.id, self.recordedtime, leaf)
        )
        owner = loaded.owner if loaded.version else draft.owner
        additions.moved[draft.subject] = Loaded(
            key, version, merge_patch(dict(loaded.state), data), owner
        )

    def _fresh_key(self, additions: _Additions) -> int:
        if self._first_key is None:
            row = self._transaction.row("SELECT coalesce(max(id), 0) FROM subjects")
            self._first_key = row[0] + 1 if row else 1
        return self._first_key + len(self._subjects) + len(additions.subjects)

    # Personal data

    def _committed(
        self, draft: Draft, loaded: Loaded, key: int, additions: _Additions
    ) -> tuple[dict[str, Json], Mapping[str, str | int]]:
        """Data and envelope with a commitment in place of each personal value."""
        members = [member for member in draft.event.personal if draft.data.get(member) is not None]
        spoken = [name for name in PERSONAL_ATTRIBUTES if name in draft.said]
        if not members and not spoken:
            return draft.data, draft.said
        data, said = dict(draft.data), dict(draft.said)
        if loaded.key is not None and key not in additions.key_of:
            self._find_vault_key(key, additions)
        for member in members:
            stored = loaded.state.get(member)
            if stored is not None and self._says(key, stored, data[member], additions):
                data[member] = stored
            else:
                data[member] = self._commit_to(member, data[member], key, additions)
        for name in spoken:
            said[name] = self._commit_to(name, said[name], key, additions)
        return data, said

    def _commit_to(self, path: str, value: Json, key: int, additions: _Additions) -> str:
        made = commit(path, value, os.urandom(SALT_BYTES))
        vault_key = additions.key_of.get(key) or self._new_vault_key(key, additions)
        try:
            sealed = self._vault.seal(vault_key, made.digest, made.disclosure)
        except KeyDestroyed:
            # The subject was erased before; what is said from now on is under a key of its own.
            vault_key = self._new_vault_key(key, additions)
            sealed = self._vault.seal(vault_key, made.digest, made.disclosure)
        additions.disclosures[(key, made.digest)] = (vault_key, sealed)
        return made.digest

    def _find_vault_key(self, key: int, additions: _Additions) -> None:
        """The data key that the subject's disclosures go under by now, if it has one."""
        known = self._key_of.get(key)
        if known is None:
            row = self._transaction.row(
                "SELECT key FROM subject_keys WHERE subject = ? ORDER BY since DESC LIMIT 1", (key,)
            )
            known = row[0] if row else None
        if known is not None:
            additions.key_of[key] = known

    def _new_vault_key(self, key: int, additions: _Additions) -> int:
        vault_key = self._vault.new_key()
        additions.keys.append((key, self.position + len(additions.entries) + 1, vault_key))
        additions.key_of[key] = vault_key
        return vault_key

    def _says(self, key: int, stored: Json, value: Json, additions: _Additions) -> bool:
        """Is `stored` a commitment to this very value? Then the entry repeats it."""
        if not is_commitment(stored):
            return False
        row = additions.disclosures.get((key, stored)) or self._disclosures.get((key, stored))
        row = row or self._transaction.row(
            "SELECT key, sealed FROM disclosures WHERE subject = ? AND digest = ?", (key, stored)
        )
        return row is not None and self._opened(row[0], stored, row[1]) == value

    def _opened(self, vault_key: int, digest: str, sealed: bytes) -> Any:
        try:
            return check(digest, self._vault.open(vault_key, digest, sealed))[1]
        except KeyDestroyed:
            return None

    # Writing

    def flush(self) -> Head:
        """Write everything in the transaction. Names and keys are durable in the vault before."""
        write = self._transaction
        if self._names:
            self._vault.name_principals(
                (name, known_to, principal) for (name, known_to), principal in self._names.items()
            )
        for table, rows in (
            (SUBJECTS, self._subjects),
            (SUBJECT_KEYS, self._keys),
            (DISCLOSURES, [(*at, *sealed) for at, sealed in self._disclosures.items()]),
            (REQUESTS, list(self._requests.values())),
            (ROWS, self._rows),
            (SNAPSHOTS, self._snapshots()),
        ):
            if rows:
                write.insert(table, rows)
        for family, ordinal in self._numbers.items():
            write.execute(
                "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (family) DO UPDATE SET next = excluded.next",
                (family, ordinal),
            )
        if not self._entries:
            return self._head
        return append_entries(write, self._head, self._entries, self.recordedtime)

    def _snapshots(self) -> list[Row]:
        """One for each subject that passed a multiple of INTERVAL, at the version it now has."""
        first: dict[int, int] = {}
        for new in self._entries:
            first.setdefault(new.subject, new.version)
        last = {new.subject: at for at, new in enumerate(self._entries, self._head.size + 1)}
        return [
            (loaded.key, loaded.version, last[loaded.key], orjson.dumps(loaded.state))
            for loaded in self.moved.values()
            if loaded.key is not None
            and (first[loaded.key] - 1) // INTERVAL < loaded.version // INTERVAL
        ]


def _portions(whole: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (whole[at : at + PREFETCH] for at in range(0, len(whole), PREFETCH))
