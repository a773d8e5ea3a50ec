"""By hand: `python -m tests.bench.ten_million DIRECTORY [TICKETS]`. The estate over ten times as much, and its memory.

The entries are written as an archive without a ledger behind it, which would take an hour to fill; what is measured
reads only the archive. Figures stand in docs/time-machine.md. An archive that is there already is measured again.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import orjson

from api.collector import calm_collector
from domain.moments import later
from ledger.merkle import leaf_hash
from replay.archive.manifest import FORMAT, MANIFEST, Manifest, SegmentFile, peaks_of, segment_path
from replay.archive.read import open_archive
from replay.archive.segment import SEGMENT_ENTRIES, entries_table, in_order
from replay.archive.store import Store
from replay.archive.versions import build_versions, open_versions
from replay.archive.write import parquet_of
from replay.engines.duck import DuckEngine
from replay.engines.engine import Engine
from replay.engines.intervals import IntervalEngine
from replay.moment import Located
from replay.whole.entries import Entries
from tests.bench.estates import EVENTS_PER_TICKET, YEAR, year
from tests.bench.measuring import seconds

KIBIBYTES = 1024


def main(directory: Path, tickets: int) -> None:
    calm_collector()
    if not (directory / MANIFEST).exists():
        _fill(Store(str(directory)), tickets)
    found = open_archive(str(directory))
    if open_versions(found) is None:
        print(f"versions folded in {seconds(lambda: build_versions(found)):.0f} s")
    base = open_versions(found)
    assert base is not None
    entries = Entries(found.size, lambda after, up_to: (), lambda subject: (), found)
    print(f"{found.size:,} entries; so far {_peak_mebibytes()} MiB")
    _tell("by intervals", IntervalEngine(base), entries)
    _tell("by the generic fold in DuckDB", DuckEngine(), entries)


def _tell(what: str, engine: Engine, entries: Entries) -> None:
    """The median of five, at moments all over the year's second half."""
    taken = []
    for month in range(7, 12):
        moment = Located("effect", entries.size, f"2025-{month:02d}-01T00:00:00.000000Z")
        taken.append(seconds(partial(engine.states, entries, moment)))
    print(f"{what}: {statistics.median(taken):.2f} s; at most {_peak_mebibytes()} MiB so far")


def _fill(store: Store, tickets: int) -> None:
    segments: list[SegmentFile] = []
    rows = _entries(tickets)
    while batch := list(islice(rows, SEGMENT_ENTRIES)):
        content = parquet_of(in_order(entries_table(batch)))
        path = segment_path(len(segments), len(batch))
        store.write(path, content)
        digest = hashlib.sha256(content).hexdigest()
        peaks = peaks_of([leaf_hash(raw) for _, raw in batch])
        first, last = batch[0][0], batch[-1][0]
        segments.append(SegmentFile(path, first, last, len(content), digest, peaks))
    manifest = Manifest(FORMAT, "bench", segments[-1].last, "", "", (), tuple(segments))
    store.write(MANIFEST, manifest.to_bytes())


def _entries(tickets: int) -> Iterator[tuple[int, bytes]]:
    """As an observing source's are stored."""
    versions: dict[str, int] = {}
    for position, (event, subject, data, time, id_) in enumerate(year(tickets), 1):
        versions[subject] = versions.get(subject, 0) + 1
        if versions[subject] == EVENTS_PER_TICKET:
            version = versions.pop(subject)
        else:
            version = versions[subject]
        told = {
            "specversion": "1.0",
            "id": id_,
            "source": "/sources/bench",
            "type": event.type_name,
            "subject": subject,
            "time": time,
            "sequence": f"{position:019d}",
            "recordedtime": later(time, YEAR),
            "subjectversion": version,
            "authtype": "user",
            "authid": "principal/PRN0000012",
            "recordedby": "principal/PRN0000005",
            "decision": "observed",
            "datacontenttype": "application/merge-patch+json",
            "data": {**event.asserts, **data},
        }
        yield position, orjson.dumps(told)


def _peak_mebibytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // KIBIBYTES


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
