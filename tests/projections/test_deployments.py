"""The register of deployments: one row for each, with a verdict that is never older than what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.change_assessment import ChangeCancelled
from domain.change_authorization import ApprovalsInvalidated, ChangeAuthorized
from domain.change_evidence import CommitLinked
from domain.change_implementation import ImplementationCompleted, ImplementationStarted
from domain.change_planning import ChangeDrafted, ChangePlanAmended
from domain.common import Commented
from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.errors import Malformed
from domain.event import Event, event_class
from domain.reconciliation import CHANGE_MEMBERS, happened_at, reconciled
from projections.deployments import (
    SORTS,
    DeploymentFilter,
    DeploymentRegister,
    find_deployments,
)
from projections.runner import Runner
from projections.views import Views
from tests.domain.changes import WINDOW
from tests.domain.test_reconciliation import Recorded, change
from tests.projections.desk import BEN, Desk

CHANGE, OTHER = "change/CHG0010001", "change/CHG0010002"
RUN, SECOND = "deployment/RUN-1", "deployment/RUN-2"
THEN, AFTER = "2026-03-07T20:11:00.000000Z", "2026-03-07T21:30:00.000000Z"
APPROVED = "sha256:" + "5e" * 32

Stated = tuple[str, type[Event], Mapping[str, Any]]
DRAFTED: Stated = (CHANGE, ChangeDrafted, {"services": {"mail": True}, "window": WINDOW})
LINKED: Stated = (CHANGE, CommitLinked, {"commits": {"c0ffee": {}}})
AUTHORIZED: Stated = (
    CHANGE, ChangeAuthorized, {"authorized_at": "2026-03-04T10:00:00.000000Z", "authorized_hash": APPROVED},
)  # fmt: skip
STARTED: Stated = (CHANGE, ImplementationStarted, {"started_at": "2026-03-07T20:02:00.000000Z"})
DONE: Stated = (
    CHANGE, ImplementationCompleted, {"implemented_at": "2026-03-07T21:00:00.000000Z"},
)  # fmt: skip
LIVED = (DRAFTED, LINKED, AUTHORIZED, STARTED, DONE)


def run(subject: str = RUN, moment: str = THEN, **members: Any) -> Stated:
    told = {"environment": "production", "finished_at": moment, **members}
    return subject, DeploymentRecorded, told


def told(desk: Desk, *stated: Stated) -> Desk:
    for subject, event, data in stated:
        desk.tell(event, subject, data)
    return desk


def kept(desk: Desk, views: Views, batch_events: int = 100) -> None:
    Runner(desk, views, [DeploymentRegister()], batch_events=batch_events).run_until()


def rows(views: Views, **wanted: Any) -> list[Mapping[str, Any]]:
    return list(find_deployments(views, DeploymentFilter(**wanted), sort="number").rows)


def verdicts(views: Views) -> list[tuple[Any, ...]]:
    return [(row["verdict"], row["change"], row["found_by"]) for row in rows(views)]


def test_a_row_says_what_was_deployed_and_which_change_is_behind_it(views: Views) -> None:
    desk = told(Desk(), *LIVED, run(service="mail", deployed_by=BEN, artifact=APPROVED))

    kept(desk, views)

    (row,) = rows(views)
    expected: dict[str, Any] = {
        "subject": RUN, "number": "RUN-1", "status": "deployed", "service": "mail", "environment": "production",
        "happened_at": THEN, "finished_at": THEN, "named": None, "change": CHANGE, "verdict": "matched",
        "found_by": "service", "breaches": {}, "deployed_by": BEN, "artifact": APPROVED, "position": 6, "version": 1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert "state" not in row


@pytest.mark.parametrize("batch_events", [1, 2, 100])
@pytest.mark.parametrize(
    ("said", "by"),
    [
        ({"change": CHANGE}, "reference"),
        ({"commits": {"c0ffee": True}}, "commits"),
        ({"content_hash": APPROVED}, "content"),
        ({"service": "mail"}, "service"),
    ],
)
def test_what_is_told_of_the_change_afterwards_moves_the_verdict(
    views: Views, said: dict[str, Any], by: str, batch_events: int
) -> None:
    desk = told(Desk(), run(**said))
    kept(desk, views, batch_events)
    (before,) = verdicts(views)

    told(desk, *LIVED)
    kept(desk, views, batch_events)
    (after,) = verdicts(views)
    told(desk, (CHANGE, ChangeCancelled, {}))
    kept(desk, views, batch_events)
    (gone,) = verdicts(views)

    assert before[0] == gone[0] == "unmatched"
    assert after == ("matched", CHANGE, by)


def test_the_mark_and_the_service_that_a_change_loses_are_missed(views: Views) -> None:
    desk = told(Desk(), *LIVED, run(commits={"c0ffee": True}), run(SECOND, service="mail"))
    kept(desk, views)
    assert {one[0] for one in verdicts(views)} == {"matched"}

    told(
        desk, (CHANGE, ChangePlanAmended, {"services": {"mail": None}, "commits": {"c0ffee": None}})
    )
    kept(desk, views)

    assert {one[0] for one in verdicts(views)} == {"unmatched"}


def test_an_authorization_that_ended_authorizes_nothing(views: Views) -> None:
    desk = told(Desk(), *LIVED[:3], (CHANGE, ApprovalsInvalidated, {}), run(service="mail"))

    kept(desk, views)

    assert verdicts(views) == [("unmatched", None, None)]


def test_a_deployment_that_says_more_is_judged_again(views: Views) -> None:
    desk = told(Desk(), *LIVED, run(service="erp"))
    kept(desk, views)
    assert verdicts(views) == [("unmatched", None, None)]

    told(desk, (RUN, DeploymentFailed, {"change": CHANGE, "finished_at": AFTER}))
    kept(desk, views)

    (row,) = rows(views)
    assert (row["verdict"], row["status"], row["happened_at"]) == ("outside", "failed", AFTER)
    assert "its implementation ended at" in row["breaches"]["outside"]


def test_a_restored_service_is_no_deployment_and_what_has_no_time_happened_when_told(
    views: Views,
) -> None:
    desk = told(Desk(), (RUN, ServiceRestored, {}), (SECOND, DeploymentRecorded, {}))

    kept(desk, views)

    restored, deployed = rows(views)
    assert (restored["verdict"], deployed["verdict"]) == (None, "unmatched")
    assert deployed["happened_at"] == deployed["told"] == desk.written[1].time


@pytest.fixture
def three(views: Views) -> Views:
    desk = told(
        Desk(),
        *LIVED,
        run(service="mail"),
        run(SECOND, AFTER, change=CHANGE, service="mail"),
        run(
            "deployment/RUN-3", "2026-03-09T00:00:00.000000Z", service="erp", environment="staging"
        ),
        ("deployment/RUN-4", DeploymentFailed, {"finished_at": THEN, "change": OTHER}),
    )
    kept(desk, views)
    return views


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, "1234"),
        ({"verdict": ["unmatched", "outside"]}, "234"),
        ({"service": "mail"}, "12"),
        ({"environments": ["production"]}, "124"),
        ({"status": ["failed"]}, "4"),
        ({"change": CHANGE}, "12"),
        ({"change": OTHER}, "4"),
        ({"since": AFTER}, "23"),
        ({"until": AFTER}, "14"),
        ({"verdict": ["other-content"]}, ""),
    ],
)
def test_deployments_are_found_by(three: Views, wanted: dict[str, Any], numbers: str) -> None:
    assert "".join(row["number"][-1] for row in rows(three, **wanted)) == numbers


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
def test_pages_follow_on_without_gap_or_repetition(three: Views, sort: str) -> None:
    seen: list[Any] = []
    cursor = None
    while True:
        page = find_deployments(three, sort=sort, limit=1, cursor=cursor)
        seen += [row["subject"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break

    whole = [row["subject"] for row in find_deployments(three, sort=sort).rows]
    assert (seen, len(set(seen))) == (whole, 4)


def test_another_order_is_malformed(three: Views) -> None:
    with pytest.raises(Malformed, match="sort"):
        find_deployments(three, sort="verdict")


def test_other_families_and_what_changes_nothing_leave_it_alone(views: Views) -> None:
    desk = told(Desk(), *LIVED, run(service="mail"))
    kept(desk, views)

    told(
        desk,
        (CHANGE, event_class("itsm.change.commented.v1"), {}),
        ("incident/INC0010001", _reported(), {}),
    )
    kept(desk, views)

    assert verdicts(views) == [("matched", CHANGE, "service")]
    assert issubclass(event_class("itsm.change.commented.v1"), Commented)


def _reported() -> type[Event]:
    return event_class("itsm.incident.reported.v1")


class OnlyMembers(dict[str, Any]):
    """A state of which nobody looks at more than the register keeps."""

    def get(self, name: str, default: Any = None) -> Any:
        assert name in CHANGE_MEMBERS, name
        return super().get(name, default)


@pytest.mark.parametrize(
    "said", [{}, {"change": CHANGE}, {"commits": {"x": True}, "content_hash": APPROVED}]
)
def test_what_the_register_keeps_of_a_change_is_all_that_is_looked_at(said: dict[str, Any]) -> None:
    deployment = {"status": "deployed", "service": "mail", "finished_at": THEN, **said}
    whole = change(commits={"x": {}}, tests={"TST-1": {"artifact": APPROVED, "verdict": "passed"}})
    moment = happened_at(deployment)
    assert moment is not None

    found = reconciled(deployment, moment, Recorded(CHG0010001=OnlyMembers(whole)))

    assert found.change == CHANGE
