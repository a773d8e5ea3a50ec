"""The orders that problems take, and what must hold for each. The facts they lead to: `problem.py`.

Who may give them is policy (`policies/`); here stands what holds for everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal

from domain.change import SUCCESSFUL
from domain.command import Case, Command, Events, On, require
from domain.common import Link, Linked, common_event
from domain.event import Event, Level, PersonalText, PrincipalId, Text
from domain.hold import linked_subjects
from domain.linking import ChangeId, IncidentId, require_exists
from domain.principal import require_registered
from domain.problem import (
    Day,
    FixFailed,
    FixRequested,
    KnownErrorDeclared,
    ProblemAccepted,
    ProblemClosed,
    ProblemRaised,
    ProblemRejected,
    ProblemReopened,
    ProblemResolved,
    ProblemRiskAccepted,
    RiskAcceptanceExpired,
    RootCauseIdentified,
)


class RaiseProblem(Command, yields=ProblemRaised):
    """Raise a problem: from an incident, or proactively from evidence."""

    example: ClassVar[Mapping[str, Any]] = {
        "title": "Mail queue fills up every Monday",
        "service": "mail",
        "incident": "incident/INC0010001",
    }

    title: PersonalText
    description: PersonalText | None = None
    service: Text | None = None
    category: Text | None = None
    configuration_item: Text | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None
    incident: IncidentId | None = None
    proactive: bool = False
    evidence: PersonalText | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.incident,) if self.incident else ()

    def decide(self, case: Case) -> Sequence[Event]:
        founded = bool(self.incident or (self.proactive and self.evidence))
        told = "name an incident, or say that it is proactive and give the evidence"
        require(founded, "incident-or-evidence", told, case)
        if self.incident:
            require_exists(self.incident, "linked-incident-exists", case)
        given = {name: value for name, value in self.given().items() if value is not None}
        incident = given.pop("incident", None)
        return self.stating(
            **{
                **given,
                **(_linked(incident, case) if incident else {}),
                "proactive": self.proactive,
                "raised_by": case.actor,
                "raised_at": case.now,
                "reopen_count": 0,
            }
        )

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return ("service-known",) if self.service else ()


class AcceptProblem(Command, yields=ProblemAccepted):
    """Take it on, and name its owner; without a name, whoever accepts owns it."""

    vacuous = ("problem-manager-role",)
    example: ClassVar[Mapping[str, Any]] = {
        "owner": "principal/PRN0000031",
        "assignment_group": "messaging-operations",
    }

    owner: PrincipalId | None = None
    assignment_group: Text | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.owner,) if self.owner else ()

    def decide(self, case: Case) -> Sequence[Event]:
        if self.owner:
            require_registered(self.owner, "owner-is-registered", case)
        group = {"assignment_group": self.assignment_group} if self.assignment_group else {}
        return self.stating(owner=self.owner or case.actor, accepted_by=case.actor, **group)


class RejectProblem(Command, yields=ProblemRejected):
    """Turn it down, and say why."""

    needs_reason = True
    vacuous = ("problem-manager-role",)
    example: ClassVar[Mapping[str, Any]] = {"reason": "Explained by the planned migration"}

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(rejected_by=case.actor)


class IdentifyRootCause(Command, yields=RootCauseIdentified):
    """Say what causes it."""

    example: ClassVar[Mapping[str, Any]] = {
        "root_cause": "The weekly archive job locks the queue directory"
    }

    root_cause: PersonalText

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(root_cause=self.root_cause, root_cause_identified_by=case.actor)


class DeclareKnownError(Command, yields=KnownErrorDeclared):
    """Publish it as a known error: its root cause is identified, or a workaround is tested."""

    example: ClassVar[Mapping[str, Any]] = {
        "workaround": "Stop the archive job on Mondays",
        "workaround_tested": True,
    }

    workaround: PersonalText | None = None
    workaround_tested: bool = False

    def decide(self, case: Case) -> Sequence[Event]:
        helped = bool(self.workaround and self.workaround_tested)
        known = bool(case.state.get("root_cause"))
        told = "identify the root cause first, or give a workaround that was tested"
        require(helped or known, "root-cause-or-tested-workaround", told, case)
        if not self.workaround:
            return self.stating()
        return self.stating(workaround=self.workaround, workaround_tested=self.workaround_tested)


class RequestFix(Command, yields=FixRequested):
    """Ask for the change that removes the cause, by its id. The change is linked to the problem as well."""

    example: ClassVar[Mapping[str, Any]] = {"fix_change": "change/CHG0000042"}

    fix_change: ChangeId

    def reads(self) -> tuple[str, ...]:
        return (self.fix_change,)

    def decide(self, case: Case) -> Events:
        require_exists(self.fix_change, "change-exists", case)
        requested = super().decide(case)
        if case.subject in linked_subjects(case.states.get(self.fix_change, {})):
            return requested
        link: Link = {"to": case.subject, "relation": "problem"}
        linked = common_event("change", Linked)(links={f"LNK-{case.new_id()}": link})
        return [On(self.fix_change, linked), *requested]


class RecordFixFailure(Command, yields=FixFailed):
    """The linked change closed failed, or was backed out."""

    example: ClassVar[Mapping[str, Any]] = {"fix_outcome": "backed_out"}

    fix_outcome: Literal["failed", "backed_out"]

    def decide(self, case: Case) -> Events:
        _require_closed({self.fix_outcome}, "change-closed-unsuccessful", case)
        return super().decide(case)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return _unnamed("change-closed-unsuccessful", case)


class ResolveProblem(Command, yields=ProblemResolved):
    """The linked change closed successful, with or without issues: the cause is gone."""

    def decide(self, case: Case) -> Sequence[Event]:
        _require_closed(SUCCESSFUL, "change-closed-successful", case)
        return self.stating(resolved_by=case.actor, resolved_at=case.now)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return _unnamed("change-closed-successful", case)


class AcceptProblemRisk(Command, yields=ProblemRiskAccepted, verb="accept-risk"):
    """Live with it until the day of review. Not for the problem's owner."""

    vacuous = ("risk-owner-role",)
    example: ClassVar[Mapping[str, Any]] = {"review_by": "2026-09-30"}

    review_by: Day

    def decide(self, case: Case) -> Sequence[Event]:
        told = f"review_by lies after today, {_today(case)}; got {self.review_by}"
        require(self.review_by > _today(case), "review-by-in-future", told, case)
        return self.stating(
            risk_accepted_by=case.actor, risk_accepted_at=case.now, review_by=self.review_by
        )


