"""What sources observed and the policy of then would have refused: every rule of who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from domain.by_policy import by_policy
from domain.event import State
from domain.may import DecisionRequest
from domain.policy import parsed
from domain.policy_schema import action_of
from domain.policy_text import PolicyRule
from domain.thresholds import Severity
from replay.detection.detector import Detector, Look, Shown
from replay.whatif import NO_PERMIT, ORDER_OF, case_of, is_somebody_s, with_actor


class WhoMay(Detector):
    """Each refusing rule of the policy in force is the rule of a finding, and its version that policy.

    Which roles somebody had elsewhere is not known, so that only rules which forbid say anything.
    """

    name = "who-may"
    severity = "medium"
    sentence = "What sources observe keeps to the rules of who may do what."

    def see(self, look: Look) -> Iterator[Shown]:
        told, estate = look.told, look.estate
        if told.decision != "observed":
            return
        ordered = ORDER_OF.get(told.type)
        if ordered is None or look.policy is None or not is_somebody_s(told, estate.states):
            return
        command = ordered.recalled(told.data)
        if command is None:
            return
        states = with_actor(estate.states, str(told.authid))
        action = action_of(ordered.family.name, ordered.verb)
        case = case_of(told, look.before, states, estate.rosters)
        verdict = by_policy(DecisionRequest(action, command, case))
        if verdict.permit or verdict.rules[0].startswith(NO_PERMIT):
            return
        for id_ in verdict.rules:
            rule = _rule(look.policy, id_)
            if rule.finding != "off" or id_ in look.thresholds.findings:
                yield Shown(
                    about=(told.subject, str(told.authid)),
                    rule=id_,
                    rule_version=verdict.policy,
                    severity=None if rule.finding == "off" else cast("Severity", rule.finding),
                    sentence=rule.sentence,
                    control=tuple(rule.control.split()),
                )


def _rule(policy: State, id_: str) -> PolicyRule:
    return next(rule for rule in parsed(policy).rules if rule.id == id_)
