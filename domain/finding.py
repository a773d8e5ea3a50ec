"""Findings: a rule that the record shows to be broken, with the positions that show it, and what became of it.

Detectors raise them, each once, however often they look (`replay/detection`). A finding is never edited away: it is
acknowledged, remediated by something that happened, accepted as a risk for a time, or dismissed with a reason, each
by somebody entitled, and may be opened again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from pydantic import Field, StringConstraints

from domain.canonical import content_hash
from domain.command import Case, Command, Events, require
from domain.event import (
    MAX_SAFE_INTEGER,
    Count,
    Event,
    Json,
    Moment,
    Principal,
    Sha256,
    State,
    Subject,
    Text,
)
from domain.parts import has_parts
from domain.sets import members
from domain.thresholds import RuleId, Severity

LONGEST_SENTENCE = 500
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SENTENCE)]
Status = Literal["raised", "acknowledged", "remediated", "risk_accepted", "dismissed"]
Cause = Literal["recurred", "acceptance-ended"]
Position = Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
Concerned = dict[Subject, Literal[True]]
Controls = dict[Text, Literal[True]]
MOST_NAMED = 50
"""Subjects that a finding names at most."""
OPEN = ("raised", "acknowledged")


class FindingState(TypedDict, total=False):
    status: Status
    hash: str
    rule: str
    rule_version: str
    sentence: str
    severity: Severity
    controls: dict[str, Literal[True]]
    about: dict[str, Literal[True]]
    group: str
    first_position: int
    happened_at: str
    seen_at: str
    count: int
    last_position: int
    acknowledged_by: str
    acknowledged_at: str
    evidence_position: int
    remediated_by: str
    remediated_at: str
    accepted_by: str
    accepted_until: str
    dismissed_by: str
    reopened_by: str
    reopenings: int
    cause: Cause


def finding_hash(rule: str, rule_version: str, first_position: int) -> str:
    """What a finding is, whoever finds it: `sha256:` of the RFC 8785 form of `[rule, version, first position]`."""
    return content_hash([rule, rule_version, first_position])


class FindingRaised(Event, family="finding", source=(), to="raised"):
    """A rule is broken. `hash` is `finding_hash` of rule, version and first position: the same for whoever looks.

    `happened_at`: when it happened, as far as the entry at `first_position` tells; `seen_at`: when the ledger took that
    entry. The event itself has the time when it was raised. `group`: what of the rule's violations is the same one, seen
    again; `count`: how often that was by `last_position`.
    """

    example: ClassVar[Mapping[str, Json]] = {
        "hash": "sha256:" + "7c" * 32,
        "rule": "lone-self-approval",
        "rule_version": "1",
        "sentence": "Nobody but those who asked for it, or made it, approved what was implemented.",
        "severity": "high",
        "controls": {"iso27001_2022:A.5.3": True},
        "about": {"change/CHG0010042": True, "principal/PRN0000012": True},
        "group": "change/CHG0010042",
        "first_position": 1841,
        "happened_at": "2026-03-02T09:30:00.000000Z",
        "seen_at": "2026-03-02T09:30:00.412003Z",
        "count": 1,
        "last_position": 1841,
    }

    hash: Sha256
    rule: RuleId
    rule_version: Text
    sentence: Sentence
    severity: Severity
    controls: Controls
    about: Annotated[Concerned, Field(max_length=MOST_NAMED)]
    group: Text
    first_position: Position
    happened_at: Moment
    seen_at: Moment
    count: Count
    last_position: Position


class FindingRecurred(Event, family="finding"):
    """The same was seen again: `count` times in all, the last time at `last_position`. Told once a minute for many."""

    example: ClassVar[Mapping[str, Json]] = {"count": 17, "last_position": 2044}

    count: Count
    last_position: Position


class FindingAcknowledged(Event, family="finding", source=("raised",), to="acknowledged"):
    """Somebody looks after it."""

    example: ClassVar[Mapping[str, Json]] = {
        "acknowledged_by": "principal/PRN0000009",
        "acknowledged_at": "2026-03-02T10:00:00.000000Z",
    }

    acknowledged_by: Principal
    acknowledged_at: Moment


class FindingRemediated(
    Event, family="finding", source=("raised", "acknowledged", "risk_accepted"), to="remediated"
):
    """What was broken is whole again, as the entry at `evidence_position` shows."""

    asserts: ClassVar[Mapping[str, Json]] = {"accepted_until": None}
    example: ClassVar[Mapping[str, Json]] = {
        "evidence_position": 2051,
        "remediated_by": "principal/PRN0000009",
        "remediated_at": "2026-03-03T08:00:00.000000Z",
    }

    evidence_position: Position
    remediated_by: Principal
    remediated_at: Moment


class FindingRiskAccepted(
    Event, family="finding", source=("raised", "acknowledged"), to="risk_accepted"
):
    """Somebody who may bear the risk lives with it until then."""

    example: ClassVar[Mapping[str, Json]] = {
        "accepted_by": "principal/PRN0000004",
        "accepted_until": "2026-09-30T00:00:00.000000Z",
    }

    accepted_by: Principal
    accepted_until: Moment


class FindingDismissed(Event, family="finding", source=("raised", "acknowledged"), to="dismissed"):
    """It is none, for the reason that the envelope gives."""

    example: ClassVar[Mapping[str, Json]] = {"dismissed_by": "principal/PRN0000009"}

    dismissed_by: Principal


class FindingReopened(
    Event, family="finding", source=("remediated", "risk_accepted", "dismissed"), to="raised"
):
    """It is open again: it recurred, the acceptance ended, or somebody thinks better of it."""

    asserts: ClassVar[Mapping[str, Json]] = {"accepted_until": None}
    example: ClassVar[Mapping[str, Json]] = {
        "reopened_by": "principal/PRN0000009",
        "reopenings": 1,
        "cause": None,
    }

    reopened_by: Principal
    reopenings: Count
    cause: Cause | None


class RaiseFinding(Command, yields=FindingRaised):
    """Raise what a detector found. For the system."""

    example: ClassVar[Mapping[str, Any]] = {
        name: value for name, value in FindingRaised.example.items() if name != "hash"
    }

    rule: RuleId
    rule_version: Text
    sentence: Sentence
    severity: Severity
    controls: Controls
    about: Annotated[Concerned, Field(max_length=MOST_NAMED)]
    group: Text
    first_position: Position
    happened_at: Moment
    seen_at: Moment
    count: Count
    last_position: Position

    def names_entry(self) -> int:
        return self.last_position

    def decide(self, case: Case) -> Events:
        hash_ = finding_hash(self.rule, self.rule_version, self.first_position)
        return self.stating(hash=hash_, **self.given())


class RecordRecurrence(Command, yields=FindingRecurred):
    """Say how often it was seen by now. For the system."""

    example: ClassVar[Mapping[str, Any]] = {"count": 17, "last_position": 2044}

    count: Count
    last_position: Position

    def names_entry(self) -> int:
        return self.last_position

    def decide(self, case: Case) -> Events:
        seen = case.state.get("count", 0)
        told = f"it was seen {seen} times already, at {case.state.get('last_position')} last"
        later = self.last_position > case.state.get("last_position", 0)
        require(self.count > seen and later, "seen-more-often", told, case)
        return super().decide(case)


class AcknowledgeFinding(Command, yields=FindingAcknowledged):
    """Look after it from now on."""

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(acknowledged_by=case.actor, acknowledged_at=case.now)


class RemediateFinding(Command, yields=FindingRemediated):
    """Say that it is whole again, and which entry shows it. One that came after what it broke."""

    example: ClassVar[Mapping[str, Any]] = {
        "evidence_position": 2051,
        "reason": "The grant was revoked",
    }

    evidence_position: Position

    def names_entry(self) -> int:
        return self.evidence_position

    def decide(self, case: Case) -> Sequence[Event]:
        first = case.state["first_position"]
        told = f"it was broken at position {first}; {self.evidence_position} cannot show that it is whole"
        require(self.evidence_position > first, "evidence-after-the-fact", told, case)
        return self.stating(
            evidence_position=self.evidence_position,
            remediated_by=case.actor,
            remediated_at=case.now,
        )


class AcceptFindingRisk(Command, yields=FindingRiskAccepted, verb="accept-risk"):
    """Live with it until a moment. Then it is open again. Not for those whom it is about."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {
        "until": "2026-09-30T00:00:00Z",
        "reason": "Replaced with the new platform in autumn",
    }

    until: Moment

    def decide(self, case: Case) -> Sequence[Event]:
        told = f"until lies after now, {case.now}; got {self.until}"
        require(self.until > case.now, "until-in-future", told, case)
        return self.stating(accepted_by=case.actor, accepted_until=self.until)


class DismissFinding(Command, yields=FindingDismissed):
    """Say why it is none. Not for those whom it is about."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {"reason": "The source's clock was a day ahead"}

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(dismissed_by=case.actor)


class ReopenFinding(Command, yields=FindingReopened):
    """Open it again, and say why: by a reason, or by what caused it."""

    example: ClassVar[Mapping[str, Any]] = {"reason": "The revocation was undone"}

    cause: Cause | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        told = "reopen needs a reason, or a cause"
        require(bool(self.reason or self.cause), "reason-required", told, case)
        times = case.state.get("reopenings", 0) + 1
        return self.stating(reopened_by=case.actor, reopenings=times, cause=self.cause)


def _people(state: State) -> list[str]:
    return [one for one in members(state.get("about")) if one.startswith("principal/")]


has_parts(
    "finding",
    lambda state: {"concerned": _people(state), "acknowledger": [state.get("acknowledged_by")]},
)
