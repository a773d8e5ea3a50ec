"""What a run did, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ImportResult:
    """`rows` = `recorded` + `merged` + `skipped` + `rejected`, always.

    `merged`: nothing that the mapping looks at had changed; the row's identity is kept all the same.
    `events` and `subjects` (new ones) count the mapped family only. `deviations`: events recorded at a status
    that the state machine does not know them at. `reasons`: why rows were skipped or rejected, how often.
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

    def pass_over(self, reason: str) -> None:
        self.rows += 1
        self.skipped += 1
        self.reasons[reason] += 1

    def reject(self, code: str) -> None:
        self.rows += 1
        self.rejected += 1
        self.reasons[code] += 1

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
