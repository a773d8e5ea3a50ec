"""The estate of a real ledger at any moment, and what differs between two."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from ledger.entry import Correction
from ledger.view import Receipt
from replay.as_of import subject_as_of
from replay.engines.python import PythonEngine
from replay.moment import Moment
from replay.whole.differences import SubjectDifference, differences
from replay.whole.held import folded
from replay.whole.machine import TimeMachine
from replay.whole.where import parse_where
from tests.replay.given_log import Desk

ONE, TWO = "incident/INC0000045", "incident/INC0000046"


def said(at: Desk, subject: str, time: str, **data: Any) -> Receipt:
    at.clock.advance(60)
    happened = f"2026-03-01T{time}:00.000000Z"
    return at.observes(subject, "source-status-recorded", data, time=happened)


def corrected(at: Desk, target: Receipt, replacement: dict[str, Any]) -> Receipt:
    at.clock.advance(60)
    told = Correction(target.position, replacement)
    return at.observes(target.subject, "fact-corrected", {}, correction=told)


def states(at: Desk, moment: Moment, **narrowed: Any) -> dict[str, Any]:
    found = TimeMachine(at.house.ledger).states(moment, ["incident"], **narrowed)
    return {row["subject"]: json.loads(row["state"]) for row in found.table.to_pylist()}


def differing(at: Desk, before: Moment, after: Moment) -> dict[str, SubjectDifference]:
    found = TimeMachine(at.house.ledger).differences(before, after, ["incident"])
    return {one.subject: one for one in found.subjects}


def why(one: SubjectDifference) -> dict[int, str]:
    return {word.position: word.why for word in one.words}


def test_every_subject_is_what_asking_for_it_alone_says(at: Desk) -> None:
    """On both bases, at every position and in between."""
    first = said(at, ONE, "10:00", source_status="A")
    said(at, TWO, "09:00", source_status="B")
    corrected(at, first, {"source_status": "D"})
    machine = TimeMachine(at.house.ledger)
    size = at.house.ledger.head().size

    for moment in [
        *(Moment(position=position) for position in range(1, size + 1)),
        *(Moment(at=f"2026-03-01T{hour}:00.000000Z") for hour in ("08:00", "09:15", "10:00")),
    ]:
        for row in machine.states(moment).table.to_pylist():
            alone = subject_as_of(
                at.house.ledger,
                row["subject"],
                at=moment.at,
                position=moment.position,
            )
            assert (row["version"], json.loads(row["state"])) == (alone.version, alone.state)


def test_a_filter_chooses_by_the_state_of_then(at: Desk) -> None:
    said(at, ONE, "10:00", source_status="A")
    said(at, TWO, "10:00", source_status="B")
    said(at, TWO, "11:00", source_status="A")

    then = Moment(at="2026-03-01T10:30:00Z")

    assert set(states(at, then, where=parse_where("source_status = A"))) == {ONE}
    assert set(states(at, Moment(), where=parse_where("source_status = A"))) == {ONE, TWO}


def test_nothing_is_there_before_the_first_entry(at: Desk) -> None:
    said(at, ONE, "10:00", source_status="A")

    assert states(at, Moment(at="1999-01-01T00:00:00Z")) == {}
    assert states(at, Moment(at="2999-01-01T00:00:00Z")) == {ONE: {"source_status": "A"}}


def test_what_is_appended_behind_a_base_counts_at_once(at: Desk) -> None:
    """And an earlier moment of knowing is answered without what came later."""
    said(at, ONE, "10:00", source_status="A")
    plain = TimeMachine(at.house.ledger)
    _, entries = plain.located(Moment())
    machine = TimeMachine(at.house.ledger, base=folded(entries))
    knew = at.house.ledger.head().recordedtime
    said(at, ONE, "09:00", source_status="B", source={"x": 1})
    said(at, TWO, "09:00", source_status="C")

    for moment in (
        Moment(),
        Moment(at="2026-03-01T09:30:00Z"),
        Moment(at="2026-03-01T10:30:00Z"),
        Moment(at="2026-03-01T10:30:00Z", known_at=knew),
        Moment(position=entries.size),
    ):
        located, now = plain.located(moment)
        assert machine.states(moment).table == PythonEngine().states(now, located)


def test_a_difference_says_who_was_added_changed_finished_and_gone(at: Desk) -> None:
    three = "incident/INC0000047"
    first = said(at, ONE, "10:00", source_status="A")
    said(at, TWO, "10:00", source_status="A")
    before = Moment(position=at.house.ledger.head().size)
    change = said(at, ONE, "11:00", source_status="B")
    at.observes(TWO, "closed", {"status": "closed"}, time="2026-03-01T11:00:00.000000Z")
    new = said(at, three, "11:00", source_status="A")

    forth, back = differing(at, before, Moment()), differing(at, Moment(), before)

    assert {one: found.became for one, found in forth.items()} == {
        ONE: "changed",
        TWO: "finished",
        three: "added",
    }
    (field,) = forth[ONE].fields
    assert (field.path, field.before, field.after) == ("source_status", "A", "B")
    assert field.positions == (change.position,)
    assert (forth[ONE].version_before, forth[ONE].version_after) == (1, 2)
    assert why(forth[three]) == {new.position: "in-time"}
    assert back[three].became == "gone"
    assert back[ONE].fields[0].after == "A"
    assert first.position not in why(forth[ONE])


def test_what_was_changed_and_changed_back_does_not_differ(at: Desk) -> None:
    said(at, ONE, "10:00", source_status="A")
    before = Moment(position=at.house.ledger.head().size)
    said(at, ONE, "11:00", source_status="B")
    said(at, ONE, "12:00", source_status="A")

    assert differing(at, before, Moment()) == {}


def test_two_moments_of_knowing_tell_what_a_report_got_wrong(at: Desk) -> None:
    """Of a report about 12:00: a fact recorded late, one set before what was known, and a correction."""
    said(at, ONE, "09:00", source_status="A")
    said(at, ONE, "11:00", source={"x": 1})
    wrong = said(at, TWO, "09:00", source_status="A")
    said(at, "incident/INC0000047", "09:00", source_status="A")
    reported = at.house.ledger.head().recordedtime
    backdated = said(at, ONE, "10:00", source_status="B")
    correction = corrected(at, wrong, {"source_status": "C"})
    late = said(at, "incident/INC0000047", "11:30", source_status="L")
    said(at, "incident/INC0000047", "12:30", source_status="after the moment")
    noon = "2026-03-01T12:00:00Z"

    found = differing(at, Moment(at=noon, known_at=reported), Moment(at=noon))

    assert {one: why(each) for one, each in found.items()} == {
        ONE: {backdated.position: "backdated"},
        TWO: {wrong.position: "replaced", correction.position: "corrected"},
        "incident/INC0000047": {late.position: "late"},
    }


def test_the_same_state_written_in_another_order_does_not_differ(at: Desk) -> None:
    """As when two engines told it."""
    said(at, ONE, "10:00", source_status="A", source={"x": 1})
    found = TimeMachine(at.house.ledger).states(Moment(), ["incident"])
    _, entries = TimeMachine(at.house.ledger).located(Moment())
    (row,) = found.table.to_pylist()
    state = json.dumps(dict(reversed(json.loads(row["state"]).items())))
    other = pa.table({"subject": [row["subject"]], "version": [row["version"]], "state": [state]})

    differ = differences(entries, (found.located, found.table), (found.located, other))

    assert other.column("state") != found.table.column("state")
    assert list(differ) == []
