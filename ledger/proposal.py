"""What wants to become entries, as the writer asks it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from domain.errors import Refused
from ledger.entry import Draft
from ledger.refusals import Attempt
from ledger.taken import Request
from ledger.view import Needs, Receipt, View


class Proposal(Protocol):
    """Something that wants to become entries. `request`: the client's idempotency key, if it gave one."""

    request: Request | None

    def attempt(self, error: Refused, at: str) -> Attempt | None:
        """What is recorded of its refusal; None: nothing."""
        ...

    def foresee(self, needs: Needs) -> None:
        """Add what settling will look up, so that a whole group is looked up together."""
        ...

    def settle(self, view: View) -> Sequence[Draft]:
        """Decide, in the state that holds now. Called under the lock, once per try.

        Raises LedgerError: then nothing of this proposal is recorded, and the others go on.
        """
        ...

    def comes_after(self, view: View) -> Iterable[Proposal]:
        """What has been due on its subject since before it: settled first, each by itself."""
        ...

    def follow_ups(self, view: View, receipts: Sequence[Receipt]) -> Iterable[Proposal]:
        """What the system does at once, now that the proposal is taken: right behind it, in the same commit.

        Asked for one by one, each after the one before it was settled. One that is refused takes nothing back.
        """
        ...


class Unordered:
    """Base of what no principal orders: nobody is refused, nothing is known ahead, nothing comes before or behind."""

    __slots__ = ()

    request: Request | None = None

    def attempt(self, error: Refused, at: str) -> Attempt | None:
        return None

    def foresee(self, needs: Needs) -> None:
        return

    def comes_after(self, view: View) -> Iterable[Proposal]:
        return ()

    def follow_ups(self, view: View, receipts: Sequence[Receipt]) -> Iterable[Proposal]:
        return ()
