"""Is an archive what was recorded? Every file, hash and column, with neither database nor key.

The keys are those that the archive's own entries name: whoever made all of it anew made keys as well. Checkpoints and
verifier keys that were kept elsewhere show that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

import pyarrow as pa

from domain.acts import LEDGER
from domain.errors import LedgerError
from domain.event import MAX_SAFE_INTEGER
from ledger.errors import CorruptEntry
from ledger.merkle import Frontier, leaf_hash
from ledger.notes import VerifierKey, parse_vkey, verify_checkpoint
from ledger.spelling import to_base64
from replay.archive.manifest import (
    MANIFEST,
    Manifest,
    SegmentFile,
    parse_manifest,
    peaks_of,
)
from replay.archive.parquet import table_of
from replay.archive.read import Archive
from replay.archive.segment import entries_table, in_order, members_of
from replay.archive.store import Store
from replay.errors import ArchiveUnusable, CheckpointRefused, SegmentAltered
from replay.report import Problems, Report
from replay.verify import Progress
from replay.verify_checkpoints import Keys, handed_in_roots, keys_in
from replay.verify_rows import RowCheck
from replay.verify_tree import KnownRoot

_TOLD_POSITIONS: Final = 3


def verify_archive(
    store: Store, checkpoints: Sequence[str] = (), progress: Progress | None = None
) -> Report:
    """Compare manifest, files, entries, columns, tree and checkpoints with each other.

    `checkpoints`: texts of signed notes kept elsewhere. Never fails on what a forger wrote: it is a problem in the
    report. Raises ArchiveUnusable where there is no archive, CheckpointRefused for a checkpoint handed in that is none
    of this log.
    """
    raw = store.read(MANIFEST)
    if raw is None:
        raise ArchiveUnusable(f"there is no archive at {store.location}", location=store.location)
    problems = Problems()
    try:
        manifest = parse_manifest(raw, store.location)
    except ArchiveUnusable as fault:
        problems.add(1, "manifest", fault.message)
        return Report(None, 0, None, tuple(problems), problems.unlisted, 0)
    keys = _named_keys(manifest, problems)
    roots = [
        *_own_root(manifest, keys, problems),
        *_handed_in(manifest, checkpoints, keys, problems),
    ]
    walk = _Walk(store, manifest, problems, sorted(roots, key=lambda known: known.size))
    for segment in manifest.segments:
        walk.take(segment)
        if progress is not None:
            progress(segment.last, manifest.size)
    walk.finish()
    if walk.is_whole:
        _compare_keys(manifest, walk.own_entries, problems)
    root = None if walk.frontier is None else walk.frontier.root()
    return Report(
        manifest.origin, manifest.size, root, tuple(problems), problems.unlisted, walk.agreed
    )


def _named_keys(manifest: Manifest, problems: Problems) -> Keys:
    """Those that the manifest names, as long as nobody has read the entries."""
    keys: list[VerifierKey] = []
    for vkey in reversed(manifest.vkeys):
        try:
            keys.append(parse_vkey(vkey))
        except LedgerError as fault:
            problems.add(1, "manifest", f"the manifest names a key that is none: {fault.message}")
    return Keys(manifest.origin, tuple(keys), are_sound=True)


def _handed_in(
    manifest: Manifest, checkpoints: Sequence[str], keys: Keys, problems: Problems
) -> list[KnownRoot]:
    """Raises CheckpointRefused also for one of a later head: an archive of before is nothing wrong, and not compared."""
    roots = list(handed_in_roots(checkpoints, keys, MAX_SAFE_INTEGER, problems))
    for known in roots:
        if known.size > manifest.size:
            raise CheckpointRefused(
                f"{known.told} is of {known.size} entries, and the archive ends at {manifest.size}: bring the archive "
                "up to date, or hand in a checkpoint of before",
                size=known.size,
            )
    return roots


def _own_root(manifest: Manifest, keys: Keys, problems: Problems) -> list[KnownRoot]:
    told = "the archive's checkpoint"
    try:
        found = verify_checkpoint(manifest.checkpoint, keys.vkeys, origin=keys.origin).checkpoint
    except LedgerError as fault:
        problems.add(manifest.size, "checkpoint", f"{told}: {fault.message}")
        return []
    signed, named = (found.size, to_base64(found.root)), (manifest.size, manifest.root)
    if signed != named:
        problems.add(
            min(found.size, manifest.size) + 1,
            "manifest",
            f"the manifest names size and root {named}, its checkpoint was signed over {signed}",
        )
    if found.size > manifest.size:
        return []
    return [KnownRoot(found.size, found.root, told, stored=True)]


def _compare_keys(
    manifest: Manifest, own: Sequence[tuple[int, bytes, bytes]], problems: Problems
) -> None:
    """The manifest is nobody's word: the log says who signs it."""
    by_log = keys_in(own, problems)
    named = [str(key) for key in reversed(by_log.vkeys)]
    if by_log.origin != manifest.origin:
        problems.add(
            1, "manifest", f"it says that the log is {manifest.origin}, the log {by_log.origin}"
        )
    if named != list(manifest.vkeys):
        problems.add(
            1, "key", f"the manifest names the keys {list(manifest.vkeys)}, the log {named}"
        )


