"""What the ledger owes to its own log: things that are counted first and recorded together, so that a flood of them
cannot fill it.

Nothing is dropped but by a process that is killed; one that ends in order records what it still owes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from domain.errors import Refused
from ledger.entry import Draft
from ledger.taken import Request
from ledger.view import SYSTEM, Needs, Receipt, View

LONGEST_SECONDS: Final = 60.0
"""How long something may be owed. A minute bounds what a killed process takes with it, and makes of a flood
1,440 entries a day.
"""

Key = TypeVar("Key", bound=Hashable)
Seen = TypeVar("Seen")


class Count(NamedTuple, Generic[Seen]):
    """Since when it is counted (monotonic seconds), how many came, how many are not recorded yet, and what they were."""

    since: float
    had: int
    owed: int
    seen: Seen


class Owed(Generic[Key, Seen]):
    """Of one process. Only whoever holds the log's lock uses it; each commit ends with `keep` or `undo`."""

    def __init__(self, monotonic_seconds: Callable[[], float], most: int) -> None:
        """`most`: keys that are kept count of; beyond that, those that owe nothing are forgotten."""
        self._seconds, self._most = monotonic_seconds, most
        self._counts: dict[Key, Count[Seen]] = {}
        self._before: dict[Key, Count[Seen] | None] = {}
        """What this commit changed, as it was."""

    @property
    def owes(self) -> bool:
        return any(count.owed for count in list(self._counts.values()))

    def due(self, view: View, *, all_of_them: bool = False) -> list[Draft]:
        """What has been owed for too long; `all_of_them`: whatever is owed."""
        now = self._seconds()
        late = [
            (key, count)
            for key, count in self._counts.items()
            if count.owed and (all_of_them or now - count.since >= LONGEST_SECONDS)
        ]
        return [draft for key, count in late for draft in self._settled(key, count, view)]

    def keep(self) -> None:
        """What was settled since the last `keep` or `undo` is recorded."""
        self._before.clear()
        if len(self._counts) > self._most:
            self._counts = {key: count for key, count in self._counts.items() if count.owed}

    def undo(self) -> None:
        """It is not."""
        for key, count in self._before.items():
            if count is None:
                self._counts.pop(key, None)
            else:
                self._counts[key] = count
        self._before.clear()

    def _settled(self, key: Key, count: Count[Seen], view: View) -> list[Draft]:
        self._put(key, count._replace(owed=0))
        return self._drafts(key, count, view)

    def _put(self, key: Key, count: Count[Seen]) -> None:
        self._before.setdefault(key, self._counts.get(key))
        self._counts[key] = count

    @abstractmethod
    def _drafts(self, key: Key, count: Count[Seen], view: View) -> list[Draft]:
        """How the ledger tells of it."""


class Settling:
    """A proposal that records what is owed."""

    request: Request | None = None

    def __init__(self, owed: Owed[Any, Any], *, all_of_them: bool) -> None:
        self._owed, self._all_of_them = owed, all_of_them

    def attempt(self, error: Refused, at: str) -> None:
        """It cannot be refused."""

    def foresee(self, needs: Needs) -> None:
        """It comes alone."""

    def comes_after(self, view: View) -> tuple[()]:
        """Nothing was due before it."""
        return ()

    def settle(self, view: View) -> Sequence[Draft]:
        return self._owed.due(view, all_of_them=self._all_of_them)

    def follow_ups(self, view: View, receipts: Sequence[Receipt]) -> tuple[()]:
        """Nothing follows."""
        return ()


def told_by_the_ledger() -> dict[str, str | int]:
    """The envelope of what the ledger itself says."""
    return {
        "authtype": "system",
        "authid": SYSTEM,
        "recordedby": SYSTEM,
        "decision": "observed",
    }
