"""A finding from when it is raised to its end: what may become of it, and what shows it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.by_policy import by_policy
from domain.finding import (
    AcceptFindingRisk,
    AcknowledgeFinding,
    DismissFinding,
    FindingAcknowledged,
    FindingDismissed,
    FindingRaised,
    FindingRecurred,
    FindingRemediated,
    FindingReopened,
    FindingRiskAccepted,
    RaiseFinding,
    RecordRecurrence,
    RemediateFinding,
    ReopenFinding,
    finding_hash,
)
from domain.parts import parts_in
from domain.timers import timers_of
from tests.given import ADA, BEN, NOW, SYSTEM, Given, given
from tests.open_door import open_door

FINDING = "finding/FND0000001"
LATER = "2026-09-30T00:00:00.000000Z"
SAID: dict[str, Any] = {name: v for name, v in FindingRaised.example.items() if name != "hash"}
raised = FindingRaised.model_validate(FindingRaised.example)
acknowledged = FindingAcknowledged(acknowledged_by=BEN, acknowledged_at=NOW)
remediated = FindingRemediated(evidence_position=1900, remediated_by=BEN, remediated_at=NOW)
accepted = FindingRiskAccepted(accepted_by=BEN, accepted_until=LATER)
dismissed = FindingDismissed(dismissed_by=BEN)


def finding(*events: Any) -> Given:
    return given(*events, subject=FINDING, may=open_door)


def test_a_finding_is_the_hash_of_rule_version_and_first_position() -> None:
    hash_ = finding_hash("lone-self-approval", "1", 1841)

    finding().when(RaiseFinding(**SAID), actor=SYSTEM).then(FindingRaised(**SAID, hash=hash_))

    assert hash_ == "sha256:" + _sha256(b'["lone-self-approval","1",1841]')
    assert hash_ != finding_hash("lone-self-approval", "2", 1841)


def _sha256(raw: bytes) -> str:
    import hashlib

    return hashlib.sha256(raw).hexdigest()


def test_what_recurs_is_counted_upwards_only() -> None:
    often = RecordRecurrence(count=17, last_position=2044)

    finding(raised).when(often, actor=SYSTEM).then(FindingRecurred(count=17, last_position=2044))
    finding(raised, FindingRecurred(count=17, last_position=2044)).when(often).refused(
        "seen-more-often"
    )
    fewer = RecordRecurrence(count=1, last_position=2044)
    finding(raised).when(fewer).refused("seen-more-often")


def test_somebody_looks_after_it_and_shows_that_it_is_whole() -> None:
    finding(raised).when(AcknowledgeFinding(), actor=BEN).then(acknowledged)
    remedy = RemediateFinding(evidence_position=1900)
    finding(raised, acknowledged).when(remedy, actor=BEN).then(remediated)


def test_what_came_before_it_cannot_show_that_it_is_whole() -> None:
    for position in (1, 1840, 1841):
        remedy = RemediateFinding(evidence_position=position)
        finding(raised).when(remedy).refused("evidence-after-the-fact")


def test_a_risk_is_accepted_for_a_time_and_with_a_reason() -> None:
    until = AcceptFindingRisk(until=LATER, reason="Replaced in autumn")
    finding(raised).when(until, actor=BEN).then(accepted)
    finding(raised).when(AcceptFindingRisk(until=LATER)).refused("reason-required")
    past = AcceptFindingRisk(until=NOW, reason="Replaced in autumn")
    finding(raised).when(past).refused("until-in-future")


def test_when_the_acceptance_ends_it_is_open_again() -> None:
    state = finding(raised, accepted).state

    (timer,) = timers_of(FINDING, state)

    assert timer.due == LATER
    finding(raised, accepted).when(timer.command, actor=SYSTEM).then(
        FindingReopened(reopened_by=SYSTEM, reopenings=1, cause="acceptance-ended")
    )
    assert timers_of(FINDING, finding(raised).state) == []


def test_a_dismissal_needs_a_reason_and_can_be_undone() -> None:
    finding(raised).when(DismissFinding()).refused("reason-required")
    finding(raised).when(DismissFinding(reason="A clock was wrong"), actor=BEN).then(dismissed)
    again = ReopenFinding(reason="It was not the clock")
    finding(raised, dismissed).when(again, actor=ADA).then(
        FindingReopened(reopened_by=ADA, reopenings=1, cause=None)
    )
    finding(raised, dismissed).when(ReopenFinding()).refused("reason-required")


@pytest.mark.parametrize("ended", [remediated, dismissed])
def test_what_is_over_is_not_judged_again(ended: Any) -> None:
    for order in (
        AcknowledgeFinding(),
        DismissFinding(reason="No"),
        AcceptFindingRisk(until=LATER, reason="No"),
        RemediateFinding(evidence_position=1900),
    ):
        finding(raised, ended).when(order).refused("transition")


def test_whom_it_is_about_is_told_apart() -> None:
    parts = parts_in("finding", finding(raised, acknowledged).state)

    assert parts == {"concerned": {"principal/PRN0000012"}, "acknowledger": {BEN}}


def test_nobody_raises_a_finding_without_a_policy() -> None:
    given(subject=FINDING, may=by_policy).when(RaiseFinding(**SAID)).refused("no-policy-in-force")
