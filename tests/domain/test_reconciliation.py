"""Deployments and changes: which belong together, and what is wrong with how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.change import ChangeState
from domain.event import State
from domain.moments import LATEST
from domain.reconciliation import (
    Reconciled,
    claim_of,
    counts,
    happened_at,
    marks_of_change,
    marks_of_deployment,
    reconciled,
)
from domain.sets import members
from domain.thresholds import Thresholds
from tests.domain.changes import ARTIFACT, OTHER, WINDOW

CHANGE = "change/CHG0010001"
APPROVED = "sha256:" + "5e" * 32
ANOTHER = "sha256:" + "6f" * 32
AUTHORIZED_AT, BEGAN = "2026-03-04T10:00:00.000000Z", "2026-03-07T20:02:00.000000Z"
DONE = "2026-03-07T21:10:00.000000Z"
THEN = "2026-03-07T20:11:00.000000Z"
BEFORE_WINDOW = "2026-03-07T19:59:59.999999Z"


class Recorded:
    """Changes as a test has them: everything is a candidate, so that the decision has to tell them apart."""

    def __init__(self, **changes: Any) -> None:
        self.states = {f"change/{name}": state for name, state in changes.items()}

    def state(self, subject: str) -> State:
        return self.states.get(subject, {})

    def marked(self, mark: str) -> Iterable[str]:
        return (name for name, one in self.states.items() if mark in set(marks_of_change(one)))

    def on_service(self, service: str, moment: str) -> Iterator[str]:
        return iter(self.states)


def change(**members: Any) -> ChangeState:
    state: Any = {
        "status": "closed",
        "services": {"mail": True},
        "authorized_at": AUTHORIZED_AT,
        "authorized_hash": APPROVED,
        "window": WINDOW,
        "started_at": BEGAN,
        "implemented_at": DONE,
        **members,
    }
    return state


def run(moment: str = THEN, **members: Any) -> dict[str, Any]:
    return {"status": "deployed", "service": "mail", "finished_at": moment, **members}


def found(deployment: State, **changes: Any) -> Reconciled:
    moment = happened_at(deployment)
    assert moment is not None
    return reconciled(deployment, moment, Recorded(**changes))


REFERRING = run(change=CHANGE, service="another")


def test_a_deployment_belongs_to_the_change_that_it_names() -> None:
    one = found(REFERRING, CHG0010001=change(), CHG0010002=change())

    assert (one.verdict, one.change, one.by) == ("matched", CHANGE, "reference")


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ({"commits": {"c0ffee": True}}, "commits"),
        ({"content_hash": APPROVED}, "content"),
        ({"artifact": ARTIFACT}, "content"),
        ({"service": "mail"}, "service"),
    ],
)
def test_without_a_reference_commits_content_and_service_find_the_change(
    told: dict[str, Any], by: str
) -> None:
    tests = {"TST-1": {"artifact": ARTIFACT, "verdict": "passed"}}
    linked = change(commits={"c0ffee": {}}, tests=tests)

    one = found({**run(service="unknown"), **told}, CHG0010001=linked)

    assert (one.verdict, one.change, one.by) == ("matched", CHANGE, by)


def test_the_ways_are_tried_in_their_order_and_one_without_a_breach_is_preferred() -> None:
    by_commit = change(commits={"c0ffee": {}}, services={"another": True}, authorized_hash=ANOTHER)
    by_content = change(services={"another": True})
    told = run(commits={"c0ffee": True})

    assert found(told, CHG0010002=by_commit, CHG0010003=change()).by == "commits"
    assert found(
        {**told, "content_hash": APPROVED}, CHG0010002=by_commit, CHG0010003=by_content
    ) == (Reconciled("change/CHG0010003", "content"))
    breached = found({**told, "content_hash": APPROVED}, CHG0010002=by_commit)
    assert (breached.verdict, breached.by) == ("other-content", "commits")


def test_an_artifact_that_failed_its_test_marks_nothing() -> None:
    failed = change(tests={"TST-1": {"artifact": ARTIFACT, "verdict": "failed"}})

    assert (
        found(run(service="unknown", artifact=ARTIFACT), CHG0010001=failed).verdict == "unmatched"
    )


@pytest.mark.parametrize(
    ("its", "why"),
    [
        ({}, "is not recorded"),
        ({"status": "draft"}, "is not authorized"),
        ({"authorized_at": DONE}, f"was authorized at {DONE} only"),
        ({"authorized_at": AUTHORIZED_AT, "status": "cancelled"}, "is not authorized"),
        ({"authorized_at": AUTHORIZED_AT, "status": "rejected"}, "is not authorized"),
    ],
)
def test_no_other_change_stands_in_for_one_that_is_named_and_was_not_authorized(
    its: dict[str, Any], why: str
) -> None:
    one = found(run(change=CHANGE), CHG0010001=its, CHG0010002=change())

    assert one == Reconciled(CHANGE, "reference", {"unmatched": f"{CHANGE} {why}"})


def test_what_nobody_authorized_is_unmatched() -> None:
    assert found(run()).verdict == "unmatched"
    assert found(run(), CHG0010001=change(authorized_at=None)).verdict == "unmatched"
    assert found(run(), CHG0010001=change(services={"erp": True})).verdict == "unmatched"
    assert found(run("2026-03-08T20:11:00.000000Z"), CHG0010001=change()).verdict == "unmatched"
    assert found({"status": "failed", "finished_at": THEN}, CHG0010001=change()).change is None
    over = found(run("2026-03-07T21:30:00.000000Z"), CHG0010001=change())
    assert (over.verdict, over.change) == ("unmatched", None), "nothing but its time ties it to it"


@pytest.mark.parametrize(
    ("moment", "its", "why"),
    [
        (BEFORE_WINDOW, {}, "its window is"),
        (WINDOW["end"], {"implemented_at": None}, "its window is"),
        (WINDOW["start"], {}, f"its implementation began at {BEGAN}"),
        ("2026-03-07T21:10:00.000001Z", {}, f"its implementation ended at {DONE}"),
        (THEN, {"started_at": None, "status": "scheduled"}, "its implementation had not begun"),
    ],
)
def test_outside_its_window_or_its_implementation_is_outside(
    moment: str, its: dict[str, Any], why: str
) -> None:
    one = found(run(moment, change=CHANGE), CHG0010001=change(**its))

    assert one.verdict == "outside"
    assert why in one.breaches["outside"]


@pytest.mark.parametrize("moment", [BEGAN, DONE])
def test_the_ends_of_the_implementation_belong_to_it(moment: str) -> None:
    assert found(run(moment, change=CHANGE), CHG0010001=change()).verdict == "matched"


def test_a_run_that_began_before_the_window_is_outside() -> None:
    early = run(change=CHANGE, started_at=BEFORE_WINDOW)

    assert found(early, CHG0010001=change()).verdict == "outside"


def test_the_window_that_was_approved_counts_and_undoing_belongs_to_the_change() -> None:
    wide = {"start": "2026-03-07T18:00:00.000000Z", "end": "2026-03-08T00:00:00.000000Z"}
    undone = change(approved_window=wide, rolled_back_at="2026-03-07T23:00:00.000000Z")

    assert found(run("2026-03-07T22:30:00.000000Z", change=CHANGE), CHG0010001=undone).verdict == (
        "matched"
    )


def test_an_emergency_waits_for_no_window_but_for_its_beginning() -> None:
    broken = change(
        window=None, authorized_at=None, authorized_hash=None, break_glass_at=BEGAN,
        emergency_incident="incident/INC0010077", implemented_at=None, status="implementing",
    )  # fmt: skip

    assert found(run(), CHG0010001=broken).by == "service"
    assert found(run("2026-03-20T00:00:00.000000Z"), CHG0010001=broken).verdict == "matched"
    assert found(run(BEFORE_WINDOW, change=CHANGE), CHG0010001=broken).verdict == "unmatched"
    assert claim_of(broken) == {"start": BEGAN, "end": LATEST}


def test_what_was_deployed_is_what_was_approved() -> None:
    other = found(run(change=CHANGE, content_hash=ANOTHER), CHG0010001=change())
    more = found(
        run(change=CHANGE, commits={"c0ffee": True, "bad": True}),
        CHG0010001=change(commits={"c0ffee": {}}),
    )

    assert other.breaches["other-content"].endswith(
        f"{APPROVED} was approved, {ANOTHER} was deployed"
    )
    assert more.breaches["other-content"].endswith("it does not link the deployed bad")
    assert (
        found(run(change=CHANGE, commits={"bad": True}), CHG0010001=change()).verdict == "matched"
    )


def test_every_breach_is_told_the_gravest_first() -> None:
    both = found(run(WINDOW["end"], change=CHANGE, content_hash=ANOTHER), CHG0010001=change())

    assert list(both.breaches) == ["outside", "other-content"]
    assert both.verdict == "outside"


def test_of_several_changes_it_is_always_the_same_one() -> None:
    assert found(run(), CHG0010002=change(), CHG0010001=change()).change == CHANGE
    assert found(run(), CHG0010001=change(started_at=DONE), CHG0010002=change()).change == OTHER


def test_the_environment_decides_whether_a_change_has_to_stand_behind_it() -> None:
    both = Thresholds(reconciled_environments=["production", "staging"])

    assert counts(run(environment="production"), Thresholds())
    assert not counts(run(environment="staging"), Thresholds())
    assert counts(run(environment="staging"), both)
    assert counts(run(), Thresholds()), "to leave it out is no way round"
    assert not counts({"status": "restored", "restored_at": THEN}, Thresholds())
    assert counts({"status": "restored", "finished_at": THEN}, Thresholds())


@given(
    some.dictionaries(some.sampled_from(["window", "commits", "tests", "services"]), some.none()),
    some.dictionaries(some.sampled_from(["commits", "service", "change"]), some.none()),
)
def test_what_was_cleared_is_as_if_it_was_never_told(its: State, told: State) -> None:
    one = reconciled({**run(), **told}, THEN, Recorded(CHG0010001=change(**its)))

    assert one.verdict in {"matched", "unmatched"}


def test_the_marks_of_both_meet() -> None:
    told = run(commits={"c0ffee": True, "gone": False}, content_hash=APPROVED, artifact=ARTIFACT)

    assert list(marks_of_deployment(told)) == [
        "commit c0ffee", f"artifact {ARTIFACT}", f"content {APPROVED}",
    ]  # fmt: skip
    assert members(told["commits"]) == {"c0ffee"}
