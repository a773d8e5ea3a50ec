from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.event import Json, State
from domain.grant import GrantCertified
from domain.policy import policy_hash
from domain.population import Bounds, bounds_of, is_within, population_of
from domain.review import (
    AccessReviewClosed,
    AccessReviewOpened,
    ReviewItemCertified,
    ReviewItemRevocationOrdered,
    revocation_status,
)
from domain.review_commands import (
    CertifyReviewItems,
    CloseAccessReview,
    OpenAccessReview,
    OrderRevocations,
)
from tests.domain.grants import (
    AUTHORITY,
    BEN_ADMIN,
    CAMPAIGN,
    DEVELOPER,
    DORA,
    GRANT,
    IN_A_MONTH,
    IN_A_WEEK,
    OTHER,
    PERSON,
    THIRD,
    TOMORROW,
    WORLD,
    YESTERDAY,
    active,
)
from tests.given import ADA, BEN, CLEO, DAN, NOW, Given, Outcome, given, standing
from tests.world import POLICY, shipped_policy

LIVE: Mapping[str, State] = {
    GRANT: active(BEN),
    OTHER: active(CLEO, services={"mail": True}),
    THIRD: active(DORA, DEVELOPER, status="suspended"),
}
EARLIER = [active(BEN, status=s) for s in ("requested", "conflicted", "approved")]
OVER = [active(BEN, status=s) for s in ("rejected", "revoked", "expired")]


def opened(**bounds: str) -> dict[str, Json]:
    """A review of `LIVE`, opened now."""
    return dict(reviewing({}).when(OpenAccessReview(**bounds)).state)


def reviewing(state: State, others: Mapping[str, State] | None = None) -> Given:
    return standing(CAMPAIGN, state, {**WORLD, **LIVE, **(others or {})})


def seen(verdict: str, by: str = ADA, **more: Json) -> Any:
    return {"verdict": verdict, "by": by, "on_behalf_of": None, "at": NOW, **more}


def certify(*grants: str) -> CertifyReviewItems:
    return CertifyReviewItems(grants=frozenset(grants))


def revoke(*grants: str, due_at: str = IN_A_WEEK) -> OrderRevocations:
    return OrderRevocations(grants=frozenset(grants), due_at=due_at)


# Opening


def test_a_review_freezes_which_grants_are_live() -> None:
    population = population_of(Bounds(1_841, NOW), (GRANT, OTHER, THIRD))

    after = reviewing({}).when(OpenAccessReview(due_at=IN_A_MONTH))

    after.then(AccessReviewOpened(due_at=IN_A_MONTH, population=population, opened_by=ADA))
    assert population["count"] == 3


def test_the_hash_is_that_of_the_sorted_list_in_its_canonical_form() -> None:
    """Recomputed with the standard library alone, as an outsider would."""
    import hashlib
    import json

    text = json.dumps(sorted(LIVE), separators=(",", ":"))

    told = opened()["population"]["hash"]

    assert told == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({"role": AUTHORITY}, (GRANT, OTHER)),
        ({"service": "mail"}, (GRANT, OTHER, THIRD)),
        ({"service": "erp"}, (GRANT, THIRD)),
        ({"role": DEVELOPER, "service": "erp"}, (THIRD,)),
    ],
)
def test_a_review_of_a_role_or_of_a_service_is_about_the_grants_that_reach_it(
    bounds: dict[str, str], found: tuple[str, ...]
) -> None:
    state = opened(**bounds)

    assert state["population"] == population_of(bounds_of(state), found)


@pytest.mark.parametrize("grant", [*EARLIER, *OVER, active(BEN, valid_to=NOW)])
def test_what_gives_nobody_anything_is_not_reviewed(grant: State) -> None:
    assert not is_within(grant, Bounds(1, NOW))


def test_a_review_is_due_later_and_of_a_role_that_is_known() -> None:
    reviewing({}).when(OpenAccessReview(due_at=NOW)).refused("due-later")
    reviewing({}).when(OpenAccessReview(role="role/ROL0000099")).refused("role-exists")


