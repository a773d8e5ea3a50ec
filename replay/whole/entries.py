"""The first entries of a log, wherever they lie: in an archive's segments, and behind those in the log itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import pyarrow as pa

from ledger.database import Database
from ledger.past import Line, each_entry, entries_of, line_of, unreadable

if TYPE_CHECKING:
    import duckdb

Rows = Iterable[tuple[int, bytes]]
"""(position, bytes) of entries, in the order of their positions."""

LINES: Final = pa.schema(
    [
        ("subject", pa.string()),
        ("family", pa.string()),
        ("version", pa.int64()),
        ("position", pa.int64()),
        ("time", pa.string()),
        ("corrects", pa.int64()),
        ("replacement", pa.string()),
        ("effectivetime", pa.string()),
        ("patch", pa.string()),
    ]
)
"""What folding asks of an entry. `patch`: its `data`, as JSON text."""


class _Told(msgspec.Struct):
    """An entry whose patch stays text: who reads it parses it itself."""

    subject: str
    subjectversion: int
    time: str
    data: msgspec.Raw
    corrects: int | None = None
    replacement: str | None = None
    effectivetime: str | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)


class Archived(Protocol):
    """Entries at positions 1 … `size` that lie in files."""

    @property
    def size(self) -> int: ...

    def rows(self, up_to: int) -> Iterator[tuple[int, bytes]]:
        """(position, bytes) of those up to a position, each subject's in the order of its versions."""

    def register(self, connection: duckdb.DuckDBPyConnection, name: str, up_to: int) -> None:
        """Let the connection read them under that name, with the columns of a segment; perhaps more than asked for."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Those at positions 1 … `size`. `read`: the log's own, behind a position and up to another.

    `read_subject`: all of one subject's. `archive`: of this log, as somebody has checked; it may be shorter, or longer,
    than `size`.
    """

    size: int
    read: Callable[[int, int], Rows]
    read_subject: Callable[[str], Rows]
    archive: Archived | None = None

    @property
    def archived(self) -> int:
        """How many of them are read from the archive."""
        return 0 if self.archive is None else min(self.archive.size, self.size)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """All of them. Each subject's come in the order of its versions. Raises what the archive or the log raises."""
        if self.archive is not None:
            yield from self.archive.rows(self.archived)
        yield from self.read(self.archived, self.size)

    def lines(self) -> Iterator[Line]:
        """Raises CorruptEntry."""
        for position, raw in self.rows():
            yield line_of(position, raw)

    def touched(self, after: int, up_to: int) -> set[str]:
        """The subjects of the entries at positions after + 1 … up_to."""
        return {line_of(position, raw).subject for position, raw in self.read(after, up_to)}

    def of_subjects(self, subjects: Iterable[str], up_to: int) -> Iterator[Line]:
        """Their entries up to that position. Raises CorruptEntry."""
        for subject in subjects:
            for position, raw in self.read_subject(subject):
                if position <= up_to:
                    yield line_of(position, raw)

    def tail(self) -> pa.Table:
        """Those that the archive does not hold, as LINES. Raises CorruptEntry."""
        return lines_table(self.read(self.archived, self.size))


def entries_of_log(database: Database, size: int, archive: Archived | None = None) -> Entries:
    """Those of a ledger's log, up to `size`."""
    return Entries(
        size,
        lambda after, up_to: each_entry(database, after, up_to),
        lambda subject: entries_of(database, subject),
        archive,
    )


def lines_table(rows: Rows) -> pa.Table:
    """Raises CorruptEntry."""
    columns: list[list[Any]] = [[] for _ in LINES]
    for position, raw in rows:
        try:
            told = _TOLD.decode(raw)
            patch = bytes(told.data).decode()
        except (msgspec.MsgspecError, ValueError) as fault:
            raise unreadable(position, fault) from fault
        line = (
            told.subject,
            told.subject.partition("/")[0],
            told.subjectversion,
            position,
            told.time,
            told.corrects,
            told.replacement,
            told.effectivetime,
            patch,
        )
        for column, value in zip(columns, line, strict=True):
            column.append(value)
    return pa.table(dict(zip(LINES.names, columns, strict=True)), schema=LINES)