@dataclass(slots=True)
class _Walk:
    """Takes the segments in order. Memory: those of one segment, and a number for each subject.

    `frontier`: None from where leaves are missing. `is_whole`: every file was read. `agreed`: how many signed roots
    were found right.
    """

    store: Store
    manifest: Manifest
    problems: Problems
    roots: list[KnownRoot]
    frontier: Frontier | None = field(default_factory=Frontier)
    is_whole: bool = True
    agreed: int = 0
    own_entries: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)
    _keys: dict[str, int] = field(default_factory=dict)
    _rows: RowCheck = field(init=False)
    _sound_up_to: int = 0

    def __post_init__(self) -> None:
        self._rows = RowCheck(self._names, self.problems, self._keys)

    def take(self, segment: SegmentFile) -> None:
        self._look_at_disclosures(segment)
        table = self._read(segment)
        if table is None:
            self._rows.pass_over(segment.last)
            self.frontier, self.is_whole = None, False
            return
        expected = self._expected(segment, table)
        if expected is not None:
            self._compare_columns(segment, table, expected)
        self._take_rows(segment, table if expected is None else expected)

    def finish(self) -> None:
        for known in self.roots:
            if self.frontier is not None:
                self._compare_root(known, self.frontier)

    def _read(self, segment: SegmentFile) -> pa.Table | None:
        """What the file holds, even one that is not the one that was written: then its entries tell where it differs."""
        path, first = segment.path, segment.first
        try:
            raw = self.store.read(path)
        except ArchiveUnusable as fault:
            self.problems.add(first, "file", fault.message)
            return None
        if raw is None:
            span = f"entries {first} to {segment.last}"
            self.problems.add(first, "file", f"{path} is missing, and with it {span}")
            return None
        digest = hashlib.sha256(raw).hexdigest()
        if len(raw) != segment.bytes or digest != segment.sha256:
            self.problems.add(
                first,
                "file",
                f"{path} was changed: expected {segment.bytes} bytes with SHA-256 {segment.sha256}, "
                f"got {len(raw)} with {digest}",
            )
        try:
            return table_of(raw, segment)
        except SegmentAltered as fault:
            self.problems.add(first, "file", fault.message)
            return None

    def _expected(self, segment: SegmentFile, table: pa.Table) -> pa.Table | None:
        """Each column made again from the entries, whether or not those are right. None where one cannot be read."""
        kinds = members_of(table.schema)
        assert kinds is not None  # `table_of` has looked
        columns = [table.column(one).to_pylist() for one in ("position", "entry")]
        try:
            return entries_table(zip(*columns, strict=True), kinds)
        except CorruptEntry as fault:
            self.problems.add(
                _position(fault, segment), "entry", f"{segment.path}: {fault.message}"
            )
            return None

    def _look_at_disclosures(self, segment: SegmentFile) -> None:
        """They are no evidence; but whoever restores the ledger needs them."""
        if segment.disclosures is None:
            return
        try:
            Archive(self.store, self.manifest).disclosures(segment)
        except (SegmentAltered, ArchiveUnusable) as fault:
            self.problems.add(segment.first, "file", fault.message)

    def _compare_columns(self, segment: SegmentFile, table: pa.Table, expected: pa.Table) -> None:
        positions = expected.column("position").to_pylist()
        for name in expected.column_names:
            found, wanted = table.column(name), expected.column(name)
            if not found.equals(wanted):
                self._tell_differences(segment, name, positions, found, wanted)
        if not in_order(expected).column("position").equals(expected.column("position")):
            self.problems.add(
                segment.first,
                "file",
                f"{segment.path} is not sorted by family, subject and version",
            )

    def _tell_differences(
        self,
        segment: SegmentFile,
        name: str,
        positions: Sequence[int],
        found: pa.ChunkedArray,
        wanted: pa.ChunkedArray,
    ) -> None:
        triples = zip(positions, found.to_pylist(), wanted.to_pylist(), strict=True)
        differing = sorted((one for one in triples if one[1] != one[2]), key=itemgetter(0))
        for position, got, want in differing[:_TOLD_POSITIONS]:
            told = f"{segment.path}: {_difference(name, got, want)}"
            self.problems.add(position, "column", told)

    def _take_rows(self, segment: SegmentFile, table: pa.Table) -> None:
        """In the order of positions, as rows of a log's database."""
        columns = [
            table.column(one).to_pylist()
            for one in ("position", "subject", "version", "type", "entry")
        ]
        rows, outside = [], []
        for position, subject, version, type_, entry in zip(*columns, strict=True):
            if not isinstance(position, int) or not segment.first <= position <= segment.last:
                outside.append(position)
                continue
            leaf = leaf_hash(entry or b"")
            if subject == LEDGER:
                self.own_entries.append((position, entry or b"", leaf))
            rows.append((position, self._key_of(subject), version, type_, entry or b"", leaf))
        if outside:
            self.problems.add(
                segment.first,
                "file",
                f"{segment.path} holds {len(outside)} entries that are not of positions {segment.first} to "
                f"{segment.last}, such as {outside[0]}",
            )
        rows.sort(key=lambda row: row[0])
        self.own_entries.sort(key=lambda row: row[0])
        leaves = self._rows.take(rows, segment.last)
        self._take_leaves(segment, leaves.hashes)

    def _key_of(self, subject: object) -> int:
        name = str(subject)
        key = self._keys.setdefault(name, len(self._keys) + 1)
        self._names[key] = name
        return key

    def _take_leaves(self, segment: SegmentFile, hashes: Sequence[bytes | None]) -> None:
        leaves = [one for one in hashes if one is not None]
        if len(leaves) != len(hashes):
            self.frontier, self.is_whole = None, False
            return
        if peaks_of(leaves) != segment.peaks:
            self.problems.add(
                self.problems.first_within(segment.first, segment.last),
                "manifest",
                f"the entries of {segment.path} have not the subtree roots that the manifest names",
            )
        if self.frontier is None:
            return
        done = segment.first - 1
        while self.roots and self.roots[0].size <= segment.last:
            known = self.roots.pop(0)
            self.frontier.extend(leaves[done - segment.first + 1 : known.size - segment.first + 1])
            done = known.size
            self._compare_root(known, self.frontier)
        self.frontier.extend(leaves[done - segment.first + 1 :])

    def _compare_root(self, known: KnownRoot, frontier: Frontier) -> None:
        root = frontier.root()
        if root == known.root:
            self.agreed += 1
            self._sound_up_to = known.size
            return
        low = self._sound_up_to + 1
        self.problems.add(
            self.problems.first_within(low, known.size),
            "checkpoint",
            f"{known.told} was signed over another root at size {known.size}: expected {known.root.hex()}, the entries "
            f"give {root.hex()}. What was changed lies among entries {low} to {known.size}",
        )


def _position(fault: CorruptEntry, segment: SegmentFile) -> int:
    position = fault.facts.get("position")
    return position if isinstance(position, int) else segment.first


def _difference(name: str, got: object, want: object) -> str:
    if name == "data" and isinstance(got, dict) and isinstance(want, dict):
        name, got, want = next(
            (f"data.{one}", got.get(one), want[one]) for one in want if got.get(one) != want[one]
        )
    return f"column {name} says {got!r:.80}, the entry {want!r:.80}"
