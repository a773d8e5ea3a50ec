"""One run of an import: a file in, facts recorded in batches, and the run itself recorded at its end.

Memory is bounded whatever the size of the file. What a batch recorded survives a crash; running the same
import again skips what was seen and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

from api.compose import House
from api.importing.faults import BadRow, InputTruncated, Stopped, StrictStop
from api.importing.mapping import Loaded, layout_of, load_mapping
from api.importing.memory import Known, Memory
from api.importing.reading import Reader, Reading
from api.importing.registering import register_source
from api.importing.rejects import Rejects, default_rejects_path
from api.importing.result import ImportResult
from api.importing.rows import Row, read_rows
from api.importing.schema import SourceMapping
from api.importing.stream import ByteStream, CutShort, text_lines
from domain.acts import RecordImport
from domain.errors import LedgerError
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal, RowIdentity
from ledger.writer import Recorded

BATCH_ROWS = 500
SEEN_BEFORE = "seen before"

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
    with (
        ByteStream(str(path), stdin) as stream,
        Memory() as memory,
        Rejects(Path(rejects) if rejects else default_rejects_path(str(path))) as kept,
    ):
        run = _Run(house.ledger, loaded.mapping, memory, kept, strict=strict)
        lines = text_lines(stream, loaded.mapping.file.encoding)
        rows = read_rows(lines, loaded.mapping, run.layout)
        # Read before anything is recorded: a file that is not the mapping's leaves no trace.
        waiting = list(islice(rows, 1))
        register_source(house.ledger, loaded.mapping, actor)
        stopped = run.take(chain(waiting, rows), _told(progress, run.result, stream))
        _record_run(house.ledger, loaded, stream, run.result, started_at, actor, stopped)
    house.checkpoint()
    if stopped is not None:
        raise stopped
    return run.result


def _told(
    progress: Progress | None, result: ImportResult, stream: ByteStream
) -> Callable[[], None]:
    if progress is None:
        return lambda: None
    return lambda: progress(result.rows, stream.bytes_read, stream.bytes_total)


def _record_run(
    ledger: Ledger,
    loaded: Loaded,
    stream: ByteStream,
    result: ImportResult,
    started_at: str,
    actor: Actor,
    stopped: Stopped | None,
) -> None:
    told = {} if stopped is None else {"stopped": f"{stopped.code} at line {stopped.facts['line']}"}
    run = RecordImport(
        file_hash=stream.file_hash,
        mapping=loaded.mapping.mapping,
        mapping_hash=loaded.hash,
        recorded_for=loaded.mapping.principal,
        counts=result.as_dict(),
        started_at=started_at,
        **told,
    )
    ledger.execute(Order(run, actor))


@dataclass(slots=True)
class _Waiting:
    """A row on its way into the ledger, and what its subject had before, should it be refused."""

    row: Row
    subject: str
    before: Known
    deviations: int
    proposal: ObserveProposal


class _Run:
    def __init__(
        self,
        ledger: Ledger,
        mapping: SourceMapping,
        memory: Memory,
        rejects: Rejects,
        *,
        strict: bool,
    ) -> None:
        self.layout = layout_of(mapping)
        self.result = ImportResult()
        self._ledger, self._mapping, self._strict = ledger, mapping, strict
        self._reader = Reader(mapping, self.layout)
        self._memory, self._rejects = memory, rejects
        self._batch: list[_Waiting] = []
        self._bad: tuple[int, LedgerError] | None = None

    def take(self, rows: Iterable[Row], told: Callable[[], None]) -> Stopped | None:
        """All rows, batch by batch; why the run ended early, if it did."""
        line = 1
        try:
            for row in rows:
                line = row.line
                self._take(row)
                if len(self._batch) >= BATCH_ROWS:
                    self._record()
                    told()
                if self._strict and self._bad is not None:
                    break
        except CutShort as cut:
            self._record()
            return self._cut_short(line + 1, cut.what)
        self._record()
        told()
        return self._strict_stop() if self._strict else None

    def _cut_short(self, line: int, what: str) -> Stopped:
        done = f"{self.result.rows} rows before it were taken; import the whole file to go on"
        return InputTruncated(
            f"the file is cut short at line {line}: {what}. {done}", result=self.result, line=line
        )

    def _strict_stop(self) -> Stopped | None:
        if self._bad is None:
            return None
        line, error = self._bad
        return StrictStop(
            f"line {line}: {error.message}. The run was strict and stopped there",
            result=self.result,
            line=line,
        )

    def _take(self, row: Row) -> None:
        if row.cells is None:
            self._pass_over(row)
            self._reject(row, BadRow(row.fault))
            return
        try:
            subject = self._reader.subject(row.cells)
        except BadRow as error:
            self._reject(row, error)
            return
        before = self._memory.of(subject)
        try:
            made = self._reader.read(subject, before, row.cells)
        except LedgerError as error:
            self._memory.keep(subject, Known(before.cells, before.ordinal + 1, before.status))
            self._reject(row, error)
            return
        self._add(row, subject, before, made)

    def _pass_over(self, row: Row) -> None:
        """A bad row has its place all the same: those after it keep theirs when it is mended."""
        subject = None if row.number is None else self._reader.subject_numbered(row.number)
        if subject is not None:
            before = self._memory.of(subject)
            self._memory.keep(subject, Known(before.cells, before.ordinal + 1, before.status))

    def _add(self, row: Row, subject: str, before: Known, made: Reading) -> None:
        ordinal = before.ordinal + 1
        if made.skip is not None:
            self._memory.keep(subject, Known(before.cells, ordinal, before.status))
            self.result.skip(made.skip)
            return
        self._memory.keep(subject, Known(row.cells, ordinal, made.status))
        proposal = ObserveProposal(
            made.facts,
            self._mapping.principal,
            row=RowIdentity(self._mapping.source, self._identity(subject), ordinal),
        )
        self._batch.append(_Waiting(row, subject, before, made.deviations, proposal))

    def _identity(self, subject: str) -> str:
        """The number; where one file has several families, it alone might mean two subjects."""
        is_one = isinstance(self._mapping.family, str)
        return subject[subject.index("/") + 1 :] if is_one else subject

    def _record(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        outcomes = self._ledger.observe([waiting.proposal for waiting in batch])
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, LedgerError):
                self._refused(waiting, outcome)
            else:
                self._count(waiting, outcome)

    def _refused(self, waiting: _Waiting, error: LedgerError) -> None:
        # The subject's next row is compared with the last one that was taken, so that nothing is missed.
        cells, _, status = waiting.before
        ordinal = self._memory.of(waiting.subject).ordinal
        self._memory.keep(waiting.subject, Known(cells, ordinal, status))
        self._reject(waiting.row, error)

    def _count(self, waiting: _Waiting, recorded: Recorded) -> None:
        result, facts = self.result, waiting.proposal.facts
        if waiting.proposal.was_seen:
            result.skip(SEEN_BEFORE)
            return
        result.rows += 1
        if not facts:
            result.merged += 1
            return
        result.recorded += 1
        result.events += len(facts)
        result.deviations += waiting.deviations
        subject = facts[0].subject
        result.subjects += any(
            receipt.version == 1 and receipt.subject == subject for receipt in recorded.receipts
        )

    def _reject(self, row: Row, error: LedgerError) -> None:
        self._rejects.add(row.line, row.number, error, row.text)
        self.result.reject(error.code)
        if self._bad is None:
            self._bad = (row.line, error)
