"""Read models belong to one log. Of another one, or of one that lost entries, they would answer wrongly."""

from __future__ import annotations

import pytest

from projections.errors import ForeignLog
from projections.generations import clear
from projections.runner import Runner
from projections.tickets import count_tickets
from projections.views import Views
from tests.projections.desk import Desk


def made_from(desk: Desk, views: Views) -> None:
    desk.live_through(3)
    Runner(desk, views).run_until()


def test_a_log_of_another_origin_is_refused(views: Views) -> None:
    made_from(Desk(), views)
    other = Desk(origin="desk.example.com/two")
    other.live_through(3)

    with pytest.raises(ForeignLog, match=r"log desk\.example\.com/one, got desk\.example\.com/two"):
        Runner(other, views).run_until()

    assert count_tickets(views).position == 15


def test_a_log_made_anew_under_the_same_origin_is_refused(views: Views) -> None:
    made_from(Desk(), views)
    anew = Desk()
    anew.live_through(1, first=77)
    anew.live_through(2)

    with pytest.raises(ForeignLog):
        Runner(anew, views).run_until()


def test_a_log_that_ends_before_what_was_applied_is_refused(views: Views) -> None:
    desk = Desk()
    made_from(desk, views)
    del desk.written[-1]

    with pytest.raises(ForeignLog, match="reflect position 15, the log ends at 14"):
        Runner(desk, views).run_until()


def test_a_log_that_lost_entries_and_grew_again_is_refused(views: Views) -> None:
    desk = Desk()
    made_from(desk, views)
    del desk.written[-2:]
    desk.live_through(1, first=50)

    with pytest.raises(ForeignLog, match="another entry at position 15"):
        Runner(desk, views).run_until()


def test_an_empty_log_is_refused_where_another_had_entries(views: Views) -> None:
    made_from(Desk(), views)

    with pytest.raises(ForeignLog, match="the log ends at 0"):
        Runner(Desk(), views).run_until()


def test_cleared_read_models_are_built_from_whatever_log_comes(views: Views) -> None:
    made_from(Desk(), views)
    other = Desk(origin="desk.example.com/two")
    other.live_through(1)

    clear(views)
    Runner(other, views).run_until()

    assert count_tickets(views).rows == [{"count": 1}]
