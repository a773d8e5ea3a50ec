"""The rows of one run, one after the other: mapped, handed over, counted, or rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from api.importing.cells import Layout
from api.importing.faults import BadRow, InputTruncated, Stopped, StrictStop
from api.importing.memory import Known, Memory
from api.importing.reading import Reader, Reading
from api.importing.records import Records
from api.importing.rejects import Rejects
from api.importing.result import ImportResult
from api.importing.rows import Row
from api.importing.schema import SourceMapping
from api.importing.stream import CutShort
from domain.errors import LedgerError
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal, RowIdentity
from ledger.writer import Outcome

BATCH_ROWS = 1_000
"""Rows in one transaction: more would save little, and lose more to a crash."""
SEEN_BEFORE = "seen before"


@dataclass(slots=True)
class _Waiting:
    """A row with its facts, and what its subject and others had before, should it be refused."""

    row: Row
    subject: str
    before: Known
    deviations: int
    proposal: ObserveProposal
    others: Mapping[str, Known]


class Taking:
    """`result` counts what was recorded, batch by batch, and what was rejected or skipped at once."""

    def __init__(
        self,
        mapping: SourceMapping,
        layout: Layout,
        memory: Memory,
        rejects: Rejects,
    ) -> None:
        self.result = ImportResult()
        self._memory, self._rejects = memory, rejects
        self._records = Records(memory, mapping, layout)
        self._mapping, self._reader = mapping, Reader(mapping, layout, self._records)
        self._services = frozenset(mapping.services)
        self._has_one_family = isinstance(mapping.family, str)
        self._batch: list[_Waiting] = []
        self._first_bad: tuple[int, LedgerError] | None = None

    def take(
        self, rows: Iterable[Row], ledger: Ledger, told: Callable[[], None], *, strict: bool
    ) -> Stopped | None:
        """All rows; why the run ended before them, if it did. Raises LedgerError if the ledger takes none."""
        line, cut = 1, None
        try:
            for row in rows:
                line = row.line
                self._map(row)
                if len(self._batch) >= BATCH_ROWS:
                    self._record(ledger)
                    told()
                if strict and self._first_bad is not None:
                    break
        except CutShort as end:
            cut = end
        self._record(ledger)
        told()
        if cut is not None:
            return self._cut_short(cut.line or line + 1, cut.what)
        return self._strict_stop() if strict else None

    def _map(self, row: Row) -> None:
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
            self.result.pass_over(made.skip)
            return
        assert row.cells is not None
        self._memory.keep(subject, Known(row.cells, ordinal, made.status))
        self._records.introduce(subject, row.cells)
        others = {other: self._memory.of(other) for other in made.others}
        for other, status in made.others.items():
            self._memory.keep(other, others[other]._replace(status=status))
        # The number; where one file has several families, it alone might mean two subjects.
        number = subject[subject.index("/") + 1 :] if self._has_one_family else subject
        proposal = ObserveProposal(
            made.facts,
            self._mapping.principal,
            row=RowIdentity(self._mapping.source, number, ordinal),
            services=self._services,
        )
        self._batch.append(_Waiting(row, subject, before, made.deviations, proposal, others))

    def _record(self, ledger: Ledger) -> None:
        batch, self._batch = self._batch, []
        outcomes = ledger.observe([waiting.proposal for waiting in batch]) if batch else []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            self._settle(waiting, outcome)

    def _settle(self, waiting: _Waiting, outcome: Outcome) -> None:
        if isinstance(outcome, LedgerError):
            self._refused(waiting, outcome)
            return
        result, facts = self.result, waiting.proposal.facts
        if waiting.proposal.was_seen:
            result.pass_over(SEEN_BEFORE)
            return
        result.rows += 1
        if not facts:
            result.merged += 1
            return
        result.recorded += 1
        result.events += len(facts)
        result.deviations += waiting.deviations
        subject = waiting.subject
        result.subjects += any(r.version == 1 and r.subject == subject for r in outcome.receipts)

    def _refused(self, waiting: _Waiting, error: LedgerError) -> None:
        # What comes next is compared with the last row that was taken, so that nothing is missed.
        cells, _, status = waiting.before
        ordinal = self._memory.of(waiting.subject).ordinal
        self._memory.keep(waiting.subject, Known(cells, ordinal, status))
        for other, known in waiting.others.items():
            self._memory.keep(other, self._memory.of(other)._replace(status=known.status))
        self._reject(waiting.row, error)

    def _reject(self, row: Row, error: LedgerError) -> None:
        self._rejects.add(row.line, row.number, error, row.text)
        self.result.reject(row.line, error, self._rejects.path)
        if self._first_bad is None or row.line < self._first_bad[0]:
            self._first_bad = (row.line, error)

    def _cut_short(self, line: int, what: str) -> Stopped:
        done = f"The {self.result.rows} rows before it were taken; import the whole file to go on"
        return InputTruncated(
            f"the file is cut short at line {line}: {what}. {done}", result=self.result, line=line
        )

    def _strict_stop(self) -> Stopped | None:
        if self._first_bad is None:
            return None
        line, error = self._first_bad
        return StrictStop(
            f"line {line}: {error.message}. The run was strict and stopped there",
            result=self.result,
            line=line,
        )
