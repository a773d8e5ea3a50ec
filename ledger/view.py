"""The log as a commit sees it while it holds the lock: stored state, and what this commit adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import orjson

from domain.acts import LEDGER, SubjectKeyDestroyed
from domain.event import Json
from domain.fold import merge_patch
from domain.identity import IdentityLinked
from domain.principal import Kind, PrincipalReferenced
from domain.rosters import keeps_rosters, rosters_of
from ledger.census import LogCensus, count_grants
from ledger.corrections import corrected
from ledger.database import Row, Transaction
from ledger.entry import Correction, Draft, write_entry
from ledger.identities import IdentityIndex, Name
from ledger.log import Head, NewEntry, append_entries
from ledger.merkle import leaf_hash
from ledger.numbers import Numbers
from ledger.rosters import Move, Roster, load_roster, moves, write_rosters
from ledger.schema import SNAPSHOTS, SUBJECTS
from ledger.seals import Sealer, Seals, speaks
from ledger.snapshots import INTERVAL
from ledger.states import UNKNOWN, Loaded, StateCache, load
from ledger.taken import FileRow, Request, Taken, portions
from ledger.vault import Vault

SYSTEM = "principal/PRN0000001"
"""The ledger itself: it records referenced principals, the start of software, timers."""


class Receipt(NamedTuple):
    """What an append returns: where the event stands, and the leaf hash that a proof will lead from."""

    position: int
    subject: str
    version: int
    type: str
    id: str
    recordedtime: str
    leaf_hash: bytes


_Savepoint = tuple[dict[str, int], int, int]


@dataclass(slots=True)
class Needs:
    """What proposals will look up, as far as they know ahead. `people`: (name, who knows it)."""

    subjects: set[str] = field(default_factory=set)
    people: set[tuple[str, str]] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    rows: list[FileRow] = field(default_factory=list)


class _Additions:
    """What one proposal adds. Joined to the view when all of it is known to fit."""

    __slots__ = ("entries", "linked", "moved", "receipts", "rosters", "seals", "subjects")

    def __init__(self) -> None:
        self.entries: list[NewEntry] = []
        self.receipts: list[Receipt] = []
        self.moved: dict[str, Loaded] = {}
        self.rosters: list[Move] = []
        self.linked: list[tuple[Name, str]] = []
        self.subjects: list[Row] = []
        self.seals: Seals | None = None


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
        self.moved_rosters: dict[str, Roster] = {}
        self._entries: list[NewEntry] = []
        self._subjects: list[Row] = []
        self._sealer = Sealer(transaction, vault)
        self._identities = IdentityIndex(vault, self._sealer, self)
        self.taken = Taken(transaction)
        self.trusted_recorders: set[str] = set()
        """Sources found to be registered in this commit. It drops one as soon as the source moves."""
        self._names: dict[tuple[str, str], str] = {}
        self._people: dict[tuple[str, str], str | None] = {}
        self._numbers = Numbers(transaction, self.load, self._find_out)
        self._first_key: int | None = None
        self._last: Receipt | None = None

    def let_go(self) -> None:
        """The commit is over. Parts that know the view would keep all its entries until somebody looks for cycles,
        which is rarely done (`api/compose.py`).
        """
        del self._identities, self._numbers

    @property
    def position(self) -> int:
        return self._head.size + len(self._entries)

    @property
    def is_empty(self) -> bool:
        return not self._entries and self.taken.is_empty

    @property
    def last_receipt(self) -> Receipt | None:
        return self._last

    # Reading

    def prefetch(self, needs: Needs) -> None:
        """Look up in a few statements what settling would look up one by one."""
        self._fetch_unknown([name for name in needs.subjects if not self._is_at_hand(name)])
        self.taken.prefetch(needs.requests, needs.rows)
        for asked in portions(list(needs.people)):
            people = self._vault.look_up(asked)
            self._people.update({person: people.get(person) for person in asked})

    def _is_at_hand(self, subject: str) -> bool:
        return subject in self.moved or self._cache.get(subject) is not None

    def _fetch_unknown(self, subjects: Sequence[str]) -> None:
        """Find out which of them the log does not know: the others are folded when they are asked for."""
        for names in portions(subjects):
            clause, values = self._transaction.among("name", names)
            found = self._transaction.rows(f"SELECT name FROM subjects WHERE {clause}", values)
            known = {name for (name,) in found}
            for name in names:
                if name not in known:
                    self._cache.put(name, UNKNOWN)

    def load(self, subject: str) -> Loaded:
        found = self.moved.get(subject) or self._cache.get(subject)
        if found is None:
            found = load(self._transaction, subject)
            self._cache.put(subject, found)
        return found

    def stored(self, subject: str) -> Loaded:
        """As it was before this commit."""
        return self._cache.get(subject) or load(self._transaction, subject)

    def roster(self, name: str) -> Roster:
        """As it stands, with what earlier proposals of this commit changed."""
        found = self.moved_rosters.get(name) or self._cache.rosters.get(name)
        if found is None:
            found = load_roster(self._transaction, name)
            self._cache.rosters.put(name, found)
        return found

    def census(self) -> LogCensus:
        """Counts up to where this commit began: what it adds is not in the log yet."""
        return LogCensus(
            self._head.size, self._cache.counts, partial(count_grants, self._transaction)
        )

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
        return self._numbers.next_number(family)

    def take_number(self, subject: str) -> None:
        self._numbers.take(subject)

    def _find_out(self, subjects: Sequence[str]) -> None:
        if not self._is_at_hand(subjects[0]):
            self._fetch_unknown([subject for subject in subjects if not self._is_at_hand(subject)])

    def person(self, named: str, known_to: str, kind: Kind = "person") -> tuple[str, list[Draft]]:
        """The principal id for what a source calls somebody, and the event that introduces a new one.

        `kind` is a new one's: who is known stays what they are.
        """
        name = (named, known_to)
        if name in self._names:
            return self._names[name], []
        asked = name in self._people
        known = self._people[name] if asked else self._vault.principal_named(named, known_to)
        if known is not None and self._goes_by_a_name(known, known_to):
            return known, []
        principal = self.next_number("principal")
        self.take_number(principal)
        self._names[name] = principal
        introduction = Draft(
            principal,
            PrincipalReferenced,
            {"status": "referenced", "kind": kind, "name": named, "known_to": known_to},
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

    def _goes_by_a_name(self, principal: str, known_to: str) -> bool:
        """Is it one that this source introduced? The vault is written first: after a commit that failed its
        names lead to numbers that somebody else may have by now, and for a moment to somebody just erased.
        """
        erased = self.load(LEDGER).state.get("erased", {})
        return self.load(principal).state.get("known_to") == known_to and principal not in erased

    # Adding

    def savepoint(self) -> _Savepoint:
        """What a failing proposal gives back: numbers, the names that lead to them, its row."""
        return self._numbers.savepoint(), len(self._names), self.taken.savepoint()

    def restore(self, saved: _Savepoint) -> None:
        numbers, names, rows = saved
        self._numbers.restore(numbers)
        while len(self._names) > names:
            self._names.popitem()
        self.taken.restore(rows)

    def add(self, drafts: Sequence[Draft], request: Request | None = None) -> list[Receipt]:
        """Take the drafts as consecutive entries, or none of them. Raises EntryTooLarge."""
        additions = _Additions()
        before = position = self.position
        for draft in drafts:
            position += 1
            self._add_one(draft, position, additions)
        self._entries += additions.entries
        self.moved.update(additions.moved)
        for name, subject, joins in additions.rosters:
            self.moved_rosters[name] = self.roster(name).moved(subject, joins=joins)
        if additions.linked:
            self._identities.take(additions.linked)
        self.trusted_recorders.difference_update(additions.moved)
        if additions.subjects:
            self._subjects += additions.subjects
        if additions.seals is not None:
            self._sealer.taken.join(additions.seals)
        if additions.receipts:
            self._last = additions.receipts[-1]
        if request is not None:
            self.taken.take_request(request, before + 1, position)
        return additions.receipts

    def _add_one(self, draft: Draft, position: int, additions: _Additions) -> None:
        subject, event = draft.subject, draft.event
        if event is SubjectKeyDestroyed:
            self._give_new_keys(draft.data["erased"], position, additions)
        if event is IdentityLinked:
            additions.linked += self._identities.free(draft)
        loaded = additions.moved.get(subject) or self.load(subject)
        key, version, owner = loaded.key, loaded.version + 1, loaded.owner
        if key is None:
            key, owner = self._fresh_key(additions), draft.owner
            additions.subjects.append((key, subject, owner))
        if draft.correction is not None:
            draft = self._corrected(
                draft, draft.correction, loaded, key=key, position=position, additions=additions
            )
        data: dict[str, Json] = draft.data
        said: Mapping[str, str | int] = draft.said
        if event.personal or event.personal_within or speaks(said):
            seals = additions.seals = additions.seals or Seals()
            data, said = self._sealer.sealed(draft, loaded, key=key, position=position, fresh=seals)
        if draft.derives:
            # After sealing: what is hashed is what an outsider's fold holds.
            data = {**data, **event.derived(merge_patch(loaded.state, data))}
        time = self.recordedtime
        raw = write_entry(draft, data, said, position=position, version=version, recordedtime=time)
        leaf, type_name = leaf_hash(raw), event.type_name
        additions.entries.append(NewEntry(key, version, type_name, raw, leaf))
        additions.receipts.append(
            Receipt(position, subject, version, type_name, draft.id, time, leaf)
        )
        fold = loaded.with_patch(data)
        sealed_under = additions.seals.key_of.get(key) if additions.seals else None
        vault_key = sealed_under or loaded.vault_key
        moved = additions.moved[subject] = Loaded(key, version, fold, owner, vault_key)
        if keeps_rosters(event.family.name):
            before, after = rosters_of(subject, loaded.state), rosters_of(subject, moved.state)
            additions.rosters += moves(subject, before, after)

    def _give_new_keys(self, erased: Iterable[str], position: int, additions: _Additions) -> None:
        """What is said from here on outlives the erasure, however long the old key takes to go."""
        seals = additions.seals = additions.seals or Seals()
        for subject in erased:
            loaded = additions.moved.get(subject) or self.load(subject)
            if loaded.key is not None:
                fresh = self._sealer.new_key(loaded.key, position, seals)
                additions.moved[subject] = loaded.under(fresh)

    def _corrected(
        self,
        draft: Draft,
        correction: Correction,
        loaded: Loaded,
        *,
        key: int,
        position: int,
        additions: _Additions,
    ) -> Draft:
        """The draft with what only the lock can tell. Raises CanNot, NotTheOwner, Malformed."""
        seals = additions.seals = additions.seals or Seals()
        self._sealer.find_key(loaded, key, seals)
        before = position - len(additions.entries)
        added = enumerate(additions.entries, before)
        entries = [
            *self.entries_of(draft.subject),
            *((at, new.entry) for at, new in added if new.subject == key),
        ]

        def commit(
            personal: Iterable[str], patch: Mapping[str, Json], stands: Mapping[str, Json]
        ) -> dict[str, Json]:
            stored = {**loaded.state, **stands}
            return self._sealer.sealed_patch(
                personal, patch, stored, key=key, position=position, fresh=seals
            )

        return corrected(draft, correction, entries, commit)

    def _fresh_key(self, additions: _Additions) -> int:
        if self._first_key is None:
            row = self._transaction.row("SELECT coalesce(max(id), 0) FROM subjects")
            self._first_key = row[0] + 1 if row else 1
        return self._first_key + len(self._subjects) + len(additions.subjects)

    # Writing

    def flush(self) -> Head:
        """Write everything in the transaction. Names and keys are durable in the vault before."""
        write = self._transaction
        if self._names:
            self._vault.name_principals(
                (name, known_to, principal) for (name, known_to), principal in self._names.items()
            )
        self._identities.write()
        if self._subjects:
            write.insert(SUBJECTS, self._subjects)
        self._sealer.write()
        self.taken.write()
        write_rosters(write, self.moved_rosters)
        snapshots = self._snapshots()
        if snapshots:
            write.insert(SNAPSHOTS, snapshots)
        self._numbers.write()
        if not self._entries:
            return self._head
        return append_entries(write, self._head, self._entries, self.recordedtime)

    def _snapshots(self) -> list[Row]:
        """One for each subject that passed a multiple of INTERVAL, at the version it now has."""
        if all(loaded.version < INTERVAL for loaded in self.moved.values()):
            return []
        first: dict[int, int] = {}
        for new in self._entries:
            first.setdefault(new.subject, new.version)
        last = {new.subject: at for at, new in enumerate(self._entries, self._head.size + 1)}
        return [
            (loaded.key, loaded.version, last[loaded.key], orjson.dumps(loaded.state))
            for loaded in self.moved.values()
            if loaded.key is not None
            and loaded.key in first  # who was erased has another key, and no entry
            and (first[loaded.key] - 1) // INTERVAL < loaded.version // INTERVAL
        ]
