"""Rosters: the subjects that a decision looks at together: a person's grants, the freezes that stand.

A subject's state says which rosters it stands on. The ledger keeps them in the transaction of the append and
counts how often each was changed, so that a decision that read one is taken again when it has moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from domain.event import State

POLICIES: Final = "policies-in-force"
ROLES: Final = "roles"
FREEZES: Final = "freezes"
WEBHOOKS: Final = "webhooks"

Standing = Callable[[str, State], Iterable[str]]
"""(subject, state) → the rosters that it stands on."""

_BY_FAMILY: dict[str, Standing] = {}


def stands_on(family: str) -> Callable[[Standing], Standing]:
    """Register the rule by which subjects of `family` stand on rosters. It must be pure and never fail."""

    def register(rule: Standing) -> Standing:
        if family in _BY_FAMILY:
            raise TypeError(f"{family} has its rosters named twice")
        _BY_FAMILY[family] = rule
        return rule

    return register


def keeps_rosters(family: str) -> bool:
    return family in _BY_FAMILY


def roster_families() -> tuple[str, ...]:
    return tuple(_BY_FAMILY)


def rosters_of(subject: str, state: State) -> frozenset[str]:
    """The rosters that the subject stands on in this state; of a family without any, none."""
    rule = _BY_FAMILY.get(subject.split("/", 1)[0])
    return frozenset(rule(subject, state)) if rule else frozenset()


def grants_held_by(principal: str) -> str:
    return f"grants-held-by {principal}"


def grants_delegated_to(principal: str) -> str:
    return f"grants-delegated-to {principal}"


def same_person_as(principal: str) -> str:
    """The other principals of the person whose first principal this is."""
    return f"same-person-as {principal}"


def windows_on(service: str) -> str:
    """Changes that are going to be, or are being, implemented on the service."""
    return f"windows-on {service}"


def windows_on_item(configuration_item: str) -> str:
    """The same for a configuration item, whose name may be that of a service."""
    return f"windows-on-item {configuration_item}"


def failures_of(model: str) -> str:
    """Changes by the standard change model that closed failed, or were backed out."""
    return f"failures-of {model}"
