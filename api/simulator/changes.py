"""The lives of changes: drafted, assessed, approved by people who are apart from it, implemented at night."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.simulator.clock import next_opening
from api.simulator.company import (
    APPROVERS,
    ASSESSOR,
    CHANGE_MANAGER,
    DEVELOPERS,
    GROUPS,
    IMPLEMENTERS,
    MONITORED,
    PIPELINE,
    REVIEWER,
    SERVICES,
    TESTER,
)
from api.simulator.deployments import deployed
from api.simulator.desk import Desk
from api.simulator.tickets import Life
from domain.change_approval import GrantApproval
from domain.change_assessment import AssessChange, SubmitChange
from domain.change_evidence import LinkCommit, RecordTestEvidence
from domain.change_implementation import (
    CompleteImplementation,
    RollBackChange,
    ScheduleChange,
    StartImplementation,
)
from domain.change_planning import AmendChangePlan, DraftChange
from domain.change_review import CloseChange, CompletePir
from domain.errors import MayNot
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
STANDARD = 0.3
"""The share of standard changes, once there is a model."""
HURRIED = (5, 15)
"""Working minutes between the steps of what has to be ready soon."""

Ended = Generator[datetime, None, str]
"""A part of a life that returns the closure code."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who plays which part. No two of them are the same person."""

    requester: str
    developer: str
    implementer: str
    tester: str = TESTER


def change(desk: Desk) -> Life:
    """One that nobody's problem asked for."""
    if desk.models and desk.chance.random() < STANDARD:
        yield from standard(desk, desk.chance.choice(MONITORED))
        return
    service = desk.chance.choice(SERVICES)
    requester = desk.chance.choice(GROUPS[service.group])
    subject = drafted(desk, requester, service.name, desk.chance.choice(WORKS))
    yield desk.after(60, 600)
    yield from carried_through(desk, subject, requester)


def drafted(
    desk: Desk, requester: str, service: str, title: str, evening: datetime | None = None
) -> str:
    """The number of a normal change with all its plans, in an evening of next week unless one is said."""
    evening = evening or free_evening(desk, service)
    desk.evenings.add((service, evening))
    command = DraftChange(
        type="normal",
        title=title,
        services=[service],
        implementation_plan=f"{title}, node by node",
        test_plan="The same in staging, then the smoke tests",
        back_out_plan="Restore the snapshot that is taken before",
        window=window_of(evening),
    )
    return desk.order(requester, command).subject


def free_evening(desk: Desk, service: str, days: int = 7) -> datetime:
    """From so many days ahead on, the first working day on which nothing else is changed on the service."""
    while (service, evening := desk.day(days, STARTS_AT)) in desk.evenings:
        days += 1
    return evening


def window_of(evening: datetime) -> dict[str, str]:
    return {"start": to_text(evening), "end": to_text(evening + LASTS)}


def carried_through(desk: Desk, subject: str, requester: str, fails: float = FAILS) -> Ended:
    """From draft to closure, with that chance to fail."""
    others = [name for name in IMPLEMENTERS if name != requester]
    crew = Crew(requester, desk.chance.choice(DEVELOPERS), desk.chance.choice(others))
    risk = desk.chance.choice(RISKS)
    yield from made_ready(desk, subject, crew, risk)
    yield from approved(desk, subject)
    yield desk.after(10, 60)
    desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
    failing = desk.chance.random() < fails
    yield from implemented(desk, subject, crew, failing=failing)
    return (yield from closed(desk, subject))


def made_ready(
    desk: Desk, subject: str, crew: Crew, risk: Risk, pace: tuple[int, int] = (20, 180)
) -> Life:
    """Submitted, with its code, a test of it, and what it risks."""
    desk.order(crew.requester, SubmitChange(), subject)
    yield desk.after(*pace)
    linked(desk, subject, crew.developer)
    yield desk.after(*pace)
    tested(desk, subject, crew.tester)
    assessed = AssessChange(risk=risk, risk_policy="risk-matrix@3")
    desk.order(ASSESSOR, assessed, subject)


def linked(desk: Desk, subject: str, developer: str) -> None:
    commit = LinkCommit(
        commit=f"{desk.chance.getrandbits(160):040x}",
        author=desk.people[developer],
        committed_at=desk.now_text(),
    )
    desk.order(PIPELINE, commit, subject)


def evidence(desk: Desk) -> RecordTestEvidence:
    artifact = f"sha256:{desk.chance.getrandbits(256):064x}"
    return RecordTestEvidence(artifact=artifact, verdict="passed")


def tested(desk: Desk, subject: str, tester: str) -> None:
    desk.order(tester, evidence(desk), subject)


def approval(desk: Desk, subject: str) -> GrantApproval:
    """Of the content as it stands."""
    return GrantApproval(content_hash=desk.state(subject)["content_hash"], no_interest=True)


