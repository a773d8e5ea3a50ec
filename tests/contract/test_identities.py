"""One identity leads to at most one principal, and nowhere once it is unlinked or erased."""

from __future__ import annotations

import threading

import pytest

from domain.acts import LEDGER, DestroySubjectKey
from domain.commitment import is_commitment
from domain.errors import CanNot, LedgerError, MayNot
from domain.identity import LinkIdentity, UnlinkIdentity
from domain.principal import RegisterPrincipal
from ledger.erase import erase
from ledger.errors import StorageFailed
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.identified import identified
from ledger.ledger import Ledger
from ledger.reveal import ERASED, HIDDEN, reveal
from ledger.writer import Recorded
from tests.contract.conftest import Desk, a, observe
from tests.contract.test_appending import whole_log

ISSUER = "https://login.example.com"
WILMA = "wilma@example.com"
ASSIGNED = "itsm.incident.assigned.v1"


def link(subject: str = WILMA, issuer: str = ISSUER) -> LinkIdentity:
    return LinkIdentity(issuer=issuer, subject=subject)


def leads_to(log: Ledger, subject: str = WILMA, issuer: str = ISSUER) -> str | None:
    found = identified(log, issuer, subject)
    return found and found.principal


def unlink(desk: Desk, principal: str, log: Ledger | None = None) -> None:
    (identity,) = desk.log.subject(principal).state["identities"]
    order = desk.order(UnlinkIdentity(identity=identity, reason="Left"), principal)
    (log or desk.log).execute(order)


def test_a_linked_identity_leads_to_its_principal_in_every_process(desk: Desk) -> None:
    wilma, ben = desk.person("Wilma"), desk.person("Ben")

    desk.do(link(), wilma)
    desk.do(link("ben"), ben)

    for log in (desk.log, desk.open()):
        assert (leads_to(log), leads_to(log, "ben")) == (wilma, ben)
        assert leads_to(log, "nobody") is None
        assert leads_to(log, issuer="https://elsewhere.example.com") is None
    whole_log(desk.log)


def test_several_identities_lead_to_one_principal(desk: Desk) -> None:
    source = desk.source()
    observe(desk, source, "incident/EXT-1", ASSIGNED, {"assigned_to": "Wilma"})
    named = desk.log.subject("incident/EXT-1").state["assigned_to"]
    desk.do(RegisterPrincipal(kind="person", name="Wilma"), named)

    desk.do(link(), named)
    desk.do(link("w"), named)

    assert leads_to(desk.log) == leads_to(desk.log, "w") == named
    observe(desk, source, "incident/EXT-2", ASSIGNED, {"assigned_to": "Wilma"})
    assert desk.log.subject("incident/EXT-2").state["assigned_to"] == named


def test_the_log_holds_a_commitment_and_never_the_subject(desk: Desk) -> None:
    wilma = desk.person("Wilma")

    desk.do(link(), wilma)

    state = dict(desk.log.subject(wilma).state)
    (linked,) = state["identities"].values()
    assert linked["issuer"] == ISSUER
    assert is_commitment(linked["subject"])
    shown = [reveal(desk.log, wilma, linked, allowed=allowed) for allowed in (True, False)]
    assert [one["subject"] for one in shown] == [WILMA, HIDDEN]
    assert not [entry for entry in whole_log(desk.log) if WILMA.encode() in entry.raw]


def test_an_identity_is_linked_once(desk: Desk) -> None:
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    desk.do(link(), wilma)

    for somebody in (ben, wilma):
        with pytest.raises(CanNot) as refusal:
            desk.do(link(), somebody)
        assert refusal.value.rules == ("identity-is-free",)
        assert wilma not in refusal.value.message or somebody == wilma

    assert leads_to(desk.log) == wilma
    assert "identities" not in desk.log.subject(ben).state
    whole_log(desk.log)


def test_nor_is_it_linked_twice_in_one_commit(desk: Desk) -> None:
    people = [desk.person("Wilma"), desk.person("Ben")]

    outcomes = desk.log.writer.submit(
        [desk.log.proposal(desk.order(link(), person)) for person in people]
    )

    assert [type(one) for one in outcomes] == [Recorded, CanNot]
    assert leads_to(desk.log) == people[0]
    whole_log(desk.log)


