"""Cases of `changes.cedar` and `models.cedar`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.case import Case

START = "change:start-implementation change:start-emergency-implementation"
APPROVAL = "change:grant-approval change:deny-approval change:recuse"
INVOLVED = "requester developer implementer beneficiary"

PLANNING: Mapping[str, tuple[Case, ...]] = {
    "anyone-drafts-changes": (Case("anyone", on="change:draft"),),
    "requesters-plan-their-changes": (
        Case(
            "the requester",
            on="change:submit change:amend-plan change:revise change:cancel",
            parts="requester",
        ),
    ),
    "anyone-adds-to-changes": (
        Case(
            "anyone",
            on="change:comment change:link change:unlink change:record-attachment",
        ),
    ),
    "change-managers-steer-changes": (
        Case(
            "a change manager",
            on="change:return change:schedule change:cancel change:close",
            roles="change-manager",
            filled="requester",
        ),
    ),
    "assessors-assess-changes": (
        Case("an assessor", on="change:assess", roles="change-assessor", filled="requester"),
    ),
    "assessor-is-not-requester": (
        Case(
            "the requester, an assessor, of some risk",
            on="change:assess",
            roles="change-assessor",
            parts="requester",
            when="independent-assessor-needed",
        ),
    ),
    "testers-record-evidence": (
        Case("a tester", on="change:record-test-evidence", roles="tester"),
        Case("a pipeline", on="change:record-test-evidence", kind="service"),
    ),
    "pipelines-link-commits": (
        Case("a pipeline", on="change:link-commit", kind="service"),
        Case("the system", on="change:link-commit", kind="system"),
    ),
    "no-code-of-who-approved-or-implements": (
        Case(
            "a pipeline, code of somebody with another part",
            on="change:link-commit",
            kind="service",
            when="author-approved author-implements",
        ),
    ),
    "no-conflicting-windows": (
        Case(
            "a change manager",
            on="change:schedule",
            roles="change-manager",
            when="conflicting-window",
        ),
        Case("the requester", on="change:amend-plan", parts="requester", when="conflicting-window"),
    ),
    "no-change-inside-a-freeze": (
        Case(
            "a change manager", on="change:schedule", roles="change-manager", when="overlaps-freeze"
        ),
        Case("the requester", on="change:amend-plan", parts="requester", when="overlaps-freeze"),
        Case("an implementer", on=START, roles="implementer", when="quorum-met+overlaps-freeze"),
    ),
    "change-records-are-corrected-by-their-keepers": (
        Case("a keeper of the record", on="change:correct-fact", roles="change-manager compliance"),
    ),
}

AUTHORIZING: Mapping[str, tuple[Case, ...]] = {
    "change-authorities-decide-changes": (
        Case("an authority", on=APPROVAL, roles="change-authority", filled=INVOLVED),
        Case(
            "the emergency authority, of an emergency",
            on=APPROVAL,
            roles="emergency-authority",
            when="type-emergency",
        ),
    ),
    "change-approver-is-independent": (
        Case("an authority", on="change:grant-approval", roles="change-authority", parts=INVOLVED),
        Case(
            "the emergency authority, afterwards",
            on="change:grant-retro-approval",
            roles="emergency-authority",
            parts=INVOLVED,
        ),
    ),
    "no-approval-with-an-interest": (
        Case(
            "an authority",
            on="change:grant-approval",
            roles="change-authority",
            parts="declared-interest recused",
        ),
        Case(
            "the emergency authority, afterwards",
            on="change:grant-retro-approval",
            roles="emergency-authority",
            parts="declared-interest recused",
        ),
    ),
    "cab-chairs-record-decisions": (
        Case("the chair", on="change:record-cab-decision", roles="cab-chair", filled="requester"),
    ),
    "cab-chair-is-not-requester": (
        Case(
            "the requester", on="change:record-cab-decision", roles="cab-chair", parts="requester"
        ),
    ),
    "quorum-authorizes": (
        Case("the system", on="change:authorize", kind="system", when="type-normal type-emergency"),
        Case("an implementer", on="change:start-emergency-implementation", roles="implementer"),
    ),
    "no-authorization-against-a-denial": (
        Case(
            "the system",
            on="change:authorize",
            kind="system",
            when="quorum-met+open-denial quorum-met+cab-advises-against",
        ),
        Case(
            "an implementer",
            on=START,
            roles="implementer",
            when="quorum-met+open-denial quorum-met+cab-advises-against",
        ),
    ),
    "authorities-reject-changes": (
        Case("an authority", on="change:reject", roles="change-authority"),
        Case("the system", on="change:reject", kind="system", when="open-denial"),
    ),
    "model-authors-are-not-their-approvers": (
        Case(
            "the system, by a model that its author approved",
            on="change:pre-authorize",
            kind="system",
            when="author-approved-model",
        ),
    ),
    "emergency-authorities-approve-afterwards": (
        Case(
            "the emergency authority",
            on="change:grant-retro-approval change:deny-retro-approval",
            roles="emergency-authority",
            filled="requester invoker",
        ),
    ),
    "invoker-does-not-approve-afterwards": (
        Case(
            "the emergency authority who broke the glass",
            on="change:grant-retro-approval",
            roles="emergency-authority",
            parts="invoker",
        ),
    ),
}

IMPLEMENTING: Mapping[str, tuple[Case, ...]] = {
    "approvals-still-suffice": (
        Case(
            "an implementer, and approvals no longer suffice",
            on="change:start-implementation",
            roles="implementer",
            when="type-normal type-emergency",
        ),
    ),
    "implementers-implement-changes": (
        Case(
            "an implementer",
            on=f"{START} change:complete-implementation change:roll-back",
            roles="implementer",
            filled="requester developer approver",
            when="type-normal+quorum-met",
        ),
    ),
    "break-glass-holders-end-what-they-began": (
        Case(
            "who broke the glass",
            on="change:complete-implementation change:roll-back",
            parts="invoker",
        ),
    ),
    "implementer-is-not-approver": (
        Case(
            "an implementer who approved it",
            on=f"{START} change:complete-implementation",
            roles="implementer",
            parts="approver",
            when="quorum-met",
        ),
        Case(
            "a holder of break-glass who approved it",
            on="change:invoke-break-glass",
            roles="break-glass",
            parts="approver",
        ),
    ),
    "implementer-is-not-developer": (
        Case(
            "an implementer who wrote its code",
            on=f"{START} change:complete-implementation",
            roles="implementer",
            parts="developer",
            when="quorum-met",
        ),
    ),
    "tested-by-another-than-its-developer": (
        Case(
            "an implementer of what nobody else tested",
            on="change:start-implementation",
            roles="implementer",
            when="type-normal+quorum-met+untested type-normal+quorum-met+tested-by-developer-only",
        ),
    ),
    "break-glass-holders-break-the-glass": (
        Case("a holder", on="change:invoke-break-glass", roles="break-glass"),
    ),
    "unauthorized-changes-are-opened": (
        Case("an auditor", on="change:detect-unauthorized", roles="auditor"),
        Case("the system", on="change:detect-unauthorized", kind="system"),
    ),
    "reviewers-review-changes": (
        Case(
            "a reviewer",
            on="change:complete-pir",
            roles="change-reviewer",
            filled="implementer invoker",
        ),
    ),
    "reviewer-is-not-implementer": (
        Case(
            "a reviewer who implemented it, or broke the glass",
            on="change:complete-pir",
            roles="change-reviewer",
            parts="implementer invoker",
        ),
    ),
}

MODELS: Mapping[str, tuple[Case, ...]] = {
    "change-owners-propose-models": (
        Case("who owns changes", on="model:propose", roles="change-owner change-manager"),
    ),
    "change-authorities-keep-models": (
        Case(
            "an authority",
            on="model:approve model:suspend model:retire",
            roles="change-authority",
            filled="proposer",
        ),
    ),
    "model-approver-is-not-proposer": (
        Case("the proposer", on="model:approve", roles="change-authority", parts="proposer"),
    ),
    "system-suspends-models": (
        Case("the system", on="model:suspend", kind="system", when="cause-failures cause-expiry"),
    ),
    "freeze-owners-keep-freezes": (
        Case(
            "a freeze owner",
            on="freeze:declare freeze:lift freeze:grant-exception freeze:deny-exception",
            roles="freeze-owner",
            filled="requester implementer",
        ),
    ),
    "exception-is-not-for-oneself": (
        Case(
            "a freeze owner, for their own change",
            on="freeze:grant-exception",
            roles="freeze-owner",
            parts="requester implementer developer",
        ),
    ),
}

CHANGES: Mapping[str, tuple[Case, ...]] = {**PLANNING, **AUTHORIZING, **IMPLEMENTING, **MODELS}
