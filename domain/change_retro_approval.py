"""Retro-approval: what was implemented without an authorization is approved afterwards, in time, or deviates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from domain.business_days import business_days_after
from domain.change import change_content_hash
from domain.change_approval import require_current
from domain.change_order import ChangeOrder
from domain.command import Case, On, require
from domain.common import TicketEvent
from domain.deviation import deviating
from domain.event import Event, Json, Moment, Principal, Sha256

_FROM = ("implementing", "implemented", "rolled_back", "in_review", "reviewed")
_UNDECIDED: Mapping[str, None] = {
    "retro_decided_by": None,
    "retro_decided_for": None,
    "retro_decided_at": None,
    "retro_content_hash": None,
}
_EXAMPLE_DECISION: Mapping[str, Json] = {
    "retro_decided_by": "principal/PRN0000007",
    "retro_decided_for": None,
    "retro_decided_at": "2026-03-09T09:00:00.000000Z",
    "retro_content_hash": "sha256:" + "5e" * 32,
}


class RetroApprovalRequested(TicketEvent, family="change", source=_FROM):
    """An emergency authority is asked about what was done without an authorization, until the due date."""

    asserts: ClassVar[Mapping[str, Json]] = {"retro_approval": "requested", **_UNDECIDED}
    example: ClassVar[Mapping[str, Json]] = {
        "retro_requested_at": "2026-03-07T20:00:00.000000Z",
        "retro_due_at": "2026-03-10T20:00:00.000000Z",
    }

    retro_requested_at: Moment | None = None
    retro_due_at: Moment | None = None


class _RetroDecided(TicketEvent):
    retro_decided_by: Principal | None = None
    retro_decided_for: Principal | None = None
    retro_decided_at: Moment | None = None
    retro_content_hash: Sha256 | None = None


class RetroApprovalGranted(_RetroDecided, family="change", source=_FROM):
    """An emergency authority who did not invoke it approved the content with this hash afterwards."""

    asserts: ClassVar[Mapping[str, Json]] = {"retro_approval": "granted"}
    example: ClassVar[Mapping[str, Json]] = _EXAMPLE_DECISION


class RetroApprovalDenied(_RetroDecided, family="change", source=_FROM):
    """It should not have been done."""

    asserts: ClassVar[Mapping[str, Json]] = {"retro_approval": "denied"}
    example: ClassVar[Mapping[str, Json]] = _EXAMPLE_DECISION


class RetroApprovalLapsed(TicketEvent, family="change", source=_FROM):
    """Nobody decided by the due date."""

    asserts: ClassVar[Mapping[str, Json]] = {"retro_approval": "lapsed"}


class RequestRetroApproval(ChangeOrder, yields=RetroApprovalRequested):
    """Ask an emergency authority about what was done. For the system; break-glass asks by itself."""

    def carried_out(self, case: Case) -> Sequence[Event]:
        none = case.state.get("retro_approval") in {None, "denied", "lapsed"}
        told = f"a retro-approval is {case.state.get('retro_approval')}"
        require(none, "no-retro-approval-yet", told, case)
        return [retro_approval_requested(case)]


class GrantRetroApproval(ChangeOrder, yields=RetroApprovalGranted):
    """Approve afterwards the content with this hash, before the due date, having no interest in it.

    Not for who invoked it, asked, gains, developed or implemented.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "content_hash": "sha256:" + "5e" * 32,
        "no_interest": True,
    }

    content_hash: Sha256
    no_interest: bool = False

    def carried_out(self, case: Case) -> Sequence[Event]:
        _require_requested(case)
        told = "say that you have no interest in the change (no_interest)"
        require(self.no_interest, "no-undeclared-interest", told, case)
        require_current(self.content_hash, case)
        due = case.state.get("retro_due_at", "")
        told = f"the retro-approval was due by {due}"
        require(case.now <= due, "before-due-date", told, case)
        return self.stating(**_decided(case))


class DenyRetroApproval(ChangeOrder, yields=RetroApprovalDenied):
    """Say that it should not have been done. Recorded as a control deviation too."""

    def carried_out(self, case: Case) -> Sequence[Event | On]:
        _require_requested(case)
        deviation = deviating("retro-approval", "denied", case.subject, case)
        return [deviation, *self.stating(**_decided(case))]


class LapseRetroApproval(ChangeOrder, yields=RetroApprovalLapsed):
    """Record that nobody decided in time. For the system's timer. Recorded as a control deviation too."""

    def carried_out(self, case: Case) -> Sequence[Event | On]:
        _require_requested(case)
        due = case.state.get("retro_due_at", "")
        require(case.now > due, "due-date-passed", f"it is due by {due}", case)
        return [deviating("retro-approval", "lapsed", case.subject, case), *self.stating()]


def retro_approval_requested(case: Case) -> RetroApprovalRequested:
    """The event that goes with what was done without an authorization. Due in the policy's business days."""
    days = case.thresholds.retro_approval_business_days
    return RetroApprovalRequested(
        retro_requested_at=case.now, retro_due_at=business_days_after(case.now, days)
    )


def _require_requested(case: Case) -> None:
    requested = case.state.get("retro_approval") == "requested"
    told = f"the retro-approval is {case.state.get('retro_approval') or 'not requested'}"
    require(requested, "retro-approval-requested", told, case)


def _decided(case: Case) -> dict[str, Json]:
    """By whom, for whom, when, and on which content."""
    return {
        "retro_decided_by": case.actor,
        "retro_decided_for": case.on_behalf_of,
        "retro_decided_at": case.now,
        "retro_content_hash": change_content_hash(case.state),
    }
