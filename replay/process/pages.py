"""A part of many rows, and where the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from domain.errors import Malformed
from replay.process.cases import Answer

MOST_ROWS: Final = 10_000
MOST_OF_A_CASE: Final = 100
"""Of one case no more are told one by one; all are counted."""
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows behind the first `after`: a question is answered anew for each page."""

    limit: int = 100
    after: int = 0

    def of(self, rows: Sequence[Any]) -> Answer:
        """`items`, how many there are in all, and `next`: where to go on, None at the end."""
        return self.told(rows, len(rows))

    def told(self, foremost: Sequence[Any], rows: int) -> Answer:
        """The same where only the foremost of so many rows are at hand."""
        more = self.end if self.end < rows else None
        return {"rows": rows, "items": list(foremost[self.after : self.end]), "next": more}

    @property
    def end(self) -> int:
        return self.after + self.limit


class Foremost:
    """The rows that a page may come to, of any number that are met: those with the most of something, then by name.

    The others are counted and let go.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._kept: list[tuple[int, str, Any]] = []
        self.rows = 0

    def add(self, most: int, name: str, row: Any) -> None:
        """`name` occurs once."""
        self.rows += 1
        self._kept.append((-most, name, row))
        if len(self._kept) > 2 * self._page.end + 1_000:
            self._sort()
            del self._kept[self._page.end :]

    def told(self) -> Answer:
        self._sort()
        return self._page.told([row for _, _, row in self._kept], self.rows)

    def _sort(self) -> None:
        self._kept.sort(key=itemgetter(0, 1))


def page_from(limit: int, after: int) -> Page:
    """Raises Malformed."""
    if not 1 <= limit <= MOST_ROWS:
        raise Malformed(f"expected 1 to {MOST_ROWS} rows, got {limit}")
    if after < 0 or after >= 10**_DIGITS:
        raise Malformed(f"expected how many rows to pass over, got {after}")
    return Page(limit, after)
