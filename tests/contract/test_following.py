"""Subscriptions: every entry after a position, in order, once, whoever appended it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ledger.observe import ObserveProposal
from tests.contract.conftest import Desk, a, source_status


def test_past_and_future_entries_come_in_order_once(desk: Desk) -> None:
    subject = desk.report()
    start = desk.log.head().size
    desk.comment(subject, "already there")
    with desk.log.follow(start) as subscription, ThreadPoolExecutor(1) as pool:
        seen = pool.submit(lambda: [next(subscription).id for _ in range(40)])
        for number in range(39):
            desk.comment(subject, f"comment {number}")

        assert seen.result(20) == list(range(start + 1, start + 41))


def test_entries_of_another_process_arrive(desk: Desk) -> None:
    subject = desk.report()
    elsewhere = desk.open()
    with desk.log.follow(desk.log.head().size) as subscription, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, subscription)
        time.sleep(0.2)  # nobody notifies this ledger object

        receipt = elsewhere.execute(desk.order(a("incident", "comment"), subject)).receipts[0]

        assert waiting.result(5).id == receipt.position


def test_only_the_types_asked_for_arrive(desk: Desk) -> None:
    source = desk.source()
    start = desk.log.head().size
    subscription = desk.log.recorder.subscribe(gt=start, topics=["itsm.incident.commented.v1"])
    desk.log.observe([ObserveProposal([source_status(1, "x")], source) for _ in range(700)])
    receipt = desk.comment("incident/EXT-1", "the only one")

    with subscription, ThreadPoolExecutor(1) as pool:
        assert pool.submit(next, subscription).result(10).id == receipt.position


def test_a_stopped_subscription_ends_its_iteration(desk: Desk) -> None:
    with desk.log.follow(desk.log.head().size) as subscription:
        follower = threading.Thread(target=lambda: list(subscription))
        follower.start()

        subscription.stop()

        follower.join(5)
        assert not follower.is_alive()


def test_what_comes_between_two_waits_is_not_slept_through(desk: Desk) -> None:
    """Whoever follows looks at the log, and then waits: what was appended in between must wake it."""
    database, elsewhere = desk.log.database, desk.open()
    database.wait_for_append(0.1)  # from here on it listens
    for ledger in (desk.log, elsewhere):
        ledger.execute(desk.order(a("incident", "report")))

        began = time.monotonic()
        database.wait_for_append(60)

        assert time.monotonic() - began < 30
        database.wait_for_append(0.1)  # a notification may come twice
