"""Two roles in one hand that must be apart."""

from __future__ import annotations

from collections.abc import Iterator

from domain.event import State
from domain.grant import RoleGranted, RoleReinstated
from domain.grant_guards import conflicts_of
from domain.person import human_of
from domain.principal import PrincipalIdentified
from domain.role import RoleDefined, RoleRevised
from replay.detection.detector import Detector, Look, Shown

_LIVE = frozenset({"approved", "active"})


class ConflictingGrants(Detector):
    """No order brings two such roles together; a role that is revised may find them together."""

    name = "conflicting-grants"
    severity = "high"
    sentence = "Nobody holds two roles that must be apart, unless an exception stands."
    control = ("iso27001_2022:A.5.3", "sox_itgc:AC-1")
    types = frozenset(
        one.type_name
        for one in (RoleGranted, RoleReinstated, RoleRevised, RoleDefined, PrincipalIdentified)
    )

    def see(self, look: Look) -> Iterator[Shown]:
        case = look.case()
        about: set[str] = set()
        for grant, state in _concerned(look):
            found = conflicts_of(state, case)
            if found:
                others = {name for one in found.values() for name in one["grants"]}
                about |= {grant, human_of(case, state["holder"]), *others}
        if about:
            yield Shown(about=(look.subject, *sorted(about)))


def _concerned(look: Look) -> Iterator[tuple[str, State]]:
    """The grants that this entry may have brought into conflict."""
    if look.family == "grant":
        yield look.subject, look.after
        return
    for grant, state in look.estate.standing("grant"):
        named = state.get("role") if look.family == "role" else state.get("holder")
        if named == look.subject and state.get("status") in _LIVE:
            yield grant, state
