"""New tables are built beside the live ones and take their place; who reads meanwhile notices nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect, select, update

from projections.activity import ActivityByActor
from projections.errors import UnknownProjection, ViewNotReady
from projections.generations import create, drop_retired, swap
from projections.projection import Projection
from projections.runner import Runner
from projections.views import SCHEMA, Generation, Views
from tests.projections.desk import Desk


class Second(ActivityByActor):
    """The next version of the software, whose queries cannot read the first version's tables."""

    version = 2


class Compatible(ActivityByActor):
    """A next version that counts anew, and whose queries can read the first version's tables."""

    version = 2
    readable = frozenset({1})


FIRST = ActivityByActor()


def generations(views: Views) -> list[tuple[int, int, str, int]]:
    with views.looking() as connection:
        known = views.generations_of(connection, "activity")
    return [(g.generation, g.version, g.role, g.position) for g in known]


def tables(views: Views) -> set[str]:
    with views.looking() as connection:
        names = inspect(connection).get_table_names(
            SCHEMA if views.dialect == "postgresql" else None
        )
    return {name for name in names if name.startswith("activity")}


def position_read(views: Views, projection: Projection) -> int:
    with views.reading(projection) as reading:
        return reading.position


def of_role(views: Views, role: str) -> Generation:
    with views.looking() as connection:
        return next(g for g in views.generations_of(connection, "activity") if g.role == role)


def test_a_new_version_takes_the_old_ones_place_once_it_has_caught_up(views: Views) -> None:
    desk = Desk()
    desk.live_through(4)
    Runner(desk, views, [FIRST]).run_until()
    newer = Runner(desk, views, [Compatible()], batch_events=8)
    newer.prepare()

    seen = []
    while of_role(views, "live").version == 1:
        seen.append((position_read(views, Compatible()), newer.status()[0].state))
        newer.step()

    assert seen == [(20, "rebuilding")] * 3
    assert position_read(views, Compatible()) == 20
    newer.step()
    assert generations(views) == [(2, 2, "live", 20)]
    assert tables(views) == {"activity_v2_g2"}


def test_answers_never_go_back_when_the_old_software_still_runs(views: Views) -> None:
    desk = Desk()
    desk.live_through(2)
    older = Runner(desk, views, [FIRST], batch_events=10)
    older.run_until()
    newer = Runner(desk, views, [Second()], batch_events=10)
    newer.prepare()
    desk.live_through(2, first=3)

    older.step()
    newer.step()

    assert generations(views) == [(1, 1, "live", 20), (2, 2, "building", 10)]
    newer.step()
    assert of_role(views, "live").version == 2
    assert older.step() == 0


def test_what_cannot_be_read_yet_says_so(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)

    with pytest.raises(ViewNotReady, match="`itsm-ledger project` builds it"):
        position_read(views, FIRST)

    Runner(desk, views, [FIRST]).run_until()
    newer = Runner(desk, views, [Second()])
    newer.prepare()
    with pytest.raises(ViewNotReady, match="are version 1, this software reads version 2"):
        position_read(views, Second())
    assert newer.status()[0].state == "building"


