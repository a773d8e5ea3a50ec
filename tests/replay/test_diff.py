"""What became of a subject between two moments, and which events did it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import UnknownSubject
from ledger.entry import Correction
from ledger.view import Receipt
from replay.diff import Difference, difference
from replay.errors import BeyondHead
from replay.moment import Moment
from tests.replay.given_log import Desk

INCIDENT = "incident/INC0000045"


def said(at: Desk, time: str = "10:00", **data: Any) -> Receipt:
    at.clock.advance(60)
    happened = f"2026-03-01T{time}:00.000000Z"
    return at.observes(INCIDENT, "source-status-recorded", data, time=happened)


def corrected(at: Desk, target: Receipt, replacement: dict[str, Any]) -> Receipt:
    at.clock.advance(60)
    told = Correction(target.position, replacement)
    return at.observes(INCIDENT, "fact-corrected", {}, correction=told)


def between(at: Desk, before: Moment, after: Moment) -> Difference:
    return difference(at.house.ledger, INCIDENT, before, after)


def told(found: Difference) -> dict[str, tuple[Any, Any, tuple[int, ...]]]:
    return {one.path: (one.before, one.after, one.positions) for one in found.fields}


def test_fields_are_told_with_the_events_that_touched_them(at: Desk) -> None:
    first = said(at, source_status="A", source={"x": 1, "y": 1})
    second = said(at, source_status="B")
    third = said(at, source_status="C", source={"x": 2})
    said(at, source_status="D")

    found = between(at, Moment(position=first.position), Moment(position=third.position))

    assert told(found) == {
        "source_status": ("A", "C", (second.position, third.position)),
        "source.x": (1, 2, (third.position,)),
    }
    assert (found.before.version, found.after.version) == (1, 3)


def test_what_was_changed_and_changed_back_is_no_difference(at: Desk) -> None:
    first = said(at, source_status="A")
    said(at, source_status="B")
    last = said(at, source_status="A")

    found = between(at, Moment(position=first.position), Moment(position=last.position))

    assert told(found) == {}


def test_the_later_moment_may_come_first(at: Desk) -> None:
    first = said(at, source_status="A")
    second = said(at, source_status="B")

    found = between(at, Moment(position=second.position), Moment(position=first.position))

    assert told(found) == {"source_status": ("B", "A", (second.position,))}


def test_without_a_second_moment_it_is_now(at: Desk) -> None:
    first = said(at, source_status="A")
    second = said(at, source_status="B")

    found = difference(at.house.ledger, INCIDENT, Moment(position=first.position))

    assert told(found) == {"source_status": ("A", "B", (second.position,))}


def test_a_subject_begins_from_nothing(at: Desk) -> None:
    first = said(at, source_status="A")

    found = between(at, Moment(position=first.position - 1), Moment())

    assert told(found) == {"source_status": (None, "A", (first.position,))}
    assert (found.before.version, found.before.state) == (0, {})


def test_in_effect_a_late_fact_is_between_where_it_happened(at: Desk) -> None:
    said(at, "12:00", source_status="C")
    late = said(at, "11:00", source_status="B")
    said(at, "10:00", source_status="A")

    found = between(at, Moment(at="2026-03-01T10:30:00Z"), Moment(at="2026-03-01T11:30:00Z"))

    assert told(found) == {"source_status": ("A", "B", (late.position,))}


def test_what_was_known_later_about_the_same_moment_is_the_corrections_doing(at: Desk) -> None:
    first = said(at, source_status="A", source={"x": 1})
    correction = corrected(at, first, {"source_status": "B"})
    moment = "2026-03-01T23:00:00Z"

    found = between(at, Moment(at=moment, known_at=first.recordedtime), Moment(at=moment))

    both = (first.position, correction.position)
    assert told(found) == {"source_status": ("A", "B", both), "source.x": (1, None, both)}


def test_a_correction_touches_only_what_was_said_in_its_place(at: Desk) -> None:
    first = said(at, source={"x": 1})
    second = said(at, source={"y": 1})
    correction = corrected(at, first, {"source": {"x": 2}})
    third = said(at, source={"y": 2})

    found = between(at, Moment(position=second.position), Moment())

    assert told(found) == {
        "source.x": (1, 2, (correction.position,)),
        "source.y": (1, 2, (third.position,)),
    }


def test_each_moment_has_its_own_basis(at: Desk) -> None:
    said(at, "12:00", source_status="late in time")
    last = said(at, "11:00", source_status="late in the log")

    found = between(at, Moment(), Moment(basis="effect"))

    (field,) = found.fields
    assert (field.before, field.after) == ("late in the log", "late in time")
    assert found.before.position == found.after.position == last.position


def test_a_subject_that_exists_at_neither_moment_is_unknown(at: Desk) -> None:
    first = said(at, source_status="A")

    with pytest.raises(UnknownSubject, match="at either moment"):
        between(at, Moment(position=1), Moment(position=first.position - 1))
    with pytest.raises(UnknownSubject):
        difference(at.house.ledger, "incident/INC0000099", Moment())


def test_a_moment_that_is_none_is_refused(at: Desk) -> None:
    said(at, source_status="A")

    with pytest.raises(BeyondHead):
        between(at, Moment(position=4711), Moment())
