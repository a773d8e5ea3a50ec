"""An archive to read: each file is held against its manifest before the first look into it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from ledger.ledger import Ledger
from replay.archive.manifest import MANIFEST, Manifest, SegmentFile, parse_manifest
from replay.archive.parquet import table_of
from replay.archive.segment import schema
from replay.archive.store import Store
from replay.errors import ArchiveUnusable, SegmentAltered


class Archive:
    """As its manifest said when it was opened: what grows behind that is not seen until it is opened anew."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store, self.manifest = store, manifest
        self._checked: set[str] = set()

    @property
    def size(self) -> int:
        return self.manifest.size

    def segments(self, up_to: int | None = None) -> Sequence[SegmentFile]:
        """Those with entries at positions up to that one."""
        if up_to is None:
            return self.manifest.segments
        return [one for one in self.manifest.segments if one.first <= up_to]

    def content(self, segment: SegmentFile) -> bytes:
        """The file as it was written. Raises SegmentAltered, ArchiveUnusable."""
        raw = self.store.read(segment.path)
        if raw is None:
            raise SegmentAltered(
                f"{self.store.location}: {segment.path} is missing. If the archive has grown since it was opened, "
                "open it again",
                position=segment.first,
            )
        if len(raw) != segment.bytes or hashlib.sha256(raw).hexdigest() != segment.sha256:
            raise SegmentAltered(
                f"{self.store.location}: {segment.path} is not what was written: expected {segment.bytes} bytes with "
                f"SHA-256 {segment.sha256}, got {len(raw)} with {hashlib.sha256(raw).hexdigest()}",
                position=segment.first,
            )
        self._checked.add(segment.path)
        return raw

    def read(self, segment: SegmentFile, columns: Sequence[str]) -> pa.Table:
        """Raises SegmentAltered, ArchiveUnusable."""
        return parquet_table(self.content(segment), segment, columns)

    def rows(self, up_to: int) -> Iterator[tuple[int, bytes]]:
        """(position, bytes) of the entries up to that position, each subject's in the order of its versions."""
        for segment in self.segments(up_to):
            table = self.read(segment, ["position", "entry"])
            for position, raw in zip(*(one.to_pylist() for one in table.columns), strict=True):
                if position <= up_to:
                    yield position, raw

    def register(self, connection: duckdb.DuckDBPyConnection, name: str, up_to: int) -> None:
        """Let the connection read the segments with entries up to that position. Raises as `content`."""
        segments = self.segments(up_to)
        for segment in segments:
            if segment.path not in self._checked:
                self.content(segment)
        connection.register(name, self._source(connection, segments))

    def _source(
        self, connection: duckdb.DuckDBPyConnection, segments: Sequence[SegmentFile]
    ) -> Any:
        directory = self.store.directory
        if not segments:
            return schema().empty_table()
        if directory is not None:
            # DuckDB reads files on more threads than it reads what others read for it.
            return connection.from_parquet([str(directory / one.path) for one in segments])
        paths = [one.path for one in segments]
        return ds.dataset(
            paths, schema=schema(), format="parquet", filesystem=self.store.filesystem
        )


def open_archive(location: str) -> Archive:
    """Looks at the manifest alone. Raises ArchiveUnusable."""
    store = Store(location)
    raw = store.read(MANIFEST)
    if raw is None:
        raise ArchiveUnusable(
            f"there is no archive at {location}; `itsm-ledger archive -o` makes one",
            location=location,
        )
    return _archive(location, raw)


@lru_cache(maxsize=4)
def _archive(location: str, manifest: bytes) -> Archive:
    """The same one as long as its manifest is: a server looks into files once, not with each question."""
    return Archive(Store(location), parse_manifest(manifest, location))


def require_archive_of(ledger: Ledger, archive: Archive) -> None:
    """Its root is the one that the ledger's own tree has at that size. Raises ArchiveUnusable."""
    where, size = archive.store.location, archive.size
    head = ledger.head().size
    if size > head:
        raise ArchiveUnusable(
            f"{where} holds {size} entries, the ledger {head}: it is a backup of before, or another's",
            location=where,
        )
    root = base64.b64encode(ledger.tree.root(size)).decode()
    if root != archive.manifest.root:
        raise ArchiveUnusable(
            f"{where} is the archive of another ledger ({archive.manifest.origin}): expected root {root} at size "
            f"{size}, got {archive.manifest.root}",
            location=where,
        )


def parquet_table(raw: bytes, segment: SegmentFile, columns: Sequence[str]) -> pa.Table:
    """As this version's schema has them: members that the writer did not know are null. Raises SegmentAltered."""
    table = table_of(raw, segment, columns)
    wanted = {
        name: _stated(table) if name == "data" else table.column(name)
        for name in dict.fromkeys(column.partition(".")[0] for column in columns)
    }
    return pa.table(wanted)


def _stated(table: pa.Table) -> pa.Array:
    found, declared = table.column("data").combine_chunks(), schema().field("data").type
    has = {field.name for field in found.type}
    members = [
        found.field(one.name) if one.name in has else pa.nulls(len(table), one.type)
        for one in declared
    ]
    return pa.StructArray.from_arrays(members, fields=list(declared))