def test_older_software_leaves_newer_tables_alone_until_told_to_go_back(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    Runner(desk, views, [Second()]).run_until()
    older = Runner(desk, views, [FIRST])

    older.run_until()

    assert older.status()[0].state == "replaced"
    with pytest.raises(ViewNotReady, match="run the newer software, or `itsm-ledger rebuild`"):
        position_read(views, FIRST)
    older.rebuild("activity")
    assert generations(views) == [(2, 1, "live", 5)]
    assert position_read(views, FIRST) == 5


def test_a_rebuild_replaces_rows_that_were_changed_behind_its_back(views: Views) -> None:
    desk = Desk()
    desk.live_through(3)
    runner = Runner(desk, views)
    runner.run_until()
    right = rows(views)
    with views.writing() as connection:
        table = views.tables_of(FIRST, of_role(views, "live"))["activity"]
        connection.execute(update(table).values(count=1_000))

    runner.rebuild("activity")

    assert rows(views) == right
    assert generations(views) == [(2, 1, "live", 15)]
    assert tables(views) == {"activity_v1_g2"}


def test_a_rebuild_gives_up_another_one_that_was_left_half_way(views: Views) -> None:
    desk = Desk()
    desk.live_through(3)
    runner = Runner(desk, views)
    runner.run_until()
    create(views, FIRST, rebuild=True)

    runner.rebuild("activity")

    runner.step()
    assert generations(views) == [(3, 1, "live", 15)]
    assert tables(views) == {"activity_v1_g3"}


def test_two_that_prepare_at_once_make_one_generation(views: Views) -> None:
    first = create(views, FIRST)
    second = create(views, FIRST)

    assert (first is not None, second) == (True, None)
    assert generations(views) == [(1, 1, "live", 0)]


def test_tables_that_are_behind_do_not_become_live(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    Runner(desk, views, [FIRST]).run_until()
    building = create(views, FIRST, rebuild=True)
    assert building is not None

    assert not swap(views, building)

    assert [(g, role) for g, _, role, _ in generations(views)] == [(1, "live"), (2, "building")]


def test_who_is_reading_keeps_the_tables_through_swap_and_drop(views: Views) -> None:
    desk = Desk()
    desk.live_through(2)
    runner = Runner(desk, views, [FIRST])
    runner.run_until()
    desk.live_through(1, first=3)

    with views.reading(FIRST) as reading:
        runner.rebuild("activity")
        swapped = of_role(views, "live").generation
        counts = [
            row.count for row in reading.connection.execute(select(reading.tables["activity"]))
        ]

    assert (swapped, reading.position) == (2, 10)
    assert len(counts) == 5
    runner.step()
    assert tables(views) == {"activity_v1_g2"}
    assert position_read(views, FIRST) == 15


def test_a_reader_whose_tables_were_dropped_before_it_looked_finds_the_new_ones(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    desk.live_through(2)
    runner = Runner(desk, views, [FIRST])
    runner.run_until()
    readable = Views._readable
    resolved: list[int] = []

    def overtaken(self: Views, *given: Any) -> Generation:
        found = readable(self, *given)
        resolved.append(found.generation)
        if len(resolved) == 1:
            runner.rebuild("activity")
        return found

    monkeypatch.setattr(Views, "_readable", overtaken)

    with views.reading(FIRST) as reading:
        read = len(reading.connection.execute(select(reading.tables["activity"])).all())

    # SQLite's snapshot still has the old tables; on PostgreSQL they are resolved again.
    assert resolved == ([1] if views.dialect == "sqlite" else [1, 2])
    assert read == 5


def test_dropping_waits_for_readers_without_stopping_the_runner(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    runner = Runner(desk, views, [FIRST])
    runner.run_until()

    with views.reading(FIRST):
        runner.rebuild("activity")
        left = [role for _, _, role, _ in generations(views)]
        desk.live_through(1, first=2)
        applied = runner.step()

    assert applied == 5
    assert left == (["live"] if views.dialect == "sqlite" else ["retired", "live"])


def test_dropping_twice_is_as_dropping_once(views: Views) -> None:
    desk = Desk()
    Runner(desk, views, [FIRST]).prepare()
    retired = of_role(views, "live")

    assert drop_retired(views, retired)
    assert drop_retired(views, retired)

    assert tables(views) == set()


def test_only_a_known_projection_is_rebuilt(views: Views) -> None:
    with pytest.raises(UnknownProjection):
        Runner(Desk(), views, [FIRST]).rebuild("tickets")


def rows(views: Views) -> list[tuple[Any, ...]]:
    with views.reading(FIRST) as reading:
        table = reading.tables["activity"]
        statement = select(table).order_by(*table.primary_key.columns)
        return [tuple(row) for row in reading.connection.execute(statement)]
