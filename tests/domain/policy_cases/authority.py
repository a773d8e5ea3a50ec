"""Cases of `grants.cedar`, `reviews.cedar`, `principals.cedar`, `policies.cedar` and `ledger.cedar`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.case import Case

KEEPERS = "administrator recovery"
HOLDS = "ledger:place-legal-hold ledger:lift-legal-hold"
SAID_BY_ANOTHER = (
    "principal:identify principal:link-identity principal:unlink-identity principal:reactivate"
)
TOKENS = "ledger:issue-token ledger:revoke-token"
WEBHOOKS = (
    "ledger:register-webhook ledger:change-webhook ledger:rotate-webhook-secret "
    "ledger:replay-webhook ledger:disable-webhook ledger:enable-webhook ledger:end-webhook"
)

GRANTS: Mapping[str, tuple[Case, ...]] = {
    "administrators-keep-roles": (
        Case("who keeps roles", on="role:define role:revise role:retire", roles=KEEPERS),
    ),
    "owners-revise-their-roles": (Case("the owner", on="role:revise", parts="owner"),),
    "nobody-loosens-their-own-role": (
        Case(
            "the owner, taking a fence away",
            on="role:revise",
            parts="owner",
            when="removes-conflict drops-privileged",
        ),
    ),
    "anyone-asks-for-a-role": (
        Case("anyone, for themself", on="grant:request", parts="subject"),
        Case("for another", on="grant:request", roles=f"{KEEPERS} line-manager", filled="subject"),
    ),
    "role-owners-decide-grants": (
        Case(
            "the owner of the role",
            on="grant:approve grant:reject grant:suspend grant:reinstate grant:revoke",
            parts="role-owner",
            filled="subject requester",
        ),
        Case(
            "who keeps roles",
            on="grant:approve grant:reject grant:suspend grant:reinstate grant:revoke",
            roles=KEEPERS,
            filled="subject requester",
        ),
    ),
    "grant-approver-is-independent": (
        Case("for themself", on="grant:approve", roles=KEEPERS, parts="subject requester"),
        Case("the owner of the role", on="grant:approve", parts="role-owner+subject"),
    ),
    "administrators-activate-grants": (
        Case("who keeps roles", on="grant:activate", roles=KEEPERS, filled="subject"),
        Case("the system", on="grant:activate", kind="system"),
    ),
    "nobody-grants-themself": (
        Case("a keeper's own", on="grant:activate grant:reinstate", roles=KEEPERS, parts="subject"),
        Case("a reviewer's own", on="grant:certify", roles="access-reviewer", parts="subject"),
    ),
    "privileged-grants-end": (
        Case(
            "a privileged grant for good",
            on="grant:approve grant:activate",
            roles=KEEPERS,
            when="privileged+no-end",
        ),
    ),
    "risk-owners-grant-exceptions": (
        Case("a risk owner", on="grant:grant-exception", roles="risk-owner", filled="subject"),
    ),
    "excepter-is-independent": (
        Case(
            "a risk owner, for themself",
            on="grant:grant-exception",
            roles="risk-owner",
            parts="subject requester",
        ),
    ),
    "holders-delegate": (
        Case("the holder", on="grant:delegate", parts="subject", when="own-grant"),
    ),
    "delegations-are-ended-by-holder-owner-or-system": (
        Case("the holder or the owner", on="grant:end-delegation", parts="subject role-owner"),
        Case("who keeps roles", on="grant:end-delegation", roles=KEEPERS, filled="subject"),
        Case("the system", on="grant:end-delegation", kind="system"),
    ),
    "reviewers-certify-grants": (
        Case("a reviewer", on="grant:certify", roles="access-reviewer", filled="subject"),
    ),
    "system-stops-grants": (Case("the system", on="grant:suspend grant:revoke", kind="system"),),
}

REVIEWS: Mapping[str, tuple[Case, ...]] = {
    "compliance-keeps-access-reviews": (
        Case("compliance", on="review:open review:close", roles="compliance"),
    ),
    "reviewers-decide-access-reviews": (
        Case(
            "a reviewer, what others have",
            on="review:certify review:revoke",
            roles="access-reviewer",
            filled="subject",
        ),
    ),
    "nobody-reviews-themself": (
        Case(
            "a reviewer's own",
            on="review:certify review:revoke",
            roles="access-reviewer",
            parts="subject",
        ),
    ),
}

PRINCIPALS: Mapping[str, tuple[Case, ...]] = {
    "administrators-keep-principals": (
        Case(
            "who keeps principals",
            on=f"principal:register principal:deactivate {SAID_BY_ANOTHER}",
            roles=KEEPERS,
            filled="subject",
        ),
    ),
    "operators-register-sources": (
        Case(
            "an operator, a source that observes",
            on="principal:register",
            roles="operator",
            when="observing-source",
        ),
    ),
    "nobody-deactivates-themself": (
        Case("their own", on="principal:deactivate", roles=KEEPERS, parts="subject"),
    ),
    "nobody-identifies-themself": (
        Case(
            "their own, or another account of theirs",
            on=SAID_BY_ANOTHER,
            roles=KEEPERS,
            parts="subject",
        ),
    ),
}

POLICIES: Mapping[str, tuple[Case, ...]] = {
    "authors-draft-policies": (
        Case("an author", on="policy:draft", roles="policy-author recovery"),
    ),
    "reviewers-review-policies": (
        Case("a reviewer", on="policy:review", roles="policy-reviewer recovery", filled="drafter"),
    ),
    "publishers-publish-policies": (
        Case(
            "a publisher",
            on="policy:publish",
            roles="policy-publisher recovery",
            filled="drafter reviewer",
        ),
    ),
    "reviewer-is-not-drafter": (
        Case("the drafter", on="policy:review", roles="policy-reviewer recovery", parts="drafter"),
    ),
    "publisher-is-another": (
        Case(
            "the drafter or the reviewer",
            on="policy:publish",
            roles="policy-publisher recovery",
            parts="drafter reviewer",
        ),
    ),
}

LEDGER: Mapping[str, tuple[Case, ...]] = {
    "system-keeps-the-ledger": (Case("the system", on="ledger:start-software", kind="system"),),
    "administrators-issue-tokens": (Case("who keeps principals", on=TOKENS, roles=KEEPERS),),
    "operators-run-the-machine": (
        Case(
            "an operator",
            on=f"ledger:record-import ledger:rotate-key ledger:accept-loss ledger:start-software "
            f"ledger:erase {TOKENS} {HOLDS}",
            roles="operator",
        ),
    ),
    "administrators-keep-webhooks": (
        Case("who keeps webhooks", on=WEBHOOKS, roles="administrator operator"),
    ),
    "system-disables-webhooks": (Case("the system", on="ledger:disable-webhook", kind="system"),),
    "privacy-officers-erase": (
        Case("a privacy officer", on=f"ledger:erase {HOLDS}", roles="privacy-officer"),
    ),
    "second-person-ratifies-genesis": (
        Case("whom it put in place", on="ledger:ratify", roles=KEEPERS, parts="genesis"),
    ),
    "anyone-else-with-recovery-ratifies-genesis": (
        Case("a second person", on="ledger:ratify", roles=KEEPERS, filled="genesis"),
    ),
}

AUTHORITY: Mapping[str, tuple[Case, ...]] = {
    **GRANTS,
    **REVIEWS,
    **PRINCIPALS,
    **POLICIES,
    **LEDGER,
}
