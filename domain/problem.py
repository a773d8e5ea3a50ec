"""Problems: what one is, and the facts about it. The orders that lead to them: `problem_commands.py`.

Every member of an event may be missing: an observed fact states what its source knew. The workflow is
`problem` in the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from domain.common import Link, LinkId, TicketEvent, TicketState
from domain.event import (
    Count,
    Json,
    Level,
    Moment,
    PersonalText,
    Principal,
    State,
    Subject,
    Text,
)
from domain.parts import has_parts

Status = Literal[
    "new",
    "investigating",
    "known_error",
    "fix_in_progress",
    "resolved",
    "risk_accepted",
    "closed",
    "rejected",
]
FixOutcome = Literal["failed", "backed_out", "successful"]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"expected a date such as 2026-09-30, got {text!r}") from None


Day = Annotated[str, AfterValidator(_day)]
"""A calendar day in UTC, ISO 8601: `2026-09-30`."""

RISK_ACCEPTANCE_ENDS: Mapping[str, None] = {
    "risk_accepted_by": None,
    "risk_accepted_at": None,
    "review_by": None,
}
_EXAMPLE_LINK = "LNK-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"


class ProblemState(TicketState, total=False):
    status: Status
    title: str
    description: str
    service: str
    category: str
    configuration_item: str
    impact: int
    urgency: int
    priority: int
    proactive: bool
    evidence: str
    raised_by: str
    raised_at: str
    assignment_group: str
    owner: str
    accepted_by: str
    rejected_by: str
    root_cause: str
    root_cause_identified_by: str
    workaround: str
    workaround_tested: bool
    fix_change: str
    fix_outcome: FixOutcome
    resolved_by: str
    resolved_at: str
    risk_accepted_by: str
    risk_accepted_at: str
    review_by: str
    recurrence: str
    reopen_count: int
    closed_by: str
    closed_at: str


class ProblemRaised(TicketEvent, family="problem", source=(), to="new"):
    """Incidents, or evidence found before any, point to one cause that nobody knows yet."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Mail queue fills up every Monday",
        "service": "mail",
        "proactive": False,
        "links": {_EXAMPLE_LINK: {"to": "incident/INC0010001", "relation": "incident"}},
        "raised_by": "principal/PRN0000012",
        "raised_at": "2026-03-02T09:00:00.000000Z",
        "reopen_count": 0,
    }

    title: PersonalText | None = None
    description: PersonalText | None = None
    service: Text | None = None
    category: Text | None = None
    configuration_item: Text | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None
    proactive: bool | None = None
    evidence: PersonalText | None = None
    links: dict[LinkId, Link] | None = None
    raised_by: Principal | None = None
    raised_at: Moment | None = None
    assignment_group: Text | None = None
    owner: Principal | None = None
    reopen_count: Count | None = None


class ProblemAccepted(TicketEvent, family="problem", source=("new",), to="investigating"):
    """It is worth looking into, and somebody owns it."""

    example: ClassVar[Mapping[str, Json]] = {
        "owner": "principal/PRN0000031",
        "assignment_group": "messaging-operations",
        "accepted_by": "principal/PRN0000004",
    }

    owner: Principal | None = None
    assignment_group: Text | None = None
    accepted_by: Principal | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Level | None = None


class ProblemRejected(TicketEvent, family="problem", source=("new",), to="rejected"):
    """It is not worth looking into, and why."""

    example: ClassVar[Mapping[str, Json]] = {"rejected_by": "principal/PRN0000004"}

    rejected_by: Principal | None = None


class RootCauseIdentified(TicketEvent, family="problem", source=("investigating",)):
    """The owner knows what causes it."""

    example: ClassVar[Mapping[str, Json]] = {
        "root_cause": "The weekly archive job locks the queue directory",
        "root_cause_identified_by": "principal/PRN0000031",
    }

    root_cause: PersonalText | None = None
    root_cause_identified_by: Principal | None = None


