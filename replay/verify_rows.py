"""Each row of the log against the entry in it, and against the rows before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
import orjson

from ledger.database import Row
from ledger.entry import SEQUENCE_DIGITS
from ledger.merkle import HASH_BYTES, leaf_hash
from ledger.stored import StoredRow, Unreadable
from replay.report import Problems

_TIME_CHARACTERS = 27
_WRONG_TYPES = (
    TypeError,
    ValueError,
    KeyError,
    AttributeError,
    RecursionError,
    msgspec.MsgspecError,
)
"""What reading members of a forged entry may raise."""


class _Placed(msgspec.Struct):
    """What an entry says of its place in the log; the rest of it is passed over."""

    sequence: str
    subject: str
    type: str
    subjectversion: int
    recordedtime: str
    data: dict[str, msgspec.Raw]


_PLACED = msgspec.json.Decoder(_Placed)


@dataclass(slots=True)
class Leaves:
    """The leaf hashes of consecutive positions, as far as the rows tell them; None: no row.

    `doubtful`: positions whose hash the rows do not vouch for. What is wrong there is reported already.
    """

    hashes: list[bytes | None] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)


class RowCheck:
    """Takes the rows block by block. `names`: the subjects' names by key; `keys`: the reverse, where it is at hand.

    Memory: one number for each subject.
    """

    def __init__(
        self, names: Mapping[int, str], problems: Problems, keys: dict[str, int] | None = None
    ) -> None:
        self._names, self._problems = names, problems
        self._versions: dict[int, int] = {}
        self._keys = keys
        self._is_cut = False
        self._recordedtime = ""
        self._expected = 1
        self._misplaced = (0, 0)
        self._told_missing = 0

    @property
    def recordedtime(self) -> str:
        """The last entry's."""
        return self._recordedtime

    def take(self, rows: Sequence[Row], up_to: int, gap_end: int = 0) -> Leaves:
        """The rows from the next position on up to `up_to`, where there are rows for them.

        `gap_end`: where the gap ends that begins behind the last of them.
        """
        leaves = Leaves()
        taken = leaves.hashes.append
        names, versions, read, hashed = self._names, self._versions, _PLACED.decode, sha256
        expected, last = self._expected, self._recordedtime
        for row in rows:
            # This loop is most of a verification. It asks only whether all is well; `_examine` says
            # what is not.
            try:
                position, key, version, type_, entry, leaf = row
                if position == expected and hashed(b"\x00" + entry).digest() == leaf:
                    said = read(entry)
                    recordedtime = said.recordedtime
                    if (
                        said.sequence == f"{position:019d}"
                        and said.subject == names[key]
                        and said.type == type_
                        and said.subjectversion == version == versions.get(key, 0) + 1
                        and recordedtime >= last
                        and len(recordedtime) == _TIME_CHARACTERS
                    ):
                        versions[key], last = version, recordedtime
                        taken(leaf)
                        expected += 1
                        continue
            except _WRONG_TYPES:
                pass
            self._expected, self._recordedtime = expected, last
            self._examine(row, leaves)
            expected, last = self._expected, self._recordedtime
        self._expected, self._recordedtime = expected, last
        self._tell_missing(expected, max(up_to, gap_end))
        leaves.hashes.extend([None] * (up_to + 1 - expected))
        self._expected = up_to + 1
        return leaves

    def skip(self, up_to: int) -> None:
        """There is no row before `up_to + 1`, which may be far away."""
        self._tell_missing(self._expected, up_to)
        self._expected = up_to + 1

    def pass_over(self, up_to: int) -> None:
        """The entries before `up_to + 1` are not to be had, which was told. Subjects go on at whatever version."""
        self._expected, self._told_missing = up_to + 1, up_to
        self._versions, self._is_cut = {}, True

    def _examine(self, row: Row, leaves: Leaves) -> None:
        position = row[0]
        if position < self._expected:
            self._problems.add(position, "inserted", "another row claims the same position")
            return
        self._tell_missing(self._expected, position - 1)
        leaves.hashes.extend([None] * (position - self._expected))
        self._expected = position + 1
        if len(row) == len(StoredRow._fields):
            self._row(StoredRow(*row), leaves)
            return
        unreadable = Unreadable(*row)
        told = f"the database cannot read the row: {unreadable.reason}"
        self._problems.add(position, "unreadable", told)
        leaves.hashes.append(None)

    def _tell_missing(self, first: int, last: int) -> None:
        if first > last or last <= self._told_missing:
            return
        self._told_missing = last
        told = f"entry {first} is" if first == last else f"entries {first} to {last} are"
        self._problems.add(first, "missing", f"{told} missing")

    def _row(self, row: StoredRow, leaves: Leaves) -> None:
        position, leaf = row.position, row.leaf
        if not isinstance(row.entry, bytes):
            told = f"the entry is stored as {type(row.entry).__name__}, not as bytes"
            self._problems.add(position, "entry", told)
        raw = row.entry if isinstance(row.entry, bytes) else str(row.entry).encode(errors="replace")
        computed = leaf_hash(raw)
        if computed == leaf:
            leaves.hashes.append(leaf)
            self._entry(row, raw)
            return
        # Hash before decoding: what these bytes say is nobody's word. The columns go on for them.
        told = leaf.hex() if isinstance(leaf, bytes) else repr(leaf)
        self._problems.add(
            position,
            "entry",
            f"the stored bytes hash to {computed.hex()}, the stored leaf hash is {told}: "
            "one of them was changed",
        )
        usable = isinstance(leaf, bytes) and len(leaf) == HASH_BYTES
        leaves.hashes.append(leaf if usable else computed)
        leaves.doubtful.add(position)
        if isinstance(row.version, int):
            self._versions[row.subject] = row.version

    def _entry(self, row: StoredRow, raw: bytes) -> None:
        """The entry is what its leaf hash covers; is it what the row and its neighbours say?"""
        try:
            said = orjson.loads(raw)
            sequence, recordedtime = int(said["sequence"]), str(said["recordedtime"])
            subject, version, type_ = said["subject"], said["subjectversion"], said["type"]
            said["data"].keys()
        except _WRONG_TYPES as fault:
            self._problems.add(
                row.position, "entry", f"the entry is no CloudEvent of ours: {fault!r}"
            )
            return
        self._place(row.position, sequence, str(said["sequence"]))
        for column, stored, told in (
            ("subject", self._names.get(row.subject), subject),
            ("version", row.version, version),
            ("type", row.type, type_),
        ):
            if stored != told:
                self._problems.add(
                    row.position, "column", f"column {column} says {stored!r}, the entry {told!r}"
                )
        self._version(row.position, subject, version)
        self._time(row.position, recordedtime)

    def _place(self, position: int, sequence: int, told: str) -> None:
        if told == f"{position:0{SEQUENCE_DIGITS}d}":
            return
        before, self._misplaced = self._misplaced, (position, sequence - position)
        if sequence == position:
            self._problems.add(position, "entry", f"the sequence is spelt {told!r}")
        elif before == (position - 1, sequence - position):
            # A run that moved together was reported where it begins.
            return
        elif sequence == position - 1 != before[0]:
            self._problems.add(
                sequence,
                "inserted",
                f"two entries call themselves entry {sequence}: at positions {sequence} and {position}",
            )
        else:
            self._problems.add(
                position, "misplaced", f"the entry here calls itself entry {sequence}"
            )

    def _version(self, position: int, subject: Any, version: Any) -> None:
        key = self._key_of(subject)
        expected = self._versions.get(key, 0) + 1
        goes_on = self._is_cut and key not in self._versions
        if version != expected and not goes_on:
            self._problems.add(
                position, "version", f"expected version {expected} of {subject}, got {version!r}"
            )
        if isinstance(version, int):
            self._versions[key] = version

    def _key_of(self, subject: Any) -> int:
        """By what the entry says: its column may be what was changed."""
        if self._keys is None:
            self._keys = {name: key for key, name in self._names.items()}
        return self._keys.setdefault(str(subject), -len(self._keys) - 1)

    def _time(self, position: int, recordedtime: str) -> None:
        if recordedtime < self._recordedtime:
            self._problems.add(
                position,
                "time",
                f"recordedtime goes back from {self._recordedtime} to {recordedtime}",
            )
        elif len(recordedtime) != _TIME_CHARACTERS:
            self._problems.add(position, "time", f"recordedtime is {recordedtime[:40]!r}")
        else:
            self._recordedtime = recordedtime
