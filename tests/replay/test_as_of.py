"""A subject as of a moment, on both bases: `known`, what the ledger said; `effect`, what was so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from domain.errors import Malformed, UnknownSubject
from ledger.database import Database, Row
from ledger.entry import Correction
from ledger.past import entries_and_extent, position_recorded_by
from ledger.view import Receipt
from replay.as_of import AsOf, subject_as_of
from replay.errors import BeyondHead, MomentRefused
from tests.replay.given_log import Desk

INCIDENT = "incident/INC0000045"
MARCH_1 = "2026-03-01T{}:00.000000Z"
LATER = 3600.0


def happened(hour_minute: str) -> str:
    return MARCH_1.format(hour_minute)


def said(at: Desk, service: str, hour_minute: str) -> Receipt:
    """A fact of that time, recorded an hour after the one before."""
    at.clock.advance(LATER)
    data = {"source_status": service}
    return at.observes(INCIDENT, "source-status-recorded", data, time=happened(hour_minute))


def corrected(at: Desk, target: Receipt, service: str | None, time: str | None = None) -> Receipt:
    at.clock.advance(LATER)
    replacement = {} if service is None else {"source_status": service}
    told = Correction(target.position, replacement, time and happened(time))
    return at.observes(INCIDENT, "fact-corrected", {}, correction=told)


def as_of(at: Desk, /, **moment: Any) -> AsOf:
    return subject_as_of(at.house.ledger, INCIDENT, **moment)


def status(at: Desk, /, **moment: Any) -> object:
    return as_of(at, **moment).state.get("source_status")


# Known


def test_the_newest_state_is_known_up_to_the_head(at: Desk) -> None:
    said(at, "A", "10:00")
    said(at, "B", "09:00")
    head = at.observes("incident/INC0000046", "commented", {}).position

    answer = as_of(at)

    assert answer == AsOf(INCIDENT, 2, head, "known", None, None, {"source_status": "B"})


def test_at_a_position_later_entries_do_not_count(at: Desk) -> None:
    first = said(at, "A", "10:00")
    between = at.observes("incident/INC0000046", "commented", {})
    said(at, "B", "09:00")

    answer = as_of(at, position=between.position)

    assert answer.state == {"source_status": "A"}
    assert (answer.version, answer.position) == (1, between.position)
    assert answer.basis == "known"
    assert status(at, position=first.position) == "A"


def test_known_at_a_time_is_what_was_recorded_by_then(at: Desk) -> None:
    first = said(at, "A", "10:00")
    second = said(at, "B", "09:00")

    known = as_of(at, at=first.recordedtime, basis="known")

    assert known.state == {"source_status": "A"}
    assert known.position == second.position - 1
    assert (known.at, known.known_at) == (first.recordedtime, None)
    assert status(at, at=second.recordedtime, basis="known") == "B"


def test_known_folds_what_corrections_state(at: Desk) -> None:
    first = said(at, "A", "10:00")
    said(at, "B", "11:00")
    corrected(at, first, "X")

    assert status(at) == "B"


# Effect


def test_in_effect_a_late_fact_stands_where_it_happened(at: Desk) -> None:
    said(at, "A", "10:00")
    said(at, "B", "09:00")

    assert status(at, at=happened("09:30")) == "B"
    assert status(at, at=happened("10:00")) == "A"
    assert status(at, basis="effect") == "A"


def test_the_answer_says_all_of_its_moment(at: Desk) -> None:
    said(at, "A", "10:00")
    last = said(at, "B", "09:00")

    answer = as_of(at, at="2026-03-01T10:30:00+01:00")

    assert (answer.basis, answer.at) == ("effect", happened("09:30"))
    assert answer.known_at == last.recordedtime
    assert answer.position == last.position
    assert answer.version == 1


def test_what_was_known_bounds_what_was_so(at: Desk) -> None:
    first = said(at, "A", "10:00")
    late = said(at, "B", "10:30")

    then = as_of(at, at=happened("11:00"), known_at=first.recordedtime)

    assert then.state == {"source_status": "A"}
    assert then.position == late.position - 1
    assert status(at, at=happened("11:00")) == "B"


def test_a_correction_counts_from_when_it_was_known(at: Desk) -> None:
    first = said(at, "A", "10:00")
    correction = corrected(at, first, "X")

    before = as_of(at, at=happened("11:00"), known_at=first.recordedtime)
    after = as_of(at, at=happened("11:00"))

    assert (before.state, before.version) == ({"source_status": "A"}, 1)
    assert (after.state, after.version) == ({"source_status": "X"}, 2)
    assert after.position == correction.position


def test_a_correction_that_restates_the_time_moves_the_fact(at: Desk) -> None:
    first = said(at, "A", "10:00")
    said(at, "B", "11:00")
    corrected(at, first, "A", time="12:00")

    assert status(at, at=happened("11:30")) == "B"
    assert status(at, at=happened("12:00")) == "A"


def test_a_retracted_fact_leaves_the_subject_known_but_empty(at: Desk) -> None:
    first = said(at, "A", "10:00")
    corrected(at, first, None)

    answer = as_of(at, at=happened("10:00"))

    assert (answer.state, answer.version) == ({}, 2)


def test_both_bases_agree_where_nothing_came_late(at: Desk) -> None:
    for number in range(5):
        said(at, f"{number}", f"1{number}:00")

    assert as_of(at).state == as_of(at, basis="effect").state
    assert as_of(at).version == as_of(at, basis="effect").version


# Moments that are none


def test_known_at_is_refused_together_with_known(at: Desk) -> None:
    said(at, "A", "10:00")

    with pytest.raises(MomentRefused, match="known_at goes with the basis effect"):
        as_of(at, at=happened("10:00"), known_at=happened("10:00"), basis="known")
    with pytest.raises(MomentRefused):
        as_of(at, known_at=happened("10:00"))
    with pytest.raises(MomentRefused, match="give `at` as well"):
        as_of(at, known_at=happened("10:00"), basis="effect")


@pytest.mark.parametrize(
    "more", [{"at": happened("10:00")}, {"known_at": happened("10:00")}, {"basis": "effect"}]
)
def test_a_position_stands_alone(at: Desk, more: dict[str, Any]) -> None:
    receipt = said(at, "A", "10:00")

    with pytest.raises(MomentRefused):
        as_of(at, position=receipt.position, **more)


@pytest.mark.parametrize("off", [0, -1, 1])
def test_positions_outside_the_log_are_refused(at: Desk, off: int) -> None:
    head = said(at, "A", "10:00").position
    position = head + off if off > 0 else off

    with pytest.raises(BeyondHead, match=f"from 1 to {head}"):
        as_of(at, position=position)


@pytest.mark.parametrize("time", ["2026-03-01T10:00:00", "yesterday", ""])
def test_a_time_without_zone_is_refused(at: Desk, time: str) -> None:
    said(at, "A", "10:00")

    with pytest.raises(Malformed):
        as_of(at, at=time)
    with pytest.raises(Malformed):
        as_of(at, at=happened("10:00"), known_at=time)


def test_another_basis_is_refused(at: Desk) -> None:
    said(at, "A", "10:00")

    with pytest.raises(MomentRefused, match="known or effect"):
        as_of(at, basis="truth")


def test_an_unknown_subject_is_said_to_be_unknown(at: Desk) -> None:
    with pytest.raises(UnknownSubject, match="INC0000045 is not known"):
        as_of(at)


def test_before_its_time_a_subject_is_unknown_and_the_error_says_since_when(at: Desk) -> None:
    said(at, "A", "10:00")
    first = at.house.ledger.entries_of(INCIDENT)[0]

    for moment in (
        {"position": first.position - 1},
        {"at": happened("09:59")},
        {"at": "2026-03-02T00:00:00Z", "basis": "known"},
        {"at": happened("11:00"), "known_at": "2020-01-01T00:00:00Z"},
    ):
        with pytest.raises(UnknownSubject) as unknown:
            as_of(at, **moment)
        assert unknown.value.facts["position"] == first.position
        assert unknown.value.facts["recordedtime"] == first.recordedtime
        assert unknown.value.facts["time"] == happened("10:00")


def test_what_is_appended_while_it_is_read_does_not_count(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = said(at, "A", "10:00").position

    def read_and_then_more(*asked: Any) -> Any:
        found = entries_and_extent(*asked)
        said(at, "B", "11:00")
        return found

    monkeypatch.setattr("replay.as_of.entries_and_extent", read_and_then_more)

    newest, in_effect = as_of(at), as_of(at, at=happened("12:00"))

    assert (newest.state, newest.position) == ({"source_status": "A"}, head)
    assert (in_effect.state["source_status"], in_effect.position) == ("B", head + 1)


# The search for a position


def test_the_position_of_a_time_is_found_in_few_reads(at: Desk) -> None:
    for _ in range(30):
        at.clock.advance(1.0)
        at.observes_all([at.fact(INCIDENT, "commented", {}) for _ in range(3)])
    ledger = at.house.ledger
    entries = ledger.entries(0, 1000)

    database = Counting(ledger.database)
    for moment in {entry.recordedtime for entry in entries} | {"2020", "2030"}:
        expected = sum(entry.recordedtime <= moment for entry in entries)
        database.reads = 0
        found = position_recorded_by(database, len(entries), moment)  # type: ignore[arg-type]  # it asks for no more
        assert found == expected
        assert database.reads <= len(entries).bit_length()


@dataclass
class Counting:
    """A database that counts what is read."""

    database: Database
    reads: int = 0

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with self.database.reading() as transaction:

            class Counted:
                def row(_, *asked: Any) -> Row | None:  # noqa: N805 - `self` is the database here
                    self.reads += 1
                    return transaction.row(*asked)

            yield Counted()
