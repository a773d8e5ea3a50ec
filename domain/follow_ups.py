"""What the system does by itself as soon as something happened: the orders that nobody gives by hand.

They are decided and recorded with what they follow, by the system principal, under the same policy as every
order; each names the event that it follows (`causationid`).
A denial does not reject a change by itself: whoever denied it may think better of it, or the plan be amended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from domain.change_approval import (
    ApprovalDenied,
    ApprovalGranted,
    ApproverRecused,
    CabDecisionRecorded,
)
from domain.change_assessment import ChangeAssessed, ChangeRevised
from domain.change_authorization import (
    ApprovalsInvalidated,
    AuthorizeChange,
    PreAuthorizeChange,
    verdict_words,
)
from domain.change_implementation import ChangeRolledBack
from domain.change_planning import ChangeDrafted, ChangePlanAmended
from domain.change_review import ChangeClosed, OpenPir
from domain.command import Case, Command
from domain.common import Commented
from domain.event import Event
from domain.grant import RoleGranted
from domain.grant_commands import DetectSodConflict
from domain.grant_guards import conflicts_of
from domain.hold import linked_subjects
from domain.humans import human_of
from domain.incident_commands import ResumeIncident
from domain.problem_commands import RecordFixFailure
from domain.request import RequestSubmitted
from domain.request_commands import AutoApproveRequest, RequestApproval, ResumeRequest
from domain.rosters import grants_held_by


class FollowUp(NamedTuple):
    """An order of the system, and the subject that it is about."""

    command: Command
    subject: str


Rule = Callable[[Case], Iterable[FollowUp]]
"""What follows in this case: the subject as it stands after the event, `actor` being whose event it was."""

_AFTER: dict[type, list[Rule]] = {}


def _after(*events: type[Event]) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for event in events:
            _AFTER.setdefault(event, []).append(rule)
        return rule

    return register


def follow_ups(event: type[Event], case: Case) -> Iterator[FollowUp]:
    """What the system orders now that `event` happened. The policy may still refuse it."""
    for rule in _rules(event):
        yield from rule(case)


@cache
def _rules(event: type[Event]) -> list[Rule]:
    """Those of a common event hold for every family that takes it."""
    return [rule for one in event.__mro__ for rule in _AFTER.get(one, ())]


def has_follow_ups(event: type[Event]) -> bool:
    return bool(_rules(event))


@_after(
    ChangeAssessed,
    ChangePlanAmended,
    ApprovalGranted,
    ApprovalDenied,
    ApproverRecused,
    CabDecisionRecorded,
    ApprovalsInvalidated,
)
def _authorized_by_quorum(case: Case) -> Iterator[FollowUp]:
    """A normal or emergency change, as soon as nothing speaks against it any more."""
    waits = case.status == "awaiting_authorization" and case.state.get("type") != "standard"
    if waits and set(verdict_words(case)) == {"quorum-met"}:
        yield FollowUp(AuthorizeChange(), case.subject)


@_after(ChangeDrafted, ChangePlanAmended, ChangeRevised)
def _authorized_by_model(case: Case) -> Iterator[FollowUp]:
    """A standard change, as soon as its window is planned: an authorization without one holds for none."""
    planned = case.state.get("type") == "standard" and case.state.get("window")
    if planned and case.status == "draft":
        yield FollowUp(PreAuthorizeChange(), case.subject)


@_after(ChangeRolledBack)
def _reviewed(case: Case) -> Iterator[FollowUp]:
    """What was rolled back is over. What was implemented may yet be rolled back: its review waits for a day."""
    yield FollowUp(OpenPir(), case.subject)


@_after(ChangeClosed)
def _fix_failed(case: Case) -> Iterator[FollowUp]:
    """Of the problems that this change was to fix."""
    outcome = case.state.get("closure_code")
    if outcome not in {"failed", "backed_out"}:
        return
    for subject in sorted(linked_subjects(case.state)):
        problem = case.states.get(subject, {}) if subject.startswith("problem/") else {}
        waits = problem.get("status") == "fix_in_progress"
        if waits and problem.get("fix_change") == case.subject:
            yield FollowUp(RecordFixFailure(fix_outcome=outcome), subject)


@_after(RequestSubmitted)
def _approval_asked(case: Case) -> Iterator[FollowUp]:
    """Or given beforehand, where the policy in force says so of the catalogue item."""
    if case.policy and case.state.get("item") in case.thresholds.pre_approved_items:
        by = AutoApproveRequest(catalogue_policy=case.policy["reference"])
        yield FollowUp(by, case.subject)
    else:
        yield FollowUp(RequestApproval(), case.subject)


@_after(Commented)
def _answered(case: Case) -> Iterator[FollowUp]:
    """What waits for its requester goes on when they reply."""
    if case.status != "on_hold" or case.state.get("hold_reason") != "requester":
        return
    asked = case.state.get("reported_by") or case.state.get("requested_by")
    if asked and human_of(case.actor, case) == human_of(asked, case):
        is_incident = case.subject.startswith("incident/")
        yield FollowUp(ResumeIncident() if is_incident else ResumeRequest(), case.subject)


@_after(RoleGranted)
def _conflicts_found(case: Case) -> Iterator[FollowUp]:
    """In what else the holder has asked for: it may not have conflicted when it was asked."""
    holder = case.state.get("holder", "")
    for subject in case.rosters.get(grants_held_by(holder), ()):
        asked = case.states.get(subject, {})
        if asked.get("status") != "requested":
            continue
        if conflicts_of(asked, replace(case, subject=subject, state=asked)):
            yield FollowUp(DetectSodConflict(), subject)
