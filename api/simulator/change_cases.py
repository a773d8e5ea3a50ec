"""A few changes that tell something: who approved and implemented them, and who was kept from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.simulator.changes import (
    HURRIED,
    STARTS_AT,
    Crew,
    approval,
    approved,
    by_model,
    closed,
    drafted,
    drafted_by_model,
    implemented,
    made_ready,
    starts,
)
from api.simulator.company import (
    APPROVERS,
    CHANGE_MANAGER,
    CONTRACTOR,
    RISK_OWNER,
    SECOND_ACCOUNT,
)
from api.simulator.telling import Telling
from api.simulator.tickets import Life
from domain.change_approval import DenyApproval, RecordCabDecision
from domain.change_assessment import ReviseChange
from domain.change_authorization import AuthorizeChange, RejectChange
from domain.change_implementation import ScheduleChange, StartImplementation
from domain.change_planning import AmendChangePlan
from domain.model import ApproveModel, ProposeModel
from domain.moments import to_text
from domain.thresholds import Risk

ANNEKE, SAMUEL, YARA = APPROVERS
WAITS_DAYS = 100
"""Longer than a quarter: who looks at the ledger afterwards may decide."""
STRAY_COMMIT = "5" * 40


@dataclass(slots=True)
class ChangeCases(Telling):
    """Of changes."""

    evidence: list[str] = field(default_factory=list)
    """Changes that went well, for the model."""

    def lives(self) -> Iterator[Life]:
        """In the order in which they are drafted, and so get their numbers."""
        yield self.as_it_should_be()
        yield self.implementer_is_developer()
        yield self.self_approval()
        yield self.one_human_twice()
        yield self.rejected()
        yield self.rolled_back()
        yield self.amended()
        yield self.waiting()
        yield self.by_model()

    def as_it_should_be(self) -> Life:
        crew = Crew("Lotte Visser", "Aino Laine", "Cleo Papadakis")
        subject = self._drafted_tonight(crew, "mail", "Renew the certificates of the gateway")
        yield from self._ready(subject, crew, "low", [YARA])
        yield from implemented(self.desk, subject, crew)
        yield from closed(self.desk, subject)
        told = "was approved, tested and implemented by people who are apart"
        self.tell("as-it-should-be", subject, told)

    def implementer_is_developer(self) -> Life:
        desk = self.desk
        crew = Crew("Ewa Kowalska", "Viktor Petrov", "Idris Mensah")
        subject = self._drafted_tonight(crew, "network", "Replace the firmware of the switches")
        yield from self._ready(subject, crew, "medium", [SAMUEL])
        yield starts(desk, subject)
        rules = desk.try_order(crew.developer, StartImplementation(), subject)
        told = f"its developer tried to implement it and was refused ({', '.join(rules)})"
        self.tell("implementer-is-developer", subject, told, desk.now_text())
        yield from implemented(desk, subject, crew, besides=STRAY_COMMIT)
        told = "more went live than had been approved: one commit was never linked to it"
        self.tell("more-than-approved", subject, told)
        yield from closed(desk, subject)

    def self_approval(self) -> Life:
        desk = self.desk
        crew = Crew(ANNEKE, "Bilal Aziz", "Diego Alvarez")
        subject = self._drafted_tonight(crew, "workplace", "Raise the limits of the print queue")
        yield from made_ready(desk, subject, crew, "low", HURRIED)
        rules = desk.try_order(ANNEKE, approval(desk, subject), subject)
        told = f"its requester, a change authority, tried to approve it ({', '.join(rules)})"
        self.tell("self-approval", subject, told, desk.now_text())
        yield from approved(desk, subject, [YARA], HURRIED)
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def one_human_twice(self) -> Life:
        """The quorum counts humans: two accounts of one person are one."""
        desk = self.desk
        crew = Crew("Hamid Rahimi", "Camila Reyes", "Cleo Papadakis")
        title = "Move the mail queue to its own volume"
        subject = drafted(desk, crew.requester, "mail", title, desk.day(5, STARTS_AT))
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "high")
        board = [desk.people[name] for name in (RISK_OWNER, ANNEKE)]
        advice = RecordCabDecision(
            meeting="CAB, first of the quarter",
            attendees=board,
            quorum=2,
            votes=dict.fromkeys(board, "for"),
            advice="authorize",
        )
        desk.order(RISK_OWNER, advice, subject)
        for account in (SAMUEL, SECOND_ACCOUNT):
            yield desk.after(10, 60)
            desk.order(account, approval(desk, subject), subject)
        rules = desk.try_order("system", AuthorizeChange(), subject)
        told = f"two accounts of one person approved it, and counted once ({', '.join(rules)})"
        self.tell("one-human-twice", subject, told, desk.now_text())
        yield from approved(desk, subject, [YARA])
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def rejected(self) -> Life:
        desk = self.desk
        crew = Crew("Fatima Zahra", "Aino Laine", "Oskar Nyman")
        title = "Roll out the new image"
        subject = drafted(desk, crew.requester, "workplace", title, desk.day(7, STARTS_AT))
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "medium")
        yield desk.after(30, 120)
        desk.order(YARA, DenyApproval(reason="Nobody has tried the back-out plan"), subject)
        desk.order(SAMUEL, RejectChange(), subject)
        refused = desk.now_text()
        yield desk.after(100, 200)
        desk.order(crew.requester, ReviseChange(), subject)
        tried = AmendChangePlan(back_out_plan="Restore the old image; tried on two machines")
        desk.order(crew.requester, tried, subject)
        yield from self._ready(subject, crew, "medium", [YARA])
        told = "was denied, rejected, revised, and approved in its second revision"
        self.tell("rejected", subject, told, refused)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def rolled_back(self) -> Life:
        desk = self.desk
        crew = Crew("Ben Achterberg", "Bilal Aziz", "Idris Mensah", CONTRACTOR)
        title = "Split the guest network"
        subject = drafted(desk, crew.requester, "network", title, desk.day(3, STARTS_AT))
        yield desk.after(30, 60)
        yield from self._ready(subject, crew, "medium", [ANNEKE])
        yield from implemented(desk, subject, crew, failing=True)
        told = "failed, was rolled back the same evening, and reviewed afterwards"
        self.tell("rolled-back", subject, told, desk.now_text())
        yield from closed(desk, subject)

    def amended(self) -> Life:
        desk = self.desk
        crew = Crew("Lotte Visser", "Camila Reyes", "Hamid Rahimi")
        title = "Update the mail filter"
        subject = drafted(desk, crew.requester, "mail", title, desk.day(8, STARTS_AT))
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "low")
        yield from approved(desk, subject, [YARA])
        before = desk.now_text()
        yield desk.after(100, 300)
        otherwise = AmendChangePlan(implementation_plan="All nodes at once, with the relay stopped")
        desk.order(crew.requester, otherwise, subject)
        told = "its plan changed after it was authorized: it had to be approved anew"
        self.tell("amended", subject, told, before)
        yield from approved(desk, subject, [SAMUEL])
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def waiting(self) -> Life:
        desk = self.desk
        crew = Crew(YARA, "Aino Laine", "Kenji Mori")
        evening = desk.day(WAITS_DAYS, STARTS_AT)
        title = "Merge the two customer databases"
        subject = drafted(desk, crew.requester, "erp", title, evening)
        self.tell("waiting", subject, "waits for its approvals")
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "medium")

    def by_model(self) -> Life:
        """What went well three times may be done without asking again, within limits."""
        desk = self.desk
        proposed = ProposeModel(
            title="Extend a file system",
            services=["mail", "network", "erp", "data-warehouse"],
            parameters={"gigabytes": {"min": 1, "max": 200}},
            implementation_plan="Grow the volume, then the file system",
        )
        model = desk.order(CHANGE_MANAGER, proposed).subject
        yield desk.day(1, 14)
        agreed = ApproveModel(
            valid_until=to_text(desk.clock.now() + timedelta(days=365)),
            max_risk="low",
            evidence=self.evidence,
        )
        desk.order(YARA, agreed, model)
        told = f"was approved on the evidence of {len(self.evidence)} changes that went well"
        self.tell("model", model, told)
        yield desk.day(1, 9)
        desk.models[model] = desk.state(model)["version"]
        subject = drafted_by_model(desk, "Ingrid Solheim", "data-warehouse")
        yield from by_model(desk, subject, "Mateo Rossi")
        told = f"was authorized beforehand, by {model}"
        self.tell("standard", subject, told)
        yield from closed(desk, subject)

    def _drafted_tonight(self, crew: Crew, service: str, title: str) -> str:
        subject = drafted(self.desk, crew.requester, service, title, self._tonight())
        self.evidence.append(subject)
        return subject

    def _tonight(self) -> datetime:
        return self.desk.day(0, STARTS_AT)

    def _ready(self, subject: str, crew: Crew, risk: Risk, approvers: list[str]) -> Life:
        """Approved and scheduled within hours."""
        yield from made_ready(self.desk, subject, crew, risk, HURRIED)
        yield from approved(self.desk, subject, approvers, HURRIED)
        yield self.desk.after(*HURRIED)
        self.desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
