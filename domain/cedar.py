"""Evaluating a policy: which of its rules decide a request, by Cedar (https://www.cedarpolicy.com).

Cedar skips a rule that fails while it is evaluated; here any failure refuses, and names the rule. A refusal by
default has no rule, so it says `no-permit:<action>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import cedarpy
import orjson

from domain.policy_schema import groups_of, members_of, resource_type
from domain.policy_text import ROLE, PolicyRule, read_rules

REMEMBERED: Final = 4_096
"""Verdicts kept for each action: most requests differ only in who and what, which few rules ask."""


@dataclass(frozen=True, slots=True)
class Question:
    """What Cedar is asked. `roles`: those that the principal acts in; `state`: the resource's members."""

    principal: str
    kind: str
    status: str
    mode: str
    roles: Iterable[str]
    action: str
    resource: str
    state: Mapping[str, Any]
    parts: Iterable[str] = ()
    filled: Iterable[str] = ()
    circumstances: Iterable[str] = ()
    on_behalf: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rules`: all that refused, or all that permitted. `roles`: those that the permitting rules name."""

    permit: bool
    rules: tuple[str, ...]
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it is evaluated. Safe from any number of threads."""

    rules: tuple[PolicyRule, ...]
    _by_action: dict[str, _ActionRules] = field(default_factory=dict)

    def decide(self, question: Question) -> Verdict:
        return self._about(question.action).decide(question)

    def roles_about(self, action: str) -> frozenset[str]:
        """The roles that its rules about the action name: no other makes a difference."""
        return self._about(action).known_roles

    def _about(self, action: str) -> _ActionRules:
        about = self._by_action.get(action)
        if about is None:
            about = self._by_action[action] = _ActionRules(self.rules, action)
        return about


@lru_cache(maxsize=64)
def policy_of(texts: tuple[tuple[str, str], ...]) -> Policy:
    """The policy of these files, parsed once. Raises Malformed."""
    return Policy(tuple(read_rules(dict(texts))))


class _ActionRules:
    """The rules about one action, and what they ask about a request."""

    __slots__ = (
        "_action",
        "_family",
        "_groups",
        "_members",
        "_names_entities",
        "_roles",
        "_set",
        "_verdicts",
        "known_roles",
    )

    def __init__(self, rules: Iterable[PolicyRule], action: str) -> None:
        names = {action, *groups_of(action)}
        about = [rule for rule in rules if rule.actions is None or names & rule.actions]
        self._action, self._family = action, action.split(":", 1)[0]
        self._set = cedarpy.PolicySet.from_json_str(
            orjson.dumps(
                {
                    "templates": {},
                    "staticPolicies": {rule.id: rule.parsed for rule in about},
                    "templateLinks": [],
                }
            ).decode()
        )
        known = members_of(self._family)
        asked = [known.keys() if rule.attributes is None else rule.attributes for rule in about]
        self._members = sorted(known.keys() & {name for names in asked for name in names})
        self._names_entities = any(rule.names_entities for rule in about)
        self._roles = {rule.id: rule.roles for rule in about}
        self._groups = [{"type": "Action", "id": group} for group in groups_of(action)]
        self.known_roles = frozenset[str]().union(*self._roles.values())
        self._verdicts: dict[bytes, Verdict] = {}

    def decide(self, question: Question) -> Verdict:
        named = (question.principal, question.resource) if self._names_entities else ("", "")
        told = (
            named,
            question.kind,
            question.status,
            question.mode,
            sorted(self.known_roles.intersection(question.roles)),
            [question.state.get(name) for name in self._members],
            sorted(question.parts),
            sorted(question.filled),
            sorted(question.circumstances),
            question.on_behalf,
        )
        key = orjson.dumps(told)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[key] = self._ask(question, told[4])
        return verdict

    def _ask(self, question: Question, roles: Iterable[str]) -> Verdict:
        resource = {"type": resource_type(self._family), "id": question.resource}
        principal = {"type": "Principal", "id": question.principal}
        action = {"type": "Action", "id": self._action}
        state = {name: question.state.get(name) for name in self._members}
        entities = [
            {
                "uid": principal,
                "attrs": {
                    "kind": question.kind,
                    "status": question.status,
                    "mode": question.mode,
                },
                "parents": [{"type": ROLE, "id": role} for role in roles],
            },
            {
                "uid": resource,
                "attrs": {name: value for name, value in state.items() if value is not None},
                "parents": [],
            },
            {"uid": action, "attrs": {}, "parents": self._groups},
        ]
        context = {
            "parts": sorted(question.parts),
            "filled": sorted(question.filled),
            "circumstances": sorted(question.circumstances),
            "onBehalf": question.on_behalf,
        }
        answer = cedarpy.is_authorized(
            {
                "principal": principal,
                "action": action,
                "resource": resource,
                "context": orjson.dumps(context).decode(),
            },
            self._set,
            orjson.dumps(entities).decode(),
        )
        return self._verdict(answer)

    def _verdict(self, answer: cedarpy.AuthzResult) -> Verdict:
        errors = answer.diagnostics.errors
        if errors:
            failed = sorted(
                rule for rule in self._roles if any(f"`{rule}`" in one for one in errors)
            )
            return Verdict(False, tuple(f"rule-failed:{rule}" for rule in failed or ("unknown",)))
        decided = tuple(sorted(answer.diagnostics.reasons))
        if not answer.allowed:
            return Verdict(False, decided or (f"no-permit:{self._action}",))
        roles = frozenset[str]().union(*(self._roles[rule] for rule in decided))
        return Verdict(True, decided, roles)
