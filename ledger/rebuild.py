"""What a log's database holds beside its entries, made again from them, block by block.

Leaf hashes, tiles, head, subjects with their owners, human numbers, rosters, the rows of imported files and
snapshots. The encrypted disclosures are taken as they are handed in; what nothing tells is the idempotency keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import orjson

import domain.catalogue  # noqa: F401 - the rules of rosters are complete once it is imported
from domain.event import Json
from domain.families import FAMILIES, Family, human_number
from domain.fold import merge_patch
from domain.rosters import keeps_rosters, rosters_of
from ledger.database import Row, Transaction
from ledger.disclosed import DataKey, Disclosure
from ledger.entry import SEQUENCE_DIGITS
from ledger.errors import CorruptEntry
from ledger.log import Head, NewEntry, append_entries
from ledger.merkle import leaf_hash
from ledger.rosters import Roster, moves, write_rosters
from ledger.schema import DISCLOSURES, NUMBERS, ROWS, SNAPSHOTS, SUBJECT_KEYS, SUBJECTS
from ledger.snapshots import INTERVAL
from ledger.view import SYSTEM

ENTRIES_AT_ONCE: Final = 4_096
"""In one statement."""

_TIME_CHARACTERS: Final = 27
_SOURCES: Final = "/sources/"
_ROW_ID: Final = re.compile(r"(?s)(.+):([0-9]{1,15}):[0-9]{1,15}")
"""How an importer calls the facts of a row (`api/importing/reading.py`): number, ordinal, number of the fact."""
_WRONG: Final = (TypeError, ValueError, KeyError, AttributeError)


class Block(NamedTuple):
    """(position, entry) of consecutive entries, and the encrypted disclosures that belong to them."""

    entries: Sequence[tuple[int, bytes]]
    keys: Sequence[DataKey] = ()
    sealed: Sequence[Disclosure] = ()


class _Told(msgspec.Struct):
    """What an entry says of its place, and what follows from it; `data` is read where it is needed."""

    sequence: str
    id: str
    source: str
    subject: str
    type: str
    subjectversion: int
    recordedtime: str
    data: msgspec.Raw
    decision: str | None = None
    recordedby: str | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)
_DATA: Final = msgspec.json.Decoder(dict[str, Any])


class _Subject:
    """`state`: folded for families that keep rosters; None for others."""

    __slots__ = ("key", "state", "version")

    def __init__(self, key: int, state: dict[str, Json] | None) -> None:
        self.key, self.state, self.version = key, state, 0


class Rebuilding:
    """Takes every entry from position 1 on. `head`: an empty log's.

    Memory: a name and two numbers for each subject, and the states of those families that keep rosters.
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        self._subjects: dict[str, _Subject] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._moved: dict[str, int] = {}

    @property
    def subjects(self) -> int:
        return len(self._subjects)

    def take(self, transaction: Transaction, block: Block) -> None:
        """The entries at the next positions. Raises CorruptEntry for one that does not belong there."""
        for at in range(0, len(block.entries), ENTRIES_AT_ONCE):
            self._take(transaction, block.entries[at : at + ENTRIES_AT_ONCE])
        known = self._subjects
        keys = [(known[one.subject].key, *one[1:]) for one in block.keys if one.subject in known]
        sealed = [
            (known[one.subject].key, *one[1:]) for one in block.sealed if one.subject in known
        ]
        # A subject that is told of in several blocks has its keys, and a text that was repeated, in each.
        if keys:
            transaction.insert_new(SUBJECT_KEYS, keys)
        for at in range(0, len(sealed), ENTRIES_AT_ONCE):
            transaction.insert_new(DISCLOSURES, sealed[at : at + ENTRIES_AT_ONCE])

    def finish(self, transaction: Transaction) -> None:
        """What only the whole log tells."""
        write_rosters(
            transaction,
            {
                name: Roster(tuple(members), self._moved[name])
                for name, members in self._members.items()
            },
        )
        numbers = [
            (family.name, following)
            for family in FAMILIES.values()
            if (following := _next_number(family, self._subjects)) > family.first
        ]
        if numbers:
            transaction.insert(NUMBERS, numbers)
        self._take_snapshots(transaction)

    def _take(self, transaction: Transaction, rows: Sequence[tuple[int, bytes]]) -> None:
        entries: list[NewEntry] = []
        subjects: list[Row] = []
        imported: set[Row] = set()
        recordedtime = self.head.recordedtime
        for position, raw in rows:
            told = _told(position, raw, self.head.size + len(entries) + 1)
            if told.recordedtime < recordedtime or len(told.recordedtime) != _TIME_CHARACTERS:
                raise _corrupt(position, f"was recorded at {told.recordedtime!r}")
            recordedtime = told.recordedtime
            subject = self._subjects.get(told.subject)
            if subject is None:
                subject = self._add_subject(told.subject)
                subjects.append((subject.key, told.subject, _owner(told)))
            if told.subjectversion != subject.version + 1:
                raise _corrupt(
                    position,
                    f"is version {told.subjectversion} of {told.subject}, and {subject.version} came before",
                )
            subject.version += 1
            if subject.state is not None:
                self._fold(told, subject, position)
            imported.update(_file_rows(told))
            entries.append(NewEntry(subject.key, subject.version, told.type, raw, leaf_hash(raw)))
        if subjects:
            transaction.insert(SUBJECTS, subjects)
        if imported:
            transaction.insert_new(ROWS, sorted(imported))
        self.head = append_entries(transaction, self.head, entries, recordedtime)

    def _add_subject(self, name: str) -> _Subject:
        folds = keeps_rosters(name.partition("/")[0])
        added = self._subjects[name] = _Subject(len(self._subjects) + 1, {} if folds else None)
        return added

    def _fold(self, told: _Told, subject: _Subject, position: int) -> None:
        before = subject.state or {}
        try:
            state = merge_patch(before, _DATA.decode(told.data))
            moved = moves(
                told.subject, rosters_of(told.subject, before), rosters_of(told.subject, state)
            )
        except (*_WRONG, msgspec.MsgspecError) as fault:
            raise _corrupt(position, f"cannot be folded: {fault!r}") from fault
        subject.state = state
        for name, member, joins in moved:
            members = self._members.setdefault(name, {})
            if joins:
                members[member] = None
            else:
                members.pop(member, None)
            self._moved[name] = self._moved.get(name, 0) + 1

    def _take_snapshots(self, transaction: Transaction) -> None:
        """Of each subject with many versions, as it is now: without one, every load would fold all of them."""
        for subject in self._subjects.values():
            if subject.version < INTERVAL:
                continue
            rows = transaction.rows(
                "SELECT position, entry FROM events WHERE subject = ? ORDER BY version",
                (subject.key,),
            )
            state = subject.state
            if state is None:
                state = {}
                for _, raw in rows:
                    state = merge_patch(state, orjson.loads(raw)["data"])
            taken = (subject.key, subject.version, rows[-1][0], orjson.dumps(state))
            transaction.insert(SNAPSHOTS, [taken])


