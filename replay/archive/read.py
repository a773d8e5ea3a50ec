"""An archive to read: each file is held against its manifest before the first look into it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ledger.disclosed import DataKey, Disclosure
from ledger.ledger import Ledger
from replay.archive.disclosures import path_beside, read_disclosures
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
        raw = self._checked_bytes(segment.path, segment, segment.bytes, segment.sha256)
        self._checked.add(segment.path)
        return raw

    def disclosures(self, segment: SegmentFile) -> tuple[list[DataKey], list[Disclosure]]:
        """Which keys of the vault its subjects had, and what is encrypted under them. Raises as `content`."""
        if segment.disclosures is None:
            return [], []
        path, named = path_beside(segment.path), segment.disclosures
        raw = self._checked_bytes(path, segment, named.bytes, named.sha256)
        return read_disclosures(raw, path, segment.first)

    def _checked_bytes(self, path: str, segment: SegmentFile, size: int, sha256: str) -> bytes:
        raw = self.store.read(path)
        if raw is None:
            raise SegmentAltered(
                f"{self.store.location}: {path} is missing. If the archive has grown since it was opened, "
                "open it again",
                position=segment.first,
            )
        if len(raw) != size or hashlib.sha256(raw).hexdigest() != sha256:
            raise SegmentAltered(
                f"{self.store.location}: {path} is not what was written: expected {size} bytes with "
                f"SHA-256 {sha256}, got {len(raw)} with {hashlib.sha256(raw).hexdigest()}",
                position=segment.first,
            )
        return raw

    def read(self, segment: SegmentFile, columns: Sequence[str]) -> pa.Table:
        """By family, subject and version. Raises SegmentAltered, ArchiveUnusable."""
        standing = self._standing(segment)
        if standing == segment:
            return parquet_table(self.content(segment), segment, columns)
        wanted = [*columns, "position"]
        table = parquet_table(self.content(standing), standing, wanted)
        kept = table.filter(pc.field("position") <= segment.last)
        return kept.select([*dict.fromkeys(column.partition(".")[0] for column in columns)])

    def _standing(self, segment: SegmentFile) -> SegmentFile:
        """The segment, or what has taken its place: a partial one is removed some time after a wider one is there."""
        if segment.is_sealed or self.store.has(segment.path):
            return segment
        raw = self.store.read(MANIFEST)
        grown = () if raw is None else parse_manifest(raw, self.store.location).segments
        wider = [one for one in grown if one.first == segment.first and one.last > segment.last]
        return wider[0] if wider else segment

    def rows(self, up_to: int) -> Iterator[tuple[int, bytes]]:
        """(position, bytes) of the entries up to that position, each subject's in the order of its versions."""
        for segment in self.segments(up_to):
            table = self.read(segment, ["position", "entry"])
            for position, raw in zip(*(one.to_pylist() for one in table.columns), strict=True):
                if position <= up_to:
                    yield position, raw

    def register(self, connection: duckdb.DuckDBPyConnection, name: str, up_to: int) -> None:
        """Let the connection read the segments with entries up to that position. Raises as `content`."""
        segments = [self._standing(one) for one in self.segments(up_to)]
        for segment in segments:
            if segment.path not in self._checked:
                self.content(segment)
        source = self._source(connection, segments)
        if segments and segments[-1].last > self.size:
            source = connection.from_arrow(source) if isinstance(source, ds.Dataset) else source
            source = source.filter(f"position <= {self.size:d}")
        connection.register(name, source)

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


def require_of(ledger: Ledger, size: int, root: str, where: str) -> None:
    """What lies there is of the first `size` entries of this ledger: its own tree has that root then.

    Raises ArchiveUnusable.
    """
    head = ledger.head().size
    if size > head:
        raise ArchiveUnusable(
            f"{where} holds {size} entries, the ledger {head}: it is a backup of before, or another's",
            location=where,
        )
    found = base64.b64encode(ledger.tree.root(size)).decode()
    if root != found:
        raise ArchiveUnusable(
            f"{where} is of another ledger, or of another course of this one: expected root {found} at size {size}, "
            f"got {root}",
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
