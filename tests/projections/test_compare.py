"""Rebuilt equals live, or the rows that differ are named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, delete, insert, update

from ledger.entry import Entry
from projections.activity import ActivityByActor
from projections.compare import Difference, compare, compare_rebuilt
from projections.errors import ForeignLog, UnknownProjection, ViewNotReady
from projections.projection import Projection, Tables
from projections.registry import ACTIVITY, FLOW, PROJECTIONS, TICKETS
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import Desk


@pytest.fixture
def desk(views: Views) -> Desk:
    """A log of 40 events, and the read models of all of them."""
    desk = Desk()
    desk.live_through(8)
    Runner(desk, views, batch_events=7).run_until()
    return desk


def live(views: Views, projection: Projection) -> Tables:
    with views.reading(projection) as reading:
        return reading.tables


@pytest.mark.parametrize("name", [projection.name for projection in PROJECTIONS])
def test_rebuilt_equals_live(views: Views, desk: Desk, name: str) -> None:
    assert compare_rebuilt(desk, views, name) == []


def test_live_tables_are_compared_at_their_own_position(views: Views, desk: Desk) -> None:
    desk.live_through(5, first=100)

    assert [compare_rebuilt(desk, views, p.name) for p in PROJECTIONS] == [[]] * len(PROJECTIONS)


def test_a_changed_row_is_named_with_the_columns_that_differ(views: Views, desk: Desk) -> None:
    table = live(views, TICKETS)["tickets"]
    with views.writing() as connection:
        changed = table.c.number == "INC0000003"
        connection.execute(update(table).where(changed).values(status="new", priority=5))

    assert compare_rebuilt(desk, views, "tickets") == [
        Difference(
            "tickets",
            "tickets",
            ("incident/INC0000003",),
            {"status": "new", "priority": 5},
            {"status": "closed", "priority": 2},
        )
    ]


def test_a_missing_and_an_invented_row_are_named(views: Views, desk: Desk) -> None:
    table = live(views, FLOW)["statuses"]
    with views.writing() as connection:
        connection.execute(delete(table).where(table.c.subject == "incident/INC0000001"))
        connection.execute(insert(table), {"subject": "incident/INC0000009", "status": "new"})

    found = compare_rebuilt(desk, views, "flow")

    assert [(d.table, d.key[0], d.live is None, d.rebuilt is None) for d in found] == [
        ("statuses", "incident/INC0000001", True, False),
        ("statuses", "incident/INC0000009", False, True),
    ]


def test_no_more_differences_are_told_than_asked_for(views: Views, desk: Desk) -> None:
    with views.writing() as connection:
        connection.execute(delete(live(views, TICKETS)["tickets"]))

    assert len(compare_rebuilt(desk, views, "tickets")) == 8
    assert len(compare_rebuilt(desk, views, "tickets", limit=3)) == 3


def test_an_entry_that_was_parked_without_need_is_a_difference(views: Views) -> None:
    class Picky(ActivityByActor):
        def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
            super().apply(connection, tables, batch)
            if any(entry.position == 4 for entry in batch):
                raise LookupError

    desk = Desk()
    desk.live_through(1)
    Runner(desk, views, [Picky()]).run_until()

    found = compare(desk, views, ACTIVITY)

    assert [(d.table, d.key) for d in found if d.table == "parked"] == [("parked", (4,))]
    assert any(d.table == "activity" and d.live is None for d in found)


def test_tables_of_an_older_version_are_not_compared(views: Views, desk: Desk) -> None:
    class Newer(ActivityByActor):
        version = 2
        readable = frozenset({1})

    with pytest.raises(ViewNotReady, match="version 2 is built first"):
        compare(desk, views, Newer())


def test_read_models_of_another_log_are_refused(views: Views, desk: Desk) -> None:
    with pytest.raises(ForeignLog):
        compare_rebuilt(Desk(), views, "tickets")


def test_an_unknown_projection_is_refused(views: Views, desk: Desk) -> None:
    with pytest.raises(UnknownProjection):
        compare_rebuilt(desk, views, "weather")
