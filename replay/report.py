"""What a verification found."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
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
    "read-model",
]
LISTED_PROBLEMS = 100
"""More than anybody reads; the rest is counted."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is not as it was recorded. `position`: the first entry that it concerns.

    Where no single entry can be named, it is the first of those among which the fault lies, and the
    message says which they are.
    """

    position: int
    kind: Kind
    message: str


@dataclass(slots=True)
class Problems:
    """Keeps the `limit` problems with the lowest positions and counts the others."""

    limit: int = LISTED_PROBLEMS
    listed: list[Problem] = field(default_factory=list)
    unlisted: int = 0

    def add(self, position: int, kind: Kind, message: str) -> None:
        insort(self.listed, Problem(position, kind, message))
        if len(self.listed) > self.limit:
            self.listed.pop()
            self.unlisted += 1

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
