"""Held states beside the entries they follow from: derived, made anew at will, and never needed (ADR 0017).

They lie in files by the position at which a state came about, each sorted by subject: as-of reads those up to the
moment, and what changed lately lies in few.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import duckdb
import msgspec
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from domain.effect import Fact
from ledger.past import Line, unreadable
from replay.archive.read import Archive
from replay.archive.segment import SEGMENT_ENTRIES
from replay.archive.store import KEEP_SECONDS, Store
from replay.engines.duck import connected
from replay.errors import ArchiveUnusable, SegmentAltered
from replay.verify import Progress
from replay.whole.held_table import HELD, Columns, by_subject
from replay.whole.intervals import held_states

FORMAT: Final = "itsm-ledger-versions@v1"
_FOLDER: Final = "versions"
_INDEX: Final = "versions.json"
_MOST_BLOCKS: Final = 64
_BUFFERED_ROWS: Final = 400_000
"""In all blocks together, before they are written as row groups."""
_COMPRESSION: Final = {"compression": "zstd", "compression_level": 1}
_PATCH: Final = msgspec.json.Decoder(dict[str, Any])

_LINES: Final = """
SELECT subject, version, position, time, recordedtime, corrects, replacement, effectivetime,
       CAST(json_extract(decode(entry), '$.data') AS VARCHAR) AS patch
FROM archived ORDER BY subject, version"""


class VersionsFile(msgspec.Struct, frozen=True):
    path: str
    bytes: int
    sha256: str
    rows: int


class VersionsIndex(msgspec.Struct, frozen=True):
    """`size`, `root`: of the log that they hold for."""

    format: str
    origin: str
    size: int
    root: str
    files: tuple[VersionsFile, ...]


class Versions:
    """Held states of every subject by the first `head` entries: a base for questions."""

    def __init__(self, store: Store, index: VersionsIndex) -> None:
        self._store, self.index = store, index
        self._checked = False

    @property
    def head(self) -> int:
        return self.index.size

    def register(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Let the connection read them as HELD. Raises SegmentAltered, ArchiveUnusable."""
        self._check()
        directory = self._store.directory
        paths = [one.path for one in self.index.files]
        source: Any
        if not paths:
            source = HELD.empty_table()
        elif directory is not None:
            source = connection.from_parquet([str(directory / path) for path in paths])
        else:
            source = ds.dataset(
                paths, schema=HELD, format="parquet", filesystem=self._store.filesystem
            )
        connection.register(name, source)

    def _check(self) -> None:
        """Once: what was changed behind our back answers nothing."""
        if self._checked:
            return
        for one in self.index.files:
            raw = self._store.read(one.path)
            if raw is None or hashlib.sha256(raw).hexdigest() != one.sha256:
                told = "is missing" if raw is None else "is not what was written"
                raise SegmentAltered(
                    f"{self._store.location}: {one.path} {told}: remove {_FOLDER}/, and `itsm-ledger archive` makes it anew"
                )
        self._checked = True


def open_versions(archive: Archive) -> Versions | None:
    """The newest that hold for a part of the archive, or all of it. Raises ArchiveUnusable."""
    store = archive.store
    for name, _ in reversed(store.names(_FOLDER)):
        if name.endswith(f"/{_INDEX}"):
            found = _versions(store.location, name, store.read(name) or b"")
            if found.head <= archive.size and found.index.origin == archive.manifest.origin:
                return found
    return None


@lru_cache(maxsize=4)
def _versions(location: str, name: str, index: bytes) -> Versions:
    """The same ones as long as their index is, so that their files are looked into once."""
    return Versions(Store(location), _parsed(index, f"{location}: {name}"))


def build_versions(
    archive: Archive,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - a listener need not listen
    now: Callable[[], float] = time.time,
) -> Versions:
    """Fold every subject of the archive once. Nothing is replaced before all of it is there.

    Raises CorruptEntry, SegmentAltered, ArchiveUnusable.
    """
    store, size = archive.store, archive.size
    folder = f"{_FOLDER}/{size:019d}"
    try:
        store.filesystem.create_dir(folder, recursive=True)
        with connected() as connection:
            archive.register(connection, "archived", size)
            lines = _lines(connection, size, progress)
            files = _written(store, folder, lines, size)
    except OSError as fault:
        raise ArchiveUnusable(
            f"{store.location}: {folder} cannot be written: {fault}", location=store.location
        ) from fault
    manifest = archive.manifest
    index = VersionsIndex(FORMAT, manifest.origin, size, manifest.root, files)
    store.write(f"{folder}/{_INDEX}", msgspec.json.format(msgspec.json.encode(index), indent=1))
    _clear(store, folder, now())
    return Versions(store, index)


