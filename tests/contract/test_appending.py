"""What every append promises, on both databases."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.by_policy import by_policy
from domain.command import Command
from domain.errors import CanNot, KeyReused, MayNot, StaleVersion, UnknownSubject
from domain.fold import fold
from domain.grant_commands import RevokeRole
from domain.policy import DraftPolicy, PublishPolicy, ReviewPolicy
from domain.principal import DeactivatePrincipal
from domain.refusal import OrderRefused
from ledger.entry import Entry
from ledger.errors import StorageFailed
from ledger.establish import establish
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, GovernProposal, Order
from ledger.ledger import Ledger
from ledger.merkle import leaf_hash
from ledger.taken import Request
from ledger.view import View
from ledger.writer import Recorded
from tests.contract.conftest import Desk, a, observe


def whole_log(ledger: Ledger) -> list[Entry]:
    """Every entry, having checked what holds for all logs: no gaps, and a tree over these very bytes."""
    entries = ledger.entries(0, 100_000)
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert [int(entry.attributes["sequence"]) for entry in entries] == [e.position for e in entries]
    head = ledger.head()
    assert head.size == len(entries)
    assert ledger.tree.root(head.size) == head.root()
    times = [entry.recordedtime for entry in entries]
    assert times == sorted(times)
    return entries


def test_a_receipt_tells_where_the_event_stands(desk: Desk) -> None:
    receipt = desk.do(a("incident", "report"))

    entry = desk.log.entry(receipt.position)
    assert (entry.subject, entry.version, entry.type) == receipt[1:4]
    assert leaf_hash(entry.raw) == receipt.leaf_hash
    whole_log(desk.log)


def test_numbers_are_never_reused_and_skip_taken_ones(desk: Desk) -> None:
    first = desk.report()
    observe(desk, desk.source(), "incident/INC0010002")
    with pytest.raises(CanNot):
        desk.do(a("incident", "report", detected_at="2999-01-01T00:00:00Z"))

    second = desk.report()

    assert [first, second] == ["incident/INC0010001", "incident/INC0010003"]
    whole_log(desk.log)


def test_a_refused_command_records_nothing_but_that_it_was_refused(desk: Desk) -> None:
    subject = desk.report()
    before = desk.log.head().size

    with pytest.raises(CanNot) as refusal:
        desk.do(a("incident", "close"), subject)

    assert refusal.value.rules == ("transition",)
    (entry,) = desk.log.entries(before, 10)
    assert (entry.subject, entry.type) == (FIRST_PERSON, OrderRefused.type_name)


def test_a_command_on_an_unknown_subject_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownSubject):
        desk.do(a("incident", "comment"), "incident/INC0099999")


def test_a_wrong_expected_version_is_stale(desk: Desk) -> None:
    subject = desk.report()

    with pytest.raises(StaleVersion) as stale:
        desk.do(a("incident", "comment"), subject, expected=7)

    assert stale.value.facts["actual"] == 1
    assert desk.do(a("incident", "comment"), subject, expected=1).version == 2


def test_a_stale_cache_never_refuses_a_client(desk: Desk) -> None:
    subject = desk.report()
    desk.comment(subject, "cached here")
    elsewhere = desk.open()
    elsewhere.execute(desk.order(a("incident", "comment"), subject))

    receipt = desk.do(a("incident", "comment"), subject, expected=3)

    assert receipt.version == 4
    whole_log(desk.log)


def test_the_same_key_gets_the_first_receipt_again(desk: Desk) -> None:
    subject = desk.report()
    request = Request(FIRST_PERSON, "key-1", desk.log.vault.request_hash(b"body"))
    order = desk.order(a("incident", "comment"), subject, request=request)

    first = desk.log.execute(order)
    again = desk.open().execute(order)

    assert again.receipts == first.receipts
    assert (first.replayed, again.replayed) == (False, True)
    assert len([e for e in whole_log(desk.log) if e.subject == subject]) == 2


def test_the_same_key_with_another_request_is_refused(desk: Desk) -> None:
    subject = desk.report()
    first = Request(FIRST_PERSON, "key-1", desk.log.vault.request_hash(b"body"))
    other = Request(FIRST_PERSON, "key-1", desk.log.vault.request_hash(b"another body"))
    desk.do(a("incident", "comment"), subject, request=first)

    with pytest.raises(KeyReused):
        desk.do(a("incident", "comment"), subject, request=other)


def test_a_refused_request_may_be_tried_again_under_its_key(desk: Desk) -> None:
    subject = desk.report()
    request = Request(FIRST_PERSON, "key-1", desk.log.vault.request_hash(b"body"))
    with pytest.raises(CanNot):
        desk.do(a("incident", "close"), subject, request=request)

    receipt = desk.do(a("incident", "comment"), subject, request=request)

    assert receipt.version == 2


def test_a_key_repeated_within_one_commit_is_recorded_once(desk: Desk) -> None:
    subject = desk.report()
    request = Request(FIRST_PERSON, "key-1", b"h" * 32)
    order = desk.order(a("incident", "comment"), subject, request=request)

    outcomes = desk.log.writer.submit([desk.log.proposal(order), desk.log.proposal(order)])

    first, second = outcomes
    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert second.replayed
    assert second.receipts == first.receipts
    whole_log(desk.log)


def test_a_conflict_fails_its_own_command_only(desk: Desk) -> None:
    subject = desk.report()
    good = desk.order(a("incident", "comment"), subject)
    bad = desk.order(a("incident", "comment"), subject, expected=99)

    proposals = [
        GovernProposal(order, desk.log._may, desk.log.source) for order in (good, bad, good)
    ]
    outcomes = desk.log.writer.submit(proposals)

    assert [isinstance(outcome, Recorded) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], StaleVersion)
    whole_log(desk.log)


ONLY_RECOVERY = (
    '@id("recovery-alone") @sentence("Only the recovery role does anything.")\n'
    'permit (principal in Role::"recovery", action, resource);'
)


def _publish(desk: Desk, texts: dict[str, str]) -> str:
    """By three people, as the shipped policy wants it. What decisions name it by."""
    ben, cleo = desk.person("Ben"), desk.person("Cleo")
    desk.grant(ben, "policy-reviewer")
    desk.grant(cleo, "policy-publisher")
    policy = desk.do(DraftPolicy(title="Strict", texts=texts)).subject
    read = str(desk.log.load(policy).state["content_hash"])
    desk.do(ReviewPolicy(content_hash=read), policy, actor=ben)
    desk.do(PublishPolicy(), policy, actor=cleo)
    return str(desk.log.load(policy).state["reference"])


@pytest.fixture
def governed(make_desk: Callable[..., Desk]) -> Desk:
    """A desk where the shipped policy says who may."""
    return make_desk(may=by_policy, prepare=establish)


MOVES: dict[str, Callable[[str, str], tuple[Command, str]]] = {
    # What ends Eve's right, given her and her grant: the order, and what it is about.
    "deactivated-principal": lambda eve, grant: (DeactivatePrincipal(reason="Left"), eve),
    "no-permit:incident:assign": lambda eve, grant: (RevokeRole(reason="Moved"), grant),
}


@pytest.mark.parametrize("rule", MOVES)
def test_a_decision_is_taken_again_when_what_it_read_has_moved(governed: Desk, rule: str) -> None:
    """Somebody deactivated, or a grant revoked, between decision and commit must not slip through."""
    subject, eve = governed.report(), governed.person("Eve")
    order, about = MOVES[rule](eve, governed.grant(eve, "dispatcher"))
    assign = Order(a("incident", "assign"), Actor(eve), subject)
    decided_before = governed.log.proposal(assign)
    governed.open().execute(governed.order(order, about))

    outcome = governed.log.writer.submit([decided_before])[0]

    assert isinstance(outcome, MayNot)
    assert outcome.rules == (rule,)
    assert governed.log.load(subject).state["status"] == "new"


def test_a_grant_revoked_earlier_in_the_same_commit_does_not_count(governed: Desk) -> None:
    subject, eve = governed.report(), governed.person("Eve")
    grant = governed.grant(eve, "dispatcher")
    assign = governed.log.proposal(Order(a("incident", "assign"), Actor(eve), subject))
    revoke = governed.log.proposal(governed.order(RevokeRole(reason="Moved"), grant))

    revoked, assigned = governed.log.writer.submit([revoke, assign])

    assert isinstance(revoked, Recorded)
    assert isinstance(assigned, MayNot)
    assert assigned.rules == ("no-permit:incident:assign",)


def test_a_grant_given_by_another_process_counts_at_once(governed: Desk) -> None:
    subject, eve = governed.report(), governed.person("Eve")
    assign = Order(a("incident", "assign"), Actor(eve), subject)
    here = governed.open()
    with pytest.raises(MayNot, match="no-permit:incident:assign"):
        here.execute(assign)

    grant = governed.grant(eve, "dispatcher")

    receipt = here.execute(assign).receipts[0]
    assert here.entry(receipt.position).attributes["grants"] == grant


def test_a_policy_published_between_decision_and_commit_decides(governed: Desk) -> None:
    """Here one under which nobody but the recovery role does anything."""
    subject, eve = governed.report(), governed.person("Eve")
    governed.grant(eve, "dispatcher")
    decided_before = governed.log.proposal(Order(a("incident", "assign"), Actor(eve), subject))
    in_force = _publish(governed, {"strict.cedar": ONLY_RECOVERY})

    outcome = governed.log.writer.submit([decided_before])[0]

    assert isinstance(outcome, MayNot)
    assert outcome.rules == ("no-permit:incident:assign",)
    assert outcome.facts["policy"] == in_force


def test_earlier_commands_of_the_same_commit_count_as_moves(desk: Desk) -> None:
    subject = desk.report()
    cancel = desk.order(
        a("incident", "cancel", cancellation="entered_in_error", duplicate_of=None), subject
    )
    twice = [desk.log.proposal(cancel), desk.log.proposal(cancel)]

    outcomes = desk.log.writer.submit(twice)

    assert isinstance(outcomes[0], Recorded)
    assert isinstance(outcomes[1], CanNot)


def test_sixty_four_writers_append_without_a_gap(desk: Desk) -> None:
    subjects = [desk.report() for _ in range(16)]

    with ThreadPoolExecutor(64) as pool:
        receipts = list(
            pool.map(lambda n: desk.comment(subjects[n % 16], f"comment {n}"), range(256))
        )

    assert len({receipt.position for receipt in receipts}) == 256
    entries = whole_log(desk.log)
    for subject in subjects:
        versions = [entry.version for entry in entries if entry.subject == subject]
        assert versions == list(range(1, 18))


def test_a_failed_transaction_answers_everybody_and_records_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = desk.report()
    before = desk.log.head()

    def full(*_: object) -> None:
        raise StorageFailed("database or disk is full")

    monkeypatch.setattr("ledger.view.append_entries", full)
    failures: list[BaseException] = []

    def comment(number: int) -> None:
        try:
            desk.comment(subject, f"{number}")
        except StorageFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=comment, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    monkeypatch.undo()

    assert len(failures) == 8
    assert desk.log.head() == before
    assert desk.comment(subject, "and on it goes").version == 2
    whole_log(desk.log)


def test_long_subjects_fold_the_same_through_snapshots(desk: Desk) -> None:
    subject = desk.report()
    for group in range(150):
        verb = "assign" if group == 0 else "reassign"
        desk.do(
            a(
                "incident",
                verb,
                assignment_group=f"Group {group}",
                assigned_to=None,
                reason="Theirs",
            ),
            subject,
        )

    through_snapshot = desk.open().subject(subject)

    assert through_snapshot.version == 151
    assert through_snapshot.state == fold(e.data for e in desk.log.entries_of(subject))
    assert desk.open().load(subject).state == through_snapshot.state
    with desk.log.database.reading() as transaction:
        kept = transaction.rows("SELECT version FROM snapshots ORDER BY version")
    assert [version for (version,) in kept] == [64, 128]


def test_the_library_may_not_pass_by_the_ledger(desk: Desk) -> None:
    from domain.errors import Refused

    with pytest.raises(Refused):
        desk.log.save()


def test_a_commit_is_forgotten_without_a_look_for_cycles(desk: Desk) -> None:
    desk.report()
    gc.collect()
    gc.disable()

    try:
        desk.report()
        left = [one for one in gc.get_objects() if isinstance(one, View)]
    finally:
        gc.enable()

    assert left == [], "its entries would pile up: an import takes three times the memory"
