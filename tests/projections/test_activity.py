"""Activity by actor: who did how much of what, on the days on which it happened."""

from __future__ import annotations

from projections.activity import ActivityByActor, activity_of, top_actors
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk


def counted(desk: Desk, views: Views) -> None:
    Runner(desk, views, [ActivityByActor()], batch_events=7).run_until()


def test_each_actor_s_events_are_counted_by_day_family_and_type(views: Views) -> None:
    desk = Desk()
    desk.live_through(3)

    counted(desk, views)

    assert activity_of(views, ADA).rows == [
        {
            "actor": ADA,
            "day": "2026-03-01",
            "family": "incident",
            "type": "itsm.incident.reported.v1",
            "count": 3,
            "first_position": 1,
            "last_position": 11,
        }
    ]
    assert [row["count"] for row in activity_of(views, BEN).rows] == [3, 3, 3, 3]


def test_a_period_includes_its_first_and_its_last_day(views: Views) -> None:
    desk = Desk()
    desk.live_through(2)
    counted(desk, views)

    found = activity_of(views, BEN, since="2026-03-03", until="2026-03-04")

    assert [row["day"] for row in found.rows] == ["2026-03-03", "2026-03-04"]
    assert found.position == 10


def test_a_late_fact_counts_on_the_day_it_happened(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    counted(desk, views)
    desk.live_through(1, first=2)
    counted(desk, views)

    (row,) = activity_of(views, ADA).rows

    assert (row["day"], row["count"]) == ("2026-03-01", 2)
    assert (row["first_position"], row["last_position"]) == (1, 6)


def test_the_busiest_come_first(views: Views) -> None:
    desk = Desk()
    desk.live_through(3)
    counted(desk, views)

    found = top_actors(views)

    assert found.rows == [
        {"actor": BEN, "count": 12, "days": 4, "last_position": 15},
        {"actor": ADA, "count": 3, "days": 1, "last_position": 11},
    ]
    assert top_actors(views, limit=1).rows == found.rows[:1]
    assert top_actors(views, family="request").rows == []
    assert [row["actor"] for row in top_actors(views, until="2026-03-01").rows] == [ADA]


def test_nobody_has_done_nothing(views: Views) -> None:
    counted(Desk(), views)

    assert (activity_of(views, ADA).rows, activity_of(views, ADA).position) == ([], 0)
