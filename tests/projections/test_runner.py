"""The runner's promises: batch and position together, nothing twice, nothing silently left out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ledger.entry import Entry
from ledger.errors import CorruptEntry, StorageFailed
from projections.activity import ActivityByActor, top_actors
from projections.errors import BeyondHead, UnknownProjection
from projections.generations import advance
from projections.projection import Tables
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import NOW, Desk, running, wait_until

REGISTERED = tuple(projection.name for projection in PROJECTIONS)


class Fragile(ActivityByActor):
    """Cannot take entries at these positions."""

    positions: frozenset[int] = frozenset()

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        super().apply(connection, tables, batch)
        for entry in batch:
            if entry.position in self.positions:
                raise ValueError(f"a value that nobody should read: {entry.attributes['authid']}")


class Crashing(ActivityByActor):
    """Fails once, after it has written, as a process does that is killed."""

    crashes = 1

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        super().apply(connection, tables, batch)
        if self.crashes:
            self.crashes -= 1
            raise OperationalError("COMMIT", {}, Exception("connection lost"))


def counted(views: Views) -> int:
    return sum(row["count"] for row in top_actors(views).rows)


def test_every_projection_reaches_the_head_in_batches(views: Views) -> None:
    desk = Desk()
    desk.live_through(23)
    told: list[tuple[str, int, int]] = []

    Runner(desk, views, batch_events=50).run_until(progress=lambda *args: told.append(args))

    status = Runner(desk, views).status()
    assert [(s.projection, s.position, s.lag, s.parked, s.state) for s in status] == [
        (name, 115, 0, 0, "current") for name in REGISTERED
    ]
    assert [position for name, position, _ in told if name == "flow"] == [50, 100, 115]


def test_lag_is_told_while_the_log_is_ahead(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    runner = Runner(desk, views)
    runner.run_until()

    desk.live_through(2, first=2)

    assert {(s.position, s.lag, s.state) for s in runner.status()} == {(5, 10, "behind")}


def test_an_entry_that_does_not_fit_is_parked_and_the_rest_goes_on(views: Views) -> None:
    desk = Desk()
    desk.live_through(20)
    fragile = Fragile()
    fragile.positions = frozenset({1, 37, 38, 100})
    runner = Runner(desk, views, [fragile], batch_events=60)

    runner.run_until()

    (status,) = runner.status()
    assert (status.position, status.parked) == (100, 4)
    assert [parked.position for parked in runner.parked("activity")] == [1, 37, 38, 100]
    assert counted(views) == 96


def test_what_is_parked_says_where_it_failed_and_repeats_no_value(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    fragile = Fragile()
    fragile.positions = frozenset({2})
    runner = Runner(desk, views, [fragile])

    runner.run_until()

    (parked,) = runner.parked("activity")
    assert parked.error.startswith("ValueError at test_runner.py:")
    assert "principal" not in parked.error
    assert parked.time == NOW


def test_a_type_that_this_software_does_not_know_is_parked_where_it_matters(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    raw = desk.written[2].raw.replace(b"work-started", b"work-foreseen")
    desk.written[2] = Entry(3, raw)
    runner = Runner(desk, views)

    runner.run_until()

    parked = {status.projection: status.parked for status in runner.status()}
    assert parked == {**dict.fromkeys(REGISTERED, 0), "flow": 1}
    assert runner.parked("flow")[0].error.startswith("unknown-type: ")


def test_a_database_that_fails_parks_nothing_and_loses_nothing(views: Views) -> None:
    desk = Desk()
    desk.live_through(4)
    crashing = Crashing()
    runner = Runner(desk, views, [crashing], batch_events=7)
    runner.prepare()

    with pytest.raises(OperationalError):
        runner.step()

    (status,) = runner.status()
    assert (status.position, status.parked, counted(views)) == (0, 0, 0)
    runner.run_until()
    assert counted(views) == 20


def test_a_crash_in_the_middle_of_a_batch_applies_nothing_twice(views: Views) -> None:
    class Killed(BaseException):
        pass

    class Dying(ActivityByActor):
        def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
            super().apply(connection, tables, batch)
            if batch[-1].position == 15:
                raise Killed

    desk = Desk()
    desk.live_through(4)

    with pytest.raises(Killed):
        Runner(desk, views, [Dying()], batch_events=5).run_until()

    assert (top_actors(views).position, counted(views)) == (10, 10)
    Runner(desk, views, [ActivityByActor()]).run_until()
    assert (top_actors(views).position, counted(views)) == (20, 20)


def test_whoever_comes_second_with_the_same_batch_changes_nothing(views: Views) -> None:
    desk = Desk()
    desk.live_through(2)
    projection = ActivityByActor()
    Runner(desk, views, [projection]).prepare()
    with views.looking() as connection:
        (generation,) = views.generations_of(connection, "activity")
    batch = desk.entries(0, 10)

    first = advance(views, projection, generation, batch, desk.now)
    second = advance(views, projection, generation, batch, desk.now)

    assert first is not None
    assert (first.position, second) == (10, None)
    assert counted(views) == 10


def test_two_runners_at_once_apply_each_entry_once(url: str) -> None:
    desk = Desk()
    desk.live_through(60)
    several = [Views(url) for _ in range(2)]
    start = threading.Barrier(2)

    def run(views: Views) -> None:
        start.wait()
        Runner(desk, views, batch_events=20).run_until()

    threads = [threading.Thread(target=run, args=(views,)) for views in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    views = several[0]
    assert (top_actors(views).position, counted(views)) == (300, 300)
    assert {s.position for s in Runner(desk, views).status()} == {300}
    for each in several:
        each.close()


def test_a_lost_notification_costs_one_poll(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)
    runner = Runner(desk, views, poll_seconds=0.05)

    with running(runner):
        wait_until(lambda: all(s.position == 5 for s in runner.status()))
        desk.live_through(1, first=2)

        wait_until(lambda: all(s.position == 10 for s in runner.status()), seconds=2)


@dataclass
class Unreachable(Desk):
    """The log's database is away for a while."""

    away: threading.Event = field(default_factory=threading.Event)

    def entries(self, after: int, limit: int, up_to: int | None = None) -> list[Entry]:
        if self.away.is_set():
            raise StorageFailed("the database cannot be reached")
        return super().entries(after, limit, up_to)


