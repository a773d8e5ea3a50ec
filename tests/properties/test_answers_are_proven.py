"""Whatever is asked of whatever history: both checkers accept the answer with its proof, and no byte of it changed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import UnknownSubject
from replay.answers.checking import check_answer
from replay.answers.making import AnswerProof, proof_of_differences, proof_of_states
from replay.as_of import subject_as_of
from replay.diff import difference
from replay.moment import Moment
from tests.contract.databases import fresh_database_url
from tests.replay.given_answers import named, parsed, refused, rewritten, script, tangle, written
from tests.replay.given_log import Desk, desk

SUBJECTS = 12
HOUR = "2026-03-{:02d}T{:02d}:00:00.000000Z"
HAPPENED = st.builds(HOUR.format, st.just(1), st.integers(7, 14))
RECORDED = st.builds(HOUR.format, st.integers(2, 9), st.integers(0, 23))
MOMENTS = st.one_of(
    st.just(Moment()),
    st.builds(Moment, position=st.integers(60, 200)),
    st.builds(Moment, at=RECORDED, basis=st.just("known")),
    st.builds(Moment, at=HAPPENED),
    st.builds(Moment, at=HAPPENED, known_at=RECORDED),
    st.just(Moment(basis="effect")),
)
CHOSEN = st.lists(st.integers(1, SUBJECTS).map(named), min_size=1, max_size=4, unique=True)
search = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("answers")
    with desk(fresh_database_url("sqlite", directory), directory) as made:
        tangle(made, random.Random(20260331), subjects=SUBJECTS, facts=200)
        yield made


def states(at: Desk, subjects: list[str], moment: Moment) -> AnswerProof:
    return proof_of_states(at.house.ledger, subjects, moment, checkpoint=at.house.checkpoint)


def made(proof: AnswerProof) -> bytes | None:
    """None where a subject was not there at the moment."""
    try:
        return written(proof)
    except UnknownSubject:
        return None


@search
@given(subjects=CHOSEN, moment=MOMENTS)
def test_every_state_is_what_is_told_without_proof_and_is_accepted(
    at: Desk, subjects: list[str], moment: Moment
) -> None:
    raw = made(states(at, subjects, moment))
    if raw is None:
        return

    assert refused(raw, [str(at.house.signer.vkey)]) is None
    for told in parsed(raw)["answer"]["states"]:
        expected = subject_as_of(
            at.house.ledger,
            told["subject"],
            at=moment.at,
            known_at=moment.known_at,
            position=moment.position,
            basis=moment.basis,
        )
        assert told["state"] == expected.state
        assert told["version"] == expected.version


@search
@given(subjects=CHOSEN, before=MOMENTS, after=MOMENTS)
def test_every_difference_is_what_is_told_without_proof_and_is_accepted(
    at: Desk, subjects: list[str], before: Moment, after: Moment
) -> None:
    ledger = at.house.ledger
    raw = made(
        proof_of_differences(ledger, subjects, before, after, checkpoint=at.house.checkpoint)
    )
    if raw is None:
        return

    assert refused(raw) is None
    for told in parsed(raw)["answer"]["differences"]:
        expected = difference(ledger, told["subject"], before, after)
        assert [
            (one["field"], one["from"], one["to"], tuple(one["positions"]))
            for one in told["fields"]
        ] == [(one.path, one.before, one.after, one.positions) for one in expected.fields]


@search
@given(subjects=CHOSEN, moment=MOMENTS, where=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_no_byte_of_a_file_can_be_changed(
    at: Desk, subjects: list[str], moment: Moment, where: int, byte: int
) -> None:
    raw = made(states(at, subjects, moment))
    if raw is None:
        return
    changed = bytearray(raw)
    changed[where % len(raw)] = byte

    assert refused(bytes(changed)) is not None or says_the_same(raw, bytes(changed))


@search
@given(subjects=CHOSEN, before=MOMENTS, after=MOMENTS, data=st.data())
def test_no_member_of_a_file_can_be_changed(
    at: Desk, subjects: list[str], before: Moment, after: Moment, data: st.DataObject
) -> None:
    """Whatever stands in the file, at any depth, in place of it something else of the same kind, or of another."""
    proof = proof_of_differences(
        at.house.ledger, subjects, before, after, checkpoint=at.house.checkpoint
    )
    raw = made(proof)
    if raw is None:
        return
    file = parsed(raw)
    path = data.draw(st.sampled_from(places(file)))
    put(file, path, data.draw(st.sampled_from(instead_of(seen(file, path)))))
    changed = rewritten(file)

    assert refused(changed) is not None or says_the_same(raw, changed), path


@search
@given(subjects=CHOSEN, before=MOMENTS, after=MOMENTS, data=st.data())
def test_nothing_can_be_left_out_of_a_file_or_be_there_twice(
    at: Desk, subjects: list[str], before: Moment, after: Moment, data: st.DataObject
) -> None:
    """No member, no entry, no hash, no answer."""
    proof = proof_of_differences(
        at.house.ledger, subjects, before, after, checkpoint=at.house.checkpoint
    )
    raw = made(proof)
    if raw is None:
        return
    file = parsed(raw)
    path = data.draw(st.sampled_from(places(file)))
    parent = seen(file, path[:-1])
    if isinstance(parent, list) and data.draw(st.booleans()):
        parent.append(parent[path[-1]])
    else:
        del parent[path[-1]]

    assert refused(rewritten(file)) is not None


def says_the_same(raw: bytes, changed: bytes) -> bool:
    """Whitespace between members; how subjects were chosen, which both say is not shown; and where a time bounds
    the moment, a position with nothing of the subjects between it and the right one.
    """
    one, other = parsed(raw), parsed(changed)
    if isinstance(other["question"]["chosen_by"], str | None):
        other["question"]["chosen_by"] = one["question"]["chosen_by"]
    for name in ("as_of", "from", "to"):
        if name in one["answer"]:
            asked, told = one["question"][name], other["answer"][name]
            bound = asked["at"] if asked["basis"] == "known" else asked["known_at"]
            if bound is not None and type(told["position"]) is int:
                told["position"] = one["answer"][name]["position"]
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


Path = tuple[Any, ...]


def places(told: Any, path: Path = ()) -> list[Path]:
    """Every place inside, the deeper ones behind those that hold them."""
    inside = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()  # fmt: skip
    found = [] if path == () else [path]
    for name, value in inside:
        found += places(value, (*path, name))
    return found


def seen(told: Any, path: Path) -> Any:
    for name in path:
        told = told[name]
    return told


def put(told: Any, path: Path, value: Any) -> None:
    seen(told, path[:-1])[path[-1]] = value


def instead_of(value: Any) -> list[Any]:
    """Never equal to it, as JSON."""
    likely: list[Any] = [None, True, False, 0, 1, 2, "", "x", [], {}, {"x": 1}, "known", "effect"]
    if isinstance(value, str):
        likely += [value + "x", value[:-1], value.replace("1", "2"), value.replace("A", "B")]
    if isinstance(value, int):
        likely += [value + 1, value - 1, -value]
    if isinstance(value, list):
        likely += [value[::-1], value[:-1]]
    return [one for one in likely if json.dumps(one) != json.dumps(value)]


def test_the_script_says_what_ours_says_it_shows(at: Desk) -> None:
    raw = written(states(at, [named(1), named(2)], Moment()))

    ours, theirs = check_answer(raw), script().check(raw, [])

    assert theirs.startswith(
        f"accepted: the answer about 2 subjects is what {ours.entries} of the first "
        f"{ours.checkpoint.size} entries of {ours.checkpoint.origin} say"
    )
    assert ours.open_ended == 2
    assert "whether a newest version within them was left out" in theirs
