"""Changes that the tests of changes start from, and the people in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.change import change_content_hash
from domain.change_approval import GrantApproval
from domain.change_assessment import AssessChange, SubmitChange
from domain.change_authorization import AuthorizeChange, PreAuthorizeChange
from domain.change_evidence import LinkCommit, RecordTestEvidence
from domain.change_implementation import (
    CompleteImplementation,
    InvokeBreakGlass,
    RollBackChange,
    ScheduleChange,
    StartImplementation,
)
from domain.change_planning import DraftChange
from domain.change_review import CompletePir, DetectUnauthorizedChange, OpenPir
from domain.command import Command
from domain.event import State
from domain.windows import Window
from tests.given import ADA, BEN, CLEO, SYSTEM, Given, Outcome, standing

CHANGE = "change/CHG0010001"
OTHER = "change/CHG0010002"
INCIDENT = "incident/INC0010001"
FREEZE = "freeze/FRZ0000001"
MODEL = "model/MOD0000001"
DEPLOYMENT = "deployment/DEP0000001"
DEV = "principal/PRN0000051"
TESTER = "principal/PRN0000052"
ANNE = "principal/PRN0000053"
SAM = "principal/PRN0000054"
SAMS_OTHER = "principal/PRN0000055"
"""Another principal of SAM's."""

ARTIFACT = "sha256:" + "a1" * 32
WINDOW: Window = {"start": "2026-03-07T20:00:00.000000Z", "end": "2026-03-07T22:00:00.000000Z"}
IN_WINDOW = "2026-03-07T20:30:00.000000Z"
AFTER_WINDOW = "2026-03-07T22:00:00.000000Z"

_PERSON = {"status": "registered", "kind": "person", "mode": "govern"}
OTHERS: Mapping[str, State] = {
    DEV: _PERSON,
    TESTER: _PERSON,
    ANNE: _PERSON,
    SAM: _PERSON,
    SAMS_OTHER: {**_PERSON, "person": SAM},
    INCIDENT: {"status": "in_progress", "major": True},
    "incident/INC0010002": {"status": "in_progress", "category": "security"},
    "incident/INC0010003": {"status": "in_progress"},
    "incident/INC0010004": {"status": "resolved", "major": True},
    MODEL: {
        "status": "active",
        "services": {"mail": True, "erp": True},
        "parameters": {
            "gigabytes": {"min": 1, "max": 200},
            "tier": {"values": {"silver": True, "7": True, "true": True}},
        },
        "proposed_by": BEN,
        "approved_by": ANNE,
        "approved_at": "2026-01-10T00:00:00.000000Z",
        "valid_until": "2026-12-31T00:00:00.000000Z",
        "max_risk": "medium",
        "version": 3,
    },
    DEPLOYMENT: {"status": "deployed", "service": "mail", "deployed_by": DEV},
}

PLANS: dict[str, Any] = {
    "implementation_plan": "Move the queue",
    "test_plan": "In staging",
    "back_out_plan": "Mount the old volume",
}


def draft(type_: str = "normal", **fields: Any) -> DraftChange:
    """`None` leaves a field out."""
    said = {"title": "Move the queue", "services": ["mail"], "window": WINDOW, **PLANS, **fields}
    return DraftChange.model_validate(
        {"type": type_, **{name: value for name, value in said.items() if value is not None}}
    )


def draft_standard(**fields: Any) -> DraftChange:
    modelled = {
        "model": MODEL,
        "model_version": 3,
        "parameters": {"gigabytes": 50, "tier": "silver"},
        **dict.fromkeys(PLANS),
    }
    return draft("standard", **{**modelled, **fields})


Step = tuple[str, Command | str] | tuple[str, Command | str, str]
"""(who, what, when). A word stands for an order that depends on the state: `approve`."""

ASSESSED = (ADA, SubmitChange()), (CLEO, AssessChange(risk="medium", risk_policy="matrix@3"))
EVIDENCE = (
    (SYSTEM, LinkCommit(commit="c0ffee", author=DEV, committed_at="2026-03-01T00:00:00Z")),
    (TESTER, RecordTestEvidence(artifact=ARTIFACT, verdict="passed")),
)
AUTHORIZED = (ANNE, "approve"), (SYSTEM, AuthorizeChange())
SCHEDULED = ((CLEO, ScheduleChange()),)
STARTED = ((BEN, StartImplementation(), IN_WINDOW),)
IMPLEMENTED = ((BEN, CompleteImplementation(verification="passed"), IN_WINDOW),)
ROLLED_BACK = ((BEN, RollBackChange(reason="A node is down"), IN_WINDOW),)
IN_REVIEW = ((SYSTEM, OpenPir(members=[SAM]), AFTER_WINDOW),)
REVIEWED = (
    (SAM, CompletePir(outcome="deviated", lessons="Slow", actions="Rehearse"), AFTER_WINDOW),
)
TO_AUTHORIZED = (*ASSESSED, *EVIDENCE, *AUTHORIZED)
TO_SCHEDULED = (*TO_AUTHORIZED, *SCHEDULED)
TO_IMPLEMENTING = (*TO_SCHEDULED, *STARTED)
TO_IMPLEMENTED = (*TO_IMPLEMENTING, *IMPLEMENTED)
BROKEN = ((BEN, InvokeBreakGlass(incident=INCIDENT, reason="All is down")),)
PRE_AUTHORIZED = ((SYSTEM, PreAuthorizeChange()),)


def change(
    *steps: Any, first: Command | None = None, others: Mapping[str, State] | None = None
) -> Given:
    """A change that ADA drafted (or `first`), once the steps have been taken. Each of them has to succeed."""
    begun = first or draft()
    actor = SYSTEM if isinstance(begun, DetectUnauthorizedChange) else ADA
    stands = standing(CHANGE, {}, {**OTHERS, **(others or {})})
    return follow(stands.when(begun, actor=actor), stands, *steps)


def follow(outcome: Outcome, stands: Given, *steps: Any) -> Given:
    """The subject after the outcome, and after the steps."""
    assert not outcome.refusals, outcome.refusals
    reached = standing(stands.subject, outcome.state, stands.others)
    for number, (who, what, *moment) in enumerate(steps, 1):
        order = approval_of(reached.state) if what == "approve" else what
        # Ids are never used again: the orders of a test itself begin with 1.
        taken = standing(reached.subject, reached.state, reached.others, 100 * number)
        done = taken.when(order, actor=who, **({"now": moment[0]} if moment else {}))
        assert not done.refusals, (order, done.refusals)
        reached = standing(reached.subject, done.state, reached.others)
    return reached


def with_state(stands: Given, **members: Any) -> Given:
    """The same with these members, as if another history had led there."""
    return standing(stands.subject, {**stands.state, **members}, stands.others)


def approval_of(state: State) -> GrantApproval:
    return GrantApproval(content_hash=change_content_hash(state), no_interest=True)
