"""Who delivers to a receiver writes down how far it has come, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.delivering.progress import KEPT_TRIES, Hold, Progress, Standing, Try
from tests.contract.databases import fresh_database_url

HOOK, OTHER = "ledger/LDG0000007", "ledger/LDG0000008"
NOW, SOON, LATER = (f"2026-03-02T09:3{minute}:00.000000Z" for minute in "012")
MINE, THEIRS = Hold("one", SOON), Hold("two", LATER)


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    return fresh_database_url(database, tmp_path)


@pytest.fixture
def progress(url: str) -> Iterator[Progress]:
    made = Progress(url)
    yield made
    made.close()


def test_a_receiver_that_is_held_is_nobody_elses_until_the_hold_ends(progress: Progress) -> None:
    assert progress.claim(HOOK, MINE, NOW) == Standing(HOOK)
    assert progress.claim(HOOK, MINE, NOW) == Standing(HOOK)

    assert progress.claim(HOOK, THEIRS, NOW) is None
    assert progress.claim(OTHER, THEIRS, NOW) == Standing(OTHER)
    assert progress.claim(HOOK, THEIRS, SOON) == Standing(HOOK)


def test_whoever_lost_the_hold_writes_nothing_any_more(progress: Progress) -> None:
    progress.claim(HOOK, MINE, NOW)
    progress.claim(HOOK, THEIRS, SOON)
    progress.begin(HOOK, THEIRS, run="a", after=3)

    tried = Try(HOOK, 9, 1, SOON, "delivered")
    assert not progress.delivered(MINE, tried)
    assert not progress.failed(MINE, tried, next_try=None)
    assert not progress.passed(HOOK, MINE, 9)
    assert not progress.begin(HOOK, MINE, run="b", after=0)
    assert not progress.resume(HOOK, MINE)

    assert progress.standings() == {HOOK: Standing(HOOK, "a", 3)}
    assert progress.tries(HOOK, 10) == []
    assert progress.dead_letters(HOOK, 10) == []


def test_a_hold_that_was_let_go_is_free_at_once(progress: Progress) -> None:
    progress.claim(HOOK, MINE, NOW)
    progress.claim(OTHER, THEIRS, NOW)

    progress.release("one")

    assert progress.claim(HOOK, THEIRS, NOW) is not None
    assert progress.claim(OTHER, MINE, NOW) is None


def test_a_failure_is_remembered_from_the_first_to_the_next_success(progress: Progress) -> None:
    progress.claim(HOOK, MINE, NOW)
    progress.begin(HOOK, MINE, run="a", after=3)

    progress.failed(MINE, Try(HOOK, 4, 1, NOW, "timed-out"), next_try=SOON)
    progress.failed(MINE, Try(HOOK, 4, 2, SOON, "status-500"), next_try=LATER)
    assert progress.standings()[HOOK] == Standing(
        HOOK, "a", 3, 2, 0, NOW, LATER, SOON, "status-500"
    )

    progress.delivered(MINE, Try(HOOK, 4, 3, LATER, "delivered"))
    assert progress.standings()[HOOK] == Standing(
        HOOK, "a", 4, 0, 1, None, None, LATER, "delivered"
    )


def test_what_is_kept_is_there_for_the_next_process(progress: Progress, url: str) -> None:
    progress.claim(HOOK, MINE, NOW)
    progress.begin(HOOK, MINE, run="a", after=3)
    progress.failed(MINE, Try(HOOK, 4, 1, NOW, "timed-out"), next_try=None)

    other = Progress(url)

    assert other.standings() == progress.standings()
    assert other.dead_letters(HOOK, 10) == progress.dead_letters(HOOK, 10) != []
    other.close()


def test_of_the_tries_the_newest_are_kept(progress: Progress) -> None:
    progress.claim(HOOK, MINE, NOW)
    for number in range(KEPT_TRIES + 5):
        at = f"2026-03-02T09:30:00.{number:06}Z"
        progress.delivered(MINE, Try(HOOK, number, 1, at, "delivered"))

    kept = progress.tries(HOOK, 1_000)
    assert len(kept) == KEPT_TRIES
    assert kept[0].position == KEPT_TRIES + 4
