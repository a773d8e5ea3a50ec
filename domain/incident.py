"""Incidents: what one is, and the facts about it. The orders that lead to them: `incident_commands.py`.

Every member of an event may be missing: an observed fact states what its source knew. What a governed
order must say is asked of the command. Classification and reports to authorities: `incident_regulation.py`.
The workflow is `incident` in the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from domain.common import TicketEvent, TicketState
from domain.event import (
    Count,
    Json,
    Level,
    Moment,
    PersonalText,
    Principal,
    State,
    Subject,
    Text,
    Word,
)
from domain.hold import HOLD_ENDS
from domain.incident_regulation import Classification, RegulatoryReport, Stage
from domain.parts import has_parts

Status = Literal["new", "assigned", "in_progress", "on_hold", "resolved", "closed", "cancelled"]

OPEN = ("new", "assigned", "in_progress", "on_hold")
RESOLUTION_UNDONE: Mapping[str, None] = {
    "resolution_code": None,
    "resolved_by": None,
    "resolved_at": None,
    "restored_at": None,
    "closed_by": None,
    "closed_at": None,
    "closure_code": None,
}


class IncidentState(TicketState, total=False):
    status: Status
    title: str
    description: str
    service: str
    category: str
    subcategory: str
    impact: int
    urgency: int
    priority: int
    priority_matrix: str
    prioritised_by: str
    assignment_group: str
    assigned_to: str
    reported_by: str
    opened_by: str
    contact_type: str
    location: str
    configuration_item: str
    detected_at: str
    reported_at: str
    restored_at: str
    reassignment_count: int
    reopen_count: int
    hold_reason: str
    hold_reference: str
    resolution_code: str
    resolved_by: str
    resolved_at: str
    closes_at: str
    closed_by: str
    closed_at: str
    closure_code: str
    major: bool
    major_declared_by: str
    cancellation: str
    cancelled_by: str
    duplicate_of: str
    classifications: dict[str, Classification]
    regulatory_class: str
    regulatory_stage: Stage
    report_owed: Stage
    report_due_at: str
    regulatory_reports: dict[str, RegulatoryReport]
    root_cause: str


class IncidentReported(TicketEvent, family="incident", source=(), to="new"):
    """Somebody or something told the service desk that a service does not do what it should."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Mail is not delivered",
        "service": "mail",
        "category": "messaging",
        "impact": 2,
        "urgency": 2,
        "priority": 2,
        "priority_matrix": "mean-rounded-up@1",
        "prioritised_by": "principal/PRN0000012",
        "reported_by": "principal/PRN0000012",
        "opened_by": "principal/PRN0000012",
        "contact_type": "phone",
        "detected_at": "2026-03-02T08:45:00.000000Z",
        "reported_at": "2026-03-02T09:00:00.000000Z",
        "reassignment_count": 0,
        "reopen_count": 0,
    }

    title: PersonalText | None = None
    description: PersonalText | None = None
    service: Text | None = None
    category: Text | None = None
    subcategory: Text | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None
    priority_matrix: Text | None = None
    prioritised_by: Principal | None = None
    assignment_group: Text | None = None
    assigned_to: Principal | None = None
    reported_by: Principal | None = None
    opened_by: Principal | None = None
    contact_type: Text | None = None
    location: Text | None = None
    configuration_item: Text | None = None
    detected_at: Moment | None = None
    reported_at: Moment | None = None
    reassignment_count: Count | None = None
    reopen_count: Count | None = None
    major: bool | None = None


class IncidentAssigned(TicketEvent, family="incident", source=("new",), to="assigned"):
    """A group, and perhaps a person in it, is to deal with the incident."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "assignment_group": "messaging-operations",
        "assigned_to": "principal/PRN0000031",
    }

    assignment_group: Text | None = None
    assigned_to: Principal | None = None
    reassignment_count: Count | None = None


class IncidentReassigned(
    TicketEvent, family="incident", source=("assigned", "in_progress", "on_hold"), to="assigned"
):
    """Another group or person is to deal with the incident. The count is the new total."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "assignment_group": "network-operations",
        "assigned_to": None,
        "reassignment_count": 1,
    }

    assignment_group: Text | None = None
    assigned_to: Principal | None = None
    reassignment_count: Count | None = None


