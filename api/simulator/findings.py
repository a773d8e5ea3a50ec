"""What becomes of findings: somebody looks after each, until an entry shows that it is whole again."""

from __future__ import annotations

from api.simulator.company import COMPLIANCE
from api.simulator.desk import Desk
from domain.event import Event, Json
from domain.finding import AcknowledgeFinding, FindingRaised, RemediateFinding

READ_ENTRIES = 200


def raised(desk: Desk, rule: str, position: int) -> str:
    """The finding that the entry at the position was the first to show."""
    return following(desk, FindingRaised, position, rule=rule, first_position=position)


def following(desk: Desk, event: type[Event], position: int, **members: Json) -> str:
    """The subject of the next such event behind the position. The examiner looked before the next life went on."""
    return next(
        entry.subject
        for entry in desk.ledger.entries(position, READ_ENTRIES)
        if entry.attributes["type"] == event.type_name
        and members.items() <= dict(entry.data).items()
    )


def acknowledged(desk: Desk, rule: str, position: int) -> str:
    """The same, once compliance looks after it."""
    finding = raised(desk, rule, position)
    desk.order(COMPLIANCE, AcknowledgeFinding(), finding)
    return finding


def remediated(desk: Desk, finding: str, evidence_position: int, why: str) -> None:
    whole = RemediateFinding(evidence_position=evidence_position, reason=why)
    desk.order(COMPLIANCE, whole, finding)
