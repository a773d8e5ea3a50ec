"""A case's steps: what counts at a moment, in which order, and what stood after each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fold import fold
from ledger.cases import each_case
from ledger.entry import Correction
from ledger.errors import CorruptEntry
from replay.moment import Moment
from replay.process.cases import Cases, Question
from replay.process.steps import Case, member_after, microseconds, moment_text, named
from tests.replay.given_log import Desk
from tests.replay.process.given_cases import MINUTE, at_desk, when

GROUPED = {"assignment_group": "A"}


def the_case(at: Desk, /, **moment: Any) -> Case:
    question = Question("incident", moment=Moment(**moment))
    (case,) = Cases(at.house.ledger, question, holders=True)
    return case


def told(case: Case) -> list[tuple[str, str | None, str | None]]:
    return [(step.name, step.status, step.holder) for step in case.steps]


def test_each_step_tells_what_stood_after_it(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", GROUPED), (9, "work-started", {}))

    case = the_case(at)

    assert told(case) == [
        ("reported", "new", None),
        ("assigned", "assigned", "A"),
        ("work-started", "in_progress", "A"),
    ]
    assert [step.before for step in case.steps] == [None, "new", "assigned"]
    assert case.steps[1].at - case.steps[0].at == 5 * MINUTE
    assert moment_text(case.steps[1].at) == when(5)


def test_in_effect_a_late_fact_stands_where_it_happened_and_ties_go_by_position(at: Desk) -> None:
    at_desk(
        at,
        "INC1",
        (9, "resolved", {}),
        (0, "reported", {}),
        (4, "assigned", {}),
        (4, "reassigned", {}),
    )

    assert [step.name for step in the_case(at).steps] == [
        "reported",
        "assigned",
        "reassigned",
        "resolved",
    ]


def test_as_known_steps_stand_as_they_were_said_and_the_clock_that_ran_backwards_shows(
    at: Desk,
) -> None:
    at_desk(at, "INC1", (9, "resolved", {}), (0, "reported", {}), (4, "assigned", {}))

    case = the_case(at, basis="known")

    assert [step.name for step in case.steps] == ["resolved", "reported", "assigned"]
    assert case.backwards == 1


def test_a_corrected_fact_is_one_step_as_it_should_have_been_told(at: Desk) -> None:
    _, assigned = at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", GROUPED))
    right = Correction(
        assigned, {"status": "assigned", "assignment_group": "B"}, effectivetime=when(3)
    )
    at.observes("incident/INC1", "fact-corrected", {}, time=when(60), correction=right)

    in_effect, known = the_case(at), the_case(at, basis="known")

    assert told(in_effect) == [("reported", "new", None), ("assigned", "assigned", "B")]
    assert moment_text(in_effect.steps[1].at) == when(3)
    assert [step.name for step in known.steps] == ["reported", "assigned", "fact-corrected"]
    assert [step.holder for step in known.steps] == [None, "A", "B"]


def test_a_retracted_fact_is_no_step(at: Desk) -> None:
    _, assigned = at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", GROUPED))
    at.observes("incident/INC1", "fact-corrected", {}, correction=Correction(assigned, {}, None))

    assert told(the_case(at)) == [("reported", "new", None)]


def test_what_happened_later_or_was_not_known_yet_does_not_count(at: Desk) -> None:
    at_desk(at, "INC1", (0, "reported", {}))
    known_at = at.house.ledger.head().recordedtime
    _, position = at_desk(at, "INC1", (5, "assigned", {}), (9, "work-started", {}))

    assert len(the_case(at, at=when(6)).steps) == 2
    assert len(the_case(at, at=when(9), known_at=known_at).steps) == 1
    assert len(the_case(at, position=position - 1).steps) == 2


def test_cases_come_one_by_one_each_with_its_own_entries_in_order(on_either: Desk) -> None:
    at = on_either
    at_desk(at, "INC2", (0, "reported", {}))
    at_desk(at, "INC1", (0, "reported", {}), (5, "assigned", {}))
    at_desk(at, "INC2", (7, "assigned", {}))
    at_desk(at, "problem/PRB1", (0, "raised", {}))

    head = at.house.ledger.head().size
    found = [
        (name, len(rows)) for name, rows in each_case(at.house.ledger.database, "incident", head)
    ]

    assert found == [("incident/INC1", 2), ("incident/INC2", 2)]
    assert list(each_case(at.house.ledger.database, "request", head)) == []


def test_a_time_that_is_none_names_its_entry() -> None:
    with pytest.raises(CorruptEntry) as raised:
        microseconds("yesterday", 7)

    assert raised.value.facts["position"] == 7


@pytest.mark.parametrize(
    ("value", "name"),
    [("A", "A"), ("", None), (None, None), (7, "7"), (True, "true"), (["a"], '["a"]')],
)
def test_whatever_stands_there_has_a_name(value: Any, name: str | None) -> None:
    assert named(value) == name


WORDS = st.sampled_from(["a", "b"])
LEAVES = st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.lists(st.integers(0, 1))
PATCHES = st.dictionaries(WORDS, LEAVES | st.dictionaries(WORDS, LEAVES))


@given(st.lists(PATCHES), st.sampled_from([("a",), ("a", "b")]))
def test_the_fold_of_one_place_is_that_place_of_the_fold(
    patches: list[dict[str, Any]], path: tuple[str, ...]
) -> None:
    found: Any = None
    for patch in patches:
        found = member_after(found, patch, path)

    expected: Any = fold(patches)
    for name in path:
        expected = expected.get(name) if isinstance(expected, dict) else None
    assert found == (None if isinstance(expected, dict) else expected)
