"""Every engine folds alike: over random histories, and over the examples of RFC 7396 itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fold import merge_patch
from replay.engines.duck import DuckEngine
from replay.engines.engine import STATES, Engine
from replay.engines.intervals import IntervalEngine
from replay.engines.python import PythonEngine
from replay.moment import Located
from replay.whole.entries import Entries
from replay.whole.held import folded
from replay.whole.intervals import Held, held_states
from tests.replay.whole.histories import TIMES, History, histories

ENGINES: dict[str, Engine] = {"python": PythonEngine(), "duckdb": DuckEngine()}
RFC_7396_EXAMPLES = [
    ({"a": "b"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}),
    ({"a": "b"}, {"a": None}),
    ({"a": "b", "b": "c"}, {"a": None}),
    ({"a": ["b"]}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}),
    ({"e": None}, {"a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}),
    ({"a": "foo"}, {"a": {"b": None, "c": 1}}),
]
"""Appendix A, but for those whose target or patch is no object: a state and an event's `data` always are."""


class OnABase:
    """The interval engine, with a base that holds for a head of its own: behind the moment, at it, or before it."""

    def __init__(self, head: int, most_touched: int = 99) -> None:
        self.head, self.most_touched = head, most_touched

    def states(
        self, entries: Entries, moment: Located, families: Collection[str] | None = None
    ) -> pa.Table:
        until = dataclasses.replace(entries, size=min(self.head, entries.size))
        engine = IntervalEngine(folded(until), most_touched=self.most_touched)
        return engine.states(entries, moment, families)


ENGINES |= {
    "intervals-1": OnABase(1),
    "intervals-6": OnABase(6),
    "intervals-99": OnABase(99),
    "far": OnABase(3, 2),
}

Told = dict[str, tuple[int, Any]]


def told(engine: Engine, history: History, moment: Located) -> Told:
    table = engine.states(history.entries(), moment)
    assert table.schema == STATES
    rows = table.to_pylist()
    assert [row["subject"] for row in rows] == sorted({row["subject"] for row in rows})
    return {row["subject"]: (row["version"], json.loads(row["state"])) for row in rows}


def by_intervals(history: History, moment: Located) -> Told:
    """What the rows say whose intervals hold the moment; of a subject there is at most one."""
    found: Told = {}
    for subject, facts in history.facts.items():
        rows = held_states([fact for fact in facts if fact.position <= moment.position])
        holding = [(row.version, json.loads(row.state)) for row in rows if _holds(row, moment)]
        assert len(holding) <= 1
        if holding:
            found[subject] = holding[0]
    return found


def _holds(row: Held, moment: Located) -> bool:
    if moment.basis == "known":
        if row.known is None:
            return False
        start, end = row.known
        return start <= moment.position and (end is None or moment.position < end)
    if row.effect is None:
        return False
    began, until = row.effect
    at = moment.at or ""
    return began <= at and (until is None or at < until)


@settings(max_examples=60, deadline=None)
@given(histories(), st.data())
def test_every_engine_folds_alike(history: History, data: st.DataObject) -> None:
    """The same states and the same counts, on both bases, at any moment."""
    moment = data.draw(st.sampled_from(list(history.moments())))

    answers = {name: told(engine, history, moment) for name, engine in ENGINES.items()}

    plain = answers.pop("python")
    assert answers == dict.fromkeys(answers, plain)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_intervals_say_what_the_plain_fold_says(history: History) -> None:
    """At every moment there is, and known to any extent."""
    for moment in history.moments():
        expected = told(ENGINES["python"], history, moment)

        assert by_intervals(history, moment) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("state", "patch"), RFC_7396_EXAMPLES)
def test_the_examples_of_the_rfc_hold(
    engine: str, state: dict[str, Any], patch: dict[str, Any]
) -> None:
    """Told from `{}` as a state has to come about: its own nulls are gone before the patch comes."""
    history = History()
    history.says("incident/INC0010001", TIMES[0], state)
    history.says("incident/INC0010001", TIMES[1], patch)

    found = told(ENGINES[engine], history, Located("known", 2))

    begun = {name: value for name, value in state.items() if value is not None}
    assert found == {"incident/INC0010001": (2, merge_patch(begun, patch))}


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_families_that_are_named_are_folded(engine: str) -> None:
    history = History()
    history.says("incident/INC0010001", TIMES[0], {"status": "new"})
    history.says("change/CHG0010001", TIMES[0], {"status": "draft"})

    table = ENGINES[engine].states(history.entries(), Located("known", 2), ["change"])

    assert table.column("subject").to_pylist() == ["change/CHG0010001"]


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_there_before_the_first_entry(engine: str) -> None:
    history = History()
    history.says("incident/INC0010001", TIMES[3], {"status": "new"})

    table = ENGINES[engine].states(history.entries(), Located("effect", 1, TIMES[2]))

    assert table.num_rows == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_newest_correction_of_a_fact_stands_and_no_earlier_ones_time(engine: str) -> None:
    history = History()
    fact = history.says("incident/INC0010001", TIMES[1], {"status": "new"})
    history.corrects(fact, TIMES[5], {"status": "wrong again"}, TIMES[3])
    history.corrects(fact, TIMES[6], {"status": "right"}, None)

    first = told(ENGINES[engine], history, Located("effect", 2, TIMES[3]))
    newest = told(ENGINES[engine], history, Located("effect", 3, TIMES[1]))
    before = told(ENGINES[engine], history, Located("effect", 2, TIMES[2]))

    assert first == {"incident/INC0010001": (2, {"status": "wrong again"})}
    assert newest == {"incident/INC0010001": (3, {"status": "right"})}
    assert before == {}
