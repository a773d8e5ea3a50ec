"""What a run did, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from domain.errors import LedgerError

REJECTS_TOLD = 20
"""So many bad rows are told one by one; the rejects file has them all."""


class BadLine(NamedTuple):
    """`line` counts from 1."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportResult:
    """`rows` = `recorded` + `merged` + `skipped` + `rejected`, always.

    `merged`: nothing that the mapping looks at had changed; the row's identity is kept all the same.
    `events` and `subjects` (new ones) count the mapped family only. `deviations`: events recorded at a status
    that the state machine does not know them at. `reasons`: why rows were skipped or rejected, how often.
    `bad_lines`: the first of the rejected rows; all of them are in `rejects_file`, None if there are none.
    """

    rows: int = 0
    recorded: int = 0
    merged: int = 0
    skipped: int = 0
    rejected: int = 0
    events: int = 0
    subjects: int = 0
    deviations: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bad_lines: list[BadLine] = field(default_factory=list)
    rejects_file: Path | None = None

    def pass_over(self, reason: str) -> None:
        self.rows += 1
        self.skipped += 1
        self.reasons[reason] += 1

    def reject(self, line: int, error: LedgerError, rejects_file: Path) -> None:
        self.rows += 1
        self.rejected += 1
        self.reasons[error.code] += 1
        self.rejects_file = rejects_file
        if len(self.bad_lines) < REJECTS_TOLD:
            self.bad_lines.append(BadLine(line, error.message))

    def as_dict(self) -> dict[str, int]:
        """The counts as they are printed and recorded."""
        assert self.rows == self.recorded + self.merged + self.skipped + self.rejected
        return {
            "rows": self.rows,
            "recorded": self.recorded,
            "merged": self.merged,
            "skipped": self.skipped,
            "rejected": self.rejected,
            "events": self.events,
            "subjects": self.subjects,
            "deviations": self.deviations,
        }
