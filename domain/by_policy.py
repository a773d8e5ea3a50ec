"""The port `may`, answered by the policy in force: what is handed to Cedar, and what its verdict means.

Counting, comparing people and looking up grants is done here, in code that everybody can read; the policy
says what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.authority import Authority, authority_of
from domain.cedar import Question
from domain.may import Decision, DecisionRequest
from domain.policy import parsed
from domain.rosters import POLICIES

NO_POLICY: Final = "no-policy-in-force"
NO_DELEGATION: Final = "no-delegation"
"""The one circumstance that no order tells: whoever is acted for has delegated nothing that counts here now."""


def by_policy(request: DecisionRequest) -> Decision:
    """All rules of the policy in force that refused; or, when none did, all that permitted, and on which grants."""
    case = request.case
    in_force = case.rosters.get(POLICIES, ())
    if not in_force:
        return Decision(False, "none", (NO_POLICY,))
    state = case.states[in_force[-1]]
    actor = case.states.get(case.actor) or {}
    authority = authority_of(case, request.command.services(case))
    parts = {part: frozenset(people) for part, people in request.command.parts(case).items()}
    verdict = parsed(state).decide(
        Question(
            principal=case.actor,
            kind=str(actor.get("kind", "unknown")),
            status=str(actor.get("status", "unknown")),
            mode=str(actor.get("mode", "govern")),
            roles=authority.roles,
            action=request.action,
            resource=case.subject,
            state=case.state,
            parts=[part for part, people in parts.items() if people & authority.people],
            filled=[part for part, people in parts.items() if people],
            circumstances=_circumstances(request, authority),
            on_behalf=case.on_behalf_of is not None,
        )
    )
    grants = {grant for role in verdict.roles for grant in authority.roles.get(role, ())}
    return Decision(verdict.permit, str(state["reference"]), verdict.rules, tuple(sorted(grants)))


def _circumstances(request: DecisionRequest, authority: Authority) -> Iterable[str]:
    told = request.command.circumstances(request.case)
    is_delegated = request.on_behalf_of is None or bool(authority.roles)
    return told if is_delegated else (*told, NO_DELEGATION)
