"""Changes out of the ordinary: emergencies, what nobody had authorized, and what a freeze keeps waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from api.simulator.changes import (
    STARTS_AT,
    Crew,
    approved,
    closed,
    drafted,
    implemented,
    made_ready,
    reviewed,
)
from api.simulator.company import (
    APPROVERS,
    BREAK_GLASS,
    CHANGE_MANAGER,
    EMERGENCY_AUTHORITY,
    FREEZE_OWNER,
)
from api.simulator.deployments import deployed, deployed_without_a_change
from api.simulator.findings import acknowledged, following, remediated
from api.simulator.telling import Telling
from api.simulator.tickets import Life, common
from domain.change_assessment import CancelChange
from domain.change_implementation import (
    CompleteImplementation,
    InvokeBreakGlass,
    ScheduleChange,
    StartEmergencyImplementation,
)
from domain.change_planning import DraftChange
from domain.change_retro_approval import (
    DenyRetroApproval,
    GrantRetroApproval,
)
from domain.change_review import CloseChange, UnauthorizedChangeDetected
from domain.freeze import DeclareFreeze, GrantFreezeException
from domain.moments import to_text

MATEO, EWA = BREAK_GLASS
FROZEN = ("erp", "data-warehouse")
FROZEN_DAYS = 6
QUICK = (2, 5)


class ExceptionCases(Telling):
    """Of changes that did not go the usual way."""

    def lives(self) -> Iterator[Life]:
        """In the order in which they are drafted. The emergencies belong to the major incident."""
        yield self.emergency()
        yield self.broken_glass()
        yield self.never_approved()
        yield self.freeze()
        yield self.excepted()
        yield self.inside_freeze()
        yield self.unauthorized()

    def emergency(self) -> Life:
        """Authorized in an hour by the emergency authority, and begun without a schedule."""
        desk = self.desk
        crew = Crew("Greta Hofmann", "Bilal Aziz", "Viktor Petrov")
        subject = self._drafted(crew.requester, "erp", "Make room for the database's log")
        link = common(subject, "link", to=desk.major, relation="incident")
        desk.order(crew.requester, link, subject)
        yield from made_ready(desk, subject, crew, "medium", QUICK)
        yield from approved(desk, subject, [EMERGENCY_AUTHORITY], QUICK)
        desk.order(crew.implementer, StartEmergencyImplementation(), subject)
        yield desk.soon(10, 20)
        deployed(desk, subject, crew.implementer)
        desk.order(crew.implementer, CompleteImplementation(verification="passed"), subject)
        told = f"was authorized by the emergency authority while {desk.major} stood"
        self.tell("emergency", subject, told, desk.now_text())
        yield desk.day(1)
        yield from closed(desk, subject)

    def broken_glass(self) -> Life:
        desk = self.desk
        subject = self._drafted(MATEO, "data-warehouse", "Stop the nightly load")
        yield from self._broken(subject, MATEO)
        yield desk.day(1, 10)
        content = desk.state(subject)["content_hash"]
        agreed = GrantRetroApproval(content_hash=content, no_interest=True)
        granted = desk.order(EMERGENCY_AUTHORITY, agreed, subject)
        told = "began by break-glass, and was approved the day after, in time"
        self.tell("break-glass", subject, told, position=granted.position)
        yield from closed(desk, subject)

    def never_approved(self) -> Life:
        desk = self.desk
        subject = self._drafted(EWA, "network", "Let the supplier's support in")
        yield from self._broken(subject, EWA)
        due = desk.state(subject)["retro_due_at"]
        yield datetime.fromisoformat(due) + timedelta(minutes=5)
        told = "began by break-glass, and nobody approved it by the day it was due"
        lapsed = desk.last_position(subject)
        self.tell("retro-lapsed", subject, told, position=lapsed)
        yield desk.after(60, 120)
        finding = acknowledged(desk, "lapsed-retro-approval", lapsed)
        yield from closed(desk, subject, "successful_with_issues", "deviated")
        closing = desk.last_position(subject)
        remediated(desk, finding, closing, "Reviewed and closed by those who had no part in it")
        told = f"{subject} was approved by nobody in time; it was reviewed and closed with issues"
        self.tell("lapsed-retro-approval", finding, told, position=lapsed)

    def freeze(self) -> Life:
        """At the closing of the month nothing is changed under the books."""
        desk = self.desk
        start = desk.day(9, 0)
        end = start + timedelta(days=FROZEN_DAYS)
        declared = DeclareFreeze(
            title="Closing of the month",
            services=list(FROZEN),
            interval={"start": to_text(start), "end": to_text(end)},
            reason="The books are closed",
        )
        freeze = desk.order(FREEZE_OWNER, declared).subject
        for day in range(FROZEN_DAYS):
            evening = start.replace(hour=STARTS_AT) + timedelta(days=day)
            desk.evenings |= {(service, evening) for service in FROZEN}
        self.tell("freeze", freeze, "stood on the books' services for six days")
        yield end

    def excepted(self) -> Life:
        desk = self.desk
        crew = Crew("Ruth Adeyemi", "Camila Reyes", "Viktor Petrov")
        title = "Correct the rounding of interest"
        subject = drafted(desk, crew.requester, "erp", title, desk.day(10, STARTS_AT))
        yield desk.after(200, 300)
        yield from made_ready(desk, subject, crew, "low")
        yield from approved(desk, subject, APPROVERS[1:2])
        freeze = self.told["freeze"].subject
        yield desk.after(30, 60)
        exception = GrantFreezeException(
            change=subject, reason="Without it the books would be closed wrong"
        )
        granted = desk.order(FREEZE_OWNER, exception, freeze)
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        told = f"falls into {freeze}, on an exception of the freeze's owner"
        self.tell("freeze-excepted", subject, told, position=granted.position)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def inside_freeze(self) -> Life:
        desk = self.desk
        crew = Crew("Ingrid Solheim", "Aino Laine", "Mateo Rossi")
        title = "Rebuild the indexes of the warehouse"
        subject = drafted(desk, crew.requester, "data-warehouse", title, desk.day(10, STARTS_AT))
        yield desk.after(200, 300)
        yield from made_ready(desk, subject, crew, "low")
        yield from approved(desk, subject, APPROVERS[2:])
        yield desk.after(30, 60)
        rules = desk.try_order(CHANGE_MANAGER, ScheduleChange(), subject)
        told = f"was not scheduled inside {self.told['freeze'].subject} ({', '.join(rules)})"
        self.tell("inside-freeze", subject, told, desk.now_text())
        yield desk.after(30, 60)
        later = CancelChange(reason="Done with the release of the next quarter")
        desk.order(crew.requester, later, subject)

    def unauthorized(self) -> Life:
        """The deployment log tells of a run that belongs to no change, and one is opened for it."""
        desk = self.desk
        deployment, deployer = "deployment/RUN-BY-HAND", "Oskar Nyman"
        yield desk.day(0, 21, 30)
        fact = deployed_without_a_change(desk, deployment, "workplace", deployer)
        yield desk.day(1)
        finding = acknowledged(desk, "unmatched-deployment", fact.position)
        opened = {"deployment": deployment}
        subject = following(desk, UnauthorizedChangeDetected, fact.position, **opened)
        self.tell("unauthorized", subject, f"was found by {deployment}, which matches no change")
        told = f"{deployment} matched no change; {subject} was opened for it, denied, reviewed and closed"
        self.tell("unmatched-deployment", finding, told, position=fact.position)
        yield desk.after(60, 120)
        never = DenyRetroApproval(reason="It could have waited for a change")
        desk.order(EMERGENCY_AUTHORITY, never, subject)
        yield desk.after(100, 200)
        yield from reviewed(desk, subject, "deviated")
        desk.order(CHANGE_MANAGER, CloseChange(closure_code="unauthorised"), subject)

    def _drafted(self, requester: str, service: str, title: str) -> str:
        command = DraftChange(
            type="emergency",
            title=title,
            services=[service],
            implementation_plan=title,
            test_plan="Post one invoice",
            back_out_plan="Undo it by hand",
        )
        return self.desk.order(requester, command).subject

    def _broken(self, subject: str, invoker: str) -> Life:
        desk = self.desk
        yield desk.after(5, 20)
        why = "The emergency authority does not answer, and the incident gets worse"
        desk.order(invoker, InvokeBreakGlass(incident=desk.major, reason=why), subject)
        yield desk.soon(10, 30)
        deployed(desk, subject, invoker)
        desk.order(invoker, CompleteImplementation(verification="passed"), subject)
