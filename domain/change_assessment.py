"""Assessing a change: submitted with all its plans, weighed or returned, worked over, or given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from domain.change import ContentEvent
from domain.change_authorization import AUTHORIZATION_ENDS
from domain.change_conflicts import found_in_the_way
from domain.change_order import ChangeOrder, general_words
from domain.command import Case, require
from domain.common import TicketEvent
from domain.event import Count, Event, Json, Moment, Principal, Text
from domain.sets import NameSet
from domain.thresholds import Risk, at_least

PLANS = ("implementation_plan", "test_plan", "back_out_plan")
_EXAMPLE_HASH = "sha256:" + "5e" * 32


class ChangeSubmitted(ContentEvent, family="change", source=("draft",), to="assessing"):
    """The plans are complete, and assessors may look at them."""

    example: ClassVar[Mapping[str, Json]] = {
        "submitted_at": "2026-03-02T11:00:00.000000Z",
        "content_hash": _EXAMPLE_HASH,
    }

    submitted_at: Moment | None = None


class ChangeReturned(TicketEvent, family="change", source=("assessing",), to="draft"):
    """The plans are not good enough yet, and why."""

    example: ClassVar[Mapping[str, Json]] = {"returned_by": "principal/PRN0000004"}

    returned_by: Principal | None = None


class ChangeAssessed(
    ContentEvent, family="change", source=("assessing",), to="awaiting_authorization"
):
    """An assessor weighed the risk by the policy named, and looked for what is in the way of the window."""

    example: ClassVar[Mapping[str, Json]] = {
        "risk": "medium",
        "risk_policy": "risk-matrix@3",
        "assessed_by": "principal/PRN0000031",
        "assessed_at": "2026-03-03T09:00:00.000000Z",
        "conflicts": {"change/CHG0010041": True, "freeze/FRZ0000001": None},
        "content_hash": _EXAMPLE_HASH,
    }

    risk: Risk | None = None
    risk_policy: Text | None = None
    assessed_by: Principal | None = None
    assessed_at: Moment | None = None
    conflicts: NameSet | None = None


class ChangeRevised(ContentEvent, family="change", source=("rejected",), to="draft"):
    """What was rejected is worked over. Under another revision no earlier approval counts."""

    asserts: ClassVar[Mapping[str, Json]] = {**AUTHORIZATION_ENDS, "rejected_by": None}
    example: ClassVar[Mapping[str, Json]] = {"revision": 2, "content_hash": "sha256:" + "6f" * 32}

    revision: Count | None = None


class ChangeCancelled(
    TicketEvent,
    family="change",
    source=(
        "draft",
        "assessing",
        "awaiting_authorization",
        "authorized",
        "scheduled",
        "rejected",
    ),
    to="cancelled",
):
    """It will not be done."""

    example: ClassVar[Mapping[str, Json]] = {"cancelled_by": "principal/PRN0000012"}

    cancelled_by: Principal | None = None


class SubmitChange(ChangeOrder, yields=ChangeSubmitted):
    """Hand the plans to the assessors: services or configuration items, and all three plans."""

    types = ("normal", "emergency")

    def carried_out(self, case: Case) -> Sequence[Event]:
        state = case.state
        about = bool(state.get("services") or state.get("configuration_items"))
        require(about, "about-services-or-items", "name services or configuration items", case)
        missing = [plan for plan in PLANS if not state.get(plan)]
        told = f"amend the plan first: {', '.join(missing)} is missing"
        require(not missing, "plans-present", told, case)
        return self.stating(submitted_at=case.now)


class ReturnChange(ChangeOrder, yields=ChangeReturned):
    """Give it back to the requester, and say what is missing."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "The back-out plan names no time"}

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(returned_by=case.actor)


class AssessChange(ChangeOrder, yields=ChangeAssessed):
    """Weigh the risk by the policy named. What stands in the way of the window is looked for and recorded."""

    types = ("normal", "emergency")
    example: ClassVar[Mapping[str, Any]] = {"risk": "medium", "risk_policy": "risk-matrix@3"}

    asked_of = ("risk",)

    risk: Risk
    risk_policy: Text

    def circumstances(self, case: Case) -> Iterator[str]:
        """By the risk of the order. `independent-assessor-needed`: the risk is such that the requester does not
        assess.
        """
        yield from general_words({**case.state, "risk": self.risk})
        if at_least(self.risk, case.thresholds.independent_assessor_from_risk):
            yield "independent-assessor-needed"

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(
            risk=self.risk,
            risk_policy=self.risk_policy,
            assessed_by=case.actor,
            assessed_at=case.now,
            conflicts=found_in_the_way(case.state, case),
        )


class ReviseChange(ChangeOrder, yields=ChangeRevised):
    """Work over what was rejected. Every approval is void."""

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(revision=case.state.get("revision", 1) + 1)


class CancelChange(ChangeOrder, yields=ChangeCancelled):
    """Do not do it, and say why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "The volume is replaced next month anyway"}

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(cancelled_by=case.actor)
