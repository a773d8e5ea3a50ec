"""The registers over what people really ordered: they hold what the log says, and `verify --deep` sees when not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from projections.changes import find_changes
from projections.compare import compare_rebuilt
from projections.registry import CHANGES, PROJECTIONS
from projections.runner import Runner
from projections.views import Views
from replay.verify_deep import read_model_comparisons
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import Desk


@pytest.fixture
def office(at: Desk) -> Office:
    """A change that was amended and implemented, one inside a freeze, and a broken glass."""
    office = Office.of(at)
    interval = {"start": hours_later(1), "end": hours_later(9)}
    said: dict[str, Any] = {"services": ["erp"], "interval": interval, "reason": "Closing"}
    freeze = office.does("EVA", "declare", family="freeze", **said).subject
    done = office.scheduled(hours=(2, 4))
    office.does("RUTH", "amend-plan", done, services=["mail", "web"])
    office.approves("ANNE", done)
    office.does("MIA", "schedule", done)
    inside = office.drafted(hours=(5, 6), services=["erp"])
    office.does("EVA", "grant-exception", freeze, family="freeze", change=inside)
    office.implemented(done, 2)
    office.broken_glass()
    office.does("ADA", "revoke", office.annes_grant, family="grant", reason="Moved on")
    return office


@pytest.fixture
def views(at: Desk) -> Iterator[Views]:
    views = Views(at.house.settings.resolved_views_url)
    yield views
    views.close()


def test_live_registers_are_what_a_rebuild_makes_of_the_log(office: Office, views: Views) -> None:
    ledger = office.house.ledger
    runner = Runner(ledger, views, batch_events=7)

    runner.run_until()

    assert {status.projection: status.parked for status in runner.status()} == {
        projection.name: 0 for projection in PROJECTIONS
    }
    assert len(find_changes(views).rows) == 3
    found = {one.name: compare_rebuilt(ledger, views, one.name) for one in PROJECTIONS}
    assert found == {one.name: [] for one in PROJECTIONS}


def test_a_register_that_was_changed_by_hand_is_seen(office: Office, views: Views) -> None:
    ledger = office.house.ledger
    Runner(ledger, views).run_until()
    with views.reading(CHANGES) as reading:
        table = reading.tables["changes"]
    with views.writing() as connection:
        connection.execute(update(table).where(table.c.break_glass).values(break_glass=False))

    problems = [one for compare in read_model_comparisons(ledger, views) for one in compare()]

    assert [problem.kind for problem in problems] == ["read-model"]
    assert "break_glass" in problems[0].message
