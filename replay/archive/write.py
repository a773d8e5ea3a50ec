"""Archiving: what the log has more than the archive becomes segments, and then a manifest names them."""

from __future__ import annotations

import base64
import gc
import hashlib
import io
import multiprocessing
import os
import re
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
from ledger.notes import BadSignature, Checkpoint, Unsigned, verify_checkpoint
from ledger.open import open_database
from ledger.past import each_entry
from ledger.spelling import Unexpected, to_base64
from replay.archive.disclosures import FOLDER, disclosures_of, path_beside
from replay.archive.manifest import (
    FORMAT,
    MANIFEST,
    FileBeside,
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
_OURS: Final = re.compile(
    rf"(entries|{FOLDER})/([0-9]{{9}}\.parquet|[0-9]{{9}}\.p/[0-9]{{5}}\.parquet)|(.*/)?\.[^/]+\.[0-9]+\.new"
)
"""Segments and what lies beside them, and files that were being written."""
Span = tuple[str, int, int]
"""Path, first and last position of a segment."""
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
    if former is not None and before == head.size:
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
        return None  # what an interrupted first run left is written again
    manifest = parse_manifest(raw, store.location)
    if manifest.size > ledger.head().size:
        return manifest  # refused by its size, which says more than its root
    try:
        found = verify_checkpoint(manifest.checkpoint, ledger.vkeys()).checkpoint
    except (Unsigned, BadSignature, Unexpected) as fault:
        raise ArchiveUnusable(
            f"{store.location} is not an archive of this ledger but of {manifest.origin[:100]!r}: {fault.message}",
            location=store.location,
        ) from fault
    check_extends(ledger.tree, found)
    if (manifest.size, manifest.root) != (found.size, to_base64(found.root)) or (
        _root_by(manifest) != found.root
    ):
        raise ArchiveUnusable(
            f"{store.location}: the manifest is not what its checkpoint was signed over; run "
            "`itsm-ledger verify --archive`",
            location=store.location,
        )
    return manifest


def _root_by(manifest: Manifest) -> bytes | None:
    """What the segments that it names add up to; None where that cannot be told."""
    try:
        return root_of(manifest.segments)
    except (Unexpected, ValueError, IndexError):
        return None


def _spans(kept: Sequence[SegmentFile], size: int) -> Iterator[Span]:
    """Of each segment to be written."""
    for index in range(len(kept), -(-size // SEGMENT_ENTRIES)):
        first = index * SEGMENT_ENTRIES + 1
        last = min(first + SEGMENT_ENTRIES - 1, size)
        yield segment_path(index, last - first + 1), first, last


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
    write: Callable[[str, int, int], SegmentFile],
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
    database: Database, store: Store, path: str, first: int, last: int
) -> SegmentFile:
    """The entries at those positions as a file. Raises CorruptEntry, ArchiveUnusable."""
    rows = list(each_entry(database, first - 1, last))
    width = last - first + 1
    if len(rows) != width:
        raise CorruptEntry(
            f"expected {width} entries from position {first} on, got {len(rows)}", position=first
        )
    beside = None
    sealed = disclosures_of(database, first, last, rows)
    if sealed is not None:
        store.write(path_beside(path), sealed)
        beside = FileBeside(len(sealed), hashlib.sha256(sealed).hexdigest())
    content = parquet_of(sorted_table(rows))
    store.write(path, content)
    digest = hashlib.sha256(content).hexdigest()
    # `leaf_hash` written out: the call alone would cost a tenth of it.
    peaks = peaks_of([hashlib.sha256(b"\x00" + raw).digest() for _, raw in rows])
    return SegmentFile(path, first, last, len(content), digest, peaks, beside)


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


def _clear(store: Store, manifest: Manifest, now: float) -> None:
    """Remove what no manifest of lately names: superseded partial segments, and what an interruption left behind.

    Nothing that an archive does not consist of is touched: the place may hold more than it.
    """
    named = {one.path for one in manifest.segments}
    named |= {path_beside(path) for path in named}
    for name, written in store.names(""):
        if name not in named and _OURS.fullmatch(name) and now - written > KEEP_SECONDS:
            store.remove(name)
