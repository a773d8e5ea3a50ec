"""What the read models ask of a ledger: its entries in order, its head, and word of new ones."""

from __future__ import annotations

from typing import Protocol

from ledger.entry import Entry
from ledger.log import Head


class AppendSignal(Protocol):
    def wait_for_append(self, seconds: float) -> None: ...


class Feed(Protocol):
    """What the runner asks of a ledger."""

    @property
    def database(self) -> AppendSignal: ...

    def entries(self, after: int, limit: int, up_to: int | None = None) -> list[Entry]: ...

    def head(self) -> Head: ...

    def now(self) -> str: ...
