"""What a verification found."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

# At the same position, what stands first here is told first: it is nearer to the cause.
Kind = Literal[
    "manifest",
    "file",
    "missing",
    "inserted",
    "misplaced",
    "unreadable",
    "entry",
    "column",
    "version",
    "time",
    "tile",
    "head",
    "checkpoint",
    "key",
    "snapshot",
    "owner",
    "roster",
    "review",
    "read-model",
    "finding",
]
_RANK = {kind: rank for rank, kind in enumerate(get_args(Kind))}
LISTED_PROBLEMS = 100
"""More than anybody reads; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was recorded. `position`: the first entry that it concerns.

    Where no single entry can be named, it is the first of those among which the fault lies, and the
    message says which they are.
    """

    position: int
    kind: Kind
    message: str


def _order(problem: Problem) -> tuple[int, int]:
    return problem.position, _RANK[problem.kind]


@dataclass(slots=True)
class Problems:
    """Keeps the `limit` problems with the lowest positions and counts the others."""

    limit: int = LISTED_PROBLEMS
    listed: list[Problem] = field(default_factory=list)
    unlisted: int = 0

    def add(self, position: int, kind: Kind, message: str) -> None:
        insort(self.listed, Problem(position, kind, message), key=_order)
        if len(self.listed) > self.limit:
            self.listed.pop()
            self.unlisted += 1

    def first_within(self, low: int, high: int) -> int:
        """Where a fault shows that lies somewhere from `low` to `high`: at `low`, unless an entry among
        them is known to be bad.
        """
        return next((one.position for one in self.listed if low <= one.position <= high), low)

    def __iter__(self) -> Iterator[Problem]:
        """By position."""
        return iter(self.listed)


@dataclass(frozen=True, slots=True)
class Report:
    """`size` and `root` are recomputed from the entries; `root` is None where some are missing.

    `checkpoints_checked` counts those whose signature and root were found right. `unlisted`: problems
    beyond those in `problems`, which stand in the order of their positions.
    """

    origin: str | None
    size: int
    root: bytes | None
    problems: tuple[Problem, ...]
    unlisted: int
    checkpoints_checked: int

    @property
    def is_clean(self) -> bool:
        return not self.problems
