"""Archiving: what the log has more than the archive becomes segments, and then a manifest names them."""

from __future__ import annotations

import base64
import gc
import hashlib
import io
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.checkpoints import check_extends
from ledger.database import Database
from ledger.errors import CorruptEntry
from ledger.ledger import Ledger
from ledger.merkle import leaf_hash
from ledger.notes import Checkpoint, verify_checkpoint
from ledger.open import open_database
from ledger.past import each_entry
from replay.archive.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    SegmentFile,
    parse_manifest,
    peaks_of,
    root_of,
    segment_path,
)
from replay.archive.segment import SEGMENT_ENTRIES, schema, sorted_table
from replay.archive.store import KEEP_SECONDS, Store
from replay.errors import ArchiveUnusable
from replay.verify import Progress

MANY_SEGMENTS: Final = 3
"""From so many on, each processor writes segments of its own; a new process takes a second to be there."""
Span = tuple[int, int, int]
"""(index, first, last) of a segment."""
_ROW_GROUP: Final = 16_384
_COMPRESSION: Final = {"compression": "zstd", "compression_level": 1}


@dataclass(frozen=True, slots=True)
class Archived:
    """`before`, `size`: how many entries the archive held and holds. `written`: how many segments were."""

    before: int
    size: int
    written: int


def archive(
    ledger: Ledger,
    database_url: str,
    checkpoint: str,
    store: Store,
    *,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - a listener need not listen
    now: Callable[[], float] = time.time,
) -> Archived:
    """Bring the archive up to the checkpoint, which is of this ledger. Sealed segments are never written again.

    Once this returns the archive is durable; whenever it is interrupted, the archive is what it was before. Raises
    ArchiveUnusable for one of another ledger, or ahead of this one; NotConsistent for one that contradicts it.
    """
    head = verify_checkpoint(checkpoint, ledger.vkeys()).checkpoint
    former = _former(store, ledger)
    before = 0 if former is None else former.size
    if before > head.size:
        raise ArchiveUnusable(
            f"{store.location} holds {before} entries, the ledger {head.size}: it is a backup of before, or another's",
            location=store.location,
        )
    if before == head.size:
        _clear(store, former, now())
        return Archived(before, before, 0)
    kept = [one for one in former.segments if one.is_sealed] if former else []
    spans = list(_spans(kept, head.size))
    made = []
    for one in _made(ledger.database, database_url, store, spans):
        made.append(one)
        progress(len(made), len(spans))
    manifest = _manifest(ledger, head, checkpoint, [*kept, *made])
    store.write(MANIFEST, manifest.to_bytes())
    _clear(store, manifest, now())
    return Archived(before, head.size, len(made))


def _former(store: Store, ledger: Ledger) -> Manifest | None:
    raw = store.read(MANIFEST)
    if raw is None:
        if store.names("entries"):
            # An interrupted first run; whose it was nobody can say, and nobody needs to.
            _clear(store, None, float("inf"))
        return None
    manifest = parse_manifest(raw, store.location)
    if manifest.size > ledger.head().size:
        return manifest  # refused by its size, which says more than its root
    found = verify_checkpoint(manifest.checkpoint.encode(), ledger.vkeys()).checkpoint
    if (found.size, base64.b64encode(found.root).decode()) != (manifest.size, manifest.root):
        raise ArchiveUnusable(
            f"{store.location}: the manifest is not what its checkpoint says",
            location=store.location,
        )
    check_extends(ledger.tree, found)
    return manifest


