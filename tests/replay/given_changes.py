"""An office whose people's duties are apart, and changes that went every way an auditor asks about.

office = Office(desk); office.normal_change() …
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from api.compose import House
from domain.command import command_class
from domain.moments import to_text
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.rosters import load_roster
from ledger.view import SYSTEM, Receipt
from tests.replay.given_log import START, Desk, HandClock
from tests.staffing import give_every_role

ARTIFACT = "sha256:" + "a1" * 32
ELSEWHERE = "sha256:" + "e1" * 32
_PLANS = {"implementation_plan": "Move it", "test_plan": "In staging", "back_out_plan": "Back"}


def hours_later(hours: float) -> str:
    return to_text(START + timedelta(hours=hours))


@dataclass
class Office:
    """RUTH asks, MIA steers, TOM tests, IVO implements, EVA approves emergencies, DEV wrote the code; each holds every
    role. ANNE holds the change authority alone, by a grant of the orders that it takes, and DAN what she delegates.
    """

    house: House
    clock: HandClock
    people: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk) -> Office:
        made = cls(desk.house, desk.clock)
        made.hire()
        return made

    def hire(self) -> None:
        for name in ("RUTH", "MIA", "TOM", "IVO", "EVA", "DEV", "ANNE", "DAN"):
            done = self.does("ADA", "register", family="principal", kind="person", name=name)
            self.people[name] = done.subject
        staff = ("RUTH", "MIA", "TOM", "IVO", "EVA")
        give_every_role(self.house.ledger, *(self.people[name] for name in staff))
        self.annes_grant = self.granted("change-authority", "ANNE", valid_to=hours_later(2000))

    def __getitem__(self, name: str) -> str:
        """The principal."""
        return {"ADA": FIRST_PERSON, "SYSTEM": SYSTEM, **self.people}[name]

    def role(self, name: str) -> str:
        """The subject of the role of that name."""
        ledger = self.house.ledger
        with ledger.database.reading() as transaction:
            members = load_roster(transaction, "roles").members
        return next(one for one in members if ledger.subject(one).state["name"] == name)

    def does(
        self,
        who: str,
        verb: str,
        subject: str | None = None,
        *,
        family: str = "change",
        for_: str | None = None,
        **said: Any,
    ) -> Receipt:
        """The receipt of the order's own event. Raises why it was refused."""
        command = command_class(family, verb).model_validate(said)
        kind = "system" if who == "SYSTEM" else "user"
        actor = Actor(self[who], kind, on_behalf_of=self[for_] if for_ else None)
        return self.house.ledger.execute(Order(command, actor, subject)).receipts[-1]

    def wait_until(self, hours: float) -> None:
        """So many hours after the beginning, by the hand clock."""
        moment = START + timedelta(hours=hours)
        self.clock.advance((moment - self.clock.moment).total_seconds())

    def granted(self, role: str, holder: str, **said: Any) -> str:
        """A grant in force: asked for by MIA, approved by ADA who owns every role, activated by EVA."""
        asked = {"role": self.role(role), "holder": self[holder], **said}
        grant = self.does("MIA", "request", family="grant", **asked).subject
        self.does("ADA", "approve", grant, family="grant")
        self.does("EVA", "activate", grant, family="grant")
        return grant

    def content(self, change: str) -> str:
        return str(self.house.ledger.subject(change).state["content_hash"])

    def approves(self, who: str, change: str, for_: str | None = None) -> Receipt:
        said: dict[str, Any] = {"content_hash": self.content(change), "no_interest": True}
        return self.does(who, "grant-approval", change, for_=for_, **said)

    def drafted(self, type_: str = "normal", *, hours: tuple[float, float], **more: Any) -> str:
        """By RUTH, about mail unless `more` says otherwise, with a window so many hours after the beginning."""
        window = {"start": hours_later(hours[0]), "end": hours_later(hours[1])}
        said = {"title": "Move the queue", "services": ["mail"], **_PLANS, **more}
        return self.does("RUTH", "draft", type=type_, window=window, **said).subject

    def assessed(self, change: str, risk: str = "low") -> None:
        self.does("RUTH", "submit", change)
        self.does("MIA", "assess", change, risk=risk, risk_policy="matrix@3")
        commit = {"commit": "c0ffee", "author": self["DEV"], "committed_at": hours_later(-24)}
        self.does("SYSTEM", "link-commit", change, **commit)
        self.does("TOM", "record-test-evidence", change, artifact=ARTIFACT, verdict="passed")

    def scheduled(
        self, *, hours: tuple[float, float], by: str = "ANNE", for_: str | None = None, **more: Any
    ) -> str:
        """A normal change, approved by `by`, authorized and scheduled."""
        change = self.drafted(hours=hours, **more)
        self.assessed(change)
        self.approves(by, change, for_)
        self.does("MIA", "schedule", change)
        return change

    def implemented(self, change: str, hours: float) -> None:
        """By IVO, begun so many hours after the beginning, and done half an hour later."""
        self.wait_until(hours)
        self.does("IVO", "start-implementation", change)
        self.wait_until(hours + 0.5)
        self.does("IVO", "complete-implementation", change, verification="passed")

    def approves_afterwards(self, change: str, verdict: str = "grant") -> Receipt:
        """By EVA, an emergency authority."""
        granting: dict[str, Any] = {"content_hash": self.content(change), "no_interest": True}
        said = granting if verdict == "grant" else {}
        return self.does("EVA", f"{verdict}-retro-approval", change, **said)

    def modelled(self, hours: float) -> str:
        """A model proposed by MIA and approved by ANNE, on the evidence of three changes done from `hours` on."""
        evidence = []
        for number in range(3):
            at = hours + number
            change = self.scheduled(hours=(at, at + 0.9))
            self.implemented(change, at)
            self.does("MIA", "close", change, closure_code="successful")
            evidence.append(change)
        plans: dict[str, Any] = {
            "title": "Move a queue",
            "services": ["mail"],
            "parameters": {},
            **_PLANS,
        }
        model = self.does("MIA", "propose", family="model", **plans).subject
        said: dict[str, Any] = {
            "valid_until": hours_later(9000),
            "max_risk": "low",
            "evidence": evidence,
        }
        self.does("ANNE", "approve", model, family="model", **said)
        return model

    def classified_major(self) -> str:
        """An incident in IVO's hands that is to be reported to an authority."""
        told: dict[str, Any] = {"family": "incident"}
        incident = self.does("RUTH", "report", title="No payments", **told).subject
        to: dict[str, Any] = {"assignment_group": "payments", "assigned_to": self["IVO"]}
        self.does("MIA", "assign", incident, **to, **told)
        criteria = {"clients_affected": 120_000}
        weighed: dict[str, Any] = {
            "criteria": criteria,
            "rule_version": "dora@1",
            "outcome": "major",
        }
        self.does("MIA", "classify", incident, **weighed, **told)
        return incident

    def broken_glass(self) -> str:
        """An emergency change that IVO began without anybody's approval."""
        incident = self.does("RUTH", "report", family="incident", title="All is down").subject
        self.does("MIA", "declare-major", incident, family="incident")
        change = self.drafted("emergency", hours=(0, 100))
        reason = "Nobody answers, and every branch is offline"
        self.does("IVO", "invoke-break-glass", change, incident=incident, reason=reason)
        return change
