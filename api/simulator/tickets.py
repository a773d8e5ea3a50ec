"""The lives of ordinary tickets. Each is a generator: it gives its orders, and yields when its next step is due."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from api.simulator.clock import is_open
from api.simulator.company import (
    APPROVERS,
    CATALOGUE,
    COMMENTS,
    GROUPS,
    MONITORED,
    RESOLUTIONS,
    SERVICE_DESK,
    SERVICES,
    STAFF,
    Service,
)
from api.simulator.desk import Desk
from domain.command import COMMANDS, Command
from domain.incident import IncidentReported, IncidentResolved
from domain.incident_commands import (
    AssignIncident,
    CancelIncident,
    CloseIncident,
    PutIncidentOnHold,
    ReassignIncident,
    ReopenIncident,
    ReportIncident,
    ReprioritiseIncident,
    ResolveIncident,
    ResumeIncident,
    StartIncidentWork,
)
from domain.request import request_content_hash
from domain.request_commands import (
    ApproveRequest,
    CloseRequest,
    FulfilRequest,
    PutRequestOnHold,
    RejectRequest,
    ReopenRequest,
    ResumeRequest,
    StartFulfilment,
    SubmitRequest,
)

Life: TypeAlias = Iterator[datetime]
"""Yields the moment of each next step; between two of them it gives orders."""

LEVELS = ((1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4))
LEVEL_WEIGHTS = (2, 9, 20, 38, 21, 10)
"""Impact and urgency of what is reported: few calls are about something that stops the house."""
RESOLVE_MINUTES = {1: (20, 180), 2: (40, 420), 3: (60, 1400), 4: (120, 2600), 5: (240, 4800)}
"""Least and most working time from start to resolution, by priority."""


def incident(desk: Desk) -> Life:
    """Reported, assigned, worked on, resolved and closed, with what goes wrong on the way."""
    chance = desk.chance
    service = chance.choices(SERVICES, [each.weight for each in SERVICES])[0]
    caller, agent = chance.choice(STAFF), chance.choice(GROUPS[SERVICE_DESK])
    subject = report(desk, agent, caller, service)
    yield desk.after(2, 45)
    if chance.random() < 0.04:
        desk.order(agent, CancelIncident(cancellation="entered_in_error"), subject)
        return
    resolver = chance.choice(GROUPS[service.group])
    given: dict[str, Any] = {"assignment_group": service.group}
    if chance.random() < 0.7:
        given["assigned_to"] = desk.people[resolver]
    desk.order(agent, AssignIncident(**given), subject)
    yield desk.after(5, 240)
    if chance.random() < 0.18:
        resolver = yield from _handed_on(desk, subject, resolver)
    yield from _worked_on(desk, subject, resolver)
    yield from _closed(desk, subject, resolver, caller, agent)


def report(desk: Desk, agent: str, caller: str, service: Service) -> str:
    """The subject of the incident that the agent takes down for the caller."""
    chance = desk.chance
    impact, urgency = chance.choices(LEVELS, LEVEL_WEIGHTS)[0]
    noticed = desk.clock.now() - timedelta(minutes=chance.randint(1, 50))
    command = ReportIncident(
        title=chance.choice(service.faults),
        service=service.name,
        category=service.category,
        impact=impact,
        urgency=urgency,
        reported_by=desk.people[caller],
        contact_type=chance.choices(("phone", "self-service", "email"), (5, 4, 2))[0],
        detected_at=noticed.isoformat(),
    )
    subject = desk.order(agent, command).subject
    desk.incidents.append(subject)
    return subject


def comment(desk: Desk, who: str, subject: str, text: str | None = None) -> None:
    said = text or desk.chance.choice(COMMENTS)
    desk.order(who, common(subject, "comment", comment=said), subject)


def common(subject: str, verb: str, **members: Any) -> Command:
    """One of the orders that every family of tickets takes."""
    return COMMANDS[(subject.split("/", maxsplit=1)[0], verb)](**members)


def _handed_on(desk: Desk, subject: str, resolver: str) -> Generator[datetime, None, str]:
    """To another group; the name of whoever has it then."""
    chance = desk.chance
    groups = [name for name in GROUPS if name != SERVICE_DESK and resolver not in GROUPS[name]]
    group = chance.choice(groups)
    fresh = chance.choice(GROUPS[group])
    why = "Not ours: the cause lies elsewhere"
    members = {"assignment_group": group, "assigned_to": desk.people[fresh], "reason": why}
    desk.order(resolver, ReassignIncident(**members), subject)
    yield desk.after(10, 400)
    return fresh


def _worked_on(desk: Desk, subject: str, resolver: str) -> Life:
    chance = desk.chance
    desk.order(resolver, StartIncidentWork(), subject)
    if chance.random() < 0.35:
        yield desk.after(5, 60)
        comment(desk, resolver, subject)
    if chance.random() < 0.06:
        yield desk.after(5, 60)
        judged = ReprioritiseIncident(impact=2, urgency=1 + chance.randint(0, 1))
        state = desk.state(subject)
        if not judged.lowers(state):
            desk.order(resolver, judged, subject)
    if chance.random() < 0.2:
        yield desk.after(10, 90)
        yield from _held(desk, subject, resolver)
    yield desk.after(*RESOLVE_MINUTES[desk.state(subject)["priority"]])
    desk.order(resolver, ResolveIncident(resolution_code=chance.choice(RESOLUTIONS)), subject)


def _held(desk: Desk, subject: str, resolver: str) -> Life:
    on_hold = desk.chance.choice(
        (
            PutIncidentOnHold(hold_reason="requester", hold_reference="message/question-1"),
            PutIncidentOnHold(hold_reason="supplier", hold_reference="contract/CON0000007"),
        )
    )
    desk.order(resolver, on_hold, subject)
    yield desk.after(60, 1800)
    desk.order(resolver, ResumeIncident(), subject)


def _closed(desk: Desk, subject: str, resolver: str, caller: str, agent: str) -> Life:
    """By the caller, by the service desk, or by the timer once nobody objects."""
    chance = desk.chance
    if chance.random() < 0.06:
        yield desk.after(30, 1500)
        again = ReopenIncident(reason="It is back: the same error as before")
        desk.order(caller, again, subject)
        yield desk.after(60, 900)
        desk.order(resolver, ResolveIncident(resolution_code="patched"), subject)
    by = chance.choices(("nobody", caller, agent), (5, 3, 2))[0]
    if by != "nobody":
        yield desk.after(60, 1800)
        desk.order(by, CloseIncident(closure_code="confirmed-by-requester"), subject)


def request(desk: Desk) -> Life:
    """Asked for, approved, provided and confirmed."""
    chance = desk.chance
    requester = chance.choice(STAFF)
    item, title, _ = chance.choice(CATALOGUE)
    subject = desk.order(requester, SubmitRequest(item=item, title=title)).subject
    if desk.state(subject)["status"] == "awaiting_approval":
        yield desk.after(30, 1500)
        approver = chance.choice(APPROVERS)
        if chance.random() < 0.08:
            no = RejectRequest(reason="The current one is a year old")
            desk.order(approver, no, subject)
            return
        agreed = request_content_hash(desk.state(subject))
        desk.order(approver, ApproveRequest(content_hash=agreed), subject)
    yield desk.after(30, 900)
    yield from _provided(desk, subject, requester)


def _provided(desk: Desk, subject: str, requester: str) -> Life:
    chance = desk.chance
    fulfiller = chance.choice(GROUPS["workplace-support"])
    desk.order(fulfiller, StartFulfilment(assignment_group="workplace-support"), subject)
    yield desk.after(30, 600)
    if chance.random() < 0.25:
        waits = PutRequestOnHold(hold_reason="supplier", hold_reference="contract/CON0000011")
        desk.order(fulfiller, waits, subject)
        yield desk.after(600, 4000)
        desk.order(fulfiller, ResumeRequest(), subject)
        yield desk.after(30, 300)
    desk.order(fulfiller, FulfilRequest(), subject)
    if chance.random() < 0.05:
        yield desk.after(60, 600)
        wrong = ReopenRequest(reason="This is the wrong model")
        desk.order(requester, wrong, subject)
        yield desk.after(300, 1200)
        desk.order(fulfiller, FulfilRequest(), subject)
    yield desk.after(60, 1800)
    desk.order(requester, CloseRequest(), subject)


def alert(desk: Desk, number: str) -> Life:
    """What the monitoring sees and says: a fault, and its end. The ledger records it as observed."""
    chance = desk.chance
    subject = f"incident/{number}"
    service = chance.choice(MONITORED)
    found = desk.now_text()
    members = {"title": "Check failed", "service": service, "detected_at": found, "impact": 3}
    desk.observe(IncidentReported, subject, {**members, "urgency": 2, "contact_type": "monitoring"})
    yield desk.soon(3, 200 if is_open(desk.clock.now()) else 500)
    members = {"resolution_code": "check-passed", "restored_at": desk.now_text()}
    desk.observe(IncidentResolved, subject, members)