def approved(
    desk: Desk,
    subject: str,
    approvers: Sequence[str] = (),
    pace: tuple[int, int] = (30, 400),
) -> Life:
    """By these, or else by as many as the policy asks for. With the last of them it is authorized."""
    for approver in approvers or _present(desk, subject):
        yield desk.after(*pace)
        if desk.state(subject)["status"] == "awaiting_authorization":
            desk.order(approver, approval(desk, subject), subject)


def _present(desk: Desk, subject: str) -> list[str]:
    """As many as the policy in force asks for, or the one that everybody knows will come."""
    risk: Risk = desk.state(subject)["risk"]
    asked = [getattr(each.quorum_normal, risk) for each in (desk.thresholds(), desk.announced)]
    there = [name for name in APPROVERS if name not in desk.away]
    return desk.chance.sample(there, max(asked))


def implemented(
    desk: Desk, subject: str, crew: Crew, *, failing: bool = False, besides: str | None = None
) -> Life:
    """In its window, completed or rolled back. `besides`: a commit that goes live and was never linked."""
    yield from begun(desk, subject, crew)
    yield desk.soon(20, 60)
    deployed(desk, subject, crew.implementer, failing=failing, besides=besides)
    if failing:
        undone = RollBackChange(reason="The smoke tests fail on one node")
        desk.order(crew.implementer, undone, subject)
    else:
        desk.order(crew.implementer, CompleteImplementation(verification="passed"), subject)


def begun(desk: Desk, subject: str, crew: Crew) -> Life:
    """Once its window has come. What a new policy asks for more is obtained first, for another evening."""
    yield starts(desk, subject)
    try:
        desk.order(crew.implementer, StartImplementation(), subject)
    except MayNot as refusal:
        if refusal.rules != ("approvals-still-suffice",):
            raise
        desk.refused += 1
        yield from approved_anew(desk, subject, crew)
        yield starts(desk, subject)
        desk.order(crew.implementer, StartImplementation(), subject)


def starts(desk: Desk, subject: str) -> datetime:
    start = desk.state(subject)["window"]["start"]
    return datetime.fromisoformat(start) + timedelta(minutes=5)


def approved_anew(desk: Desk, subject: str, crew: Crew) -> Life:
    """For another evening: an approval of the former window does not count for this one."""
    (service,) = desk.state(subject)["services"]
    yield next_opening(desk.clock.now()) + timedelta(minutes=15)
    evening = free_evening(desk, service, 4)
    desk.evenings.add((service, evening))
    desk.order(crew.requester, AmendChangePlan(window=window_of(evening)), subject)
    yield from approved(desk, subject)
    desk.order(CHANGE_MANAGER, ScheduleChange(), subject)


def closed(
    desk: Desk, subject: str, code: str | None = None, outcome: str = "as_expected"
) -> Ended:
    """On the next morning, after a review where one is mandatory."""
    yield next_opening(desk.clock.now()) + timedelta(minutes=30)
    state = desk.state(subject)
    failed = "rolled_back_at" in state
    if failed or state.get("risk") == "high" or state["type"] == "emergency":
        if not failed:
            yield datetime.fromisoformat(state["review_opens_at"]) + timedelta(minutes=1)
        yield desk.after(200, 600)
        yield from reviewed(desk, subject, "failed" if failed else outcome)
    code = code or ("backed_out" if failed else "successful")
    desk.order(CHANGE_MANAGER, CloseChange(closure_code=code), subject)
    return code


def reviewed(desk: Desk, subject: str, outcome: str) -> Life:
    told = CompletePir(
        outcome=outcome,
        lessons="Staging has one node less than production",
        actions="Rehearse on the full cluster",
    )
    desk.order(REVIEWER, told, subject)
    yield desk.after(30, 120)


def standard(desk: Desk, service: str) -> Ended:
    """By a model that is in use: nobody approves it anew."""
    requester = desk.chance.choice(IMPLEMENTERS)
    implementer = desk.chance.choice([name for name in IMPLEMENTERS if name != requester])
    subject = drafted_by_model(desk, requester, service)
    yield from by_model(desk, subject, implementer)
    return (yield from closed(desk, subject))


def drafted_by_model(desk: Desk, requester: str, service: str) -> str:
    evening = free_evening(desk, service, 2)
    desk.evenings.add((service, evening))
    ((model, version),) = desk.models.items()
    command = DraftChange(
        type="standard",
        title="Extend a file system",
        services=[service],
        model=model,
        model_version=version,
        parameters={"gigabytes": desk.chance.choice((20, 50, 100))},
        window=window_of(evening),
    )
    return desk.order(requester, command).subject


def by_model(desk: Desk, subject: str, implementer: str) -> Life:
    yield desk.after(5, 60)
    desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
    yield starts(desk, subject)
    desk.order(implementer, StartImplementation(), subject)
    yield desk.soon(10, 30)
    desk.order(implementer, CompleteImplementation(verification="passed"), subject)
