"""What is registered is delivered: in order, at least once, to that receiver alone, and by its owner's rights."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from api.delivering.progress import Hold, Try
from api.delivering.schedule import Schedule
from api.delivering.webhooks import (
    end_webhook,
    rotate_secret,
)
from domain.moments import later
from domain.reading import LedgerRead
from domain.webhook import DisableWebhook, EnableWebhook, EndWebhook, ReplayWebhook
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from tests.api.delivering.receivers import OK, answering, receiving_apart
from tests.contract.post import FAILS, Post, until


def test_what_is_recorded_is_delivered_byte_for_byte_in_order_and_signed(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        webhook, secret = post.register(receiver)
        subject = post.desk.report()
        with post.delivering():
            until(lambda: len(receiver.requests) == 1)
            comments = [post.desk.comment(subject, str(n)).position for n in range(5)]
            until(lambda: len(receiver.requests) == 6)

    assert post.positions(receiver)[1:] == comments
    for position, request in zip(post.positions(receiver), receiver.requests, strict=True):
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["webhook-id"] == f"{webhook.split('/')[1]}-{position}"
        assert request.body == post.desk.log.entry(position).raw
        assert Webhook(secret).verify(request.body, request.headers)["subject"] == subject


def test_only_what_was_asked_for_is_delivered(post: Post) -> None:
    with receiving_apart(answering(OK)) as one, receiving_apart(answering(OK)) as other:
        post.register(one, "itsm.incident.commented.v1")
        post.register(other, "principal")
        with post.delivering():
            subject = post.desk.report()
            comment = post.desk.comment(subject, "Looked at it")
            person = post.desk.person("Ben")
            until(lambda: one.requests and other.requests)

    assert post.positions(one) == [comment.position]
    assert [person.encode() in request.body for request in other.requests] == [True]


def test_a_webhook_begins_where_it_was_told_to(post: Post) -> None:
    first = post.desk.report()
    with receiving_apart(answering(OK)) as all_of_it, receiving_apart(answering(OK)) as from_now:
        post.register(all_of_it, after=0)
        post.register(from_now)
        second = post.desk.report()
        with post.delivering():
            until(lambda: len(all_of_it.requests) == 2 and from_now.requests)

    assert [first.encode() in one.body for one in all_of_it.requests] == [True, False]
    assert [second.encode() in one.body for one in from_now.requests] == [True]


def test_what_fails_is_tried_again_under_the_same_id_before_what_follows(post: Post) -> None:
    with receiving_apart(answering(FAILS, FAILS, OK)) as receiver:
        webhook, _ = post.register(receiver)
        first, second = post.desk.report(), post.desk.report()
        with post.delivering():
            until(lambda: len(receiver.requests) == 4)
            until(lambda: post.progress.standings()[webhook].delivered == 2)

    one, other = (post.desk.log.entries_of(s)[0].position for s in (first, second))
    assert post.positions(receiver) == [one, one, one, other]
    tries = [(t.position, t.number, t.outcome) for t in post.progress.tries(webhook, 10)]
    assert tries == [
        (other, 1, "delivered"),
        (one, 3, "delivered"),
        (one, 2, "status-503"),
        (one, 1, "status-503"),
    ]
    assert post.progress.dead_letters(webhook, 10) == []


def test_what_is_given_up_is_a_dead_letter_and_the_next_one_follows(post: Post) -> None:
    with receiving_apart(answering(FAILS, FAILS, FAILS, OK)) as receiver:
        webhook, _ = post.register(receiver)
        lost, next_one = post.desk.report(), post.desk.report()
        with post.delivering():
            until(lambda: len(receiver.requests) == 4)
            until(lambda: post.progress.standings()[webhook].delivered == 1)
            (letter,) = post.progress.dead_letters(webhook, 10)

            lost_at, next_at = (post.desk.log.entries_of(s)[0].position for s in (lost, next_one))
            assert (letter.position, letter.tries, letter.outcome) == (lost_at, 3, "status-503")
            assert post.progress.dead_letter_counts() == {webhook: 1}

            post.desk.do(ReplayWebhook(after=lost_at - 1), webhook)
            until(lambda: post.progress.standings()[webhook].delivered == 3)

    assert post.positions(receiver) == [lost_at] * 3 + [next_at, lost_at, next_at]
    assert post.progress.dead_letters(webhook, 10) == []


def test_what_a_clock_that_was_ahead_put_off_is_not_waited_for_once_it_is_right(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        webhook, _ = post.register(receiver)
        position = post.desk.log.entries_of(post.desk.report())[0].position
        begins, now = post.state(webhook)["begins"], post.desk.log.now()
        tomorrow = later(now, timedelta(days=1))
        hold = Hold("a server that was ahead, and is gone", tomorrow)
        post.progress.claim(webhook, hold, now)
        post.progress.begin(webhook, hold, run=begins["run"], after=begins["after"])
        failed = Try(webhook, position, 1, tomorrow, "status-503")
        post.progress.failed(hold, failed, next_try=later(tomorrow, timedelta(seconds=5)))

        with post.delivering():
            until(lambda: receiver.requests)

    assert post.positions(receiver) == [position]


def test_a_slow_receiver_delays_no_other(post: Post) -> None:
    async def hangs(writer: Any) -> None:
        await asyncio.sleep(60)

    with receiving_apart(hangs) as slow, receiving_apart(answering(OK)) as quick:
        post.register(slow)
        post.register(quick)
        with post.delivering():
            for _ in range(20):
                post.desk.report()
            until(lambda: len(quick.requests) == 20)
            assert slow.connections <= 2


def test_two_servers_do_not_both_deliver(post: Post) -> None:
    async def slowly(writer: Any) -> None:
        await asyncio.sleep(0.4)  # the other one looks meanwhile
        writer.write(OK)

    with receiving_apart(slowly) as receiver:
        post.register(receiver)
        positions = [post.desk.log.entries_of(post.desk.report())[0].position for _ in range(4)]
        with post.delivering(post.courier("one"), post.courier("two")):
            until(lambda: len(receiver.requests) >= 4)
            time.sleep(0.5)

    assert post.positions(receiver) == positions


def test_a_server_that_stops_leaves_its_receivers_to_others_at_once(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        post.register(receiver)
        post.desk.report()
        with post.delivering(post.courier("one")):
            until(lambda: receiver.requests)
        post.desk.report()
        with post.delivering(post.courier("two")):
            until(lambda: len(receiver.requests) == 2)

    assert len(set(post.positions(receiver))) == 2


def test_while_the_secret_is_replaced_both_sign(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        webhook, before = post.register(receiver)
        after = rotate_secret(post.desk.log, post.identity(), webhook, overlap_seconds=60).secret
        post.desk.report()
        with post.delivering():
            until(lambda: receiver.requests)
            (request,) = receiver.requests
            for secret in (before, after):
                Webhook(secret).verify(request.body, request.headers)

            last = rotate_secret(post.desk.log, post.identity(), webhook, overlap_seconds=0).secret
            post.desk.report()
            until(lambda: len(receiver.requests) == 2)
            request = receiver.requests[1]
            Webhook(last).verify(request.body, request.headers)
            with pytest.raises(Exception, match="No matching"):
                Webhook(after).verify(request.body, request.headers)


def test_nothing_is_delivered_while_disabled_or_after_the_end(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        webhook, _ = post.register(receiver)
        signed = list(post.state(webhook)["secrets"])
        with post.delivering():
            post.desk.do(DisableWebhook(), webhook)
            post.desk.report()
            time.sleep(0.8)
            assert receiver.requests == []

            post.desk.do(EnableWebhook(), webhook)
            until(lambda: len(receiver.requests) == 1)

            end_webhook(post.desk.log, Order(EndWebhook(), Actor(FIRST_PERSON), webhook))
            post.desk.report()
            time.sleep(0.8)
            assert len(receiver.requests) == 1

    assert [post.desk.log.vault.secret(one) for one in signed] == [None]


def test_a_receiver_that_is_gone_is_disabled_and_the_log_says_so(post: Post) -> None:
    with receiving_apart(answering(b"HTTP/1.1 410 Gone\r\n\r\n", OK)) as receiver:
        webhook, _ = post.register(receiver)
        post.desk.report()
        with post.delivering():
            until(lambda: post.state(webhook)["status"] == "disabled")
            assert post.state(webhook)["because"] == "gone"

            post.desk.do(EnableWebhook(), webhook)
            until(lambda: len(receiver.requests) == 2)

    assert len(set(post.positions(receiver))) == 1  # it was not lost


def test_a_receiver_that_failed_for_long_is_disabled_until_somebody_enables_it(post: Post) -> None:
    post.schedule = Schedule(first_seconds=0.0, tries=100, disable_after=timedelta())

    with receiving_apart(answering(FAILS, OK)) as receiver:
        webhook, _ = post.register(receiver)
        post.desk.report()
        with post.delivering():
            until(lambda: post.state(webhook)["status"] == "disabled")
            assert post.state(webhook)["because"] == "failing"
            assert post.state(webhook)["failing_since"] <= post.desk.log.now()

            post.desk.do(EnableWebhook(), webhook)
            until(lambda: len(receiver.requests) == 2)
            until(lambda: post.progress.standings()[webhook].failing_since is None)


def test_a_redirect_reaches_nobody(post: Post) -> None:
    with receiving_apart(answering(OK)) as inner:
        moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n\r\n" % inner.port
        with receiving_apart(answering(moved)) as outer:
            webhook, _ = post.register(outer)
            post.desk.report()
            with post.delivering():
                until(lambda: post.progress.dead_letters(webhook, 1))

    assert post.progress.dead_letters(webhook, 1)[0].outcome == "redirected"
    assert inner.connections == 0


def test_readings_of_what_was_delivered_are_owed_by_its_owner(post: Post) -> None:
    with receiving_apart(answering(OK)) as receiver:
        post.register(receiver, "*")
        post.desk.report()
        with post.delivering():
            until(lambda: len(receiver.requests) >= 2)
            post.desk.log.record_reads(all_of_them=True)
            (read,) = post.desk.log.entries_of("ledger/LDG0000001", LedgerRead)
            told = len(receiver.requests)
            until(lambda: len(receiver.requests) > told)

    assert read.data["reading"]["by"] == FIRST_PERSON
    assert read.data["reading"]["what"] == "entries"
    assert not post.desk.log.reads.pending, "each telling of a reading would make another one"


def test_who_refused_what_they_were_sent_may_have_read_it(post: Post) -> None:
    with receiving_apart(answering(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")) as receiver:
        post.register(receiver, "*")
        post.desk.report()
        with post.delivering():
            until(lambda: bool(receiver.requests))

    assert post.desk.log.reads.pending
