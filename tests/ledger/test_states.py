"""The cache of newest folds: bounded, and what every decision asks for stays whatever else comes by."""

from __future__ import annotations

from ledger.states import Loaded, StateCache

ADA = "principal/PRN0000002"


def loaded(key: int) -> Loaded:
    return Loaded(key, 1, ({}, ()), None)


def test_tickets_do_not_drive_out_who_may_work_on_them() -> None:
    cache = StateCache(limit=8)
    cache.put(ADA, loaded(1))

    for number in range(100):
        cache.put(f"incident/INC{number:07d}", loaded(number + 2))

    assert cache.get(ADA) is not None


def test_of_tickets_only_the_newest_stay() -> None:
    cache = StateCache(limit=8)

    for number in range(100):
        cache.put(f"incident/INC{number:07d}", loaded(number))

    kept = [number for number in range(100) if cache.get(f"incident/INC{number:07d}")]
    assert kept == list(range(100 - len(kept), 100))
    assert 6 <= len(kept) <= 8
