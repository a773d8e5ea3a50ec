"""Service requests: what one is, and the facts about it. The orders that lead to them: `request_commands.py`.

Every member of an event may be missing: an observed fact states what its source knew. The workflow is
`request` in the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Annotated,
    ClassVar,
    Literal,
    NotRequired,  # pydantic asks for this one below Python 3.12
)

from pydantic import ConfigDict, StringConstraints, with_config
from typing_extensions import TypedDict

from domain.canonical import content_hash
from domain.common import TicketEvent, TicketState
from domain.event import (
    Count,
    Json,
    Moment,
    PersonalText,
    Principal,
    PrincipalId,
    Sha256,
    State,
    Text,
)
from domain.hold import HOLD_ENDS
from domain.parts import has_parts
from domain.sets import PeopleSet, members

Status = Literal[
    "submitted",
    "awaiting_approval",
    "approved",
    "in_fulfilment",
    "on_hold",
    "fulfilled",
    "closed",
    "rejected",
    "cancelled",
]
ApprovalId = Annotated[str, StringConstraints(pattern=r"^APR-[A-Za-z0-9._-]{1,64}$")]

CONTENT_MEMBERS = ("title", "item", "quantity", "details", "beneficiary", "requested_by")
"""What an approver approves. An approval carries the hash of exactly these."""

_EXAMPLE_HASH = "sha256:" + "5e" * 32


@with_config(ConfigDict(extra="forbid", strict=True))
class Approval(TypedDict):
    """One verdict on the content that has this hash."""

    by: PrincipalId
    on_behalf_of: NotRequired[PrincipalId]
    verdict: Literal["granted", "denied"]
    content_hash: Sha256
    at: Moment


class RequestState(TicketState, total=False):
    status: Status
    title: str
    details: str
    item: str
    quantity: int
    beneficiary: str
    requested_by: str
    requested_for: str
    requested_at: str
    content_hash: str
    catalogue_policy: str
    approvals: dict[ApprovalId, Approval]
    assignment_group: str
    fulfiller: str
    fulfilled_by: str
    fulfillers: dict[str, bool]
    fulfilled_at: str
    closes_at: str
    grant_reference: str
    hold_reason: str
    hold_reference: str
    reopen_count: int
    closed_by: str
    closed_at: str
    cancelled_by: str


def request_content_hash(state: State) -> str:
    """Over the content as the entries hold it: personal members by their commitments (RFC 8785, SHA-256)."""
    return content_hash({name: state[name] for name in CONTENT_MEMBERS if name in state})


class RequestSubmitted(TicketEvent, family="request", source=(), to="submitted"):
    """Somebody asked for an item of the catalogue, for themself or for the beneficiary."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Laptop for a new colleague",
        "item": "hardware/laptop-14",
        "quantity": 1,
        "beneficiary": "principal/PRN0000051",
        "requested_by": "principal/PRN0000012",
        "requested_at": "2026-03-02T09:00:00.000000Z",
        "reopen_count": 0,
    }

    title: PersonalText | None = None
    details: PersonalText | None = None
    item: Text | None = None
    quantity: Count | None = None
    beneficiary: Principal | None = None
    requested_by: Principal | None = None
    requested_for: Principal | None = None
    requested_at: Moment | None = None
    assignment_group: Text | None = None
    reopen_count: Count | None = None


class RequestApprovalRequested(
    TicketEvent, family="request", source=("submitted",), to="awaiting_approval"
):
    """Approvers are asked about the content with this hash."""

    example: ClassVar[Mapping[str, Json]] = {"content_hash": _EXAMPLE_HASH}

    content_hash: Sha256 | None = None


class RequestAutoApproved(TicketEvent, family="request", source=("submitted",), to="approved"):
    """The catalogue item is approved beforehand, by the policy version named."""

    example: ClassVar[Mapping[str, Json]] = {
        "catalogue_policy": "pre-approved-items@4",
        "content_hash": _EXAMPLE_HASH,
    }

    catalogue_policy: Text | None = None
    content_hash: Sha256 | None = None


