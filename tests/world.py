"""A ledger's worth of states with the shipped policy in force, where some people hold every role.

What separates duties is then all that stands between them and any order: roles are tested in
`test_shipped_policy.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import domain.catalogue  # noqa: F401 - the policy's schema is made of every family
from domain.event import State
from domain.policy import policy_hash
from domain.population import Bounds, counted
from domain.rosters import rosters_of
from ledger.shipped import shipped_roles, shipped_texts

POLICY = "policy/POL0000001"
REFERENCE = f"{POLICY}@4"


@cache
def shipped_policy() -> State:
    texts = shipped_texts()
    return {
        "status": "published",
        "texts": dict(texts),
        "thresholds": {},
        "content_hash": policy_hash(texts, {}),
        "reference": REFERENCE,
    }


@cache
def roles() -> Mapping[str, State]:
    """Every shipped role, as `role/<its name>`."""
    return {
        f"role/{role.name}": {
            "status": "defined",
            "name": role.name,
            "revision": 1,
            "privileged": role.privileged,
            "conflicts": dict.fromkeys(role.conflicts, True),
        }
        for role in shipped_roles()
    }


def grant(holder: str, role: str, **more: object) -> State:
    """One that counts at any moment, unless `more` says otherwise."""
    return {
        "status": "active",
        "holder": holder,
        "role": f"role/{role}",
        "role_name": role,
        "valid_from": "2000-01-01T00:00:00.000000Z",
        **more,
    }


def with_every_role(people: Iterable[str]) -> dict[str, State]:
    """The shipped policy, its roles, and each of them granted to each of `people`."""
    grants = {
        f"grant/{holder.split('/')[1]}-{role.name}": grant(holder, role.name)
        for holder in people
        for role in shipped_roles()
    }
    return {POLICY: shipped_policy(), **roles(), **grants}


@dataclass(frozen=True)
class StatesCensus:
    """Counts the grants among these states, as if they had stood so at any position."""

    states: Mapping[str, State]
    position: int = 1_841

    def live_grants(self, bounds: Bounds) -> tuple[str, ...]:
        grants = ((name, state) for name, state in self.states.items() if name[:6] == "grant/")
        return counted(grants, bounds)


def rosters_in(states: Mapping[str, State]) -> dict[str, Sequence[str]]:
    """Who stands on which roster, as the ledger would keep it."""
    standing: dict[str, list[str]] = {}
    for subject, state in states.items():
        for name in rosters_of(subject, state):
            standing.setdefault(name, []).append(subject)
    return dict(standing)
