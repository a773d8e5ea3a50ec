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
from ledger.past import entries_and_extent, entries_of, entries_of_family, facts_of
from replay.as_of import counted_at, state_of
from replay.moment import Basis, Located, Moment, locate


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
    now = ledger.now()
    located = locate(moment, ledger.database, extent, now)
    compared = located.at or now
    if moment.position is not None:
        compared = ledger.entry(moment.position).recordedtime
    looking = _Looking(ledger, located)
    state, _ = looking.folded(rows)
    if not state:
        raise UnknownSubject(f"{role} is not known at that moment", subject=role)
    found = looking.holders(role, compared) if state.get("status") == "defined" else ()
    return Holders(
        role=role,
        role_name=state.get("name"),
        role_status=state.get("status"),
        basis=located.basis,
        at=located.at,
        known_at=located.known_at,
        position=located.position,
        moment=compared,
        holders=tuple(sorted(found, key=lambda one: (one.holder, one.grant))),
    )


class _Looking:
    """At one moment."""

    def __init__(self, ledger: Ledger, located: Located) -> None:
        self._ledger, self._located = ledger, located
        self._registered: dict[str, bool] = {}

    def holders(self, role: str, moment: str) -> Iterator[Holder]:
        for grant, rows in self._grants(role).items():
            state, positions = self.folded(rows)
            holder = str(state.get("holder"))
            if _counts(state, moment) and self._is_registered(holder):
                services = state.get("services")
                yield Holder(
                    holder=holder,
                    grant=grant,
                    services=None if services is None else tuple(sorted(members(services))),
                    valid_from=state["valid_from"],
                    valid_to=state.get("valid_to"),
                    requested_by=state.get("requested_by"),
                    approved_by=state.get("approved_by"),
                    granted_by=state.get("granted_by"),
                    delegates=tuple(self._delegates(state, moment)),
                    positions=positions,
                )

    def folded(self, rows: list[tuple[int, bytes]]) -> tuple[State, tuple[int, ...]]:
        """The subject of these rows at the moment, and the positions of what counts; `{}`: not there yet."""
        located = self._located
        until = located.at if located.basis == "effect" else None
        by_then = [row for row in rows if row[0] <= located.position]
        reading = counted_at(located, facts_of(by_then, until))
        if reading.counted is None:
            positions = [fact.position for fact in reading.facts]
        else:
            positions = [one.said_by for one in reading.counted]
        return state_of(reading), tuple(sorted(positions))

    def _grants(self, role: str) -> Mapping[str, list[tuple[int, bytes]]]:
        """All entries of those grants of which one names the role; a grant is never of another later."""
        named = f'"{role}"'.encode()
        rows: dict[str, list[tuple[int, bytes]]] = {}
        concerned = set()
        for one in entries_of_family(self._ledger.database, "grant", self._located.position):
            rows.setdefault(one.subject, []).append((one.position, one.raw))
            if named in one.raw:
                concerned.add(one.subject)
        return {
            grant: of_it
            for grant, of_it in rows.items()
            if grant in concerned and self.folded(of_it)[0].get("role") == role
        }

    def _delegates(self, grant: State, moment: str) -> Iterator[Delegate]:
        for name, one in sorted((grant.get("delegations") or {}).items()):
            if is_delegated_now(one, moment) and self._is_registered(one["to"]):
                yield Delegate(name, one["to"], one["from"], one["until"])

    def _is_registered(self, principal: str) -> bool:
        if principal not in self._registered:
            rows = [row[:2] for row in entries_of(self._ledger.database, principal)]
            state, _ = self.folded(rows)
            self._registered[principal] = state.get("status") == "registered"
        return self._registered[principal]


def _counts(grant: State, moment: str) -> bool:
    if grant.get("status") != "active" or moment < grant["valid_from"]:
        return False
    valid_to = grant.get("valid_to")
    return valid_to is None or bool(moment < valid_to)