def test_of_two_processes_one_links(desk: Desk) -> None:
    people = [desk.person(f"Wilma {n}") for n in range(8)]
    logs = [desk.open() for _ in people]
    outcomes: list[Recorded | LedgerError] = []
    at_once = threading.Barrier(len(people))

    def try_it(log: Ledger, person: str) -> None:
        proposal = log.proposal(desk.order(link(), person))  # decided ahead, before anybody links
        at_once.wait()
        outcomes.extend(log.writer.submit([proposal]))

    racing = [threading.Thread(target=try_it, args=pair) for pair in zip(logs, people, strict=True)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()

    assert len(outcomes) == len(people)
    assert sum(isinstance(one, Recorded) for one in outcomes) == 1
    (holder,) = [p for p in people if desk.log.subject(p).state.get("identities")]
    assert {leads_to(log) for log in logs} == {holder}
    whole_log(desk.log)


def test_an_unlinked_identity_leads_nowhere_and_may_be_given_to_another(desk: Desk) -> None:
    elsewhere = desk.open()
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    desk.do(link(), wilma)
    assert leads_to(elsewhere) == wilma

    unlink(desk, wilma)
    assert (leads_to(desk.log), leads_to(elsewhere)) == (None, None)

    desk.do(link(), ben)
    assert (leads_to(desk.log), leads_to(elsewhere)) == (ben, ben)


def test_a_process_that_knew_the_former_holder_links_nobody_else(desk: Desk) -> None:
    elsewhere = desk.open()
    wilma, ben, cleo = (desk.person(name) for name in ("Wilma", "Ben", "Cleo"))
    desk.do(link(), wilma)
    elsewhere.execute(desk.order(a("incident", "report")))
    assert leads_to(elsewhere) == wilma
    unlink(desk, wilma)
    desk.do(link(), ben)

    with pytest.raises(CanNot) as refusal:
        elsewhere.execute(desk.order(link(), cleo))

    assert refusal.value.rules == ("identity-is-free",)


def test_erasing_a_principal_makes_its_identities_lead_nowhere(desk: Desk) -> None:
    elsewhere, wilma = desk.open(), desk.person("Wilma")
    desk.do(link(), wilma)
    assert leads_to(elsewhere) == wilma

    erase(desk.log, desk.order(DestroySubjectKey(target=wilma, reason="Asked for"), LEDGER))

    assert (leads_to(desk.log), leads_to(elsewhere)) == (None, None)
    (linked,) = dict(desk.log.subject(wilma).state)["identities"].values()
    assert reveal(desk.log, wilma, linked, allowed=True)["subject"] == ERASED
    again = desk.person("Wilma, once more")
    desk.do(link(), again)
    assert leads_to(elsewhere) == again


def test_from_the_recorded_erasure_on_it_leads_nowhere_whatever_the_key_does(desk: Desk) -> None:
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    desk.do(link(), wilma)

    desk.do(DestroySubjectKey(target=wilma, reason="Asked for"), LEDGER)  # the process dies here

    assert leads_to(desk.log) is None
    desk.do(link(), ben)
    assert leads_to(desk.log) == ben


def test_what_a_failed_commit_left_in_the_index_signs_nobody_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index would lead a stranger to a principal that the same issuer knows by another subject."""
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    desk.do(link(), wilma)

    with monkeypatch.context() as failing:
        failing.setattr("ledger.view.append_entries", _full)
        with pytest.raises(StorageFailed):
            desk.do(link("mallory"), wilma)

    assert desk.log.vault.principal_named("mallory", ISSUER, anew=True) == wilma
    assert leads_to(desk.log, "mallory") is None
    desk.do(link("mallory"), ben)
    assert (leads_to(desk.log, "mallory"), leads_to(desk.log)) == (ben, wilma)


def test_an_identity_that_a_failed_commit_would_have_moved_stays_where_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one commit with the end of its old link it is not free: the index may lead to one only."""
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    desk.do(link(), wilma)
    (identity,) = desk.log.subject(wilma).state["identities"]
    orders = [
        desk.order(UnlinkIdentity(identity=identity, reason="Moves"), wilma),
        desk.order(link(), ben),
    ]

    with monkeypatch.context() as failing:
        failing.setattr("ledger.view.append_entries", _full)
        with pytest.raises(StorageFailed):
            desk.log.writer.submit([desk.log.undecided(order) for order in orders])
    assert leads_to(desk.log) == wilma

    outcomes = desk.log.writer.submit([desk.log.undecided(order) for order in orders])
    assert [type(one) for one in outcomes] == [Recorded, CanNot]
    desk.do(link(), ben)
    assert leads_to(desk.log) == ben


def test_who_was_unlinked_or_erased_after_signing_in_records_nothing(desk: Desk) -> None:
    wilma, ben = desk.person("Wilma"), desk.person("Ben")
    signed_in = []
    for person in (wilma, ben):
        desk.do(link(person), person)
        found = identified(desk.log, ISSUER, person)
        assert found is not None
        signed_in.append(Actor(person, link=found.link.identity))
    report = a("incident", "report")
    proposals = [desk.log.proposal(Order(report, actor)) for actor in signed_in]

    unlink(desk, wilma, desk.open())
    erase(desk.open(), desk.order(DestroySubjectKey(target=ben, reason="Asked for"), LEDGER))

    refused = desk.log.writer.submit(proposals)
    assert [(type(one), one.rules) for one in refused if isinstance(one, MayNot)] == [
        (MayNot, ("linked-identity",))
    ] * 2
    assert desk.log.execute(Order(report, Actor(FIRST_PERSON)))


def _full(*_: object) -> None:
    raise StorageFailed("disk full")
