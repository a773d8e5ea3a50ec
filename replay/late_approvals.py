"""Approvals that were given, or recorded, after the implementation began that they were to precede.

A moment that nobody stated stays unknown: it is told as None, and never taken for another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ledger.ledger import Ledger
from replay.change_story import Said, Story, stories
from replay.period import Answered, Period

Why = Literal["dated-after", "recorded-after", "undated"]


@dataclass(frozen=True, slots=True)
class LateApproval:
    """`why`: it is dated after the implementation began, or was recorded after that was, or nobody dated it.

    `recorded-after` alone, of a change that a source observed, may say no more than in which order it told;
    `undated` alone says that it is not known. `began_exact` False: it began at `began_at` or before.
    """

    change: str
    status: str | None
    approval: str
    position: int
    by: str | None
    on_behalf_of: str | None
    at: str | None
    recordedtime: str
    decision: str | None
    recorded_by: str | None
    content_hash: str | None
    began_at: str
    began_exact: bool
    began_position: int
    why: tuple[Why, ...]


def late_approvals(ledger: Ledger, period: Period) -> Answered:
    """Of the approvals granted in the period (by their date, else when their entry happened), those that came
    after the implementation began, or may have. Retro-approvals are late by nature: see `emergencies`.
    """
    size = ledger.head().size
    found = [late for story in stories(ledger.database, size) for late in _late(story, period)]
    return Answered(period, size, tuple(found))


def _late(story: Story, period: Period) -> Iterator[LateApproval]:
    began = story.began
    if began is None:
        return
    for said in story.approvals:
        its, at = said.approval, said.approval.get("at")
        if its.get("verdict") != "granted" or not period.holds(at or said.step.said.time):
            continue
        why = tuple(_why(said, at, began.at, began.step.position))
        if why:
            yield LateApproval(
                change=story.subject,
                status=story.state.get("status"),
                approval=said.id,
                position=said.step.position,
                by=its.get("by"),
                on_behalf_of=its.get("on_behalf_of"),
                at=at,
                recordedtime=said.step.said.recordedtime,
                decision=said.step.said.decision,
                recorded_by=said.step.said.recordedby,
                content_hash=its.get("content_hash"),
                began_at=began.at,
                began_exact=began.is_exact,
                began_position=began.step.position,
                why=why,
            )


def _why(said: Said, at: str | None, began_at: str, began_position: int) -> Iterator[Why]:
    if at is None:
        yield "undated"
    elif at > began_at:
        yield "dated-after"
    if said.step.position > began_position:
        yield "recorded-after"
