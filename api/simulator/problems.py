"""The lives of problems: from the incidents that show one to the change that removes it, or does not."""

from __future__ import annotations

from api.simulator.changes import Ended, carried_through, drafted
from api.simulator.company import GROUPS, PROBLEM_MANAGER, RISK_OWNER, SERVICES
from api.simulator.desk import Desk
from api.simulator.tickets import Life
from domain.problem_commands import (
    AcceptProblem,
    AcceptProblemRisk,
    CloseProblem,
    DeclareKnownError,
    IdentifyRootCause,
    RaiseProblem,
    RejectProblem,
    RequestFix,
    ResolveProblem,
)

CAUSES = (
    "The weekly archive job locks the queue directory",
    "Two access points share a channel",
    "An index is missing since the last release",
    "The driver does not free its handles",
)


def problem(desk: Desk) -> Life:
    """Raised from an incident, and taken as far as the quarter allows."""
    chance = desk.chance
    incident = chance.choice(desk.incidents[-200:])
    service = next(each for each in SERVICES if each.name == desk.state(incident)["service"])
    owner = chance.choice(GROUPS[service.group])
    raised = RaiseProblem(
        title=f"{chance.choice(service.faults)}, again and again",
        service=service.name,
        incident=incident,
    )
    subject = desk.order(owner, raised).subject
    yield desk.after(60, 1200)
    if chance.random() < 0.12:
        no = RejectProblem(reason="Explained by the planned migration")
        desk.order(PROBLEM_MANAGER, no, subject)
        return
    accepted = AcceptProblem(owner=desk.people[owner], assignment_group=service.group)
    desk.order(PROBLEM_MANAGER, accepted, subject)
    yield desk.after(600, 6000)
    desk.order(owner, IdentifyRootCause(root_cause=chance.choice(CAUSES)), subject)
    yield desk.after(60, 1200)
    desk.order(owner, DeclareKnownError(), subject)
    yield desk.after(600, 6000)
    if chance.random() < 0.15:
        review = desk.day(120).date().isoformat()
        desk.order(RISK_OWNER, AcceptProblemRisk(review_by=review), subject)
        return
    yield from fixed(desk, subject, owner)


def fixed(desk: Desk, subject: str, owner: str) -> Life:
    """By a change; one in five is backed out, and another one tried."""
    service = desk.state(subject).get("service", "erp")
    ended = yield from _tried(desk, subject, owner, service, 0.2)
    if ended != "successful":
        yield desk.after(600, 3000)
        yield from _tried(desk, subject, owner, service, 0)
    desk.order(owner, ResolveProblem(), subject)
    yield desk.after(600, 3000)
    desk.order(PROBLEM_MANAGER, CloseProblem(), subject)


def _tried(desk: Desk, subject: str, owner: str, service: str, fails: float) -> Ended:
    change = drafted(desk, owner, service, f"Remove the cause of {subject.split('/')[1]}")
    desk.order(owner, RequestFix(fix_change=change), subject)
    yield desk.after(60, 600)
    return (yield from carried_through(desk, change, owner, fails))
