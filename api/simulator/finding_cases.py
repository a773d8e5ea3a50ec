"""What no order could have done, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from api.roles import role_named
from api.simulator.company import ADMINISTRATOR, CHANGE_MANAGER, SUPPLIER
from api.simulator.findings import acknowledged, remediated
from api.simulator.staffing import given
from api.simulator.telling import Telling
from api.simulator.tickets import Life, common
from domain.change_approval import ApprovalGranted
from domain.change_implementation import ImplementationCompleted
from domain.change_planning import ChangeDrafted
from domain.grant_commands import RevokeRole
from domain.role import ReviseRole


class FindingCases(Telling):
    """Of rules that other systems let people break, or that a later insight shows to be broken."""

    def lives(self) -> Iterator[Life]:
        """In the order in which they begin."""
        yield self.approved_by_themself()
        yield self.one_hand()

    def approved_by_themself(self) -> Life:
        """In the supplier's tool nobody asks who approves what."""
        desk, requester, implementer = self.desk, "Ewa Kowalska", "Ben Achterberg"
        subject = "change/SUP-2041"
        yield desk.day(2, 10)
        person, at = desk.people[requester], desk.now_text()
        asked = {
            "title": "Open the port for the supplier",
            "services": {"network": True},
            "requested_by": person,
            "requested_at": at,
        }
        desk.observe(ChangeDrafted, subject, asked, source=SUPPLIER, actor=requester)
        said = {"approvals": {"APR-SUP-2041": {"by": person, "verdict": "granted", "at": at}}}
        desk.observe(ApprovalGranted, subject, said, source=SUPPLIER, actor=requester)
        yield desk.after(60, 90)
        done = {"implemented_by": desk.people[implementer], "implemented_at": desk.now_text()}
        fact = desk.observe(
            ImplementationCompleted, subject, done, source=SUPPLIER, actor=implementer
        )
        yield desk.after(20, 40)
        finding = acknowledged(desk, "lone-self-approval", fact.position)
        yield desk.after(100, 200)
        read = common(subject, "comment", comment="Read it: the port is needed, and filtered.")
        looked = desk.order(CHANGE_MANAGER, read, subject)
        remediated(desk, finding, looked.position, "The change manager, who had no part, read it")
        told = f"{subject} was approved by who had asked for it, and nobody else; a second person read it"
        self.tell("lone-self-approval", finding, told, position=fact.position)

    def one_hand(self) -> Life:
        """Two roles that nobody had kept apart, until somebody thought about it."""
        desk, holder = self.desk, "Paula Jensen"
        given(desk, holder, "privacy-officer")
        grant = given(desk, holder, "access-reviewer")
        yield desk.day(3, 9)
        apart = ReviseRole(
            conflicts=frozenset({"access-reviewer"}),
            reason="Who erases values does not say who still needs to read them",
        )
        fact = desk.order(ADMINISTRATOR, apart, role_named(desk.ledger, "privacy-officer"))
        yield desk.after(20, 40)
        finding = acknowledged(desk, "conflicting-grants", fact.position)
        yield desk.after(30, 60)
        ended = desk.order(ADMINISTRATOR, RevokeRole(reason="She erases values"), grant)
        remediated(desk, finding, ended.position, "She erases values, and reviews no more")
        told = f"two roles of one person were to be apart from a day on; {grant} was revoked"
        self.tell("conflicting-grants", finding, told, position=fact.position)
