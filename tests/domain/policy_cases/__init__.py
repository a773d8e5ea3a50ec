"""For every rule of the shipped policy, cases in which it, and nothing else, decides. One entry for each rule.

`tests/domain/test_shipped_policy.py` puts every case to the policy with and without the rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.domain.policy_cases.authority import AUTHORITY
from tests.domain.policy_cases.case import Case
from tests.domain.policy_cases.changes import CHANGES
from tests.domain.policy_cases.findings import FINDINGS
from tests.domain.policy_cases.reading import READING
from tests.domain.policy_cases.tickets import TICKETS

TABLE: Mapping[str, tuple[Case, ...]] = {
    **TICKETS,
    **CHANGES,
    **AUTHORITY,
    **READING,
    **FINDINGS,
}
