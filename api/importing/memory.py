"""What the run remembers of each number: its last row, how many it had, the status its events led to.

Bounded: beyond `KEPT_NUMBERS` the least recently seen go to a scratch file of the run, which is removed at
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

KEPT_NUMBERS = 10_000

_metadata = sa.MetaData()
_spilled = sa.Table(
    "spilled",
    _metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("known", sa.LargeBinary, nullable=False),
)


class Known(NamedTuple):
    """`cells`: the last row that became facts; None before the first. `ordinal`: rows so far, bad ones too."""

    cells: Cells | None
    ordinal: int
    status: str | None


UNKNOWN = Known(None, 0, None)


class Memory:
    def __init__(self, kept: int = KEPT_NUMBERS) -> None:
        self._kept = kept
        self._near: OrderedDict[str, Known] = OrderedDict()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._far: sa.Connection | None = None

    def of(self, number: str) -> Known:
        """UNKNOWN for a number that the file has not had yet."""
        known = self._near.get(number)
        if known is not None:
            self._near.move_to_end(number)
            return known
        return UNKNOWN if self._far is None else self._fetched(self._far, number)

    def keep(self, number: str, known: Known) -> None:
        self._near[number] = known
        if len(self._near) > self._kept:
            self._spill()

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

    def _fetched(self, far: sa.Connection, number: str) -> Known:
        row = far.execute(sa.select(_spilled.c.known).where(_spilled.c.number == number)).first()
        if row is None:
            return UNKNOWN
        cells, ordinal, status = orjson.loads(row[0])
        return Known(None if cells is None else tuple(cells), ordinal, status)

    def _spill(self) -> None:
        far = self._far or self._opened()
        oldest = list(islice(self._near.items(), self._kept // 2))
        far.execute(
            sa.insert(_spilled).prefix_with("OR REPLACE"),
            [{"number": number, "known": orjson.dumps(list(known))} for number, known in oldest],
        )
        for number, _ in oldest:
            del self._near[number]

    def _opened(self) -> sa.Connection:
        self._scratch = tempfile.TemporaryDirectory(prefix="itsm-ledger-import-")
        engine = sa.create_engine(f"sqlite:///{Path(self._scratch.name) / 'numbers.db'}")
        self._far = engine.connect()
        # Scratch: losing it loses nothing, so nothing of it need reach the disk.
        self._far.exec_driver_sql("PRAGMA synchronous = OFF")
        self._far.exec_driver_sql("PRAGMA journal_mode = OFF")
        _metadata.create_all(self._far)
        return self._far