def _written(
    store: Store, folder: str, lines: Iterator[Line], size: int
) -> tuple[VersionsFile, ...]:
    blocks = _Blocks(store, folder, size)
    try:
        for subject, facts in by_subject(lines):
            for held in held_states(facts):
                blocks.add(subject, held)
    finally:
        blocks.close()
    return tuple(_told(store, path, rows) for path, rows in blocks.written)


class _Blocks:
    """One file for each stretch of positions, written row group by row group."""

    def __init__(self, store: Store, folder: str, size: int) -> None:
        self._store, self._folder = store, folder
        segments = max(1, -(-size // SEGMENT_ENTRIES))
        self._entries = SEGMENT_ENTRIES * -(-segments // _MOST_BLOCKS)
        self._most = _BUFFERED_ROWS // max(1, -(-size // self._entries))
        self._columns: dict[int, Columns] = {}
        self._writers: dict[int, pq.ParquetWriter] = {}
        self._rows: dict[int, int] = {}

    @property
    def written(self) -> list[tuple[str, int]]:
        """(path, rows), once they are closed."""
        return [(self._path(block), self._rows[block]) for block in sorted(self._writers)]

    def add(self, subject: str, held: Any) -> None:
        block = (held.position - 1) // self._entries
        columns = self._columns.get(block)
        if columns is None:
            columns = self._columns[block] = Columns()
        columns.add(subject, held)
        if len(columns) >= self._most:
            self._flush(block)

    def close(self) -> None:
        for block, columns in self._columns.items():
            if len(columns):
                self._flush(block)
        for writer in self._writers.values():
            writer.close()

    def _flush(self, block: int) -> None:
        table = self._columns[block].table()
        if block not in self._writers:
            self._writers[block] = pq.ParquetWriter(
                self._path(block), HELD, filesystem=self._store.filesystem, **_COMPRESSION
            )
        self._writers[block].write_table(table)
        self._rows[block] = self._rows.get(block, 0) + table.num_rows

    def _path(self, block: int) -> str:
        return f"{self._folder}/{block:05d}.parquet"


def _lines(connection: duckdb.DuckDBPyConnection, size: int, progress: Progress) -> Iterator[Line]:
    done = 0
    for batch in connection.sql(_LINES).to_arrow_reader(65_536):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield _line(row)
        done += batch.num_rows
        progress(done, size)


def _line(row: tuple[Any, ...]) -> Line:
    subject, version, position, time, recordedtime, corrects, replacement, restated, patch = row
    try:
        told = _PATCH.decode(patch)
        replaced = None if replacement is None else _PATCH.decode(replacement)
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise unreadable(position, fault) from fault
    fact = Fact(position, time, recordedtime, told, corrects, replaced, restated)
    return Line(subject, version, fact)


def _told(store: Store, path: str, rows: int) -> VersionsFile:
    raw = store.read(path)
    if raw is None:
        raise ArchiveUnusable(f"{store.location}: {path} vanished while it was written")
    return VersionsFile(path, len(raw), hashlib.sha256(raw).hexdigest(), rows)


def _clear(store: Store, current: str, now: float) -> None:
    """Remove others, once nobody can be reading them any more, and what an interruption left behind."""
    for name, written in store.names(_FOLDER):
        if not name.startswith(f"{current}/") and now - written > KEEP_SECONDS:
            store.remove(name)


def _parsed(raw: bytes, name: str) -> VersionsIndex:
    try:
        index = msgspec.json.decode(raw, type=VersionsIndex)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise ArchiveUnusable(f"{name} is no index of versions: {fault}") from fault
    folder = name.rpartition(": ")[2].rpartition("/")[0]
    # No path may lead out of the folder that the index lies in.
    if index.format != FORMAT or any(
        one.path.rpartition("/")[0] != folder or "/" in one.path.removeprefix(f"{folder}/")
        for one in index.files
    ):
        raise ArchiveUnusable(f"{name} is no index of versions: remove {_FOLDER}/")
    return index
