"""Human numbers, handed out under the lock: never one that is taken, never one twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from domain.families import FAMILIES, Family, human_number
from ledger.database import Transaction
from ledger.states import Loaded

AHEAD: Final = 16
"""How many numbers are looked at together: an import may have taken the next ones."""

Taken = dict[str, int]
"""Family → the ordinal that comes next."""


class Numbers:
    """Of one commit. `find_out`: look up at once which of some subjects the log does not know."""

    def __init__(
        self,
        transaction: Transaction,
        load: Callable[[str], Loaded],
        find_out: Callable[[Sequence[str]], None],
    ) -> None:
        self._transaction, self._load, self._find_out = transaction, load, find_out
        self._next: Taken = {}
        self._found_out: Taken = {}

    def next_number(self, family: str) -> str:
        """The subject id with the family's next free human number. Taken when a draft uses it."""
        kind = FAMILIES[family]
        ordinal = self._next.get(family)
        if ordinal is None:
            row = self._transaction.row("SELECT next FROM numbers WHERE family = ?", (family,))
            ordinal = row[0] if row else kind.first
        while self._is_taken(kind, ordinal):
            ordinal += 1
        # Replaced, not changed: savepoints hold on to the former.
        self._next = {**self._next, family: ordinal}
        return _numbered(kind, ordinal)

    def take(self, subject: str) -> None:
        family = subject.split("/", 1)[0]
        self._next = {**self._next, family: self._next[family] + 1}

    def savepoint(self) -> Taken:
        return self._next

    def restore(self, saved: Taken) -> None:
        self._next = saved

    def write(self) -> None:
        for family, ordinal in self._next.items():
            self._transaction.execute(
                "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (family) DO UPDATE SET next = excluded.next",
                (family, ordinal),
            )

    def _is_taken(self, family: Family, ordinal: int) -> bool:
        if ordinal >= self._found_out.get(family.name, 0):
            # One question for those who come next in this commit as well.
            ahead = range(ordinal, ordinal + AHEAD)
            self._find_out([_numbered(family, n) for n in ahead])
            self._found_out[family.name] = ahead.stop
        return self._load(_numbered(family, ordinal)).version > 0


def _numbered(family: Family, ordinal: int) -> str:
    return f"{family.name}/{human_number(family, ordinal)}"
