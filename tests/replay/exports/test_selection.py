"""What an export is about: pages, subjects and periods, on either database, and what is read of them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.families import FAMILIES
from domain.fold import fold
from ledger.ledger import Ledger
from replay.exports import selection as selecting
from replay.exports.selection import Selection
from tests.replay.exports.given_exports import (
    FIRST,
    NASTY,
    fill_with_traps,
    lines,
    selection,
    states,
)
from tests.replay.given_log import Desk


@pytest.mark.parametrize("page", [1, 3, 1_000])
def test_every_entry_is_had_once_in_either_order_however_large_a_page_is(
    at: Desk, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite and PostgreSQL."""
    fill_with_traps(at)
    monkeypatch.setattr(selecting, "PAGE_ENTRIES", page)
    chosen = selection(at.house.ledger)

    by_position = [one.position for one in chosen.by_position()]
    lives = [
        (life.subject, [(one.version, one.position) for one in life.events])
        for life in chosen.lives()
    ]

    entries = lines(at.house.ledger)
    assert by_position == list(range(1, len(entries) + 1))
    assert sorted(position for _, told in lives for _, position in told) == by_position
    assert len({subject for subject, _ in lives}) == len(lives)
    for _, told in lives:
        assert [version for version, _ in told] == list(range(1, len(told) + 1))


def test_what_is_recorded_meanwhile_is_not_exported(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_with_traps(at)
    monkeypatch.setattr(selecting, "PAGE_ENTRIES", 2)
    chosen = selection(at.house.ledger)
    size = at.house.ledger.head().size

    lives = chosen.lives()
    had = [one.position for one in next(lives).events]
    at.observes(FIRST, "commented", {})
    had += [one.position for life in lives for one in life.events]

    assert sorted(had) == list(range(1, size + 1))


def test_a_life_begins_with_the_state_before_its_first_event(trapped: Ledger) -> None:
    entries = lines(trapped)
    of_first = [at for at, entry in enumerate(entries, 1) if entry["subject"] == FIRST]
    after = of_first[2]

    life = next(one for one in selection(trapped, after=after).lives() if one.subject == FIRST)

    assert life.state == fold(
        entry["data"] for entry in entries[:after] if entry["subject"] == FIRST
    )
    assert life.before["assignment_group"] == "mail"
    assert [one.position for one in life.events] == of_first[3:]


def test_a_cleared_source_clears_all_that_was_in_it(trapped: Ledger) -> None:
    life = next(one for one in selection(trapped).lives() if one.subject == FIRST)
    held = dict(life.before)

    stated = [selecting.restate(held, one) for one in life.events]

    assert "source" not in states(lines(trapped))[FIRST]
    assert [name for name in held if name.startswith("source.")] == []
    assert {name for name, value in stated[-1].items() if value is None} >= {
        "source.text",
        "source.mixed",
    }


def test_a_subject_is_asked_for_once_a_page(trapped: Ledger) -> None:
    """However many of its entries hold something personal."""
    asked: list[str] = []

    def shown(subject: str, told: Any) -> Any:
        asked.append(subject)
        return told

    chosen = Selection(trapped, frozenset(FAMILIES), 0, trapped.head().size, shown)
    list(chosen.by_position())

    veiled = {entry["subject"] for entry in lines(trapped) if "sd:sha-256:" in str(entry)}
    assert sorted(asked) == sorted(veiled)


def test_what_is_not_revealed_is_not_asked_for(trapped: Ledger) -> None:
    def shown(subject: str, told: Any) -> Any:
        raise AssertionError(subject)

    chosen = Selection(trapped, frozenset(FAMILIES), 0, trapped.head().size, shown)

    assert len(list(chosen.by_position(revealing=False))) == trapped.head().size
    assert NASTY not in [one.stated.get("title") for one in chosen.by_position(revealing=False)]