def _spans(kept: Sequence[SegmentFile], size: int) -> Iterator[Span]:
    """Of each segment to be written."""
    for index in range(len(kept), -(-size // SEGMENT_ENTRIES)):
        first = index * SEGMENT_ENTRIES + 1
        yield index, first, min(first + SEGMENT_ENTRIES - 1, size)


def _made(
    database: Database, database_url: str, store: Store, spans: Sequence[Span]
) -> Iterator[SegmentFile]:
    """In order, each as soon as it and those before it are written."""
    others = (os.cpu_count() or 1) - 1
    if len(spans) < MANY_SEGMENTS or not others:
        for span in spans:
            yield write_segment(database, store, *span)
        return
    # Spawned: a copy of a process with threads and open databases is good for nothing.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(others, context, _begin_alone) as pool:
        jobs = [pool.submit(_write_alone, database_url, store.location, span) for span in spans]
        try:
            yield from _shared(jobs, spans, partial(write_segment, database, store))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _shared(
    jobs: Sequence[Future[SegmentFile]],
    spans: Sequence[Span],
    write: Callable[[int, int, int], SegmentFile],
) -> Iterator[SegmentFile]:
    """This process writes too, instead of waiting: from the end on, whatever the others have not begun."""
    mine: dict[int, SegmentFile] = {}
    ahead = len(spans)
    for number, job in enumerate(jobs):
        while number not in mine and not job.done() and ahead > number:
            ahead -= 1
            if jobs[ahead].cancel():
                mine[ahead] = write(*spans[ahead])
        yield mine[number] if number in mine else job.result()


def _begin_alone() -> None:
    """In a process of its own: Ctrl-C is for the first one to hear, and nobody goes on when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = multiprocessing.parent_process()
    assert first is not None
    # What a killed process leaves behind would wait for work for ever.
    Thread(target=_end_with, args=(first,), daemon=True).start()
    # Decoding makes millions of objects, none of them in a cycle: looking for those took half of the time.
    gc.disable()


def _end_with(first: BaseProcess) -> None:
    first.join()
    os._exit(1)


def _write_alone(database_url: str, location: str, span: Span) -> SegmentFile:
    database = open_database(database_url)
    try:
        return write_segment(database, Store(location), *span)
    finally:
        database.close()


def write_segment(
    database: Database, store: Store, index: int, first: int, last: int
) -> SegmentFile:
    """The entries at those positions as a file. Raises CorruptEntry, ArchiveUnusable."""
    rows = list(each_entry(database, first - 1, last))
    width = last - first + 1
    if len(rows) != width:
        raise CorruptEntry(
            f"expected {width} entries from position {first} on, got {len(rows)}", position=first
        )
    content = parquet_of(sorted_table(rows))
    path = segment_path(index, width)
    store.write(path, content)
    digest = hashlib.sha256(content).hexdigest()
    leaves = [leaf_hash(raw) for _, raw in rows]
    return SegmentFile(path, first, last, len(content), digest, peaks_of(leaves))


def parquet_of(table: pa.Table) -> bytes:
    # No two entries are alike: a dictionary of them, or their least and greatest, would be looked for in vain.
    repeated = [column for column in _leaves_of(schema()) if column not in {"entry", "position"}]
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        row_group_size=_ROW_GROUP,
        use_dictionary=repeated,
        write_statistics=[*repeated, "position"],
        **_COMPRESSION,
    )
    return out.getvalue()


@cache
def _leaves_of(named: pa.Schema) -> tuple[str, ...]:
    """The columns as Parquet counts them."""
    found = []
    for field in named:
        if pa.types.is_struct(field.type):
            found += [f"{field.name}.{member.name}" for member in field.type]
        elif pa.types.is_list(field.type):
            found.append(f"{field.name}.list.element")
        else:
            found.append(field.name)
    return tuple(found)


def _manifest(
    ledger: Ledger, head: Checkpoint, checkpoint: str, segments: Sequence[SegmentFile]
) -> Manifest:
    found = root_of(segments)
    if found != head.root:
        raise CorruptEntry(
            f"the entries do not lead to the signed root of size {head.size}: run `itsm-ledger verify`",
            position=segments[0].first,
        )
    vkeys = tuple(str(vkey) for vkey in ledger.vkeys())
    root = base64.b64encode(head.root).decode()
    return Manifest(FORMAT, head.origin, head.size, root, checkpoint, vkeys, tuple(segments))


def _clear(store: Store, manifest: Manifest | None, now: float) -> None:
    """Remove what no manifest of lately names: superseded partial segments, and what an interruption left behind."""
    named = {one.path for one in manifest.segments} if manifest else set()
    for name, written in store.names("entries"):
        if name not in named and now - written > KEEP_SECONDS:
            store.remove(name)
