"""What the run remembers of each subject: its last row, how many it had, the status its events led to.

Bounded: beyond `KEPT_SUBJECTS` the least recently seen go to a scratch file of the run, which is removed at
its end. Never into the ledger's files: cells hold what sources say, names included.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson
import sqlalchemy as sa

from api.importing.cells import Cells

KEPT_SUBJECTS = 10_000

SPILLED_BITS = 1 << 23
"""A bit for each hash of a spilled subject (1 MiB): new subjects are known to be new without a look."""


class Known(NamedTuple):
    """`cells`: the last row that became facts; None before the first. `ordinal`: rows so far, bad ones too."""

    cells: Cells | None
    ordinal: int
    status: str | None


UNKNOWN = Known(None, 0, None)


class Memory:
    def __init__(self, kept: int = KEPT_SUBJECTS) -> None:
        self._kept = kept
        self._near: OrderedDict[str, Known] = OrderedDict()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._far: sa.Connection | None = None
        self._may_be_far = bytearray(SPILLED_BITS // 8)

    def of(self, subject: str) -> Known:
        """UNKNOWN for a subject that the file has not had yet."""
        known = self._near.get(subject)
        if known is not None:
            self._near.move_to_end(subject)
            return known
        at = hash(subject) % SPILLED_BITS
        if self._far is None or not self._may_be_far[at >> 3] & 1 << (at & 7):
            return UNKNOWN
        return self._fetched(self._far, subject)

    def keep(self, subject: str, known: Known) -> None:
        self._near[subject] = known
        if len(self._near) > self._kept:
            self._spill(self._far or self._opened())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._far is not None:
            self._far.close()
            self._far.engine.dispose()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _fetched(self, far: sa.Connection, subject: str) -> Known:
        row = far.exec_driver_sql("SELECT known FROM spilled WHERE subject = ?", (subject,)).first()
        if row is None:
            return UNKNOWN
        cells, ordinal, status = orjson.loads(row[0])
        return Known(None if cells is None else tuple(cells), ordinal, status)

    def _spill(self, far: sa.Connection) -> None:
        oldest = list(islice(self._near.items(), self._kept // 2))
        far.exec_driver_sql(
            "INSERT OR REPLACE INTO spilled VALUES (?, ?)",
            [(subject, orjson.dumps(list(known))) for subject, known in oldest],
        )
        for subject, _ in oldest:
            at = hash(subject) % SPILLED_BITS
            self._may_be_far[at >> 3] |= 1 << (at & 7)
            del self._near[subject]

    def _opened(self) -> sa.Connection:
        self._scratch = tempfile.TemporaryDirectory(prefix="itsm-ledger-import-")
        engine = sa.create_engine(f"sqlite:///{Path(self._scratch.name) / 'subjects.db'}")
        self._far = engine.connect()
        # Scratch: losing it loses nothing, so nothing of it need reach the disk.
        for statement in (
            "PRAGMA synchronous = OFF",
            "PRAGMA journal_mode = OFF",
            "CREATE TABLE spilled (subject TEXT PRIMARY KEY, known BLOB NOT NULL) WITHOUT ROWID",
        ):
            self._far.exec_driver_sql(statement)
        return self._far
