"""The language of `--where`: closed, the same in Python and in DuckDB, and clear about what it does not understand."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.engines.duck import connected
from replay.errors import WhereRefused
from replay.whole.where import (
    AllOf,
    Among,
    AnyOf,
    Choice,
    Compare,
    Missing,
    Not,
    holds,
    parse_where,
    to_sql,
)

STATE: dict[str, Any] = {
    "status": "on_hold",
    "priority": 2,
    "major": False,
    "service": "it's mail",
    "reported_at": "2026-03-01T09:00:00.000000Z",
    "source": {"caller": "Caller 12", "made-up": None, "n": 1},
    "tags": ["a"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("priority = 2", True),
        ("priority = '2'", False),
        ("priority != 2", False),
        ("priority < 3 and priority >= 2", True),
        ("priority > 2 or status = on_hold", True),
        ("status in (new, on_hold)", True),
        ("not status in (new, assigned)", True),
        ("not (priority = 2 and status = on_hold)", False),
        ("service = 'it''s mail'", True),
        ('service = "it\'s mail"', True),
        ("major = false", True),
        ("major = 0", False),
        ("source.caller = 'Caller 12'", True),
        ("source.made-up is null", True),
        ("source.n is not null", True),
        ("source.caller.deeper is null", True),
        ("assigned_to is null", True),
        ("assigned_to = nobody", False),
        ("assigned_to != nobody", True),
        ("assigned_to < zzz or assigned_to >= zzz", False),
        ("reported_at < 2026-03-02T00:00:00.000000Z", True),
        ("status = 'on_hold' or priority = 1 and major = true", True),
        ("tags = a", False),
        ("tags is not null", True),
    ],
)
def test_a_filter_says_which_states_are_chosen(text: str, expected: bool) -> None:
    choice = parse_where(text)

    assert holds(choice, STATE) is expected
    assert by_duckdb(choice, [STATE]) == [expected]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "character 1, got the end"),
        ("priority", "expected =, !=, <, <=, >, >=, in or is at character 9, got the end"),
        ("priority == 2", "a value"),
        ("priority = ", "a value"),
        ("priority = 2 status = new", "expected `and`, `or` or the end at character 14"),
        ("(priority = 2", "expected `)`"),
        ("status in ()", "a value"),
        ("status in (new", "expected `)`"),
        ("status is new", "expected `null`"),
        ("and = 2", "the name of a member"),
        ("a..b = 2", "the name of a member"),
        ("priority = 99999999999999999999", "2^53"),
        ("priority = 1.5", "a value"),
        ("status = 'new", "character 10"),
        ("1 = 1", "the name of a member"),
        ("1=1; DROP TABLE events --", "at character 4"),
        ("status = new; drop", "character 13"),
        ('a"]) OR (1=1 = 2', "character"),
        ("a\\b = 1", "character"),
        ("(" * 60 + "a = 1" + ")" * 60, "parentheses"),
        ("not " * 60 + "a = 1", "`not`"),
        ("a = " + "x" * 5000, "at most 4000 characters"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(WhereRefused) as refused:
        parse_where(text)

    assert place in refused.value.message


_members = st.sampled_from([("a",), ("b",), ("a", "b"), ("é-x",)])
_values = st.one_of(
    st.booleans(),
    st.sampled_from([0, 1, 2, -1, 2**53 - 1]),
    st.sampled_from(["", "a", "b", "0", "true", "ü", "'\""]),
)
_leaves: st.SearchStrategy[Choice] = st.one_of(
    st.builds(Compare, _members, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), _values),
    st.builds(Among, _members, st.lists(_values, min_size=1, max_size=3).map(tuple)),
    st.builds(Missing, _members),
)
choices: st.SearchStrategy[Choice] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
_json = st.recursive(
    st.one_of(st.none(), _values),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)
_states = st.dictionaries(st.sampled_from(["a", "b", "é-x"]), _json, max_size=3)


@settings(max_examples=150, deadline=None)
@given(choices, st.lists(_states, min_size=1, max_size=4))
def test_duckdb_chooses_what_python_chooses(choice: Choice, states: list[dict[str, Any]]) -> None:
    """Whatever the states hold, nulls and other kinds included."""
    assert by_duckdb(choice, states) == [holds(choice, state) for state in states]


def by_duckdb(choice: Choice, states: list[dict[str, Any]]) -> list[bool]:
    condition, parameters = to_sql(choice, "state")
    with connected() as connection:
        texts = [json.dumps(state, ensure_ascii=False) for state in states]
        connection.register("states", pa.table({"n": range(len(texts)), "state": texts}))
        asked = f"SELECT {condition} FROM states ORDER BY n"
        return [row[0] for row in connection.execute(asked, parameters).fetchall()]
