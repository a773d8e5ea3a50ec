"""What waits for a time: the orders that the system gives when it has come. What follows at once: `follow_ups.py`.

When a thing is due stands in the state of its subject, by the policy of the day on which its clock began to run.
So the log alone tells it, and a policy that changes a term changes no clock that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from domain.change_retro_approval import LapseRetroApproval
from domain.change_review import UNREVIEWED, LapseReview, OpenPir
from domain.command import Command
from domain.event import State
from domain.finding import ReopenFinding
from domain.freeze import ExpireFreeze
from domain.grant import DELEGABLE
from domain.grant_commands import EndDelegation, ExpireRole
from domain.incident_commands import CloseIncident
from domain.model import SuspendModel
from domain.moments import later
from domain.problem_commands import ExpireRiskAcceptance
from domain.request_commands import CloseRequest

NO_OBJECTION: Final = "no-objection"
MEMBERS: Final = (
    "status", "closes_at", "valid_to", "valid_until", "delegations", "interval", "retro_approval", "retro_due_at",
    "review_opens_at", "review_due_at", "review_lapsed_at", "review_by", "report_owed", "accepted_until",
)  # fmt: skip
"""The members of states that timers are told from."""


class Timer(NamedTuple):
    """`due`: RFC 3339 UTC text. The order may be given from then on, and is recorded as of then."""

    due: str
    command: Command


def timers_of(subject: str, state: State) -> list[Timer]:
    """What the system is going to order of the subject if nothing else happens to it; the earliest first."""
    rule = _BY_FAMILY.get(subject.partition("/")[0])
    return sorted(rule(state), key=lambda timer: timer.due) if rule else []


def has_timers(family: str) -> bool:
    return family in _BY_FAMILY


def _just_after(moment: str) -> str:
    """Where the moment itself still counts as in time."""
    return later(moment, timedelta(microseconds=1))


def _of_incident(state: State) -> Iterator[Timer]:
    """An incident that is closed takes no report: as long as one is owed it stays open."""
    waits = state.get("status") == "resolved" and not state.get("report_owed")
    if waits and state.get("closes_at"):
        yield Timer(_just_after(state["closes_at"]), CloseIncident(closure_code=NO_OBJECTION))


def _of_request(state: State) -> Iterator[Timer]:
    if state.get("status") == "fulfilled" and state.get("closes_at"):
        yield Timer(_just_after(state["closes_at"]), CloseRequest())


def _of_problem(state: State) -> Iterator[Timer]:
    if state.get("status") == "risk_accepted" and state.get("review_by"):
        yield Timer(f"{state['review_by']}T00:00:00.000000Z", ExpireRiskAcceptance())


def _of_change(state: State) -> Iterator[Timer]:
    if state.get("retro_approval") == "requested" and state.get("retro_due_at"):
        yield Timer(_just_after(state["retro_due_at"]), LapseRetroApproval())
    if state.get("status") == "implemented" and state.get("review_opens_at"):
        yield Timer(state["review_opens_at"], OpenPir())
    unreviewed = state.get("status") in UNREVIEWED
    if unreviewed and state.get("review_due_at") and "review_lapsed_at" not in state:
        yield Timer(_just_after(state["review_due_at"]), LapseReview())


def _of_model(state: State) -> Iterator[Timer]:
    if state.get("status") == "active" and state.get("valid_until"):
        yield Timer(_just_after(state["valid_until"]), SuspendModel(cause="expiry"))


def _of_freeze(state: State) -> Iterator[Timer]:
    if state.get("status") == "active":
        yield Timer(state["interval"]["end"], ExpireFreeze())


def _of_grant(state: State) -> Iterator[Timer]:
    if state.get("status") not in DELEGABLE:
        return
    for delegation, one in state.get("delegations", {}).items():
        if "ended_at" not in one and state["status"] == "active":
            yield Timer(one["until"], EndDelegation(delegation=delegation))
    if state.get("valid_to"):
        yield Timer(state["valid_to"], ExpireRole())


def _of_finding(state: State) -> Iterator[Timer]:
    if state.get("status") == "risk_accepted" and state.get("accepted_until"):
        yield Timer(state["accepted_until"], ReopenFinding(cause="acceptance-ended"))


_BY_FAMILY: dict[str, Callable[[State], Iterator[Timer]]] = {
    "incident": _of_incident,
    "request": _of_request,
    "problem": _of_problem,
    "change": _of_change,
    "model": _of_model,
    "freeze": _of_freeze,
    "grant": _of_grant,
    "finding": _of_finding,
}
