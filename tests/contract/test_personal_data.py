"""Personal values never stand in the log, can be shown, and are gone everywhere once erased."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from domain.acts import LEDGER, DestroySubjectKey, LiftLegalHold, PlaceLegalHold
from domain.commitment import check, is_commitment
from domain.errors import CanNot
from ledger.checkpoints import Signer
from ledger.erase import erase, finish_erasures
from ledger.ledger import Ledger
from ledger.proofs import verify_proof
from ledger.reveal import ERASED, HIDDEN, disclosed, reveal
from tests.contract.conftest import ORIGIN, Desk, observe
from tests.contract.test_appending import whole_log

TODAY = date(2026, 11, 24)
NAME = "Wilhelmina Featherstonehaugh"


def erase_order(desk: Desk, target: str) -> None:
    erase(desk.log, desk.order(DestroySubjectKey(target=target, reason="Asked for"), LEDGER))


def shown(ledger: Ledger, subject: str, *, allowed: bool = True) -> object:
    return reveal(ledger, subject, dict(ledger.subject(subject).state), allowed=allowed)


def test_a_personal_member_stands_in_the_entry_as_a_commitment(desk: Desk) -> None:
    subject = desk.report(title=f"{NAME} cannot log in")

    title = desk.log.subject(subject).state["title"]

    assert is_commitment(title)
    assert not [entry for entry in whole_log(desk.log) if NAME.encode() in entry.raw]


def test_reasons_and_comments_are_personal_too(desk: Desk) -> None:
    subject = desk.report()
    receipt = desk.comment(subject, f"{NAME} called")

    told = reveal(
        desk.log, subject, dict(desk.log.entry(receipt.position).attributes), allowed=True
    )

    assert told["comment"] == f"{NAME} called"
    assert is_commitment(desk.log.entry(receipt.position).attributes["comment"])


def test_anyone_checks_a_disclosure_against_the_log_with_sha_256_alone(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    digest = desk.log.subject(subject).state["title"]
    key, sealed = desk.log.disclosures(subject)[digest]

    disclosure = desk.log.vault.open(key, digest, sealed)

    assert check(digest, disclosure) == ("title", NAME)


def test_who_lacks_the_right_sees_that_there_is_something(desk: Desk) -> None:
    subject = desk.report(title=NAME)

    assert shown(desk.log, subject)["title"] == NAME  # type: ignore[index]  # a state
    assert shown(desk.log, subject, allowed=False)["title"] == HIDDEN  # type: ignore[index]  # a state


def test_text_that_did_not_change_repeats_its_commitment(desk: Desk) -> None:
    source = desk.source()
    for title in ("first", "first", "second"):
        observe(desk, source, "incident/EXT-1", "itsm.incident.reported.v1", {"title": title})

    digests = [entry.data["title"] for entry in desk.log.entries_of("incident/EXT-1")]

    assert digests[0] == digests[1] != digests[2]


def test_equal_text_of_two_subjects_cannot_be_seen_to_be_equal(desk: Desk) -> None:
    subjects = [desk.report(title=NAME) for _ in range(2)]

    first, second = (desk.log.subject(subject).state["title"] for subject in subjects)

    assert first != second


def test_erasing_a_person_leaves_proofs_valid_and_no_file_with_the_name(
    desk: Desk, tmp_path: Path
) -> None:
    signer = Signer(ORIGIN, desk.key)
    person = desk.person(NAME)
    position = desk.log.entries_of(person)[0].position
    old_proof = desk.log.prove(position, lambda: desk.log.checkpoints.publish(signer, TODAY))
    old_entry = desk.log.entry(position).raw
    backup = tmp_path / "backup"
    if desk.url.startswith("sqlite"):
        backup.mkdir()
        for file in tmp_path.glob("ledger-*.db*"):
            shutil.copy(file, backup / file.name)

    erase_order(desk, person)

    verify_proof(old_entry, old_proof, [signer.vkey], origin=ORIGIN)
    assert desk.log.entry(position).raw == old_entry
    assert shown(desk.log, person)["name"] == ERASED  # type: ignore[index]  # a state
    assert desk.log.vault.principal_named(NAME, "") is None
    assert_no_file_holds(tmp_path, NAME)
    whole_log(desk.log)


def test_a_backup_of_the_log_cannot_be_opened_after_the_erasure(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    digest = desk.log.subject(subject).state["title"]
    key, sealed = desk.log.disclosures(subject)[digest]  # what a backup would hold

    erase_order(desk, subject)

    assert not desk.log.vault.has_key(key)
    assert disclosed(desk.log, subject) == {}
    from ledger.errors import KeyDestroyed

    with pytest.raises(KeyDestroyed):
        desk.open().vault.open(key, digest, sealed)


def test_a_name_that_is_erased_is_somebody_new_afterwards(desk: Desk) -> None:
    source = desk.source()
    assigned = "itsm.incident.assigned.v1"
    observe(desk, source, "incident/EXT-1", assigned, {"assigned_to": NAME})
    before = desk.log.subject("incident/EXT-1").state["assigned_to"]
    erase_order(desk, before)

    observe(desk, source, "incident/EXT-2", assigned, {"assigned_to": NAME})

    assert desk.log.subject("incident/EXT-2").state["assigned_to"] != before


def test_what_is_said_after_an_erasure_has_a_key_of_its_own(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    erase_order(desk, subject)

    receipt = desk.comment(subject, "said later")

    told = reveal(
        desk.log, subject, dict(desk.log.entry(receipt.position).attributes), allowed=True
    )
    assert told["comment"] == "said later"
    assert finish_erasures(desk.open()) == 0


def test_another_process_notices_that_a_key_is_gone(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    elsewhere = desk.open()
    assert shown(elsewhere, subject)["title"] == NAME  # type: ignore[index]  # a state

    erase_order(desk, subject)

    assert shown(elsewhere, subject)["title"] == ERASED  # type: ignore[index]  # a state


def test_a_legal_hold_blocks_the_erasure_until_it_is_lifted(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    desk.do(PlaceLegalHold(target=subject, reason="Litigation"), LEDGER)

    with pytest.raises(CanNot) as held:
        erase_order(desk, subject)
    assert held.value.rules == ("no-legal-hold",)
    assert shown(desk.log, subject)["title"] == NAME  # type: ignore[index]  # a state

    hold = next(iter(desk.log.subject(LEDGER).state["holds"]))
    desk.do(LiftLegalHold(hold=hold, reason="Settled"), LEDGER)
    erase_order(desk, subject)
    assert shown(desk.log, subject)["title"] == ERASED  # type: ignore[index]  # a state


def test_an_interrupted_erasure_is_finished_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = desk.report(title=NAME)
    with monkeypatch.context() as crashing:
        crashing.setattr("ledger.erase.destroy_keys", lambda *_: None)  # the process dies here
        erase_order(desk, subject)
    assert shown(desk.log, subject)["title"] == NAME  # type: ignore[index]  # a state

    finished = finish_erasures(desk.open())

    assert finished == 1
    assert shown(desk.log, subject)["title"] == ERASED  # type: ignore[index]  # a state


def test_names_of_a_commit_that_failed_lead_nowhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault remembers a name before the log commits; the number may then go to somebody else."""
    from ledger.errors import StorageFailed

    source = desk.source()
    assigned = "itsm.incident.assigned.v1"

    def full(*_: object) -> None:
        raise StorageFailed("disk full")

    with monkeypatch.context() as failing:
        failing.setattr("ledger.view.append_entries", full)
        with pytest.raises(StorageFailed):
            observe(desk, source, "incident/EXT-1", assigned, {"assigned_to": "Alice"})
    observe(desk, source, "incident/EXT-2", assigned, {"assigned_to": "Bob"})
    observe(desk, source, "incident/EXT-3", assigned, {"assigned_to": "Alice"})

    bob = desk.log.subject("incident/EXT-2").state["assigned_to"]
    alice = desk.log.subject("incident/EXT-3").state["assigned_to"]
    assert bob != alice
    assert shown(desk.log, bob)["name"] == "Bob"  # type: ignore[index]  # a state
    assert shown(desk.log, alice)["name"] == "Alice"  # type: ignore[index]  # a state


def assert_no_file_holds(directory: Path, text: str) -> None:
    looked_at = [path for path in directory.rglob("*") if path.is_file()]
    assert looked_at
    holding = [path.name for path in looked_at if text.encode() in path.read_bytes()]
    assert holding == []
