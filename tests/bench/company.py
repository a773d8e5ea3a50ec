"""A company of 5,000 people in the roles that the shipped policy names.

People come and get their roles as part of the genesis, which no user can do; that is many times faster than
the orders it takes otherwise, and leaves the same states and rosters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from domain.grant import RoleGrantApproved, RoleGranted, RoleGrantRequested
from domain.principal import PrincipalRegistered
from domain.rosters import ROLES
from ledger.entry import Draft
from ledger.genesis import genesis_draft
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import SYSTEM, View

PEOPLE = 5_000
AT_ONCE = 250
SERVICES = tuple(f"service-{number:02d}" for number in range(40))
SHARES: tuple[tuple[str, ...], ...] = (
    *((("resolver",),) * 9),
    *((("service-desk",),) * 4),
    ("dispatcher",),
    ("dispatcher", "service-desk"),
    ("change-authority",),
    ("implementer", "resolver"),
    ("change-assessor", "tester"),
    ("change-manager",),
    ("fulfiller",),
)
"""The roles of twenty colleagues, of which there are as many as make up the company."""


@dataclass(slots=True)
class Company:
    """`holders`: who holds a role everywhere; resolvers hold theirs for the services beside their names."""

    people: list[str] = field(default_factory=list)
    holders: dict[str, list[str]] = field(default_factory=dict)
    resolvers: list[tuple[str, str]] = field(default_factory=list)

    def somebody(self, role: str, chance: Random, but: str) -> str:
        """Who holds the role everywhere, and is somebody else."""
        holders = self.holders[role]
        return next(one for one in iter(lambda: chance.choice(holders), "") if one != but)


def staffed(ledger: Ledger, people: int = PEOPLE) -> Company:
    """Let so many in, each in the roles of their share."""
    company = Company()
    for first in range(0, people, AT_ONCE):
        recorded(ledger.writer.submit([_Coming(company, first, min(AT_ONCE, people - first))])[0])
    return company


@dataclass(slots=True)
class _Coming(Unordered):
    company: Company
    first: int
    count: int

    def settle(self, view: View) -> Sequence[Draft]:
        roles = {str(view.load(role).state["name"]): role for role in view.roster(ROLES).members}
        return [
            draft
            for number in range(self.first, self.first + self.count)
            for draft in self._coming(view, roles, number)
        ]

    def _coming(self, view: View, roles: dict[str, str], number: int) -> Iterator[Draft]:
        person = _numbered(view, "principal")
        self.company.people.append(person)
        registered = PrincipalRegistered(kind="person", name=f"Colleague {number}", mode="govern")
        yield genesis_draft(view, person, registered)
        for name in SHARES[number % len(SHARES)]:
            service = SERVICES[number // len(SHARES) % len(SERVICES)]
            if name == "resolver":
                self.company.resolvers.append((person, service))
            else:
                self.company.holders.setdefault(name, []).append(person)
            grant = _numbered(view, "grant")
            for event in (
                RoleGrantRequested(
                    holder=person,
                    role=roles[name],
                    role_name=name,
                    services={service: True} if name == "resolver" else None,
                    requested_by=SYSTEM,
                ),
                RoleGrantApproved(approved_by=SYSTEM),
                RoleGranted(valid_from=view.recordedtime, valid_to=None, granted_by=SYSTEM),
            ):
                yield genesis_draft(view, grant, event)


def _numbered(view: View, family: str) -> str:
    subject = view.next_number(family)
    view.take_number(subject)
    return subject
