"""The orders that incidents take, and what must hold for each. The facts they lead to: `incident.py`.

Who may give them is policy (`policies/`); here stands what holds for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from domain.authority import holds_role
from domain.command import Case, Command, Events, require
from domain.event import (
    Event,
    Level,
    Moment,
    PersonalText,
    PrincipalId,
    State,
    Subject,
    Text,
)
from domain.hold import PutOnHold
from domain.incident import (
    IncidentAssigned,
    IncidentCancelled,
    IncidentClosed,
    IncidentPutOnHold,
    IncidentReassigned,
    IncidentReopened,
    IncidentReported,
    IncidentReprioritised,
    IncidentResolved,
    IncidentResumed,
    IncidentWorkStarted,
    MajorIncidentDeclared,
)
from domain.linking import require_exists
from domain.moments import later
from domain.principal import require_registered
from domain.priority import (
    BUILT_IN_MATRIX,
    priority_by_matrix,
    settled_priority,
    unknowable_matrix,
)

CLOCK_SKEW = timedelta(minutes=2)
"""How far a reporter's clock may be ahead of the ledger's."""
UNCLASSIFIED = "unclassified"
RESOLVER = "resolver"
"""The name of the role that who is given an incident should hold for its service."""


class ReportIncident(Command, yields=IncidentReported):
    """Report that a service does not do what it should. The ledger hands out the number."""

    example: ClassVar[Mapping[str, Any]] = {
        "title": "Mail is not delivered",
        "service": "mail",
        "impact": 2,
        "urgency": 2,
        "contact_type": "phone",
        "detected_at": "2026-03-02T08:45:00Z",
    }

    title: PersonalText
    description: PersonalText | None = None
    service: Text = UNCLASSIFIED
    category: Text | None = None
    subcategory: Text | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None
    priority_matrix: Text = BUILT_IN_MATRIX
    reported_by: PrincipalId | None = None
    contact_type: Text | None = None
    location: Text | None = None
    configuration_item: Text | None = None
    detected_at: Moment | None = None
    reported_at: Moment | None = None

    @model_validator(mode="after")
    def _priority_rests_on_both(self) -> Self:
        said = (self.impact, self.urgency, self.priority)
        if any(said) and not (self.impact and self.urgency):
            raise ValueError("say impact and urgency together; the matrix gives the priority")
        return self

    def reads(self) -> tuple[str, ...]:
        return (self.reported_by,) if self.reported_by else ()

    def decide(self, case: Case) -> Sequence[Event]:
        reported_at = self.reported_at or case.now
        detected_at = self.detected_at or reported_at
        in_order = detected_at <= reported_at
        require(in_order, "detected-before-reported", "it is detected before it is reported", case)
        in_time = self.reported_at is None or reported_at <= later(case.now, CLOCK_SKEW)
        require(in_time, "reported-not-ahead-of-now", f"reported_at is after {case.now}", case)
        if self.reported_by:
            require_exists(self.reported_by, "reporter-exists", case)
        said = {
            **self.given(),
            "service": self.service,
            "reported_by": self.reported_by or case.actor,
            "opened_by": case.actor,
            "reported_at": reported_at,
            "reassignment_count": 0,
            "reopen_count": 0,
        }
        return self.stating(**said, **self._priority(case))

    def given(self) -> dict[str, Any]:
        weighed = {"impact", "urgency", "priority", "priority_matrix"}
        return {k: v for k, v in super().given().items() if v is not None and k not in weighed}

    def _priority(self, case: Case) -> dict[str, Any]:
        if self.impact is None or self.urgency is None:
            return {}
        return _prioritised(self.impact, self.urgency, self.priority, self.priority_matrix, case)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        service = () if self.service == UNCLASSIFIED else ("service-known",)
        return service + unknowable_matrix(self.priority_matrix)


class _ToSomebody(Command):
    """Body of assign and reassign: to a group, or to a person, or to a person in a group."""

    assignment_group: Text | None = None
    assigned_to: PrincipalId | None = None

    @model_validator(mode="after")
    def _to_somebody(self) -> Self:
        if not (self.assignment_group or self.assigned_to):
            raise ValueError("say assignment_group, or assigned_to, or both")
        return self

    def reads(self) -> tuple[str, ...]:
        return (self.assigned_to,) if self.assigned_to else ()

    def given(self) -> dict[str, Any]:
        """A person named alone stays in the group; a group named alone leaves the person open."""
        group = {"assignment_group": self.assignment_group} if self.assignment_group else {}
        return {**group, "assigned_to": self.assigned_to}

    def circumstances(self, case: Case) -> Iterable[str]:
        """Whether a person needs the role to be given incidents is for policy to say."""
        if self.assigned_to is None:
            return ()
        service = case.state.get("service", UNCLASSIFIED)
        about = () if service == UNCLASSIFIED else (service,)
        is_resolver = holds_role(case, self.assigned_to, RESOLVER, about)
        return () if is_resolver else ("assignee-lacks-resolver-role",)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """Groups are not known, so that the roles of those in one cannot be asked."""
        return () if self.assigned_to else ("assignee-holds-resolver-role",)

    def require_assignee(self, case: Case) -> None:
        if self.assigned_to:
            require_registered(self.assigned_to, "assignee-is-registered", case)


class AssignIncident(_ToSomebody, yields=IncidentAssigned):
    """Hand a new incident to a group, and to a person in it if one is known."""

    example: ClassVar[Mapping[str, Any]] = {"assignment_group": "messaging-operations"}

    def decide(self, case: Case) -> Events:
        self.require_assignee(case)
        return super().decide(case)


class ReassignIncident(_ToSomebody, yields=IncidentReassigned):
    """Hand the incident on to another group or person, and say why."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {
        "assignment_group": "network-operations",
        "reason": "The mail relay is fine, its uplink is not",
    }

    def decide(self, case: Case) -> Sequence[Event]:
        had = (case.state.get("assignment_group"), case.state.get("assigned_to"))
        gets = (self.assignment_group or had[0], self.assigned_to)
        require(gets != had, "reassigned-to-another", "group and person are those it has", case)
        self.require_assignee(case)
        count = case.state.get("reassignment_count", 0) + 1
        return self.stating(**self.given(), reassignment_count=count)


