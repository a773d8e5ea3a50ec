"""What a roster promises: whoever stands on it by the log is on it, and a decision that read it is not fooled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from domain.command import command_class
from domain.errors import CanNot
from domain.grant import RoleGrantApproved, RoleGrantRequested
from domain.policy import DraftPolicy, PublishPolicy, ReviewPolicy
from domain.rosters import (
    POLICIES,
    ROLES,
    grants_delegated_to,
    grants_held_by,
    same_person_as,
)
from ledger.entry import Draft
from ledger.errors import EntryTooLarge, StorageFailed
from ledger.establish import establish
from ledger.genesis import FIRST_PERSON, OPERATOR, genesis_draft
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.rosters import NOBODY, Roster
from ledger.view import View
from ledger.writer import Recorded
from replay.verify_deep import verify_deep
from tests.contract.conftest import Desk, a

TEXTS = {"all.cedar": '@id("anyone") @sentence("Anyone.") permit (principal, action, resource);'}


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """Whoever is registered may do anything here. In the end the rosters are what the log makes them."""
    made = make_desk(prepare=establish)
    yield made
    assert verify_deep(made.log.database).problems == ()


@dataclass(slots=True)
class Looking(Unordered):
    """Records nothing; `seen`: the roster as a decision under the lock would read it."""

    name: str
    seen: Roster = field(default=NOBODY, init=False)

    def settle(self, view: View) -> Sequence[Draft]:
        self.seen = view.roster(self.name)
        return []


def under_lock(ledger: Ledger, name: str) -> Roster:
    looking = Looking(name)
    recorded(ledger.writer.submit([looking])[0])
    return looking.seen


def seen(ledger: Ledger, name: str) -> Roster:
    """The same under the lock and without it."""
    roster = under_lock(ledger, name)
    assert ledger.roster(name) == roster
    return roster


def asked(desk: Desk, holder: str, role: str, ledger: Ledger | None = None) -> str:
    """A grant that was asked for, and no more."""
    ask = a("grant", "request", role=desk.role(role), holder=None, scope=None, valid_to=None)
    done = (ledger or desk.log).execute(desk.order(ask, actor=holder))
    return done.receipts[0].subject


def test_a_roster_that_nobody_stood_on_is_empty_and_at_version_0(desk: Desk) -> None:
    assert seen(desk.log, grants_held_by("principal/PRN0009999")) == NOBODY


def test_a_genesis_puts_policy_roles_and_first_grants_on_their_rosters(desk: Desk) -> None:
    assert seen(desk.log, POLICIES) == Roster(("policy/POL0000001",), 1)
    roles = seen(desk.log, ROLES)
    assert len(roles.members) == roles.version > 10
    assert len(seen(desk.log, grants_held_by(FIRST_PERSON)).members) == 1
    assert len(seen(desk.log, grants_held_by(OPERATOR)).members) == 1


ENDS = [
    (["reject"], 2),
    (["approve", "activate", "revoke"], 2),
    (["approve", "activate", "suspend", "revoke"], 2),
    (["approve", "activate"], 1),
    (["approve", "activate", "suspend"], 1),
    (["approve", "activate", "suspend", "reinstate"], 1),
]


@pytest.mark.parametrize(("verbs", "version"), ENDS)
def test_a_grant_is_its_holders_from_the_request_until_it_is_over(
    desk: Desk, verbs: list[str], version: int
) -> None:
    eve = desk.person("Eve")
    grant = asked(desk, eve, "dispatcher")
    begun = seen(desk.log, grants_held_by(eve))

    for verb in verbs:
        desk.do(command_class("grant", verb)(reason="Because"), grant)

    ended = seen(desk.log, grants_held_by(eve))
    assert begun == Roster((grant,), 1)
    # Moving along without joining or leaving makes nobody decide again.
    assert ended == Roster((grant,) if version == 1 else (), version)


def test_members_stand_in_the_order_in_which_they_came(desk: Desk) -> None:
    eve = desk.person("Eve")
    first, second, third = (
        asked(desk, eve, role) for role in ("dispatcher", "auditor", "resolver")
    )

    desk.do(command_class("grant", "reject")(), first)
    fourth = asked(desk, eve, "dispatcher")

    assert seen(desk.log, grants_held_by(eve)) == Roster((second, third, fourth), 5)


def test_a_delegate_is_on_a_roster_while_the_delegation_was_not_ended(desk: Desk) -> None:
    eve, dan = desk.person("Eve"), desk.person("Dan")
    grant = desk.grant(eve, "dispatcher")
    until = desk.log.load(grant).state["valid_to"]
    desk.do(a("grant", "delegate", to=dan, until=until), grant, actor=eve)
    begun = seen(desk.log, grants_delegated_to(dan))
    (delegation,) = desk.log.load(grant).state["delegations"]

    desk.do(a("grant", "end-delegation", delegation=delegation), grant, actor=eve)

    assert begun == Roster((grant,), 1)
    assert seen(desk.log, grants_delegated_to(dan)) == Roster((), 2)


def test_accounts_of_one_person_stand_together(desk: Desk) -> None:
    ben, bens_other = desk.person("Ben"), desk.person("Ben, as administrator")

    desk.do(a("principal", "identify", person=ben), bens_other)

    assert seen(desk.log, same_person_as(ben)) == Roster((bens_other,), 1)


def test_a_role_stands_among_the_roles_until_it_is_retired(desk: Desk) -> None:
    before = seen(desk.log, ROLES)
    role = desk.do(
        a("role", "define", name="night-shift", owner=FIRST_PERSON, conflicts=[])
    ).subject
    defined = seen(desk.log, ROLES)

    desk.do(command_class("role", "retire")(reason="No nights any more"), role)

    assert defined == Roster((*before.members, role), before.version + 1)
    assert seen(desk.log, ROLES) == Roster(before.members, before.version + 2)


def test_a_published_policy_takes_the_place_of_the_other_in_one_commit(desk: Desk) -> None:
    policy = desk.do(DraftPolicy(title="Open", texts=TEXTS)).subject
    hash_ = str(desk.log.load(policy).state["content_hash"])
    desk.do(ReviewPolicy(content_hash=hash_), policy)
    assert seen(desk.log, POLICIES).members == ("policy/POL0000001",)

    desk.do(PublishPolicy(), policy)

    assert seen(desk.log, POLICIES) == Roster((policy,), 3)


def test_what_another_process_moved_is_seen(desk: Desk) -> None:
    eve = desk.person("Eve")
    held = grants_held_by(eve)
    assert under_lock(desk.log, held) == NOBODY, "kept at hand from now on"

    grant = asked(desk, eve, "dispatcher", desk.open())

    assert under_lock(desk.log, held) == Roster((grant,), 1)


def test_what_this_process_moves_itself_is_at_hand_for_the_next_commit(desk: Desk) -> None:
    eve = desk.person("Eve")
    first = asked(desk, eve, "dispatcher")

    second = asked(desk, eve, "resolver")

    assert under_lock(desk.log, grants_held_by(eve)) == Roster((first, second), 2)


def test_a_decision_that_read_a_set_is_taken_again_when_somebody_joined_it(desk: Desk) -> None:
    """No subject that it read moved: the grant that conflicts is a new one."""
    eve = desk.person("Eve")
    auditor = asked(desk, eve, "auditor")
    approve = command_class("grant", "approve")()
    decided_before = desk.log.proposal(desk.order(approve, auditor))
    elsewhere = desk.open()
    administrator = asked(desk, eve, "administrator", elsewhere)
    elsewhere.execute(desk.order(approve, administrator))

    outcome = desk.log.writer.submit([decided_before])[0]

    assert isinstance(outcome, CanNot)
    assert outcome.rules == ("no-conflicting-role",)


@dataclass(slots=True)
class Asking(Unordered):
    """A grant asked for and approved; with `fails` the second entry is too large."""

    holder: str
    role: str
    fails: bool

    def settle(self, view: View) -> Sequence[Draft]:
        grant = view.next_number("grant")
        view.take_number(grant)
        requested = RoleGrantRequested(
            holder=self.holder, role=self.role, role_name="dispatcher", requested_by=self.holder
        )
        approved = genesis_draft(view, grant, RoleGrantApproved(approved_by=self.holder))
        if self.fails:
            approved.said["correlationid"] = "x" * 70_000
        return [genesis_draft(view, grant, requested), approved]


def test_a_proposal_that_fails_moves_nothing(desk: Desk) -> None:
    eve, role = desk.person("Eve"), desk.role("dispatcher")

    outcomes = desk.log.writer.submit(
        [Asking(eve, role, fails=True), Asking(eve, role, fails=False)]
    )

    assert isinstance(outcomes[0], EntryTooLarge)
    assert isinstance(outcomes[1], Recorded)
    grant = outcomes[1].receipts[0].subject
    assert seen(desk.log, grants_held_by(eve)) == Roster((grant,), 1)


def test_a_commit_that_fails_moves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = desk.person("Eve")

    def full(*_: object) -> None:
        raise StorageFailed("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("ledger.view.append_entries", full)
        with pytest.raises(StorageFailed):
            asked(desk, eve, "dispatcher")

    assert seen(desk.log, grants_held_by(eve)) == NOBODY
    assert seen(desk.open(), grants_held_by(eve)) == NOBODY
