"""The orders that service requests take, and what must hold for each. The facts: `request.py`.

Who may give them is policy (`policies/`); here stands what holds for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.command import Case, Command, Events, require
from domain.event import (
    MAX_SAFE_INTEGER,
    Event,
    PersonalText,
    PrincipalId,
    Sha256,
    Text,
)
from domain.hold import PutOnHold
from domain.humans import acted_for, acting, all_acting
from domain.linking import require_exists
from domain.moments import later
from domain.request import (
    FulfilmentStarted,
    RequestApprovalRequested,
    RequestApproved,
    RequestAutoApproved,
    RequestCancelled,
    RequestClosed,
    RequestFulfilled,
    RequestPutOnHold,
    RequestRejected,
    RequestReopened,
    RequestResumed,
    RequestSubmitted,
    request_content_hash,
)


class SubmitRequest(Command, yields=RequestSubmitted):
    """Ask for an item of the catalogue, for oneself or for the beneficiary named."""

    vacuous = ("item-in-catalogue",)
    example: ClassVar[Mapping[str, Any]] = {
        "item": "hardware/laptop-14",
        "title": "Laptop for a new colleague",
        "beneficiary": "principal/PRN0000051",
    }

    item: Text
    title: PersonalText | None = None
    details: PersonalText | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)] = 1
    beneficiary: PrincipalId | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.beneficiary,) if self.beneficiary else ()

    def decide(self, case: Case) -> Sequence[Event]:
        if self.beneficiary:
            require_exists(self.beneficiary, "beneficiary-exists", case)
        given = {name: value for name, value in self.given().items() if value is not None}
        return self.stating(
            **{
                **given,
                "quantity": self.quantity,
                "beneficiary": self.beneficiary or case.actor,
                "requested_by": case.actor,
                **acted_for(case, "requested_for"),
                "requested_at": case.now,
                "reopen_count": 0,
            }
        )


class RequestApproval(Command, yields=RequestApprovalRequested, verb="request-approval"):
    """Ask the approvers about the content as it stands."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(content_hash=request_content_hash(case.state))


class AutoApproveRequest(Command, yields=RequestAutoApproved):
    """Approve what the catalogue approves beforehand, naming the version of that policy."""

    example: ClassVar[Mapping[str, Any]] = {"catalogue_policy": "policy/POL0000001@4"}

    catalogue_policy: Text

    def decide(self, case: Case) -> Sequence[Event]:
        item, in_force = case.state.get("item"), (case.policy or {}).get("reference")
        told = f"{in_force} does not approve {item!r} beforehand"
        is_so = item in case.thresholds.pre_approved_items and self.catalogue_policy == in_force
        require(is_so, "item-pre-approved", told, case)
        return self.stating(
            catalogue_policy=self.catalogue_policy,
            content_hash=request_content_hash(case.state),
        )


class ApproveRequest(Command, yields=RequestApproved):
    """Say yes to the content with this hash. Not for who asked, gains or fulfils."""

    vacuous = ("approver-role",)
    example: ClassVar[Mapping[str, Any]] = {"content_hash": "sha256:" + "5e" * 32}

    content_hash: Sha256

    def decide(self, case: Case) -> Sequence[Event]:
        now_stands = request_content_hash(case.state)
        told = f"the content has hash {now_stands}, the approval is of {self.content_hash}"
        require(self.content_hash == now_stands, "approved-content-is-current", told, case)
        return self.stating(approvals=_verdict("granted", now_stands, case))


class RejectRequest(Command, yields=RequestRejected):
    """Say no, and why."""

    needs_reason = True
    vacuous = ("approver-role",)
    example: ClassVar[Mapping[str, Any]] = {"reason": "The current laptop is one year old"}

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(approvals=_verdict("denied", request_content_hash(case.state), case))


class StartFulfilment(Command, yields=FulfilmentStarted):
    """Begin to provide what was asked for. Whoever begins is the fulfiller."""

    vacuous = ("fulfiller-role",)

    assignment_group: Text | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        group = {"assignment_group": self.assignment_group} if self.assignment_group else {}
        return self.stating(fulfiller=case.actor, **_fulfillers(case), **group)


class PutRequestOnHold(PutOnHold, yields=RequestPutOnHold):
    """Wait for somebody outside, and name what shows it."""

    def decide(self, case: Case) -> Events:
        self.require_reference(case)
        return super().decide(case)


class ResumeRequest(Command, yields=RequestResumed):
    """Go on: what it waited for has come."""


class FulfilRequest(Command, yields=RequestFulfilled):
    """What was asked for is there. For access, name the grant that gives it."""

    example: ClassVar[Mapping[str, Any]] = {"grant_reference": "grant/GRT0000007"}
    # Which items give access only the catalogue can say, and grants are not built either.
    vacuous = ("access-item-needs-grant",)

    grant_reference: Text | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        grant = {"grant_reference": self.grant_reference} if self.grant_reference else {}
        closes_at = later(case.now, timedelta(days=case.thresholds.request_close_days))
        return self.stating(
            fulfilled_by=case.actor,
            fulfilled_at=case.now,
            closes_at=closes_at,
            **_fulfillers(case),
            **grant,
        )


class ReopenRequest(Command, yields=RequestReopened):
    """The requester did not get what was asked for."""

    def decide(self, case: Case) -> Sequence[Event]:
        count = case.state.get("reopen_count", 0) + 1
        return self.stating(reopen_count=count, closes_at=None)


class CloseRequest(Command, yields=RequestClosed):
    """Confirm that it is there. Not for the fulfiller."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(closed_by=case.actor, closed_at=case.now)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """A source may not have said who fulfilled it."""
        known = case.state.get("fulfilled_by") or case.state.get("fulfiller")
        return () if known else ("closer-is-not-fulfiller",)


class CancelRequest(Command, yields=RequestCancelled):
    """It is not wanted any more."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(cancelled_by=case.actor)


def _fulfillers(case: Case) -> dict[str, dict[str, bool]]:
    """Delegate and delegator, who both had the part. They stay when it is reopened and fulfilled by another."""
    return {"fulfillers": all_acting(case)} if case.on_behalf_of else {}


def _verdict(
    verdict: Literal["granted", "denied"], content_hash: str, case: Case
) -> dict[str, dict[str, str]]:
    """Under an id of its own, so that an earlier verdict stays."""
    return {
        f"APR-{case.new_id()}": {
            **acting(case),
            "verdict": verdict,
            "content_hash": content_hash,
            "at": case.now,
        }
    }
