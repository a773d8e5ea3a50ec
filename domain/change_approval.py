"""Approving a change: what approvers and the advisory board say about the content with one hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.change import (
    StatedApprovals,
    StatedCabDecisions,
    StatedRecusals,
    Verdict,
    change_content_hash,
)
from domain.change_order import ChangeOrder
from domain.command import Case, require
from domain.common import TicketEvent
from domain.event import Event, Json, PrincipalId, Sha256, Text
from domain.humans import acting, humans
from domain.linking import require_exists
from domain.sets import PeopleSet, set_of

Vote = Literal["for", "against", "abstained"]
_EXAMPLE_HASH = "sha256:" + "5e" * 32
_EXAMPLE_ID = "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12"


class ApprovalGranted(TicketEvent, family="change", source=("awaiting_authorization",)):
    """Somebody entitled to said yes to the content with this hash, and to have no interest in it."""

    example: ClassVar[Mapping[str, Json]] = {
        "approvals": {
            f"APR-{_EXAMPLE_ID}": {
                "by": "principal/PRN0000007",
                "verdict": "granted",
                "content_hash": _EXAMPLE_HASH,
                "at": "2026-03-04T09:00:00.000000Z",
                "no_interest": True,
            }
        }
    }

    approvals: StatedApprovals | None = None


class ApprovalDenied(TicketEvent, family="change", source=("awaiting_authorization",)):
    """Somebody entitled to said no to the content with this hash, and why."""

    example: ClassVar[Mapping[str, Json]] = {
        "approvals": {
            f"APR-{_EXAMPLE_ID}": {
                "by": "principal/PRN0000007",
                "verdict": "denied",
                "content_hash": _EXAMPLE_HASH,
                "at": "2026-03-04T09:00:00.000000Z",
            }
        }
    }

    approvals: StatedApprovals | None = None


class ApproverRecused(TicketEvent, family="change", source=("awaiting_authorization",)):
    """Somebody will not judge this change, and what they said of it before counts no longer, for or against it.

    `interests` names who declared an interest in it.
    """

    example: ClassVar[Mapping[str, Json]] = {
        "recusals": {
            f"RCS-{_EXAMPLE_ID}": {
                "by": "principal/PRN0000007",
                "at": "2026-03-04T09:00:00.000000Z",
            }
        },
        "interests": {"principal/PRN0000007": True},
    }

    recusals: StatedRecusals | None = None
    interests: PeopleSet | None = None


class CabDecisionRecorded(TicketEvent, family="change", source=("awaiting_authorization",)):
    """The change advisory board met and advised. Its advice is not an approval."""

    example: ClassVar[Mapping[str, Json]] = {
        "cab_decisions": {
            f"CAB-{_EXAMPLE_ID}": {
                "meeting": "CAB 2026-10",
                "chair": "principal/PRN0000004",
                "attendees": {"principal/PRN0000004": True, "principal/PRN0000007": True},
                "quorum": 2,
                "votes": {"principal/PRN0000004": "for", "principal/PRN0000007": "abstained"},
                "advice": "authorize",
                "at": "2026-03-04T08:00:00.000000Z",
            }
        }
    }

    cab_decisions: StatedCabDecisions | None = None


class GrantApproval(ChangeOrder, yields=ApprovalGranted):
    """Say yes to the content with this hash, and that you have no interest in it; who has one recuses.

    Not for who asked, gains, developed or implements.
    """

    example: ClassVar[Mapping[str, Any]] = {"content_hash": _EXAMPLE_HASH, "no_interest": True}

    content_hash: Sha256
    no_interest: bool = False

    def carried_out(self, case: Case) -> Sequence[Event]:
        told = "say that you have no interest in the change (no_interest), or recuse yourself"
        require(self.no_interest, "no-undeclared-interest", told, case)
        require_current(self.content_hash, case)
        verdict = {**_verdict("granted", case), "no_interest": True}
        return self.stating(approvals={f"APR-{case.new_id()}": verdict})


class DenyApproval(ChangeOrder, yields=ApprovalDenied):
    """Say no to the content as it stands, and why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "The back-out plan was never tried"}

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(approvals={f"APR-{case.new_id()}": _verdict("denied", case)})


class RecuseApprover(ChangeOrder, yields=ApproverRecused, verb="recuse"):
    """Do not judge this change, not even by what you said before. `interest`: because you have one in it."""

    example: ClassVar[Mapping[str, Any]] = {"interest": True}

    interest: bool = False

    def carried_out(self, case: Case) -> Sequence[Event]:
        interests = {"interests": {case.actor: True}} if self.interest else {}
        recusal = {**acting(case), "at": case.now}
        return self.stating(recusals={f"RCS-{case.new_id()}": recusal}, **interests)


class RecordCabDecision(ChangeOrder, yields=CabDecisionRecorded):
    """Record what the advisory board advised: by the meeting, who attended, the quorum and the votes.

    For its chair, who is not the requester.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "meeting": "CAB 2026-10",
        "attendees": ["principal/PRN0000004", "principal/PRN0000007"],
        "quorum": 2,
        "votes": {"principal/PRN0000004": "for", "principal/PRN0000007": "abstained"},
        "advice": "authorize",
    }

    meeting: Text
    attendees: Annotated[list[PrincipalId], Field(min_length=1)]
    quorum: Annotated[int, Field(ge=1, le=1_000)]
    votes: Annotated[dict[PrincipalId, Vote], Field(min_length=1)]
    advice: Literal["authorize", "reject"]

    def reads(self) -> tuple[str, ...]:
        return tuple(self.attendees)

    def carried_out(self, case: Case) -> Sequence[Event]:
        for attendee in self.attendees:
            require_exists(attendee, "attendees-exist", case)
        attended = len(humans(self.attendees, case))
        told = f"{attended} people attended, the quorum is {self.quorum}"
        require(attended >= self.quorum, "cab-quorum", told, case)
        only_attendees = self.votes.keys() <= set(self.attendees)
        require(only_attendees, "attendees-vote", "only who attended has voted", case)
        told = "the advice is to authorize exactly when more voted for it than against"
        votes = list(self.votes.values())
        carried = votes.count("for") > votes.count("against")
        require(carried == (self.advice == "authorize"), "advice-follows-votes", told, case)
        decision = {
            "meeting": self.meeting,
            "chair": case.actor,
            "attendees": set_of(self.attendees),
            "quorum": self.quorum,
            "votes": dict(self.votes),
            "advice": self.advice,
            "at": case.now,
        }
        return self.stating(cab_decisions={f"CAB-{case.new_id()}": decision})


def require_current(content_hash: str, case: Case) -> None:
    """Raise CanNot when the content that stands has another hash."""
    current = change_content_hash(case.state)
    told = f"the content has hash {current}, the approval is of {content_hash}"
    require(content_hash == current, "approved-content-is-current", told, case)


def _verdict(verdict: Verdict, case: Case) -> dict[str, Json]:
    """On the content as it stands."""
    current = change_content_hash(case.state)
    return {**acting(case), "verdict": verdict, "content_hash": current, "at": case.now}