@pytest.mark.parametrize("from_the_start", [True, False])
def test_running_goes_on_once_the_database_is_back(views: Views, from_the_start: bool) -> None:
    desk = Unreachable()
    desk.live_through(2)
    runner = Runner(desk, views, poll_seconds=0.01, retry_seconds=0.01)
    if not from_the_start:
        runner.run_until(5)
        desk.live_through(1, first=3)
    desk.away.set()

    with running(runner):
        wait_until(lambda: all(s.state == "failing" for s in runner.status()))
        desk.away.clear()

        wait_until(lambda: {s.state for s in runner.status()} == {"current"})


def test_a_gap_in_the_log_is_told_by_its_position(views: Views) -> None:
    desk = Desk()
    desk.live_through(2)
    del desk.written[6]
    desk.written.append(desk.written[-1])

    with pytest.raises(CorruptEntry, match="expected an entry at position 7, got 8") as told:
        Runner(desk, views).run_until()

    assert told.value.facts["position"] == 7


def test_a_position_beyond_the_head_is_refused(views: Views) -> None:
    desk = Desk()
    desk.live_through(1)

    with pytest.raises(BeyondHead, match="ends at position 5; cannot run to 6"):
        Runner(desk, views).run_until(6)


def test_an_unknown_projection_is_refused_and_the_known_ones_are_named(views: Views) -> None:
    with pytest.raises(UnknownProjection, match="tickets, activity, flow"):
        Runner(Desk(), views).rebuild("tikets")