class ExpireRiskAcceptance(Command, yields=RiskAcceptanceExpired):
    """The day of review has come."""

    def decide(self, case: Case) -> Sequence[Event]:
        review_by = case.state.get("review_by")
        due = review_by is None or review_by <= _today(case)
        require(due, "review-by-reached", f"the acceptance holds until {review_by}", case)
        return self.stating()

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """A source may not have said until when."""
        return () if case.state.get("review_by") else ("review-by-reached",)


class ReopenProblem(Command, yields=ProblemReopened):
    """It came back: name the incident that shows it."""

    vacuous = ("problem-manager-role",)
    example: ClassVar[Mapping[str, Any]] = {"recurrence": "incident/INC0010077"}

    recurrence: IncidentId

    def reads(self) -> tuple[str, ...]:
        return (self.recurrence,)

    def decide(self, case: Case) -> Sequence[Event]:
        require_exists(self.recurrence, "recurrence-exists", case)
        return self.stating(
            recurrence=self.recurrence,
            reopen_count=case.state.get("reopen_count", 0) + 1,
            **_linked(self.recurrence, case),
        )


class CloseProblem(Command, yields=ProblemClosed):
    """Nothing is left to do. Not for the problem's owner."""

    vacuous = ("problem-manager-role",)

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(closed_by=case.actor, closed_at=case.now)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """A source may not have said who owns it."""
        unknown = () if case.state.get("owner") else ("closer-is-not-problem-owner",)
        return self.vacuous + unknown


def _linked(incident: str, case: Case) -> dict[str, dict[str, dict[str, str]]]:
    return {"links": {f"LNK-{case.new_id()}": {"to": incident, "relation": "incident"}}}


def _require_closed(codes: Collection[str], rule: str, case: Case) -> None:
    """Raise CanNot by `rule` unless the change that was asked for closed with one of the codes."""
    name = case.state.get("fix_change")
    change = case.states.get(name, {}) if name else {}
    closed = change.get("status") == "closed" and change.get("closure_code") in codes
    told = f"{name} is {change.get('status')}, as {change.get('closure_code') or 'nothing yet'}"
    require(name is None or closed, rule, told, case)


def _unnamed(rule: str, case: Case) -> tuple[str, ...]:
    """A source may not have said which change was asked for."""
    return () if case.state.get("fix_change") else (rule,)


def _today(case: Case) -> str:
    """The day of `now`, in UTC."""
    return case.now[: len("2026-03-02")]
