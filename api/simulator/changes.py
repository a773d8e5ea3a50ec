"""The lives of changes: drafted, assessed, approved by people who are apart from it, implemented at night."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.simulator.clock import next_opening
from api.simulator.company import (
    APPROVERS,
    CHANGE_MANAGER,
    DEVELOPERS,
    GROUPS,
    REVIEWER,
    SERVICES,
    TESTER,
)
from api.simulator.desk import Desk
from api.simulator.tickets import Life
from domain.change_approval import GrantApproval
from domain.change_assessment import AssessChange, SubmitChange
from domain.change_authorization import AuthorizeChange
from domain.change_evidence import LinkCommit, RecordTestEvidence
from domain.change_implementation import (
    CompleteImplementation,
    RollBackChange,
    ScheduleChange,
    StartImplementation,
)
from domain.change_planning import DraftChange
from domain.change_review import CloseChange, CompletePir, OpenPir
from domain.moments import to_text
from domain.thresholds import Risk

WORKS = (
    "Raise the limits of the connection pool",
    "Renew the certificates of the gateway",
    "Move the queue to its own volume",
    "Update the database to the next minor release",
    "Replace the access points of one floor",
)
RISKS: tuple[Risk, ...] = ("low", "low", "low", "medium", "medium", "high")
STARTS_AT = 20
LASTS = timedelta(hours=2)
FAILS = 0.15

Ended = Generator[datetime, None, str]
"""A part of a life that returns the closure code."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who plays which part. No two of them are the same person."""

    requester: str
    developer: str
    implementer: str


def change(desk: Desk) -> Life:
    """One that nobody's problem asked for."""
    service = desk.chance.choice(SERVICES)
    requester = desk.chance.choice(GROUPS[service.group])
    subject = drafted(desk, requester, service.name, desk.chance.choice(WORKS))
    yield desk.after(60, 600)
    yield from carried_through(desk, subject, requester)


def drafted(desk: Desk, requester: str, service: str, title: str) -> str:
    """The number of a normal change with all its plans, in an evening of next week."""
    evening = _free_evening(desk, service)
    command = DraftChange(
        type="normal",
        title=title,
        services=[service],
        implementation_plan=f"{title}, node by node",
        test_plan="The same in staging, then the smoke tests",
        back_out_plan="Restore the snapshot that is taken before",
        window={"start": to_text(evening), "end": to_text(evening + LASTS)},
    )
    return desk.order(requester, command).subject


def _free_evening(desk: Desk, service: str) -> datetime:
    """From a week ahead on, the first working day on which nothing else is changed on the service."""
    days = 7
    while (at := (service, desk.day(days, STARTS_AT))) in desk.evenings:
        days += 1
    desk.evenings.add(at)
    return at[1]


def carried_through(desk: Desk, subject: str, requester: str, fails: float = FAILS) -> Ended:
    """From draft to closure, with that chance to fail."""
    crew = Crew(requester, desk.chance.choice(DEVELOPERS), _other_than(desk, requester))
    desk.order(requester, SubmitChange(), subject)
    yield desk.after(30, 240)
    yield from _made_ready(desk, subject, crew)
    yield from _approved(desk, subject)
    return (yield from _implemented(desk, subject, crew, fails))


def _other_than(desk: Desk, requester: str) -> str:
    people = [name for group in GROUPS.values() for name in group if name != requester]
    return desk.chance.choice(people)


def _made_ready(desk: Desk, subject: str, crew: Crew) -> Life:
    chance = desk.chance
    commit = LinkCommit(
        commit=f"{chance.getrandbits(160):040x}",
        author=desk.people[crew.developer],
        committed_at=desk.now_text(),
    )
    desk.order("system", commit, subject)
    yield desk.after(20, 120)
    artifact = f"sha256:{chance.getrandbits(256):064x}"
    desk.order(TESTER, RecordTestEvidence(artifact=artifact, verdict="passed"), subject)
    assessed = AssessChange(risk=chance.choice(RISKS), risk_policy="risk-matrix@3")
    desk.order(CHANGE_MANAGER, assessed, subject)


def _approved(desk: Desk, subject: str) -> Life:
    """By as many as the risk asks for, or more."""
    for approver in APPROVERS[:2]:
        yield desk.after(30, 400)
        content = desk.state(subject)["content_hash"]
        desk.order(approver, GrantApproval(content_hash=content, no_interest=True), subject)
    desk.order("system", AuthorizeChange(), subject)
    yield desk.after(10, 60)
    desk.order(CHANGE_MANAGER, ScheduleChange(), subject)


def _implemented(desk: Desk, subject: str, crew: Crew, fails: float) -> Ended:
    state, chance = desk.state(subject), desk.chance
    yield datetime.fromisoformat(state["window"]["start"]) + timedelta(minutes=5)
    desk.order(crew.implementer, StartImplementation(), subject)
    yield desk.soon(20, 60)
    failed = chance.random() < fails
    if failed:
        undone = RollBackChange(reason="The smoke tests fail on one node")
        desk.order(crew.implementer, undone, subject)
    else:
        desk.order(crew.implementer, CompleteImplementation(verification="passed"), subject)
    yield next_opening(desk.clock.now()) + timedelta(minutes=30)
    if failed or state["risk"] == "high":
        yield from _reviewed(desk, subject, "failed" if failed else "as_expected")
    code = "backed_out" if failed else "successful"
    desk.order(CHANGE_MANAGER, CloseChange(closure_code=code), subject)
    return code


def _reviewed(desk: Desk, subject: str, outcome: str) -> Life:
    desk.order("system", OpenPir(members=[desk.people[REVIEWER]]), subject)
    yield desk.after(200, 600)
    told = CompletePir(
        outcome=outcome,
        lessons="Staging has one node less than production",
        actions="Rehearse on the full cluster",
    )
    desk.order(REVIEWER, told, subject)