class KnownErrorDeclared(
    TicketEvent, family="problem", source=("investigating",), to="known_error"
):
    """The cause is known, or a workaround was tested: incidents may refer to it."""

    example: ClassVar[Mapping[str, Json]] = {
        "workaround": "Stop the archive job on Mondays",
        "workaround_tested": True,
    }

    workaround: PersonalText | None = None
    workaround_tested: bool | None = None


class FixRequested(TicketEvent, family="problem", source=("known_error",), to="fix_in_progress"):
    """A change is to remove the cause."""

    asserts: ClassVar[Mapping[str, Json]] = {"fix_outcome": None}
    example: ClassVar[Mapping[str, Json]] = {"fix_change": "change/CHG0000042"}

    fix_change: Subject | None = None


class FixFailed(TicketEvent, family="problem", source=("fix_in_progress",), to="known_error"):
    """The change closed without removing the cause."""

    example: ClassVar[Mapping[str, Json]] = {"fix_outcome": "backed_out"}

    fix_outcome: FixOutcome | None = None


class ProblemResolved(TicketEvent, family="problem", source=("fix_in_progress",), to="resolved"):
    """The cause is gone."""

    asserts: ClassVar[Mapping[str, Json]] = {"fix_outcome": "successful"}
    example: ClassVar[Mapping[str, Json]] = {
        "resolved_by": "principal/PRN0000031",
        "resolved_at": "2026-03-20T18:00:00.000000Z",
    }

    resolved_by: Principal | None = None
    resolved_at: Moment | None = None


class ProblemRiskAccepted(
    TicketEvent, family="problem", source=("known_error",), to="risk_accepted"
):
    """Somebody other than the owner accepts to live with it until the day of review."""

    example: ClassVar[Mapping[str, Json]] = {
        "risk_accepted_by": "principal/PRN0000002",
        "risk_accepted_at": "2026-03-10T10:00:00.000000Z",
        "review_by": "2026-09-30",
    }

    risk_accepted_by: Principal | None = None
    risk_accepted_at: Moment | None = None
    review_by: Day | None = None


class RiskAcceptanceExpired(
    TicketEvent, family="problem", source=("risk_accepted",), to="known_error"
):
    """The day of review came. The error is known as before, and nobody accepts it any more."""

    asserts: ClassVar[Mapping[str, Json]] = RISK_ACCEPTANCE_ENDS


class ProblemReopened(TicketEvent, family="problem", source=("resolved",), to="investigating"):
    """It came back: an incident shows it. The count is the new total."""

    asserts: ClassVar[Mapping[str, Json]] = {
        **RISK_ACCEPTANCE_ENDS,
        "fix_outcome": None,
        "resolved_by": None,
        "resolved_at": None,
        "closed_by": None,
        "closed_at": None,
    }
    example: ClassVar[Mapping[str, Json]] = {
        "recurrence": "incident/INC0010077",
        "reopen_count": 1,
        "links": {_EXAMPLE_LINK: {"to": "incident/INC0010077", "relation": "incident"}},
    }

    recurrence: Subject | None = None
    reopen_count: Count | None = None
    links: dict[LinkId, Link] | None = None


class ProblemClosed(
    TicketEvent, family="problem", source=("resolved", "risk_accepted"), to="closed"
):
    """Somebody other than the owner saw that nothing is left to do."""

    example: ClassVar[Mapping[str, Json]] = {
        "closed_by": "principal/PRN0000004",
        "closed_at": "2026-04-20T09:00:00.000000Z",
    }

    closed_by: Principal | None = None
    closed_at: Moment | None = None


def _services(state: State) -> Iterable[str]:
    return (state["service"],) if "service" in state else ()


has_parts(
    "problem",
    lambda state: {
        "raiser": (state.get("raised_by"),),
        "owner": (state.get("owner"),),
        "risk-acceptor": (state.get("risk_accepted_by"),),
    },
    _services,
)
