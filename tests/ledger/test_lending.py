"""Connections are lent to one at a time, never more than allowed, and closed when nobody uses them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.errors import StorageFailed
from ledger.lending import Lender


class Connection:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def a_lender(most: int = 2, wait_seconds: float = 0.2) -> Lender[Connection]:
    return Lender(Connection, most=most, wait_seconds=wait_seconds)


def test_the_one_used_last_is_lent_first() -> None:
    lender = a_lender()
    first, second = lender.lend(), lender.lend()

    lender.take_back(first)
    lender.take_back(second)

    assert lender.lend() is second


def test_a_borrower_waits_for_one_to_come_back() -> None:
    lender = a_lender(most=1, wait_seconds=5)
    lent = lender.lend()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lender.lend)
        time.sleep(0.05)
        lender.take_back(lent)

        assert waiting.result(5) is lent


def test_when_none_comes_back_in_time_it_says_so() -> None:
    lender = a_lender(most=1)
    lender.lend()

    with pytest.raises(StorageFailed, match="in use"):
        lender.lend()


def test_closing_waits_for_those_that_are_lent() -> None:
    lender = a_lender(wait_seconds=5)
    lent = lender.lend()
    closing = threading.Thread(target=lender.close)
    closing.start()
    time.sleep(0.05)

    before = lent.is_closed
    lender.take_back(lent)
    closing.join(5)

    assert (before, lent.is_closed) == (False, True)
    with pytest.raises(StorageFailed, match="closed"):
        lender.lend()


def test_one_that_cannot_be_made_or_broke_is_not_counted() -> None:
    def refuse() -> Connection:
        raise StorageFailed("no server")

    lender = Lender(refuse, most=1, wait_seconds=0.1)
    for _ in range(3):
        with pytest.raises(StorageFailed, match="no server"):
            lender.lend()

    other = a_lender(most=1)
    other.lend()
    other.take_back(None)
    assert other.lend() is not None
