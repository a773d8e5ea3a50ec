"""Emergency changes, and whether somebody approved afterwards, in time, what nobody had authorized before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.event import Json
from ledger.ledger import Ledger
from replay.acts import Act, act_of
from replay.before import Before
from replay.change_story import RetroOutcome, RetroRound, Story, stories
from replay.period import Answered, Period

Outcome = Literal[RetroOutcome, "not-required", "missing"]


@dataclass(frozen=True, slots=True)
class Round:
    """A retro-approval asked for. `at`, `by`, `on_behalf_of`: of the decision, if one was taken."""

    outcome: RetroOutcome
    request_position: int | None
    due_at: str | None
    decision_position: int | None
    at: str | None
    by: str | None
    on_behalf_of: str | None
    content_hash: str | None


@dataclass(frozen=True, slots=True)
class Emergency:
    """`outcome`: of the last retro-approval; `missing` where the glass was broken, or nobody authorized it, and
    none was asked for; `not-required` where it was authorized before it began, or has not begun.
    """

    change: str
    status: str | None
    type: str | None
    requested_by: str | None
    emergency_incident: str | None
    position: int
    began_at: str | None
    began_position: int | None
    authorized_position: int | None
    break_glass: Act | None
    outcome: Outcome
    due_at: str | None
    retro_approvals: tuple[Round, ...]


def emergencies(ledger: Ledger, period: Period) -> Answered:
    """Emergency changes, and others that a retro-approval was asked for, in the period by when they began, or else
    were first recorded; each with its retro-approvals as they stand now.
    """
    size, now = ledger.head().size, ledger.now()
    before = Before(ledger.database, size)
    found = [
        _emergency(story, before, now)
        for story in stories(ledger.database, size)
        if _is_emergency(story) and period.holds(_moment_of(story))
    ]
    return Answered(period, size, tuple(found))


def _is_emergency(story: Story) -> bool:
    return bool(story.state.get("type") == "emergency" or story.broken_glass or story.retro_rounds)


def _moment_of(story: Story) -> str:
    return story.began.at if story.began else story.steps[0].said.time


def _emergency(story: Story, before: Before, now: str) -> Emergency:
    began, glass, rounds = story.began, story.broken_glass, story.retro_rounds
    began_position = began.step.position if began else None
    authorized = [
        step.position
        for step in story.authorizations
        if began_position is not None and step.position < began_position
    ]
    stood = began is not None and bool(began.step.before.get("authorized_at"))
    outcome: Outcome = "not-required"
    if rounds:
        outcome = rounds[-1].outcome(now)
    elif began is not None and not stood:
        outcome = "missing"
    return Emergency(
        change=story.subject,
        status=story.state.get("status"),
        type=story.state.get("type"),
        requested_by=story.state.get("requested_by"),
        emergency_incident=story.state.get("emergency_incident"),
        position=story.steps[0].position,
        began_at=began.at if began else None,
        began_position=began_position,
        authorized_position=authorized[-1] if authorized and stood else None,
        break_glass=act_of(before, glass) if glass else None,
        outcome=outcome,
        due_at=rounds[-1].due_at if rounds else None,
        retro_approvals=tuple(_round(one, now) for one in rounds),
    )


def _round(one: RetroRound, now: str) -> Round:
    said: Mapping[str, Json] = one.decision.said.data if one.decision else {}
    return Round(
        outcome=one.outcome(now),
        request_position=one.request.position if one.request else None,
        due_at=one.due_at,
        decision_position=one.decision.position if one.decision else None,
        at=one.decided_at,
        by=said.get("retro_decided_by"),
        on_behalf_of=said.get("retro_decided_for"),
        content_hash=said.get("retro_content_hash"),
    )
