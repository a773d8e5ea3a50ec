"""An activity that nobody is accountable or responsible for, or that two are accountable for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.grant import RoleExpired, RoleGranted, RoleReinstated, RoleRevoked, RoleSuspended
from domain.principal import PrincipalDeactivated, PrincipalReactivated
from domain.raci import gaps
from domain.role import RoleDefined, RoleRetired, RoleRevised
from domain.rosters import ROLES, rosters_of
from replay.detection.detector import Cured, Detector, Look, Shown
from replay.raci import standing_now

GROUP = "raci"


class Accountability(Detector):
    """One finding for the whole matrix: `raci --at` tells which activity lacked whom at any moment."""

    name = "one-accountable"
    severity = "medium"
    sentence = "Each activity has exactly one accountable, and somebody responsible, in each scope."
    control = ("cobit2019:BAI06.01",)
    types = frozenset(
        one.type_name
        for one in (
            RoleDefined, RoleRevised, RoleRetired, RoleGranted, RoleExpired, RoleRevoked, RoleSuspended,
            RoleReinstated, PrincipalDeactivated, PrincipalReactivated,
        )
    )  # fmt: skip

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        case, rosters = look.case(), _with_it(look)
        if not any(case.states[role].get("activities") for role in rosters.get(ROLES, ())):
            return  # nobody says who does what
        if gaps(*standing_now(case.states, rosters, look.told.time)):
            yield Shown(about=(look.subject,), group=GROUP)
        else:
            yield Cured(GROUP)


def _with_it(look: Look) -> Mapping[str, Sequence[str]]:
    """The rosters as they stand with this entry."""
    rosters = dict(look.estate.rosters)
    stood, stands = rosters_of(look.subject, look.before), rosters_of(look.subject, look.after)
    for name in stood - stands:
        rosters[name] = [one for one in rosters[name] if one != look.subject]
    for name in stands - stood:
        rosters[name] = [*rosters.get(name, ()), look.subject]
    return rosters
