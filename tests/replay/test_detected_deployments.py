"""Deployments without an authorized change, outside of it, or of other content are found; others are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.change_authorization import ApprovalsInvalidated, ChangeAuthorized
from domain.change_evidence import CommitLinked
from domain.change_implementation import ImplementationCompleted, ImplementationStarted
from domain.change_planning import ChangeDrafted
from domain.change_retro_approval import RetroApprovalGranted
from domain.change_review import UnauthorizedChangeDetected
from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.event import Event
from ledger.ledger import recorded
from replay.change_index import ChangeIndex
from replay.detection.deployment_other_content import DeploymentOtherContent
from replay.detection.deployment_outside_window import DeploymentOutsideWindow
from replay.detection.examine import Examination, Fault, Violation, Whole
from replay.detection.registry import DETECTORS
from replay.detection.unmatched_deployment import UnmatchedDeployment
from tests.domain.changes import WINDOW
from tests.replay.given_log import Desk
from tests.replay.test_whatif import Stated

CHANGE, RUN = "change/CHG0010009", "deployment/RUN-1"
OPENED = "change/CHG0010010"
THEN, DONE = "2026-03-07T20:11:00.000000Z", "2026-03-07T21:00:00.000000Z"
AFTER = "2026-03-07T21:30:00.000000Z"
OURS = (UnmatchedDeployment(), DeploymentOutsideWindow(), DeploymentOtherContent())
APPROVED, OTHER = "sha256:" + "5e" * 32, "sha256:" + "6f" * 32

AUTHORIZED = (
    ChangeDrafted(type="normal", services={"mail": True}, window=WINDOW),
    CommitLinked(commits={"c0ffee": {}}),
    ChangeAuthorized(authorized_at="2026-03-04T10:00:00.000000Z", authorized_hash=APPROVED),
)
UNDER_WAY = (*AUTHORIZED, ImplementationStarted(started_at="2026-03-07T20:02:00.000000Z"))
LIVED = (*UNDER_WAY, ImplementationCompleted(implemented_at=DONE))


def states(at: Desk, subject: str, *events: Event) -> None:
    recorded(at.house.ledger.writer.submit([Stated([(subject, one) for one in events])])[0])


def run(moment: str = THEN, **members: Any) -> DeploymentRecorded:
    return DeploymentRecorded(environment="production", finished_at=moment, **members)


def seen(at: Desk, after: int = 0) -> Sequence[Violation | Whole | Fault]:
    return list(
        Examination(at.house.ledger.database, OURS, after).over(at.house.ledger.head().size)
    )


def rules(at: Desk) -> list[str]:
    return [one.rule for one in seen(at) if isinstance(one, Violation)]


def test_they_are_run() -> None:
    assert {type(one) for one in OURS} <= {type(one) for one in DETECTORS}


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"change": CHANGE}, []),
        ({"service": "mail"}, []),
        ({"commits": {"c0ffee": True}}, []),
        ({"content_hash": APPROVED}, []),
        ({"service": "erp"}, ["unmatched-deployment"]),
        ({"change": "change/CHG0010099", "service": "mail"}, ["unmatched-deployment"]),
        ({"change": CHANGE, "moment": AFTER}, ["deployment-outside-window"]),
        ({"change": CHANGE, "content_hash": OTHER}, ["deployment-other-content"]),
        (
            {"change": CHANGE, "moment": AFTER, "commits": {"bad": True}},
            ["deployment-outside-window", "deployment-other-content"],
        ),
    ],
)
def test_each_breach_is_shown_by_its_detector(
    at: Desk, told: dict[str, Any], rule: list[str]
) -> None:
    states(at, CHANGE, *LIVED)

    states(at, RUN, run(**told))

    assert rules(at) == rule
    assert all(not isinstance(one, Fault) for one in seen(at))


def test_a_violation_says_which_deployment_and_change_and_when_it_happened(at: Desk) -> None:
    states(at, CHANGE, *LIVED)
    states(at, RUN, run(AFTER, change=CHANGE))

    (one,) = seen(at)

    assert isinstance(one, Violation)
    assert (one.about, one.group, one.happened_at) == ((CHANGE, RUN), RUN, AFTER)
    assert one.position == at.house.ledger.head().size


def test_it_counts_when_it_happened_whether_it_was_told_early_or_late(at: Desk) -> None:
    states(at, CHANGE, *UNDER_WAY)
    states(at, RUN, run(service="mail"))
    states(at, CHANGE, *LIVED[len(UNDER_WAY) :])
    states(at, "deployment/RUN-2", run(service="mail"))

    assert rules(at) == []


def test_other_environments_need_no_change_and_a_restored_service_is_no_deployment(
    at: Desk,
) -> None:
    states(at, RUN, DeploymentRecorded(environment="staging", finished_at=THEN))
    states(at, "deployment/RUN-2", ServiceRestored(restored_at=THEN))

    assert seen(at) == []


def test_a_failed_deployment_needs_a_change_too_by_the_time_of_its_fact(at: Desk) -> None:
    states(at, RUN, DeploymentFailed(service="mail"))

    (one,) = seen(at)

    assert isinstance(one, Violation)
    assert one.rule == "unmatched-deployment"
    assert one.happened_at == at.house.ledger.entries(one.position - 1, 1)[0].time


def test_naming_the_right_change_later_ends_the_violation(at: Desk) -> None:
    states(at, CHANGE, *LIVED)
    states(at, RUN, run(service="erp"), run(change=CHANGE))

    shown, *whole = seen(at)

    assert isinstance(shown, Violation)
    assert ("unmatched-deployment", RUN) in {
        (one.rule, one.group) for one in whole if isinstance(one, Whole)
    }


def test_a_fact_that_adds_nothing_does_not_open_it_again(at: Desk) -> None:
    states(at, RUN, run())
    states(at, OPENED, UnauthorizedChangeDetected(deployment=RUN), RetroApprovalGranted())
    states(at, RUN, ServiceRestored())

    shown, *rest = seen(at)

    assert isinstance(shown, Violation)
    assert not [one for one in rest if isinstance(one, Violation)]


def test_the_approval_afterwards_of_the_change_that_was_opened_for_it_ends_it(at: Desk) -> None:
    states(at, RUN, run())
    states(at, OPENED, UnauthorizedChangeDetected(deployment=RUN), RetroApprovalGranted())
    states(at, CHANGE, RetroApprovalGranted())

    shown, whole = seen(at)

    assert isinstance(shown, Violation)
    assert isinstance(whole, Whole)
    assert whole.group == RUN


@pytest.mark.parametrize("name", ["reference", "mark", "service"])
def test_it_is_the_same_wherever_the_walk_begins(at: Desk, name: str) -> None:
    told: dict[str, dict[str, Any]] = {
        "reference": {"change": CHANGE},
        "mark": {"commits": {"c0ffee": True}},
    }
    states(at, CHANGE, *LIVED)
    begin = at.house.ledger.head().size
    states(
        at, RUN, run(AFTER, **told.get(name, {"service": "mail"})), run(service="erp", change=None)
    )

    assert seen(at, begin) == seen(at)
    assert len(seen(at)) >= 1


def test_a_change_that_lost_its_authorization_is_found_no_more(at: Desk) -> None:
    states(at, CHANGE, *AUTHORIZED, ApprovalsInvalidated())
    states(at, RUN, run(service="mail", commits={"c0ffee": True}))

    assert rules(at) == ["unmatched-deployment"]


def test_the_index_holds_nothing_of_changes_that_are_not_authorized() -> None:
    authorized: dict[str, Any] = {
        "authorized_at": THEN, "services": {"mail": True}, "window": WINDOW, "commits": {"c0ffee": {}},
    }  # fmt: skip
    states = {CHANGE: authorized}
    index = ChangeIndex(states)

    index.moved(CHANGE, {}, authorized)
    assert (list(index.marked("commit c0ffee")), list(index.on_service("mail", THEN))) == (
        [CHANGE],
        [CHANGE],
    )
    assert list(index.on_service("mail", "2026-03-08T20:00:00.000000Z")) == []

    index.moved(CHANGE, authorized, {**authorized, "authorized_at": None})
    assert (list(index.marked("commit c0ffee")), list(index.on_service("mail", THEN))) == ([], [])
