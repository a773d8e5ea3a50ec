"""The fold is RFC 7396, in any order of nesting, and leaves what it was given alone."""

from __future__ import annotations

import copy
import json
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fold import fold, merge_patch

APPENDIX_A = [
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]

_names = st.sampled_from("abcd")
_scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x"])
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=20,
)
_objects = st.dictionaries(_names, _json, max_size=4)


def by_the_rfc(target: Any, patch: Any) -> Any:
    """The pseudocode of RFC 7396, section 2, word for word, on a target of its own."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = by_the_rfc(target.get(name), value)
        return target
    return patch


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX_A)
def test_every_row_of_appendix_a_holds(original: str, patch: str, result: str) -> None:
    state, change = json.loads(original), json.loads(patch)

    merged = merge_patch(state, change)

    assert merged == json.loads(result)


@given(_json, _json)
def test_agrees_with_the_pseudocode_of_the_rfc(state: Any, patch: Any) -> None:
    expected = by_the_rfc(copy.deepcopy(state), copy.deepcopy(patch))

    merged = merge_patch(state, patch)

    # As text: 0, False and 0.0 are equal in Python, and the order of members is part of "the same
    # in every engine".
    assert json.dumps(merged) == json.dumps(expected)


@given(_json, _json)
def test_neither_the_state_nor_the_patch_is_changed(state: Any, patch: Any) -> None:
    before = copy.deepcopy((state, patch))

    merge_patch(state, patch)

    assert json.dumps((state, patch)) == json.dumps(before)


@given(_objects, _objects)
def test_the_result_is_a_new_object_so_that_no_state_is_two_subjects(
    state: Any, patch: Any
) -> None:
    merged = merge_patch(state, patch)

    assert merged is not state
    assert merged is not patch


@given(_objects, _objects)
def test_applying_a_patch_twice_is_applying_it_once(state: Any, patch: Any) -> None:
    once = merge_patch(state, patch)

    twice = merge_patch(once, patch)

    assert twice == once


def test_what_a_patch_does_not_reach_is_shared() -> None:
    state: Any = {"tasks": {"TSK-1": {"title": "a"}, "TSK-2": {"title": "b"}}, "links": {"PRB": {}}}

    merged: Any = merge_patch(state, {"tasks": {"TSK-1": {"title": "c"}}})

    assert merged["links"] is state["links"]
    assert merged["tasks"]["TSK-2"] is state["tasks"]["TSK-2"]


def test_a_payload_deeper_than_the_stack_can_still_be_folded() -> None:
    deep: Any = {"end": None, "kept": 1}
    for _ in range(10_000):
        deep = {"in": deep}

    merged: Any = merge_patch({}, deep)

    for _ in range(10_000):
        merged = merged["in"]
    assert merged == {"kept": 1}


@given(st.lists(_objects, max_size=6))
def test_a_fold_is_the_patches_one_after_the_other_from_nothing(patches: Any) -> None:
    start: Any = {}
    expected = reduce(by_the_rfc, copy.deepcopy(patches), start)

    state = fold(patches)

    assert json.dumps(state) == json.dumps(expected)


@given(st.lists(_objects, max_size=6), st.integers(0, 6))
def test_a_fold_may_stop_at_a_snapshot_and_go_on(patches: Any, at: int) -> None:
    snapshot = fold(patches[:at])

    resumed = reduce(merge_patch, patches[at:], snapshot)

    assert resumed == fold(patches)