class RequestApproved(TicketEvent, family="request", source=("awaiting_approval",), to="approved"):
    """An approver who gains nothing by it said yes to the content with this hash."""

    example: ClassVar[Mapping[str, Json]] = {
        "approvals": {
            "APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12": {
                "by": "principal/PRN0000007",
                "verdict": "granted",
                "content_hash": _EXAMPLE_HASH,
                "at": "2026-03-02T11:00:00.000000Z",
            }
        }
    }

    approvals: dict[ApprovalId, Approval] | None = None


class RequestRejected(TicketEvent, family="request", source=("awaiting_approval",), to="rejected"):
    """An approver said no, and why."""

    example: ClassVar[Mapping[str, Json]] = {
        "approvals": {
            "APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b13": {
                "by": "principal/PRN0000007",
                "verdict": "denied",
                "content_hash": _EXAMPLE_HASH,
                "at": "2026-03-02T11:00:00.000000Z",
            }
        }
    }

    approvals: dict[ApprovalId, Approval] | None = None


class FulfilmentStarted(TicketEvent, family="request", source=("approved",), to="in_fulfilment"):
    """Somebody began to provide what was asked for."""

    example: ClassVar[Mapping[str, Json]] = {"fulfiller": "principal/PRN0000031"}

    fulfiller: Principal | None = None
    fulfillers: PeopleSet | None = None
    assignment_group: Text | None = None


class RequestPutOnHold(TicketEvent, family="request", source=("in_fulfilment",), to="on_hold"):
    """Fulfilment waits for somebody outside. `hold_reference` says what shows it."""

    example: ClassVar[Mapping[str, Json]] = {
        "hold_reason": "supplier",
        "hold_reference": "contract/CON0000007",
    }

    hold_reason: Text | None = None
    hold_reference: Text | None = None


class RequestResumed(TicketEvent, family="request", source=("on_hold",), to="in_fulfilment"):
    """What it waited for has come."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS


class RequestFulfilled(TicketEvent, family="request", source=("in_fulfilment",), to="fulfilled"):
    """What was asked for is there. Access names the grant that gives it. `closes_at`: unless the requester objects."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "fulfilled_by": "principal/PRN0000031",
        "fulfilled_at": "2026-03-05T15:00:00.000000Z",
        "closes_at": "2026-03-19T15:00:00.000000Z",
    }

    fulfilled_by: Principal | None = None
    fulfillers: PeopleSet | None = None
    fulfilled_at: Moment | None = None
    closes_at: Moment | None = None
    grant_reference: Text | None = None


class RequestReopened(TicketEvent, family="request", source=("fulfilled",), to="in_fulfilment"):
    """The requester did not get what was asked for. The count is the new total."""

    asserts: ClassVar[Mapping[str, Json]] = {
        **HOLD_ENDS,
        "fulfilled_by": None,
        "fulfilled_at": None,
        "grant_reference": None,
        "closed_by": None,
        "closed_at": None,
    }
    example: ClassVar[Mapping[str, Json]] = {"reopen_count": 1, "closes_at": None}

    reopen_count: Count | None = None
    closes_at: Moment | None = None


class RequestClosed(TicketEvent, family="request", source=("fulfilled",), to="closed"):
    """The requester has it, or the time to object ran out."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "closed_by": "principal/PRN0000012",
        "closed_at": "2026-03-06T08:00:00.000000Z",
    }

    closed_by: Principal | None = None
    closed_at: Moment | None = None


class RequestCancelled(
    TicketEvent,
    family="request",
    source=("submitted", "awaiting_approval", "approved", "in_fulfilment", "on_hold"),
    to="cancelled",
):
    """It is not wanted any more."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {"cancelled_by": "principal/PRN0000012"}

    cancelled_by: Principal | None = None


def approvers(state: State) -> list[str]:
    """Who granted an approval of it, whatever its content was then, and on whose behalf."""
    given = state.get("approvals", {}).values()
    return [
        person
        for approval in given
        if approval["verdict"] == "granted"
        for person in (approval["by"], approval.get("on_behalf_of"))
        if person is not None
    ]


has_parts(
    "request",
    lambda state: {
        "requester": (state.get("requested_by"), state.get("requested_for")),
        "beneficiary": (state.get("beneficiary"),),
        "approver": approvers(state),
        "fulfiller": (
            state.get("fulfiller"),
            state.get("fulfilled_by"),
            *members(state.get("fulfillers")),
        ),
    },
)
