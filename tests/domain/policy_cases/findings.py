"""Cases of `findings.cedar`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.case import Case

FINDINGS: Mapping[str, tuple[Case, ...]] = {
    "the-system-closes-what-it-sees": (
        Case("the system", on="finding:reopen finding:remediate", kind="system"),
    ),
    "those-who-steer-work-on-findings": (
        Case(
            "who steers",
            on="finding:acknowledge finding:remediate finding:reopen",
            roles="compliance risk-owner administrator incident-manager problem-manager "
            "change-manager",
        ),
    ),
    "compliance-dismisses-findings": (
        Case("compliance", on="finding:dismiss", roles="compliance"),
    ),
    "risk-owners-accept-the-risk-of-findings": (
        Case("a risk owner", on="finding:accept-risk", roles="risk-owner"),
    ),
    "nobody-judges-findings-about-themself": (
        Case("whom it is about", on="finding:dismiss", roles="compliance", parts="concerned"),
        Case("whom it is about", on="finding:accept-risk", roles="risk-owner", parts="concerned"),
    ),
}
