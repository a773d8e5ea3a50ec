"""Putting a ticket on hold, and what has to show that it really waits: one guard for incidents and requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from domain.command import Case, Command, require
from domain.event import State, Text
from domain.linking import reads_if_built, require_exists

HoldReason = Literal["requester", "supplier", "change", "problem"]

HOLD_ENDS: Mapping[str, None] = {"hold_reason": None, "hold_reference": None}
"""What every event clears that leads to another status than on hold."""


class PutOnHold(Command):
    """Body of the command: `hold_reference` names the message sent, the contract, or the linked id."""

    example: ClassVar[Mapping[str, Any]] = {
        "hold_reason": "supplier",
        "hold_reference": "contract/CON0000007",
    }

    hold_reason: HoldReason
    hold_reference: Text

    def reads(self) -> tuple[str, ...]:
        return reads_if_built(self.hold_reference)

    def require_reference(self, case: Case) -> None:
        """Raise CanNot when the reference is not one that the reason asks for."""
        if self.hold_reason == "supplier":
            is_contract = self.hold_reference.startswith("contract/")
            require(is_contract, "hold-needs-contract", "name the contract, contract/CON…", case)
        if self.hold_reason in {"change", "problem"}:
            named = self.hold_reference.startswith(f"{self.hold_reason}/")
            linked = self.hold_reference in linked_subjects(case.state)
            message = f"link the {self.hold_reason} first, then name it, {self.hold_reason}/…"
            require(named and linked, "hold-needs-linked-id", message, case)
            # A source may have linked what the ledger does not know.
            require_exists(self.hold_reference, "hold-reference-exists", case)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """No message is a subject yet, nor is a contract: that they exist can not be asked."""
        asked_later = {"requester": ("message-was-sent",), "supplier": ("contract-exists",)}
        return self.vacuous + asked_later.get(self.hold_reason, ())


def linked_subjects(state: State) -> set[str]:
    return {link["to"] for link in state.get("links", {}).values()}
