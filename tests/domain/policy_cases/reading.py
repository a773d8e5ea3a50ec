"""Cases of `reading.cedar`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.case import Case

DESK = ("incident", "request", "problem", "change", "model", "freeze", "deployment", "fact")

READING: Mapping[str, tuple[Case, ...]] = {
    "anyone-reads-the-desk": (
        Case("anyone", on=" ".join(f"{family}:read" for family in (*DESK, "role", "policy"))),
    ),
    "those-who-steer-read-findings": (
        Case(
            "who steers what findings are about",
            on="finding:read",
            roles="risk-owner incident-manager problem-manager change-manager",
        ),
    ),
    "those-who-answer-read-authority": (
        Case(
            "who answers for authority",
            on="grant:read review:read principal:read finding:read ledger:read",
            roles="auditor compliance administrator access-reviewer operator recovery",
        ),
    ),
    "those-who-work-with-people-see-values": (
        Case(
            "who works on tickets and changes",
            on=" ".join(f"{family}:read-personal" for family in DESK),
            roles="service-desk dispatcher resolver incident-manager request-approver fulfiller "
            "problem-manager risk-owner change-manager change-assessor change-authority "
            "emergency-authority tester implementer change-reviewer auditor compliance "
            "privacy-officer",
        ),
    ),
    "those-who-keep-people-see-names": (
        Case(
            "who keeps people and grants",
            on="principal:read-personal grant:read-personal role:read-personal "
            "review:read-personal policy:read-personal finding:read-personal ledger:read-personal",
            roles="administrator access-reviewer recovery operator auditor compliance "
            "privacy-officer",
        ),
    ),
}