class IncidentWorkStarted(TicketEvent, family="incident", source=("assigned",), to="in_progress"):
    """The assignee began. Stops the response clock."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {"assigned_to": "principal/PRN0000031"}

    assigned_to: Principal | None = None


class IncidentPutOnHold(TicketEvent, family="incident", source=("in_progress",), to="on_hold"):
    """Work waits for somebody outside. `hold_reference` says what shows it: message, contract or linked id."""

    example: ClassVar[Mapping[str, Json]] = {
        "hold_reason": "supplier",
        "hold_reference": "contract/CON0000007",
    }

    hold_reason: Text | None = None
    hold_reference: Text | None = None


class IncidentResumed(TicketEvent, family="incident", source=("on_hold",), to="in_progress"):
    """What it waited for has come. Resumes the clock."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS


class IncidentResolved(
    TicketEvent, family="incident", source=("in_progress", "on_hold"), to="resolved"
):
    """The service is restored. Stops the resolution clock. `closes_at`: by the system, unless it is reopened."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "resolution_code": "restarted",
        "resolved_by": "principal/PRN0000031",
        "resolved_at": "2026-03-02T10:20:00.000000Z",
        "restored_at": "2026-03-02T10:15:00.000000Z",
        "closes_at": "2026-03-16T10:20:00.000000Z",
    }

    resolution_code: Text | None = None
    resolved_by: Principal | None = None
    resolved_at: Moment | None = None
    restored_at: Moment | None = None
    closes_at: Moment | None = None


class IncidentReopened(TicketEvent, family="incident", source=("resolved",), to="in_progress"):
    """It was not solved after all. The resolution is undone; the count is the new total."""

    asserts: ClassVar[Mapping[str, Json]] = {**HOLD_ENDS, **RESOLUTION_UNDONE}
    example: ClassVar[Mapping[str, Json]] = {"reopen_count": 1, "closes_at": None}

    reopen_count: Count | None = None
    closes_at: Moment | None = None


class IncidentClosed(TicketEvent, family="incident", source=("resolved",), to="closed"):
    """Somebody other than the resolver confirmed it, or the time to object ran out.

    A source that tells only at the end who had resolved it, and when, states that here.
    """

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "closed_by": "principal/PRN0000012",
        "closed_at": "2026-03-04T08:00:00.000000Z",
    }

    closed_by: Principal | None = None
    closed_at: Moment | None = None
    closure_code: Text | None = None
    resolved_by: Principal | None = None
    resolved_at: Moment | None = None


class IncidentCancelled(TicketEvent, family="incident", source=OPEN, to="cancelled"):
    """It should not have been there: a duplicate, or entered in error."""

    asserts: ClassVar[Mapping[str, Json]] = HOLD_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "cancellation": "duplicate",
        "cancelled_by": "principal/PRN0000040",
        "duplicate_of": "incident/INC0010001",
    }

    cancellation: Word | None = None
    cancelled_by: Principal | None = None
    duplicate_of: Subject | None = None


class IncidentReprioritised(TicketEvent, family="incident", source=OPEN):
    """Impact or urgency was judged anew, by the matrix named."""

    example: ClassVar[Mapping[str, Json]] = {
        "impact": 1,
        "urgency": 2,
        "priority": 2,
        "priority_matrix": "mean-rounded-up@1",
        "prioritised_by": "principal/PRN0000031",
    }

    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None
    priority_matrix: Text | None = None
    prioritised_by: Principal | None = None


class MajorIncidentDeclared(TicketEvent, family="incident", source=OPEN):
    """From here on the major incident procedure holds."""

    asserts: ClassVar[Mapping[str, Json]] = {"major": True}
    example: ClassVar[Mapping[str, Json]] = {"major_declared_by": "principal/PRN0000003"}

    major_declared_by: Principal | None = None


def _services(state: State) -> Iterable[str]:
    return (state["service"],) if "service" in state else ()


has_parts(
    "incident",
    lambda state: {
        "requester": (state.get("reported_by"), state.get("opened_by")),
        "assignee": (state.get("assigned_to"),),
        "prioritiser": (state.get("prioritised_by"),),
        "resolver": (state.get("resolved_by"),),
    },
    _services,
)