class StartIncidentWork(Command, yields=IncidentWorkStarted, verb="start-work"):
    """Begin. Where only a group was assigned, whoever begins is the assignee from here on."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(assigned_to=case.state.get("assigned_to") or case.actor)


class PutIncidentOnHold(PutOnHold, yields=IncidentPutOnHold):
    """Stop the clock while somebody outside has to act, and name what shows it."""

    def decide(self, case: Case) -> Events:
        self.require_reference(case)
        return super().decide(case)


class ResumeIncident(Command, yields=IncidentResumed):
    """Go on: what it waited for has come."""


class ResolveIncident(Command, yields=IncidentResolved):
    """The service is restored. Without `restored_at` it was restored now."""

    example: ClassVar[Mapping[str, Any]] = {
        "resolution_code": "restarted",
        "restored_at": "2026-03-02T10:15:00Z",
    }

    resolution_code: Text
    restored_at: Moment | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        restored_at = self.restored_at or case.now
        # Where detection was not told, the report is the earliest that is known.
        since = case.state.get("detected_at") or case.state.get("reported_at") or restored_at
        told = f"restored_at lies between {since} and {case.now}; got {restored_at}"
        require(since <= restored_at <= case.now, "restored-after-detected", told, case)
        return self.stating(
            resolution_code=self.resolution_code,
            restored_at=restored_at,
            resolved_by=case.actor,
            resolved_at=case.now,
            closes_at=later(case.now, timedelta(days=case.thresholds.incident_reopen_days)),
        )


class ReopenIncident(Command, yields=IncidentReopened):
    """It was not solved after all: inside the reopen window, and saying what is wrong."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "Mail stopped again an hour later"}

    def decide(self, case: Case) -> Sequence[Event]:
        resolved_at = case.state.get("resolved_at")
        days = case.thresholds.incident_reopen_days
        inside = resolved_at is None or case.now <= later(resolved_at, timedelta(days=days))
        told = f"resolved on {resolved_at}, more than {days} days ago: report a new one"
        require(inside, "inside-reopen-window", told, case)
        count = case.state.get("reopen_count", 0) + 1
        return self.stating(reopen_count=count, closes_at=None)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """A source may not have said when it was resolved."""
        return () if case.state.get("resolved_at") else ("inside-reopen-window",)


