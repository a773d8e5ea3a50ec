"""One run of an import: a file in, facts recorded in batches, and the run itself recorded at its end.

Memory is bounded whatever the size of the file. What a batch recorded survives a crash; running the same
import again skips what was seen and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

from api.compose import House
from api.importing.faults import CannotRead, Stopped
from api.importing.formats import rows_of
from api.importing.mapping import Loaded, layout_of, load_mapping
from api.importing.memory import Memory
from api.importing.registering import register_source
from api.importing.rejects import Rejects, default_rejects_path
from api.importing.result import ImportResult
from api.importing.rows import Row
from api.importing.stream import ByteStream, CutShort
from api.importing.taking import Taking
from domain.acts import RecordImport
from ledger.govern import Actor, Order

Progress = Callable[[int, int, int | None], None]
"""Called after each batch with rows so far, bytes read, and the bytes there are (None: not known)."""


def run_import(
    house: House,
    path: str | Path,
    mapping: Loaded | str,
    actor: Actor,
    *,
    strict: bool = False,
    rejects: str | Path | None = None,
    progress: Progress | None = None,
    stdin: IO[bytes] | None = None,
) -> ImportResult:
    """Record the file's rows as facts of the mapping's source, then the run as an event of the ledger's.

    `path`: `-` is standard input. `mapping`: a shipped name or a YAML file. `strict`: the first bad row ends
    the run. Bad rows are kept in `rejects`, by default `<path>.rejects.jsonl`, made with mode 0600.

    Raises InputTruncated and StrictStop, whose `result` counts what was recorded until then, MappingInvalid,
    UnknownMapping, ColumnsDiffer, CannotRead, and LedgerError where the ledger takes nothing at all.
    """
    loaded = load_mapping(mapping) if isinstance(mapping, str) else mapping
    started_at = house.ledger.now()
    written = loaded.mapping
    layout = layout_of(written)
    with (
        ByteStream(str(path), stdin) as stream,
        Memory() as memory,
        Rejects(Path(rejects) if rejects else default_rejects_path(str(path))) as kept,
    ):
        rows = _started(rows_of(stream.chunks(), written, layout))
        register_source(house.ledger, written, actor)
        taking = Taking(written, layout, memory, kept)
        told = _telling(progress, taking.result, stream)
        stopped = taking.take(rows, house.ledger, told, strict=strict)
    run = _run(loaded, stream.file_hash, taking.result, started_at, stopped)
    house.ledger.execute(Order(run, actor))
    house.checkpoint()
    if stopped is not None:
        raise stopped
    return taking.result


def _started(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first one read: a file that is not the mapping's leaves no trace in the ledger."""
    try:
        first = list(islice(rows, 1))
    except CutShort as cut:
        raise CannotRead(f"nothing of the file can be read: {cut.what}") from None
    return chain(first, rows)


def _telling(
    progress: Progress | None, result: ImportResult, stream: ByteStream
) -> Callable[[], None]:
    if progress is None:
        return lambda: None
    return lambda: progress(result.rows, stream.bytes_read, stream.bytes_total)


def _run(
    loaded: Loaded,
    file_hash: str,
    result: ImportResult,
    started_at: str,
    stopped: Stopped | None,
) -> RecordImport:
    ended = f"{stopped.code} at line {stopped.facts['line']}" if stopped else None
    return RecordImport(
        file_hash=file_hash,
        mapping=loaded.mapping.mapping,
        mapping_hash=loaded.hash,
        recorded_for=loaded.mapping.principal,
        counts=result.as_dict(),
        started_at=started_at,
        **({"stopped": ended} if ended else {}),
    )
