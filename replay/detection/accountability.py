"""An activity that nobody is accountable or responsible for, or that two are accountable for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.grant import RoleExpired, RoleGranted, RoleReinstated, RoleRevoked, RoleSuspended
from domain.principal import PrincipalDeactivated, PrincipalIdentified, PrincipalReactivated
from domain.raci import gaps
from domain.role import RoleDefined, RoleRetired, RoleRevised
from domain.rosters import grants_held_by, rosters_of
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
            RoleReinstated, PrincipalDeactivated, PrincipalIdentified, PrincipalReactivated,
        )
    )  # fmt: skip

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        if not _is_concerned(look):
            return
        rosters = _with_it(look)
        if gaps(*standing_now(look.case().states, rosters, look.told.time)):
            yield Shown(about=(look.subject,), group=GROUP)
        else:
            yield Cured(GROUP)


def _is_concerned(look: Look) -> bool:
    """Might it move who is accountable or responsible? Most roles say nothing about activities."""
    if look.family == "role":
        return bool(look.before.get("activities") or look.after.get("activities"))
    if look.family == "grant":
        return bool(look.state(str(look.after.get("role"))).get("activities"))
    held = look.estate.rosters.get(grants_held_by(look.subject), ())
    roles = {str(look.state(grant).get("role")) for grant in held}
    return any(look.state(role).get("activities") for role in roles)


def _with_it(look: Look) -> Mapping[str, Sequence[str]]:
    """The rosters as they stand with this entry."""
    rosters = dict(look.estate.rosters)
    stood, stands = rosters_of(look.subject, look.before), rosters_of(look.subject, look.after)
    for name in stood - stands:
        rosters[name] = [one for one in rosters[name] if one != look.subject]
    for name in stands - stood:
        rosters[name] = [*rosters.get(name, ()), look.subject]
    return rosters