def _told(position: int, raw: bytes, expected: int) -> _Told:
    if position != expected:
        raise _corrupt(expected, f"is missing; entry {position} stands in its place")
    try:
        told = _TOLD.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise _corrupt(position, f"is not a CloudEvent of ours: {fault}") from fault
    if told.sequence != f"{position:0{SEQUENCE_DIGITS}d}":
        raise _corrupt(position, f"calls itself entry {told.sequence[:40]!r}")
    return told


def _corrupt(position: int, what: str) -> CorruptEntry:
    return CorruptEntry(f"the entry at position {position} {what}", position=position)


def _owner(told: _Told) -> str | None:
    """Whoever observed the first entry owns the subject; what the ledger itself noted is its own."""
    is_observed = told.decision == "observed" and told.recordedby != SYSTEM
    return told.recordedby if is_observed else None


def _file_rows(told: _Told) -> Iterable[Row]:
    """The row of an imported file that the entry was made of, as imports look it up: by its number, or by its
    subject where a file holds several families.
    """
    if not told.source.startswith(_SOURCES):
        return ()
    source = told.source.removeprefix(_SOURCES)
    found = _ROW_ID.fullmatch(told.id)
    if found is None or told.recordedby != f"principal/{source}":
        return ()
    number, ordinal = found[1], int(found[2])
    rows = [(source, number, ordinal)]
    if told.subject.partition("/")[2] == number:
        rows.append((source, told.subject, ordinal))
    return rows


def _next_number(family: Family, names: Iterable[str]) -> int:
    """The first number that nobody has, from the family's first on. What the ledger handed out lies below it."""
    start = f"{family.name}/{family.prefix}"
    taken = set()
    for name in names:
        if name.startswith(start) and name[len(start) :].isdecimal():
            ordinal = int(name[len(start) :])
            if name == f"{family.name}/{human_number(family, ordinal)}":
                taken.add(ordinal)
    following = family.first
    while following in taken:
        following += 1
    return following
