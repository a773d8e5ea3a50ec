"""Counts over time are what counting the states at each moment gives, and no state is made for them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.moments import from_text, to_text
from replay.engines.duck import connected
from replay.engines.python import PythonEngine
from replay.errors import MomentRefused, WhereRefused
from replay.moment import Basis, Located
from replay.whole.counts import Counting, Every, counts, moments_between
from replay.whole.held import folded, register_held
from replay.whole.where import parse_where
from tests.replay.whole.histories import TIMES, History, histories

RECORDED = tuple(f"2026-04-01T{at:02d}:00:00.000000Z" for at in range(14))


def counted(history: History, asked: Counting) -> list[Counter[tuple[Any, ...]]]:
    """One for each moment."""
    entries = history.entries()
    with connected() as connection:
        register_held(connection, folded(entries), entries, Located(asked.basis, entries.size))
        found = counts(connection, asked)
    return [
        Counter({one.values: one.counts[at] for one in found if one.counts[at]})
        for at in range(len(asked.moments))
    ]


def at(history: History, basis: Basis, moment: str) -> Located:
    if basis == "effect":
        return Located("effect", len(history.rows), moment)
    recorded = [json.loads(raw)["recordedtime"] for _, raw in history.rows]
    return Located("known", sum(time <= moment for time in recorded))


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(["known", "effect"]), st.sampled_from(["a", "family"]))
def test_counts_are_those_of_the_states(history: History, basis: Basis, by: str) -> None:
    """On both bases, at every moment there is, subjects without the member included."""
    member = "group" if by == "a" else by
    every: Every = "day" if basis == "effect" else "hour"
    moments = TIMES if basis == "effect" else RECORDED

    found = counted(history, Counting(moments, every, [member], basis))

    for moment, told in zip(moments, found, strict=True):
        located = at(history, basis, moment)
        rows = PythonEngine().states(history.entries(), located).to_pylist()
        assert told == Counter((value_of(row, member),) for row in rows)


def value_of(row: dict[str, Any], member: str) -> Any:
    """As text, and of objects and lists as JSON, as DuckDB writes them."""
    if member == "family":
        return row["subject"].partition("/")[0]
    value = json.loads(row["state"]).get(member)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_a_filter_and_families_narrow_what_is_counted() -> None:
    history = History()
    history.says("incident/INC0010001", TIMES[0], {"status": "new", "priority": 1})
    history.says("incident/INC0010002", TIMES[1], {"status": "new", "priority": 2})
    history.says("change/CHG0010001", TIMES[1], {"status": "draft", "priority": 1})
    history.says("incident/INC0010001", TIMES[2], {"status": "closed"})

    narrowed = Counting(
        TIMES[:3],
        "day",
        ["status", "priority"],
        "effect",
        ["incident"],
        parse_where("priority = 1"),
    )

    assert counted(history, narrowed) == [
        Counter({("new", 1): 1}),
        Counter({("new", 1): 1}),
        Counter({("closed", 1): 1}),
    ]


def test_moments_go_by_steps_and_months_begin_on_their_first() -> None:
    days = moments_between("2026-02-27T10:00:00+01:00", "2026-03-01T09:00:00Z", "day")
    months = moments_between("2026-01-15T10:00:00Z", "2026-03-01T00:00:00Z", "month")
    end = moments_between("9999-12-31T23:00:00Z", "9999-12-31T23:59:59Z", "month")

    assert days == [f"2026-0{day}T09:00:00.000000Z" for day in ("2-27", "2-28", "3-01")]
    assert months == [
        "2026-01-15T10:00:00.000000Z",
        "2026-02-01T00:00:00.000000Z",
        "2026-03-01T00:00:00.000000Z",
    ]
    assert end == ["9999-12-31T23:00:00.000000Z"]


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(MomentRefused, match="not before the start"):
        moments_between("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", "day")
    with pytest.raises(MomentRefused, match="at most 20000"):
        moments_between("2000-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "hour")
    with pytest.raises(MomentRefused, match="1 to 3 members"):
        Counting(TIMES, "day", [])
    with pytest.raises(WhereRefused, match="the name of a member"):
        counted(History(), Counting(TIMES, "day", ["a') --"]))


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("every", ["hour", "day", "week", "month"])
@given(histories(), st.integers(-4, 4))
def test_moments_may_lie_anywhere_between_what_happened(
    every: Every, history: History, minutes: int
) -> None:
    """Counted from any minute on, by any step, at as many moments as there are."""
    start = to_text(from_text(TIMES[2]) + timedelta(hours=7 * minutes, minutes=minutes))
    ends = timedelta(days=2) if every == "hour" else timedelta(days=70)
    moments = moments_between(start, to_text(from_text(start) + ends), every)

    found = counted(history, Counting(moments, every, ["family"]))

    for moment, told in zip(moments, found, strict=True):
        rows = PythonEngine().states(history.entries(), at(history, "effect", moment)).to_pylist()
        assert told == Counter((value_of(row, "family"),) for row in rows)