# Deciding


def test_a_certified_item_is_told_by_the_review_and_by_the_grant() -> None:
    after = reviewing(opened()).when(certify(GRANT))

    after.then(ReviewItemCertified(items={GRANT: seen("certified")}))
    (on,) = after.elsewhere
    by_campaign: Any = {"campaign": CAMPAIGN, "by": ADA, "at": NOW}
    assert (on.subject, on.event) == (GRANT, GrantCertified(certified={"CRT-1": by_campaign}))


def test_an_ordered_revocation_has_a_day_until_which_it_is_due() -> None:
    after = reviewing(opened()).when(revoke(GRANT, THIRD))

    item = seen("revocation_ordered", due_at=IN_A_WEEK)
    after.then(ReviewItemRevocationOrdered(items={GRANT: item, THIRD: item}))
    reviewing(opened()).when(revoke(GRANT, due_at=NOW)).refused("due-later")


def test_what_many_items_say_is_split_so_that_no_entry_is_too_large() -> None:
    name = "grant/" + "G" * 124
    many = {f"{name}{n:03d}": active(BEN) for n in range(500)}
    somebody, other = "principal/" + "P" * 128, "principal/" + "Q" * 128
    state = reviewing({}, many).when(OpenAccessReview()).state
    world = {**many, somebody: PERSON, other: PERSON}

    after = reviewing(dict(state), world).when(revoke(*many), actor=somebody, on_behalf_of=other)

    sizes = [len(event.model_dump_json()) for event in after.events]
    assert len(after.events) == 7
    assert max(sizes) < 60_000
    assert after.state["items"].keys() == many.keys()


def test_a_grant_that_is_not_of_the_population_is_not_decided() -> None:
    of_mail = opened(service="mail", role=AUTHORITY)

    for order in (certify(GRANT, THIRD), revoke(THIRD), certify("grant/GRT0000099")):
        reviewing(of_mail).when(order).refused("grant-is-of-the-population")


def test_nobody_decides_about_what_they_have_under_whichever_account() -> None:
    for reviewer in (BEN, BEN_ADMIN):
        for order in (certify(GRANT, OTHER), revoke(GRANT)):
            reviewing(opened()).when(order, actor=reviewer).refused("reviewer-is-not-holder")


def test_nobody_decides_about_what_their_other_account_has() -> None:
    second = {GRANT: active(BEN_ADMIN)}

    reviewing(opened(), second).when(certify(GRANT), actor=BEN).refused("reviewer-is-not-holder")


def test_nobody_decides_about_it_for_another_either() -> None:
    case = reviewing(opened()).case(actor=ADA, on_behalf_of=BEN)

    with pytest.raises(Exception, match="themself: grant/GRT0000001"):
        certify(GRANT).decide(case)


def test_the_shipped_policy_keeps_holders_out_and_lets_approvers_in() -> None:
    review = given(subject=CAMPAIGN, others={**WORLD, **LIVE})
    state: State = opened()
    approver = {**LIVE, GRANT: active(BEN, approved_by=ADA)}

    def asked(actor: str) -> Outcome:
        return Given(CAMPAIGN, state, {**review.others, **approver}).when(
            certify(GRANT), actor=actor
        )

    asked(BEN).refused("nobody-reviews-themself")
    assert not asked(ADA).refusals


def test_a_policy_can_keep_the_approver_of_a_grant_from_reviewing_it() -> None:
    rule = (
        '@id("approver-does-not-review") @sentence("Who approved a grant does not review it.") '
        '@control("iso27001_2022:A.5.3") forbid (principal, action == Action::"review:certify", '
        'resource) when { context.parts.contains("approver") };'
    )
    texts = {**shipped_policy()["texts"], "house.cedar": rule}
    house: State = {**shipped_policy(), "texts": texts, "content_hash": policy_hash(texts, {})}
    world = {**WORLD, **LIVE, GRANT: active(BEN, approved_by=ADA), POLICY: house}

    for reviewer, rules in ((ADA, ("approver-does-not-review",)), (DAN, ())):
        after = Given(CAMPAIGN, opened(), world).when(certify(GRANT, OTHER), actor=reviewer)

        assert after.refusals == rules


