"""Cases of `identity.cedar`, `system.cedar`, `incidents.cedar`, `requests.cedar` and `problems.cedar`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.case import Case

ANYONES = "incident:report request:submit problem:raise change:draft change:comment"
"""Orders that anyone may give: what refuses there is not the lack of a role."""
ALSO_READING = f"{ANYONES} incident:read change:read"

WORK = (
    "incident:start-work incident:put-on-hold incident:resume incident:resolve "
    "incident:reprioritise incident:reassign"
)
ROOT_CAUSE = (
    "problem:identify-root-cause problem:declare-known-error problem:request-fix problem:resolve"
)
BY_ITSELF = (
    "request:request-approval request:auto-approve problem:record-fix-failure "
    "problem:expire-risk-acceptance grant:detect-conflict grant:expire change:authorize "
    "change:pre-authorize change:invalidate-approvals change:open-pir "
    "change:request-retro-approval change:lapse-retro-approval change:lapse-review "
    "freeze:expire finding:raise finding:record-recurrence"
)

IDENTITY: Mapping[str, tuple[Case, ...]] = {
    "unknown-identity": (Case("nobody knows who it is", on=ALSO_READING, status="unknown"),),
    "referenced-principal": (Case("a source named them", on=ALSO_READING, status="referenced"),),
    "deactivated-principal": (Case("they left", on=ALSO_READING, status="deactivated"),),
    "observing-source-may-not-govern": (
        Case("a source that observes", on=ANYONES, kind="source", mode="observe"),
    ),
    "no-delegation-without-grant": (
        Case("nothing was delegated to them", on=ALSO_READING, when="no-delegation"),
    ),
}

SYSTEM: Mapping[str, tuple[Case, ...]] = {
    "the-system-acts-by-itself": (
        Case("the system", on=BY_ITSELF, kind="system", when="quorum-met"),
    ),
    "only-the-system": (
        Case("somebody by hand", on=BY_ITSELF, when="quorum-met", is_fence=True),
        Case("a service", on=BY_ITSELF, when="quorum-met", kind="service", is_fence=True),
    ),
}

INCIDENTS: Mapping[str, tuple[Case, ...]] = {
    "anyone-reports-incidents": (Case("anyone", on="incident:report"),),
    "anyone-adds-to-incidents": (
        Case(
            "anyone",
            on="incident:comment incident:link incident:unlink incident:record-attachment",
        ),
    ),
    "dispatchers-assign-incidents": (
        Case(
            "whoever hands incidents out",
            on="incident:assign incident:reassign incident:reprioritise",
            roles="dispatcher service-desk",
        ),
    ),
    "dispatchers-cancel-incidents": (
        Case("a dispatcher", on="incident:cancel", roles="dispatcher"),
    ),
    "assignees-work-on-incidents": (
        Case("the assignee, whatever roles they hold", on=WORK, parts="assignee"),
    ),
    "resolvers-take-incidents-of-their-group": (
        Case("a resolver, and nobody is the assignee", on=WORK, roles="resolver"),
    ),
    "only-the-assignee": (
        Case(
            "a resolver, and another is the assignee",
            on="incident:start-work incident:put-on-hold incident:resolve",
            roles="resolver",
            filled="assignee",
        ),
    ),
    "only-the-assignee-or-the-system": (
        Case(
            "a resolver, and another is the assignee",
            on="incident:resume",
            roles="resolver",
            filled="assignee",
        ),
    ),
    "assignee-holds-resolver-role": (
        Case(
            "a dispatcher, to somebody who is no resolver",
            on="incident:assign incident:reassign",
            roles="dispatcher",
            when="assignee-lacks-resolver-role",
        ),
    ),
    "system-resumes-incidents": (
        Case("the system, on a reply", on="incident:resume", kind="system", filled="assignee"),
    ),
    "requester-and-desk-reopen-incidents": (
        Case("the requester", on="incident:reopen", parts="requester"),
        Case("the desk", on="incident:reopen", roles="service-desk", filled="requester"),
    ),
    "requester-desk-and-timer-close-incidents": (
        Case("the requester", on="incident:close", parts="requester"),
        Case("the desk", on="incident:close", roles="service-desk", filled="requester resolver"),
        Case("the timer", on="incident:close", kind="system", filled="resolver"),
    ),
    "closer-is-not-resolver": (
        Case(
            "the resolver, at the desk", on="incident:close", roles="service-desk", parts="resolver"
        ),
        Case("the resolver, who reported it", on="incident:close", parts="requester+resolver"),
    ),
    "second-person-lowers-priority": (
        Case(
            "a dispatcher who set it, or works on it",
            on="incident:reprioritise",
            roles="dispatcher",
            parts="prioritiser assignee",
            when="lowers-priority",
        ),
    ),
    "incident-managers-declare-and-classify": (
        Case(
            "an incident manager",
            on="incident:declare-major incident:classify",
            roles="incident-manager",
        ),
    ),
    "compliance-reports-to-authorities": (
        Case("compliance", on="incident:submit-regulatory-report", roles="compliance"),
    ),
    "incident-records-are-corrected-by-their-keepers": (
        Case(
            "a keeper of the record",
            on="incident:correct-fact",
            roles="service-desk incident-manager compliance",
        ),
    ),
}

REQUESTS: Mapping[str, tuple[Case, ...]] = {
    "anyone-submits-requests": (Case("anyone", on="request:submit"),),
    "anyone-adds-to-requests": (
        Case(
            "anyone",
            on="request:comment request:link request:unlink request:record-attachment",
        ),
    ),
    "system-resumes-requests": (
        Case("the system, on a reply", on="request:resume", kind="system", filled="fulfiller"),
    ),
    "approvers-decide-requests": (
        Case("an approver", on="request:approve request:reject", roles="request-approver"),
    ),
    "approver-is-independent": (
        Case(
            "an approver who is involved",
            on="request:approve",
            roles="request-approver",
            parts="requester beneficiary fulfiller",
        ),
    ),
    "fulfillers-fulfil-requests": (
        Case(
            "a fulfiller, and nobody else fulfils it",
            on="request:start-fulfilment request:put-on-hold request:resume request:fulfil",
            roles="fulfiller",
        ),
    ),
    "only-the-fulfiller": (
        Case(
            "a fulfiller, and another fulfils it",
            on="request:put-on-hold request:fulfil",
            roles="fulfiller",
            filled="fulfiller",
        ),
    ),
    "only-the-fulfiller-or-the-system": (
        Case(
            "a fulfiller, and another fulfils it",
            on="request:resume",
            roles="fulfiller",
            filled="fulfiller",
        ),
    ),
    "fulfiller-is-not-approver": (
        Case(
            "a fulfiller who approved it",
            on="request:start-fulfilment request:fulfil",
            roles="fulfiller",
            parts="approver",
        ),
    ),
    "requesters-end-requests": (
        Case("the requester", on="request:reopen request:close", parts="requester"),
        Case("anyone, where no requester is known", on="request:reopen request:close"),
    ),
    "timer-closes-requests": (
        Case("the timer", on="request:close", kind="system", filled="requester fulfiller"),
    ),
    "only-the-requester": (
        Case("another than the requester", on="request:reopen", filled="requester", is_fence=True),
    ),
    "only-the-requester-or-the-system": (
        Case("another than the requester", on="request:close", filled="requester", is_fence=True),
    ),
    "closer-is-not-fulfiller": (
        Case(
            "the fulfiller, who asked for it",
            on="request:close",
            parts="requester+fulfiller",
        ),
    ),
    "requester-and-dispatchers-cancel-requests": (
        Case("the requester", on="request:cancel", parts="requester"),
        Case("a dispatcher", on="request:cancel", roles="dispatcher", filled="requester"),
    ),
    "request-records-are-corrected-by-their-keepers": (
        Case("a keeper of the record", on="request:correct-fact", roles="service-desk compliance"),
    ),
}

PROBLEMS: Mapping[str, tuple[Case, ...]] = {
    "anyone-raises-problems": (Case("anyone", on="problem:raise"),),
    "anyone-adds-to-problems": (
        Case(
            "anyone",
            on="problem:comment problem:link problem:unlink problem:record-attachment",
        ),
    ),
    "problem-managers-steer-problems": (
        Case(
            "a problem manager",
            on="problem:accept problem:reject problem:reopen problem:close",
            roles="problem-manager",
            filled="owner",
        ),
    ),
    "owners-work-on-problems": (
        Case("the owner", on=ROOT_CAUSE, parts="owner"),
        Case("a problem manager, and nobody owns it", on=ROOT_CAUSE, roles="problem-manager"),
    ),
    "only-the-problem-owner": (
        Case(
            "a problem manager, and another owns it",
            on=ROOT_CAUSE,
            roles="problem-manager",
            filled="owner",
            is_fence=True,
        ),
    ),
    "risk-owners-accept-risk": (
        Case("a risk owner", on="problem:accept-risk", roles="risk-owner", filled="owner"),
    ),
    "risk-acceptor-is-not-problem-owner": (
        Case(
            "the owner, a risk owner", on="problem:accept-risk", roles="risk-owner", parts="owner"
        ),
    ),
    "closer-is-not-problem-owner": (
        Case("the owner, a manager", on="problem:close", roles="problem-manager", parts="owner"),
    ),
    "problem-records-are-corrected-by-their-keepers": (
        Case(
            "a keeper of the record", on="problem:correct-fact", roles="problem-manager compliance"
        ),
    ),
}

TICKETS: Mapping[str, tuple[Case, ...]] = {
    **IDENTITY,
    **SYSTEM,
    **INCIDENTS,
    **REQUESTS,
    **PROBLEMS,
}
