"""The port `may`, answered by the policy in force: what is handed to Cedar, and what its verdict means.

Counting, comparing people and looking up grants is done here, in code that everybody can read; the policy
says what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from domain.authority import authority_of
from domain.cedar import Question
from domain.command import Case
from domain.may import Decision, DecisionRequest
from domain.policy import parsed

NO_POLICY: Final = "no-policy-in-force"
NO_DELEGATION: Final = "no-delegation"
"""The circumstance of acting for somebody who delegated nothing that counts now."""


def by_policy(request: DecisionRequest) -> Decision:
    """All rules of the policy in force that refused; or, when none did, all that permitted, and on which grants."""
    case, command = request.case, request.command
    parts = {part: frozenset(people) for part, people in command.parts(case).items()}
    return _decided(
        case, request.action, command.services(case), parts, command.circumstances(case)
    )


def may_read(case: Case, action: str) -> Decision:
    """May the actor of `case` read subjects of a family, or the personal values in them (`domain.policy_schema`)?

    Asked of the family as a whole: the case's subject stands for all of them, and has no state.
    """
    return _decided(case, action, (), {}, ())


def _decided(
    case: Case,
    action: str,
    services: Iterable[str],
    parts: Mapping[str, frozenset[str]],
    circumstances: Iterable[str],
) -> Decision:
    state = case.policy
    if state is None:
        return Decision(False, "none", (NO_POLICY,))
    actor = case.states.get(case.actor) or {}
    policy = parsed(state)
    authority = authority_of(case, services, policy.roles_about(action))
    words = set(circumstances)
    if case.on_behalf_of is not None and not authority.roles:
        words.add(NO_DELEGATION)
    verdict = policy.decide(
        Question(
            principal=case.actor,
            kind=str(actor.get("kind", "unknown")),
            status=str(actor.get("status", "unknown")),
            mode=str(actor.get("mode", "govern")),
            roles=authority.roles,
            action=action,
            resource=case.subject,
            state=case.state,
            parts=[part for part, people in parts.items() if people & authority.people],
            filled=[part for part, people in parts.items() if people],
            circumstances=words,
            on_behalf=case.on_behalf_of is not None,
        )
    )
    grants = {grant for role in verdict.roles for grant in authority.roles.get(role, ())}
    return Decision(verdict.permit, str(state["reference"]), verdict.rules, tuple(sorted(grants)))