def test_an_item_has_one_verdict_which_may_only_become_stricter() -> None:
    certified = reviewing(opened()).when(certify(GRANT)).state
    ordered = reviewing(dict(certified)).when(revoke(GRANT), actor=CLEO).state

    reviewing(dict(certified)).when(certify(GRANT)).refused("item-is-undecided")
    assert ordered["items"][GRANT] == {
        name: value
        for name, value in seen("revocation_ordered", CLEO, due_at=IN_A_WEEK).items()
        if value is not None
    }
    reviewing(dict(ordered)).when(certify(GRANT)).refused("item-is-undecided")
    reviewing(dict(ordered)).when(revoke(GRANT)).refused("item-is-undecided")


@pytest.mark.parametrize("since", [{"status": "suspended"}, {"valid_to": NOW}])
def test_what_gives_nothing_now_is_not_certified(since: dict[str, Json]) -> None:
    ended = {GRANT: active(BEN, **since)}
    state = {**opened(), "population": population_of(Bounds(1_841, YESTERDAY), tuple(LIVE))}

    reviewing(state, ended).when(certify(GRANT)).refused("certified-grant-is-active")


# Closing


def test_a_review_ends_when_every_item_is_decided() -> None:
    state = {
        **opened(),
        "items": {
            GRANT: seen("certified"),
            OTHER: seen("certified"),
            THIRD: seen("revocation_ordered"),
        },
    }

    counts: Any = {"certified": 2, "revocation_ordered": 1}
    reviewing(state).when(CloseAccessReview()).then(
        AccessReviewClosed(verdicts=counts, closed_by=ADA, closed_at=NOW)
    )


def test_a_review_is_not_closed_half_done() -> None:
    case = reviewing({**opened(), "items": {GRANT: seen("certified")}}).case()

    with pytest.raises(Exception, match="2 of 3 items are undecided: grant/GRT0000002, grant/GRT"):
        CloseAccessReview().decide(case)


def test_a_population_that_the_log_does_not_make_is_not_closed() -> None:
    state = opened()
    state = {**state, "population": {**state["population"], "count": 0}}

    reviewing(state).when(CloseAccessReview()).refused("population-as-frozen")


def test_a_closed_review_takes_no_more_verdicts() -> None:
    closed = {**opened(), "status": "closed"}

    for order in (certify(GRANT), revoke(GRANT), CloseAccessReview()):
        reviewing(closed).when(order).refused("transition")


# What is owed


ORDERED = seen("revocation_ordered", due_at=TOMORROW)


@pytest.mark.parametrize(
    ("grant", "now", "status"),
    [
        (active(BEN), NOW, "ordered"),
        (active(BEN, status="suspended"), TOMORROW, "ordered"),
        (active(BEN), IN_A_WEEK, "overdue"),
        (active(BEN, status="revoked"), IN_A_WEEK, "done"),
        (active(BEN, status="expired"), NOW, "done"),
        (active(BEN, valid_to=NOW), NOW, "done"),
    ],
)
def test_an_ordered_revocation_is_open_until_the_grant_gives_nothing(
    grant: State, now: str, status: str
) -> None:
    assert revocation_status(ORDERED, grant, now) == status
    assert revocation_status(seen("certified"), grant, now) is None


def test_an_order_is_recalled_from_what_it_led_to() -> None:
    ordered = reviewing(opened()).when(revoke(GRANT)).events[0]
    certified = reviewing(opened()).when(certify(GRANT)).events[0]

    recalled = OrderRevocations.recalled(ordered.data())

    assert isinstance(recalled, OrderRevocations)
    assert (set(recalled.grants), recalled.due_at) == ({GRANT}, IN_A_WEEK)
    assert CertifyReviewItems.recalled(certified.data()) is not None
