"""Writes down what each role may do by the shipped policy: `python -m tests.golden.policy_roles`.

Asked for somebody who has had no part in the subject, where nothing else is the case. The file says, for each
action and for each set of rules that decide it, whom they decide it for: so that whoever reviews a change of
the policy sees in its difference who may do more, or less, than before.
"""

from __future__ import annotations

import json
from pathlib import Path

import domain.catalogue  # noqa: F401 - the policy's schema is made of every family
from domain.cedar import Policy, Question
from domain.command import COMMANDS
from domain.families import FAMILIES
from domain.policy_schema import READ, READ_PERSONAL, action_of
from domain.policy_text import read_rules
from ledger.shipped import shipped_roles, shipped_texts

FILE = Path(__file__).parent / "policy_roles.json"
NO_ROLE, SYSTEM, SERVICE = "no role", "the system", "a service"
EVERYBODY, OTHERS = "everybody", "all others"

Matrix = dict[str, dict[str, str]]
"""Action → what is decided, by which rules → for whom."""


def matrix() -> Matrix:
    policy = Policy(tuple(read_rules(shipped_texts())))
    reading = (action_of(family, verb) for family in FAMILIES for verb in (READ, READ_PERSONAL))
    actions = sorted({*(action_of(*key) for key in COMMANDS), *reading})
    return {action: _of_action(policy, action) for action in actions}


def text() -> str:
    return json.dumps(matrix(), indent=1) + "\n"


def _of_action(policy: Policy, action: str) -> dict[str, str]:
    decided: dict[str, list[str]] = {}
    for who in (NO_ROLE, SYSTEM, SERVICE, *sorted(role.name for role in shipped_roles())):
        verdict = policy.decide(_question(who, action))
        told = " ".join(("permit:" if verdict.permit else "refuse:", *verdict.rules))
        decided.setdefault(told, []).append(who)
    most = max(decided, key=lambda told: len(decided[told]))
    rest = OTHERS if len(decided) > 1 else EVERYBODY
    return {told: rest if told == most else ", ".join(who) for told, who in sorted(decided.items())}


def _question(who: str, action: str) -> Question:
    return Question(
        principal="principal/PRN0000007",
        kind={SYSTEM: "system", SERVICE: "service"}.get(who, "person"),
        status="registered",
        mode="govern",
        roles=() if who in {NO_ROLE, SYSTEM, SERVICE} else (who,),
        action=action,
        resource=f"{action.partition(':')[0]}/X1",
        state={},
    )


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
