"""Access reviews in a real log: the population is what the log says up to a position, however the log goes on."""

from __future__ import annotations

import pytest

from domain.by_policy import by_policy
from domain.errors import CanNot, MayNot
from domain.event import event_class
from domain.grant_commands import RevokeRole
from domain.population import Bounds, bounds_of, population_of
from domain.principal import IdentifyPrincipal
from domain.review_commands import (
    MOST_AT_ONCE,
    CertifyReviewItems,
    CloseAccessReview,
    OpenAccessReview,
    OrderRevocations,
)
from ledger.entry import Draft
from ledger.establish import establish
from ledger.genesis import genesis_draft
from ledger.ids import new_uuid7
from ledger.ledger import recorded
from ledger.proposal import Proposal, Unordered
from ledger.view import View
from tests.contract.conftest import Desk, a
from tests.contract.test_appending import whole_log
from tests.contract.test_granting import request, role

DUE = "2999-01-01T00:00:00Z"


def certify(*grants: str) -> CertifyReviewItems:
    return CertifyReviewItems(grants=frozenset(grants))


def revoke(*grants: str) -> OrderRevocations:
    return OrderRevocations(grants=frozenset(grants), due_at=DUE)


def granted(desk: Desk, of: str, holder: str) -> str:
    grant = request(desk, of, holder)
    desk.do(a("grant", "approve"), grant)
    return desk.do(a("grant", "activate", valid_to=None), grant).subject


def review(desk: Desk, **bounds: str) -> str:
    return desk.do(OpenAccessReview(**bounds)).subject


def test_a_review_goes_from_its_population_to_its_end(desk: Desk) -> None:
    ben, cleo, reviewer = (desk.person(name) for name in ("Ben", "Cleo", "Rea"))
    developer = role(desk, "developer")
    first, second = (granted(desk, developer, who) for who in (ben, cleo))
    before = desk.log.head().size
    opened = review(desk, role=developer)
    later = granted(desk, developer, reviewer)

    state = desk.log.subject(opened).state
    assert state["population"] == population_of(bounds_of(state), (first, second))
    assert state["population"]["position"] == before
    with pytest.raises(CanNot, match=f"population that was frozen: {later}"):
        desk.do(certify(later), opened)
    with pytest.raises(CanNot, match=f"2 of 2 items are undecided: {first}, {second}"):
        desk.do(CloseAccessReview(), opened)

    desk.do(certify(first), opened, actor=reviewer)
    desk.do(revoke(second), opened, actor=reviewer)
    desk.do(RevokeRole(reason="As the review ordered"), second)
    desk.do(CloseAccessReview(), opened)

    ended = desk.log.subject(opened).state
    assert (ended["status"], ended["verdicts"]) == (
        "closed",
        {"certified": 1, "revocation_ordered": 1},
    )
    assert desk.log.subject(first).state["certified"].popitem()[1]["campaign"] == opened
    whole_log(desk.log)


def test_what_is_revoked_meanwhile_stays_of_the_population(desk: Desk) -> None:
    grant = granted(desk, role(desk, "developer"), desk.person("Ben"))
    opened = review(desk)
    desk.do(RevokeRole(reason="Left"), grant)

    with pytest.raises(CanNot) as refused:
        desk.do(certify(grant), opened)
    assert refused.value.rules == ("certified-grant-is-active",)
    desk.do(revoke(grant), opened)
    desk.do(CloseAccessReview(), opened)
    whole_log(desk.log)


def test_another_process_counts_the_same(desk: Desk) -> None:
    grant = granted(desk, role(desk, "developer"), desk.person("Ben"))
    opened = review(desk)
    other = desk.open()

    other.execute(desk.order(certify(grant), opened))
    desk.do(CloseAccessReview(), opened)

    assert other.census().live_grants(bounds_of(other.subject(opened).state)) == (grant,)


def test_by_the_shipped_policy_nobody_reviews_themself_under_another_account(
    make_desk: object,
) -> None:
    desk: Desk = make_desk(may=by_policy, prepare=establish)  # type: ignore[operator]  # the fixture's factory
    rea, chief = desk.person("Rea"), desk.person("Chief")
    desk.grant(rea, "access-reviewer")
    desk.grant(chief, "compliance")
    account = desk.person("Rea's second account")
    desk.do(IdentifyPrincipal(person=rea, reason="One human"), account)
    own = desk.grant(account, "resolver")
    opened = desk.do(OpenAccessReview(role=desk.role("resolver")), actor=chief).subject

    with pytest.raises(MayNot) as refused:
        desk.do(certify(own), opened, actor=rea)
    assert refused.value.rules == ("nobody-reviews-themself",)
    whole_log(desk.log)


class _Granting(Unordered):
    """Ten thousand grants at once, as events of the ledger's own: by orders they would take minutes."""

    def __init__(self, role: str, count: int) -> None:
        self.role, self.count = role, count

    def settle(self, view: View) -> list[Draft]:
        return [self._draft(view, f"grant/G{n:05d}", n) for n in range(self.count)]

    def _draft(self, view: View, grant: str, n: int) -> Draft:
        event = event_class("itsm.grant.requested.v1")
        state = {
            "status": "active",
            "holder": f"principal/H{n:05d}",
            "role": self.role,
            "role_name": "developer",
            "valid_from": view.recordedtime,
        }
        said = genesis_draft(view, grant, event.from_data(event.example)).said
        return Draft(grant, event, state, view.recordedtime, new_uuid7(), view.source, said)


def test_a_review_of_ten_thousand_items_is_opened_decided_and_closed(desk: Desk) -> None:
    recorded(desk.log.writer.submit([_Granting(role(desk, "developer"), 10_000)])[0])
    opened = review(desk)
    state = desk.log.subject(opened).state
    grants = desk.log.census().live_grants(bounds_of(state))
    assert (len(grants), state["population"]["count"]) == (10_000, 10_000)

    with pytest.raises(
        CanNot, match=r"10000 of 10000 items are undecided: grant/G00000, .* and 9995"
    ):
        desk.do(CloseAccessReview(), opened)
    for at in range(0, len(grants), MOST_AT_ONCE):
        desk.do(revoke(*grants[at : at + MOST_AT_ONCE]), opened)
    desk.do(CloseAccessReview(), opened)

    ended = desk.log.subject(opened).state
    assert ended["verdicts"] == {"certified": 0, "revocation_ordered": 10_000}
    whole_log(desk.log)


def test_an_opening_counts_by_the_entries_before_its_own_commit(desk: Desk) -> None:
    """Grants that are given in the same commit come after the position that it names."""
    developer = role(desk, "developer")
    position = desk.log.head().size
    proposals: list[Proposal] = [
        _Granting(developer, 2),
        desk.log.proposal(desk.order(OpenAccessReview())),
    ]

    _, done = desk.log.writer.submit(proposals)

    state = desk.log.subject(recorded(done).receipts[0].subject).state
    at = state["population"]["at"]
    assert state["population"] == population_of(Bounds(position, at), ())
