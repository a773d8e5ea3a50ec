"""Facts on both bases, and corrections in the places of what they correct."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.effect import Fact, correction_data, effect_state, known_state, standing
from domain.fold import fold, merge_patch


def moment(minute: int) -> str:
    return f"2026-03-02T09:{minute:02d}:00.000000Z"


def fact(position: int, data: dict[str, Any], *, at: int | None = None, **more: Any) -> Fact:
    happened = position if at is None else at
    return Fact(position, moment(happened), moment(position), data, **more)


def correction(
    position: int, corrects: int, replacement: dict[str, Any], *, at: int | None = None
) -> Fact:
    time = None if at is None else moment(at)
    return fact(position, {}, corrects=corrects, replacement=replacement, effectivetime=time)


# Orders


def test_known_is_the_fold_by_position() -> None:
    late = fact(2, {"status": "new"}, at=1)
    early = fact(1, {"status": "assigned"}, at=5)

    assert known_state([late, early]) == {"status": "new"}


def test_effect_is_the_fold_by_when_it_happened() -> None:
    late = fact(2, {"status": "new"}, at=1)
    early = fact(1, {"status": "assigned"}, at=5)

    assert effect_state([early, late]) == {"status": "assigned"}


def test_of_facts_of_one_moment_the_later_position_has_the_last_word() -> None:
    facts = [fact(2, {"status": "b"}, at=1), fact(1, {"status": "a"}, at=1)]

    assert effect_state(facts) == {"status": "b"}


def test_effect_includes_the_moment_asked_for_and_nothing_after_it() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"b": 2}), fact(3, {"c": 3})]

    assert effect_state(facts, until=moment(2)) == {"a": 1, "b": 2}


def test_nothing_adds_up_to_nothing() -> None:
    assert known_state([]) == effect_state([]) == {}


# Corrections in effect


def test_a_correction_stands_in_its_targets_place() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"a": 2}), correction(3, 1, {"a": 9, "b": 9})]

    assert effect_state(facts) == {"a": 2, "b": 9}


def test_a_retracted_fact_is_gone() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"a": 2, "b": 2}), correction(3, 2, {})]

    assert effect_state(facts) == {"a": 1}


def test_the_highest_position_corrects_whatever_the_order_given() -> None:
    first, second = correction(3, 1, {"a": 3}), correction(4, 1, {"a": 4})

    assert effect_state([second, fact(1, {"a": 1}), first]) == {"a": 4}


def test_a_restated_time_moves_the_fact() -> None:
    facts = [fact(1, {"a": 1}), fact(5, {"a": 5}), correction(6, 1, {"a": 6}, at=7)]

    assert effect_state(facts) == {"a": 6}
    assert effect_state(facts, until=moment(6)) == {"a": 5}


def test_a_later_correction_that_restates_no_time_returns_to_the_facts_own() -> None:
    facts = [
        fact(1, {"a": 1}),
        fact(5, {"a": 5}),
        correction(6, 1, {"a": 6}, at=9),
        correction(7, 1, {"a": 7}),
    ]

    assert effect_state(facts) == {"a": 5}


def test_a_correction_names_whose_word_it_is() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"b": 1}), correction(3, 1, {"a": 2})]

    assert [(one.position, one.said_by) for one in standing(facts)] == [(1, 3), (2, 2)]


def test_a_correction_without_its_target_says_nothing() -> None:
    assert effect_state([fact(1, {"a": 1}), correction(3, 2, {"a": 2})]) == {"a": 1}


# The data that a correction states


def test_a_member_that_later_facts_restated_keeps_their_value() -> None:
    facts = [fact(1, {"a": 1, "b": 1}), fact(2, {"a": 2})]

    data = correction_data(facts, correction(3, 1, {"a": 9, "b": 9}))

    assert data == {"a": 2, "b": 9}


def test_a_member_that_nothing_states_any_more_is_cleared() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"b": 2})]

    assert correction_data(facts, correction(3, 2, {})) == {"b": None}


def test_a_retracted_clearing_brings_the_value_back() -> None:
    facts = [fact(1, {"a": 1}), fact(2, {"a": None})]

    assert correction_data(facts, correction(3, 2, {})) == {"a": 1}


def test_what_an_earlier_correction_named_is_stated_too() -> None:
    first = fact(2, {"a": None, "b": 5}, corrects=1, replacement={"b": 5})
    facts = [fact(1, {"a": 1}), first]

    assert correction_data(facts, correction(3, 1, {"c": 7})) == {"a": None, "b": None, "c": 7}


def test_what_is_gone_from_an_object_is_cleared_in_it() -> None:
    facts = [
        fact(1, {"links": {"L1": {"to": "a", "relation": "x"}}}),
        fact(2, {"links": {"L2": {"to": "b"}}}),
    ]

    data = correction_data(facts, correction(3, 1, {"links": {"L1": {"to": "c"}}}))

    assert data == {"links": {"L1": {"to": "c", "relation": None}, "L2": {"to": "b"}}}
    assert merge_patch(known_state(facts), data) == {
        "links": {"L1": {"to": "c"}, "L2": {"to": "b"}}
    }


def test_an_object_that_nothing_states_any_more_is_cleared_whole() -> None:
    facts = [fact(1, {"links": {"L1": {"to": "a"}}})]

    assert correction_data(facts, correction(2, 1, {})) == {"links": None}


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
PATCHES = st.dictionaries(NAMES, VALUES, max_size=3)
STORIES = st.lists(
    st.tuples(PATCHES, st.integers(0, 59), st.none() | st.integers(0, 9)), max_size=10
)
"""Patch, minute, and which of the facts so far it corrects, if any."""


def told(story: list[tuple[dict[str, Any], int, int | None]]) -> list[Fact]:
    """As the ledger would record it: a correction's data is computed from all before it."""
    facts: list[Fact] = []
    for position, (patch, minute, target) in enumerate(story, start=1):
        originals = [one.position for one in facts if one.corrects is None]
        if target is None or not originals:
            facts.append(fact(position, patch, at=minute))
            continue
        made = correction(position, originals[target % len(originals)], patch)
        facts.append(made._replace(data=correction_data(facts, made)))
    return facts


@given(STORIES)
def test_data_alone_gives_the_fold_with_all_corrections_in_place(
    story: list[tuple[dict[str, Any], int, int | None]],
) -> None:
    facts = told(story)

    for end in range(len(facts) + 1):
        corrected = [
            one.data for one in sorted(standing(facts[:end]), key=lambda one: one.position)
        ]
        assert known_state(facts[:end]) == fold(corrected)


@given(STORIES, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_handed_in_never_matters(
    story: list[tuple[dict[str, Any], int, int | None]], shuffler: Any
) -> None:
    facts = told(story)
    shuffled = facts.copy()
    shuffler.shuffle(shuffled)

    assert known_state(shuffled) == known_state(facts)
    assert effect_state(shuffled) == effect_state(facts)


@given(STORIES)
def test_without_late_facts_both_bases_agree(
    story: list[tuple[dict[str, Any], int, int | None]],
) -> None:
    facts = told([(patch, 0, target) for patch, _, target in story])

    assert effect_state(facts) == known_state(facts)
