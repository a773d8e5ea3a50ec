"""Who held a role at a moment, on whose word: by what the ledger knew then, or by what was so as known since.

A grant counts by the times it names, whether or not a timer has run; a deactivated holder and a retired role
stop it at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.authority import is_delegated_now
from domain.errors import UnknownSubject
from domain.event import State
from domain.sets import members
from ledger.ledger import Ledger
from ledger.past import entries_and_extent, entries_of_family
from replay.looking import Looking, Rows
from replay.moment import Basis, Moment


@dataclass(frozen=True, slots=True)
class Delegate:
    """Who might act in the role on the holder's behalf at the moment."""

    delegation: str
    to: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Holder:
    """`services` None: for everything. `positions`: the entries of the grant that count at the moment."""

    holder: str
    grant: str
    services: tuple[str, ...] | None
    valid_from: str
    valid_to: str | None
    requested_by: str | None
    approved_by: str | None
    granted_by: str | None
    delegates: tuple[Delegate, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Holders:
    """`moment`: the time that the grants' times were compared with. `at`, `known_at`, `position`, `basis`: as in
    `replay.as_of.AsOf`. Ordered by holder, then grant.
    """

    role: str
    role_name: str | None
    role_status: str | None
    basis: Basis
    at: str | None
    known_at: str | None
    position: int
    moment: str
    holders: tuple[Holder, ...]


def role_holders(ledger: Ledger, role: str, moment: Moment) -> Holders:
    """Raises UnknownSubject for a role that is not known at the moment, and what `subject_as_of` raises."""
    rows, extent = entries_and_extent(ledger.database, role)
    looking = Looking(ledger, moment, extent)
    located = looking.located
    state, _ = looking.folded(rows)
    if not state:
        raise UnknownSubject(f"{role} is not known at that moment", subject=role)
    found = _holders(looking, role) if state.get("status") == "defined" else ()
    return Holders(
        role=role,
        role_name=state.get("name"),
        role_status=state.get("status"),
        basis=located.basis,
        at=located.at,
        known_at=located.known_at,
        position=located.position,
        moment=looking.compared,
        holders=tuple(sorted(found, key=lambda one: (one.holder, one.grant))),
    )


def _holders(looking: Looking, role: str) -> Iterator[Holder]:
    for grant, rows in _grants(looking, role).items():
        state, positions = looking.folded(rows)
        if looking.counts(state):
            services = state.get("services")
            yield Holder(
                holder=state["holder"],
                grant=grant,
                services=None if services is None else tuple(sorted(members(services))),
                valid_from=state["valid_from"],
                valid_to=state.get("valid_to"),
                requested_by=state.get("requested_by"),
                approved_by=state.get("approved_by"),
                granted_by=state.get("granted_by"),
                delegates=tuple(_delegates(looking, state)),
                positions=positions,
            )


def _grants(looking: Looking, role: str) -> Mapping[str, Rows]:
    """All entries of those grants of which one names the role; a grant is never of another later."""
    named = f'"{role}"'.encode()
    rows: dict[str, Rows] = {}
    concerned = set()
    for one in entries_of_family(looking.ledger.database, "grant", looking.located.position):
        rows.setdefault(one.subject, []).append((one.position, one.raw))
        if named in one.raw:
            concerned.add(one.subject)
    return {
        grant: of_it
        for grant, of_it in rows.items()
        if grant in concerned and looking.folded(of_it)[0].get("role") == role
    }


def _delegates(looking: Looking, grant: State) -> Iterator[Delegate]:
    for name, one in sorted((grant.get("delegations") or {}).items()):
        if is_delegated_now(one, looking.compared) and looking.is_registered(one["to"]):
            yield Delegate(name, one["to"], one["from"], one["until"])
