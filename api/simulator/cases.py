"""A few tickets that tell something, with numbers that are the same every time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta

from api.simulator.company import (
    ADMINISTRATOR,
    GROUPS,
    INCIDENT_MANAGER,
    LEAVER,
    PROBLEM_MANAGER,
)
from api.simulator.desk import ACTORS
from api.simulator.findings import raised
from api.simulator.problems import fixed
from api.simulator.telling import Telling
from api.simulator.tickets import Life, comment, common
from domain.acts import LEDGER, DestroySubjectKey, PlaceLegalHold
from domain.grant_commands import RevokeRole
from domain.incident import IncidentReported, IncidentResolved
from domain.incident_commands import (
    AssignIncident,
    CloseIncident,
    DeclareMajorIncident,
    PutIncidentOnHold,
    ReassignIncident,
    ReportIncident,
    ReprioritiseIncident,
    ResolveIncident,
    ResumeIncident,
    StartIncidentWork,
)
from domain.moments import to_text
from domain.principal import DeactivatePrincipal
from domain.problem_commands import (
    AcceptProblem,
    DeclareKnownError,
    IdentifyRootCause,
    RaiseProblem,
)
from ledger.erase import erase
from ledger.govern import Order
from ledger.view import Receipt

CALLER, AGENT = "Bruno Keller", "Amara Okafor"


class Cases(Telling):
    """Of tickets."""

    def lives(self) -> Iterator[Life]:
        """In the order in which they report, and so get their numbers."""
        yield self.closed_by_its_resolver()
        yield self.priority_lowered()
        yield self.corrected()
        yield self.long_history()
        yield self.major_incident()
        yield self.forgotten()
        yield self.late_fact()

    def closed_by_its_resolver(self) -> Life:
        desk, resolver = self.desk, "Cleo Papadakis"
        subject = self._report("Mail to customers bounces", "mail", 2, 3)
        resolved = yield from self._resolved(subject, resolver, "messaging-operations")
        moment = desk.now_text()
        yield desk.after(20, 30)
        rules = desk.try_order(resolver, CloseIncident(), subject)
        yield desk.after(200, 300)
        desk.order(CALLER, CloseIncident(closure_code="confirmed-by-requester"), subject)
        self.tell(
            "self-closure",
            subject,
            f"its resolver tried to close it and was refused ({', '.join(rules)})",
            moment,
            resolved.position,
        )

    def priority_lowered(self) -> Life:
        desk, resolver = self.desk, "Greta Hofmann"
        subject = self._report("Order form ends with an error", "erp", 1, 2)
        yield from self._begun(subject, resolver, "business-applications")
        lower = ReprioritiseIncident(impact=3, urgency=3)
        rules = desk.try_order(resolver, lower, subject)
        before = desk.now_text()
        yield desk.after(30, 40)
        desk.order(INCIDENT_MANAGER, lower, subject)
        yield desk.after(300, 400)
        desk.order(resolver, ResolveIncident(resolution_code="patched"), subject)
        self.tell(
            "priority-lowered",
            subject,
            f"its assignee could not lower the priority ({', '.join(rules)}); a second person did",
            before,
        )

    def corrected(self) -> Life:
        """What was said about the restoration turns out wrong, three days later."""
        desk, resolver = self.desk, "Ben Achterberg"
        subject = self._report("Branch office is offline", "network", 2, 2)
        yield from self._begun(subject, resolver, "network-operations")
        yield desk.after(100, 120)
        resolved = desk.order(resolver, ResolveIncident(resolution_code="replaced"), subject)
        moment = desk.now_text()
        yield desk.day(3, 10)
        state = desk.state(subject)
        earlier = datetime.fromisoformat(state["restored_at"]) - timedelta(minutes=40)
        stated = ("resolution_code", "resolved_by", "resolved_at", "restored_at")
        replacement = {name: state[name] for name in stated} | {"restored_at": to_text(earlier)}
        why = "The monitoring shows the line back forty minutes earlier"
        command = common(
            subject,
            "correct-fact",
            corrects=resolved.position,
            replacement=replacement,
            reason=why,
        )
        desk.order(AGENT, command, subject)
        told = "when it was restored was corrected days later"
        self.tell("corrected", subject, told, moment, resolved.position)

    def long_history(self) -> Life:
        """Nobody's, for weeks."""
        desk = self.desk
        subject = self._report("VPN drops every few minutes", "network", 3, 3)
        groups = [name for name in GROUPS if name != "service-desk"]
        holder = GROUPS[groups[0]][0]
        desk.order(AGENT, AssignIncident(assigned_to=desk.people[holder]), subject)
        for turn in range(1, 15):
            yield desk.after(120, 700)
            desk.order(holder, StartIncidentWork(), subject)
            comment(desk, holder, subject)
            yield desk.after(60, 300)
            waits = PutIncidentOnHold(
                hold_reason="requester", hold_reference=f"message/vpn-{turn:02d}"
            )
            desk.order(holder, waits, subject)
            yield desk.after(300, 900)
            desk.order(holder, ResumeIncident(), subject)
            group = groups[turn % len(groups)]
            fresh = GROUPS[group][turn % len(GROUPS[group])]
            members = {"assignment_group": group, "assigned_to": desk.people[fresh]}
            on = ReassignIncident(**members, reason="No fault found on our side")
            desk.order(holder, on, subject)
            holder = fresh
        yield from self._solved(subject, holder)
        self.tell("long-history", subject, "went from group to group for weeks")

    def major_incident(self) -> Life:
        desk, resolver = self.desk, "Ingrid Solheim"
        subject = desk.major = self._report("Nobody can post an invoice", "erp", 1, 1)
        desk.order(INCIDENT_MANAGER, DeclareMajorIncident(), subject)
        yield from self._begun(subject, resolver, "database-services")
        raised = RaiseProblem(title="Database runs out of log space", incident=subject)
        problem = desk.order(resolver, raised).subject
        link = common(subject, "link", to=problem, relation="problem")
        desk.order(INCIDENT_MANAGER, link, subject)
        moment = desk.now_text()
        yield desk.after(90, 120)
        desk.order(resolver, ResolveIncident(resolution_code="configuration-corrected"), subject)
        hold = PlaceLegalHold(target=subject, reason="A customer claims damages")
        desk.order("operator", hold, LEDGER)
        away = DestroySubjectKey(target=subject, reason="Asked for by the caller")
        rules = desk.try_order("operator", away, LEDGER)
        self.tell("major-incident", subject, f"the ERP was down; see {problem}", moment)
        told = f"stands on {subject}: erasing it was refused ({', '.join(rules)})"
        self.tell("legal-hold", subject, told)
        yield from self._known_error(problem, resolver)

    def forgotten(self) -> Life:
        """Somebody leaves and asks to be forgotten. What was done stays, who it was goes."""
        desk = self.desk
        subject = self._report(f"{LEAVER}'s badge does not open the lab", "workplace", 4, 4, LEAVER)
        yield from self._resolved(subject, "Diego Alvarez", "workplace-support")
        yield desk.after(60, 90)
        desk.order(LEAVER, CloseIncident(), subject)
        yield desk.day(20, 17)
        person = desk.people[LEAVER]
        left = desk.order(ADMINISTRATOR, DeactivatePrincipal(reason="Left the company"), person)
        yield desk.soon(20, 40)
        finding = raised(desk, "leaver-with-live-grants", left.position)
        grant = desk.grants[LEAVER, "change-reviewer"]
        desk.order(ADMINISTRATOR, RevokeRole(reason="Left the company"), grant)
        told = f"counted no more when {person} was deactivated, and was revoked afterwards"
        self.tell("grant-revoked", grant, told)
        told = f"{person} left with {grant} in hand; the finding ended when that was revoked"
        self.tell("leaver-with-live-grants", finding, told, position=left.position)
        yield desk.day(30, 11)
        for target in (person, subject):
            away = DestroySubjectKey(target=target, reason="Request under GDPR article 17")
            erase(desk.ledger, Order(away, ACTORS["operator"], LEDGER))
        self.tell("erased", person, f"was erased, and with it what {subject} said of them")

    def late_fact(self) -> Life:
        """The monitoring could not reach the ledger over the weekend, and tells on Monday."""
        desk = self.desk
        saturday = desk.day(2, 8)
        saturday += timedelta(days=(5 - saturday.weekday()) % 7)
        yield saturday + timedelta(days=2, minutes=4)
        down, up = saturday - timedelta(hours=6), saturday - timedelta(hours=3)
        subject = "incident/MON-LATE-1"
        said = {"title": "Check failed", "service": "mail", "impact": 2, "urgency": 2}
        desk.observe(IncidentReported, subject, said, happened=down)
        over = {"resolution_code": "check-passed", "restored_at": to_text(up)}
        desk.observe(IncidentResolved, subject, over, happened=up)
        told = "happened on a Saturday, and was told on Monday"
        self.tell("late", subject, told, to_text(saturday - timedelta(hours=4)))

    def _known_error(self, problem: str, owner: str) -> Life:
        desk = self.desk
        yield desk.after(600, 700)
        accepted = AcceptProblem(owner=desk.people[owner], assignment_group="database-services")
        desk.order(PROBLEM_MANAGER, accepted, problem)
        yield desk.after(1200, 1500)
        cause = IdentifyRootCause(root_cause="The log volume was sized for half the load")
        desk.order(owner, cause, problem)
        desk.order(owner, DeclareKnownError(), problem)
        yield desk.after(300, 600)
        yield from fixed(desk, problem, owner)

    def _report(
        self, title: str, service: str, impact: int, urgency: int, caller: str = CALLER
    ) -> str:
        command = ReportIncident(
            title=title,
            service=service,
            impact=impact,
            urgency=urgency,
            reported_by=self.desk.people[caller],
            contact_type="phone",
        )
        return self.desk.order(AGENT, command).subject

    def _begun(self, subject: str, resolver: str, group: str) -> Life:
        desk = self.desk
        yield desk.after(5, 10)
        to = AssignIncident(assignment_group=group, assigned_to=desk.people[resolver])
        desk.order(AGENT, to, subject)
        yield desk.after(5, 10)
        desk.order(resolver, StartIncidentWork(), subject)

    def _resolved(
        self, subject: str, resolver: str, group: str
    ) -> Generator[datetime, None, Receipt]:
        yield from self._begun(subject, resolver, group)
        yield self.desk.after(60, 90)
        return self.desk.order(resolver, ResolveIncident(resolution_code="restarted"), subject)

    def _solved(self, subject: str, holder: str) -> Life:
        desk = self.desk
        yield desk.after(60, 90)
        desk.order(holder, StartIncidentWork(), subject)
        yield desk.after(60, 90)
        desk.order(holder, ResolveIncident(resolution_code="replaced"), subject)
        yield desk.after(60, 90)
        desk.order(CALLER, CloseIncident(closure_code="confirmed-by-requester"), subject)
