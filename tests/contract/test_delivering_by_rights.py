"""A webhook tells what its owner may read at the moment of telling, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from api.delivering.webhooks import (
    change_webhook,
)
from domain.by_policy import by_policy
from domain.command import command_class
from domain.errors import MayNot
from domain.principal import DeactivatePrincipal
from tests.api.delivering.receivers import OK, answering, receiving_apart
from tests.contract.post import Post, until


@pytest.fixture
def governed(make_post: Callable[..., Post]) -> Post:
    """What is ordered is by the shipped policy as well."""
    return make_post(may=by_policy)


def test_who_may_not_keep_webhooks_registers_none_and_leaves_no_secret(governed: Post) -> None:
    with receiving_apart(answering(OK)) as receiver, pytest.raises(MayNot):
        governed.register(receiver, who=governed.desk.person("Ben"))


def administrators(post: Post, *names: str) -> Sequence[str]:
    people = [post.desk.person(name) for name in names]
    for person in people:
        post.desk.grant(person, "administrator")
    return people


def test_a_webhook_tells_what_its_owner_may_read_at_the_moment(governed: Post) -> None:
    """Ben reads the ledger's own acts as long as he is an administrator, and incidents ever after."""
    post = governed
    (ben,) = administrators(post, "Ben")

    with receiving_apart(answering(OK)) as receiver:
        webhook, _ = post.register(receiver, "grant", "incident", who=ben)
        with post.delivering():
            (cleo,) = administrators(post, "Cleo")
            until(lambda: len(receiver.requests) == 3)

            grants = post.desk.log.roster(f"grants-held-by {ben}").members
            post.desk.do(command_class("grant", "revoke")(reason="Moved"), grants[0])
            subject = post.desk.report()
            until(lambda: subject.encode() in receiver.requests[-1].body)

    assert [b'"subject":"grant/' in one.body for one in receiver.requests] == [True] * 3 + [False]
    assert cleo
    assert post.state(webhook)["owner"] == ben


def test_a_webhook_of_somebody_who_left_is_disabled(governed: Post) -> None:
    post = governed
    (ben,) = administrators(post, "Ben")

    with receiving_apart(answering(OK)) as receiver:
        webhook, _ = post.register(receiver, who=ben)
        post.desk.do(DeactivatePrincipal(reason="Left"), ben)
        post.desk.report()
        with post.delivering():
            until(lambda: post.state(webhook)["status"] == "disabled")

    assert post.state(webhook)["because"] == "owner-not-registered"
    assert receiver.requests == []


def test_whoever_takes_a_webhook_over_gets_what_they_may_read(governed: Post) -> None:
    post = governed
    ben, cleo = administrators(post, "Ben", "Cleo")

    with receiving_apart(answering(OK)) as one, receiving_apart(answering(OK)) as other:
        webhook, _ = post.register(one, who=ben)
        change_webhook(post.desk.log, post.identity(cleo), post.poster, webhook, url=other.url)
        post.desk.report()
        with post.delivering():
            until(lambda: other.requests)

    assert post.state(webhook)["owner"] == cleo
    assert one.connections == 0
