"""The lives of a company's tickets, order by order, each by somebody whom the shipped policy permits it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from domain.change_approval import GrantApproval
from domain.change_assessment import AssessChange, SubmitChange
from domain.change_evidence import RecordTestEvidence
from domain.change_implementation import (
    CompleteImplementation,
    ScheduleChange,
    StartImplementation,
)
from domain.change_planning import DraftChange
from domain.change_review import CloseChange
from domain.command import Command, command_class
from domain.incident_commands import (
    AssignIncident,
    CloseIncident,
    PutIncidentOnHold,
    ReportIncident,
    ResolveIncident,
    ResumeIncident,
    StartIncidentWork,
)
from domain.moments import to_text
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from tests.bench.company import Company

Life = Generator[tuple[Command, str], str, None]
"""Yields an order and who gives it; is sent the subject it was about."""
INCIDENTS_PER_CHANGE = 3
LASTS = timedelta(hours=2)


def lives(ledger: Ledger, company: Company, writer: int) -> Iterator[None]:
    """Without an end: at each step one order is given and recorded. Raises what refused it."""
    chance = Random(writer)
    for number in count():
        is_change = number % (INCIDENTS_PER_CHANGE + 1) == INCIDENTS_PER_CHANGE
        service = f"platform-{writer}-{number % 5}"
        life = change(ledger, company, chance, service) if is_change else incident(company, chance)
        yield from _lived(ledger, life)


def _lived(ledger: Ledger, life: Life) -> Iterator[None]:
    subject = None
    command, who = next(life)
    while True:
        subject = ledger.execute(Order(command, Actor(who), subject)).receipts[-1].subject
        yield
        try:
            command, who = life.send(subject)
        except StopIteration:
            return


def incident(company: Company, chance: Random) -> Life:
    """Reported, assigned, worked on, closed: by four people."""
    resolver, service = chance.choice(company.resolvers)
    desk, dispatcher = (
        company.somebody(role, chance, but=resolver) for role in ("service-desk", "dispatcher")
    )
    requester = chance.choice(company.people)
    report = ReportIncident(title="Mail is not delivered", service=service, impact=2, urgency=2)
    yield report, requester
    yield AssignIncident(assignment_group="operations", assigned_to=resolver), dispatcher
    yield StartIncidentWork(), resolver
    yield comment("incident", "The relay does not answer"), resolver
    if chance.random() < 0.3:
        yield PutIncidentOnHold(hold_reason="requester", hold_reference="message/1"), resolver
        yield ResumeIncident(reason="The requester answered"), resolver
    yield ResolveIncident(resolution_code="restarted"), resolver
    yield CloseIncident(closure_code="confirmed-by-requester"), desk


def change(ledger: Ledger, company: Company, chance: Random, service: str) -> Life:
    """A normal change of low risk, from draft to closure by six people; the system authorizes it."""
    requester = chance.choice(company.people)
    cast = {
        role: company.somebody(role, chance, but=requester)
        for role in ("change-assessor", "change-authority", "change-manager", "implementer")
    }
    now = datetime.now(UTC)
    yield (
        DraftChange(
            type="normal",
            title="Move the mail queue to its own volume",
            services=[service],
            implementation_plan="Stop the relay, move the queue, start the relay",
            test_plan="Send 1,000 messages through staging",
            back_out_plan="Mount the old volume",
            window={"start": to_text(now - LASTS), "end": to_text(now + LASTS)},
        ),
        requester,
    )
    yield SubmitChange(), requester
    yield (
        RecordTestEvidence(artifact="sha256:" + "5e" * 32, verdict="passed"),
        cast["change-assessor"],
    )
    subject = yield (
        AssessChange(risk="low", risk_policy="risk-matrix@3"),
        cast["change-assessor"],
    )
    content = ledger.subject(subject).state["content_hash"]
    yield GrantApproval(content_hash=content, no_interest=True), cast["change-authority"]
    yield ScheduleChange(), cast["change-manager"]
    yield StartImplementation(), cast["implementer"]
    yield CompleteImplementation(verification="passed"), cast["implementer"]
    yield CloseChange(closure_code="successful"), cast["change-manager"]


def comment(family: str, text: str) -> Command:
    made: Any = command_class(family, "comment")
    command: Command = made(comment=text)
    return command