class CloseIncident(Command, yields=IncidentClosed):
    """Confirm the resolution. Not for whoever resolved it."""

    example: ClassVar[Mapping[str, Any]] = {"closure_code": "confirmed-by-requester"}

    closure_code: Text | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        code = {"closure_code": self.closure_code} if self.closure_code else {}
        return self.stating(closed_by=case.actor, closed_at=case.now, **code)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """A source may not have said who resolved it."""
        return () if case.state.get("resolved_by") else ("closer-is-not-resolver",)


class CancelIncident(Command, yields=IncidentCancelled):
    """It should not be here. A duplicate names the incident that it repeats."""

    example: ClassVar[Mapping[str, Any]] = {
        "cancellation": "duplicate",
        "duplicate_of": "incident/INC0010001",
    }

    cancellation: Literal["duplicate", "entered_in_error"]
    duplicate_of: Subject | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.duplicate_of,) if self.duplicate_of else ()

    def decide(self, case: Case) -> Sequence[Event]:
        if self.cancellation == "duplicate":
            named = (self.duplicate_of or "").startswith("incident/")
            other = named and self.duplicate_of != case.subject
            require(other, "duplicate-names-another", "name the incident that it repeats", case)
            assert self.duplicate_of
            require_exists(self.duplicate_of, "duplicate-exists", case)
        else:
            none = self.duplicate_of is None
            require(none, "only-duplicates-name-another", "only a duplicate has duplicate_of", case)
        return self.stating(**self.given(), cancelled_by=case.actor)

    def given(self) -> dict[str, Any]:
        return {k: v for k, v in super().given().items() if v is not None}


class ReprioritiseIncident(Command, yields=IncidentReprioritised):
    """Judge impact and urgency anew. Lowering the priority takes a second person."""

    asked_of = ("impact", "urgency")
    example: ClassVar[Mapping[str, Any]] = {"impact": 1, "urgency": 2}

    impact: Level
    urgency: Level
    priority: Level | None = None
    priority_matrix: Text = BUILT_IN_MATRIX

    def lowers(self, state: State) -> bool:
        """Is the priority ordered below the one that stands? 1 is the highest."""
        known = self.priority_matrix == BUILT_IN_MATRIX
        ordered = priority_by_matrix(self.impact, self.urgency) if known else self.priority
        stands = state.get("priority")
        return bool(ordered and stands and ordered > stands)

    def circumstances(self, case: Case) -> Iterable[str]:
        """`lowers-priority`: the priority ordered is below the one that stands."""
        return ("lowers-priority",) if self.lowers(case.state) else ()

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(
            **_prioritised(self.impact, self.urgency, self.priority, self.priority_matrix, case)
        )

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return unknowable_matrix(self.priority_matrix)


class DeclareMajorIncident(Command, yields=MajorIncidentDeclared, verb="declare-major"):
    """Bring the major incident procedure into force."""

    vacuous = ("incident-manager-role",)

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(major_declared_by=case.actor)


def _prioritised(
    impact: int, urgency: int, priority: int | None, matrix: str, case: Case
) -> dict[str, Any]:
    return {
        "impact": impact,
        "urgency": urgency,
        "priority": settled_priority(impact, urgency, priority, matrix, case),
        "priority_matrix": matrix,
        "prioritised_by": case.actor,
    }
