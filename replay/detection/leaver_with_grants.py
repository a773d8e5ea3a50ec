"""Somebody who left, and whose grants live on."""

from __future__ import annotations

from collections.abc import Iterator

from domain.grant import DELEGABLE, RoleExpired, RoleGranted, RoleRevoked, has_ended
from domain.principal import PrincipalDeactivated, PrincipalReactivated
from domain.rosters import grants_held_by
from replay.detection.detector import Cured, Detector, Look, Shown


class LeaverWithGrants(Detector):
    """A grant of a deactivated principal gives nobody a role, but comes alive with whoever reactivates them."""

    name = "leaver-with-live-grants"
    severity = "high"
    sentence = "Who is deactivated holds no live grant."
    control = ("iso27001_2022:A.5.18", "soc2_tsc:CC6.2")
    types = frozenset(
        one.type_name
        for one in (
            PrincipalDeactivated,
            PrincipalReactivated,
            RoleGranted,
            RoleRevoked,
            RoleExpired,
        )
    )

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        person = look.subject if look.family == "principal" else str(look.after.get("holder"))
        if look.state(person).get("status") != "deactivated":
            if look.told.type == PrincipalReactivated.type_name:
                yield Cured(person)
            return
        live = [grant for grant in _held(look, person) if _lives(look, grant)]
        if live and look.told.type in {PrincipalDeactivated.type_name, RoleGranted.type_name}:
            yield Shown(about=(person, *live), group=person)
        elif not live:
            yield Cured(person)


def _held(look: Look, person: str) -> set[str]:
    held = set(look.estate.rosters.get(grants_held_by(person), ()))
    return held | {look.subject} if look.family == "grant" else held


def _lives(look: Look, grant: str) -> bool:
    state = look.state(grant)
    return state.get("status") in DELEGABLE and not has_ended(state, look.told.time)
