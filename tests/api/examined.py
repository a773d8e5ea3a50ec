"""A detector that everybody understands, and who looks with it."""

from __future__ import annotations

from collections.abc import Iterable

from api.compose import House
from api.examining import Examiner
from domain.command import command_class
from domain.finding import FindingRaised
from ledger.govern import Order
from ledger.ledger import Ledger
from projections.views import Views
from projections.violations import Violations
from replay.detection.detector import Cured, Detector, Look, Shown
from tests.api.importing_house import ACTOR

SAID = {name: v for name, v in FindingRaised.example.items() if name != "hash"}
"""All that an order to raise a finding says."""


class Reports(Detector):
    """Every report breaks it, every assignment makes it whole."""

    name = "no-reports"
    severity = "low"
    sentence = "Nothing is reported."
    types = frozenset({"itsm.incident.reported.v1", "itsm.incident.assigned.v1"})

    def see(self, look: Look) -> Iterable[Shown | Cured]:
        if look.told.type == "itsm.incident.assigned.v1":
            return [Cured("desk")]
        return [Shown(group="desk")]


def examiner(house: House, views: Views, *detectors: Detector) -> Examiner:
    return Examiner(house.ledger, Violations(views), detectors or (Reports(),))


def report(ledger: Ledger) -> str:
    command = command_class("incident", "report").model_validate(
        {"title": "Mail is down", "impact": 3, "urgency": 3, "reported_by": ACTOR.principal}
    )
    return ledger.execute(Order(command, ACTOR)).receipts[-1].subject


def assign(ledger: Ledger, subject: str) -> int:
    command = command_class("incident", "assign").model_validate(
        {"assignment_group": "Mail", "assigned_to": ACTOR.principal}
    )
    return ledger.execute(Order(command, ACTOR, subject)).receipts[-1].position
