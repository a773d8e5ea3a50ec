"""Keys, clocks, checkpoints elsewhere, restored backups, newer schemas: each refuses in its own words."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.acts import LEDGER
from domain.errors import Malformed
from ledger.checkpoints import Copies, Signer
from ledger.errors import (
    AlreadyALedger,
    BehindCheckpoint,
    ClockJumped,
    KeyFileUnusable,
    NewerDatabase,
    NotConsistent,
    StorageFailed,
)
from ledger.genesis import Genesis, create, open_for_appending
from ledger.govern import Actor
from ledger.keyfiles import (
    read_master_key,
    read_signing_key,
    write_master_key,
    write_signing_key,
)
from ledger.merkle import verify_consistency
from ledger.notes import Unsigned, parse_checkpoint, parse_note, verify, verify_checkpoint
from ledger.observe import ObserveProposal
from ledger.proofs import verify_proof
from ledger.rotate import endorsement_text, resume_rotation, rotate
from ledger.urls import library_environment
from tests.contract.conftest import NOBODY_HASH, ORIGIN, Desk, a, source_status

TODAY = date(2026, 11, 24)
APPEND_ONLY = (
    "events",
    "subjects",
    "tiles",
    "checkpoints",
    "requests",
    "import_rows",
    "subject_keys",
)


def publish(desk: Desk) -> str:
    return desk.log.checkpoints.publish(Signer(ORIGIN, desk.key), TODAY)


# Triggers


@pytest.mark.parametrize("statement", ["UPDATE events SET type = 'x'", "DELETE FROM events"])
def test_a_stray_statement_cannot_change_the_log(desk: Desk, statement: str) -> None:
    with (
        pytest.raises(StorageFailed, match="append-only"),
        desk.log.database.writing() as transaction,
    ):
        transaction.execute(statement)


def test_no_append_only_table_can_be_emptied(desk: Desk) -> None:
    subject = desk.report()
    desk.comment(subject, "something to delete")
    publish(desk)
    for table in APPEND_ONLY:
        with desk.log.database.reading() as transaction:
            count = transaction.rows(f"SELECT count(*) FROM {table}")
        if count == [(0,)]:
            continue  # nothing a row trigger could fire on
        with (
            pytest.raises(StorageFailed, match="append-only"),
            desk.log.database.writing() as transaction,
        ):
            transaction.execute(f"DELETE FROM {table}")


def test_insert_or_replace_does_not_pass_by_the_triggers(desk: Desk) -> None:
    if desk.log.database.dialect != "sqlite":
        return  # PostgreSQL has no INSERT OR REPLACE, and ON CONFLICT DO UPDATE fires the trigger
    for columns in ("position, subject, version", "position + 100, subject, version"):
        with (
            pytest.raises(StorageFailed, match="append-only"),
            desk.log.database.writing() as transaction,
        ):
            transaction.execute(
                f"INSERT OR REPLACE INTO events SELECT {columns}, type, entry, leaf FROM events WHERE position = 1"
            )


# Clocks


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_stops_appends_until_it_agrees_again(
    desk: Desk, jump: timedelta
) -> None:
    subject = desk.report()
    before = desk.log.head()

    desk.clock.ahead = jump
    with pytest.raises(ClockJumped):
        desk.comment(subject, "now?")

    assert desk.log.head() == before
    desk.clock.ahead = timedelta()
    assert desk.comment(subject, "now").version == 2


def test_a_process_that_starts_with_a_clock_before_the_last_entry_does_not_append(
    desk: Desk,
) -> None:
    subject = desk.report()
    desk.clock.ahead = timedelta(days=-1)
    elsewhere = desk.open()

    with pytest.raises(ClockJumped, match="newest entry"):
        elsewhere.execute(desk.order(a("incident", "comment"), subject))


# Keys


def test_key_files_are_made_for_their_owner_only(tmp_path: Path) -> None:
    write_signing_key(tmp_path / "k")
    write_master_key(tmp_path / "m")

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "km"] == [0o600, 0o600]
    assert read_signing_key(tmp_path / "k").sign(b"works")
    assert len(read_master_key(tmp_path / "m")) == 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    write_signing_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)

    with pytest.raises(KeyFileUnusable, match="open to others"):
        read_signing_key(tmp_path / "k")


def test_a_missing_or_spoilt_key_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnusable, match="no key file"):
        read_signing_key(tmp_path / "k")
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n")
    spoilt.chmod(0o600)
    for read in (read_signing_key, read_master_key):
        with pytest.raises(KeyFileUnusable) as error:
            read(spoilt)
        assert "AAAA" not in str(error.value)


def test_an_existing_key_file_is_never_overwritten(tmp_path: Path) -> None:
    write_signing_key(tmp_path / "k")
    before = (tmp_path / "k").read_bytes()

    with pytest.raises(KeyFileUnusable, match="exists already"):
        write_signing_key(tmp_path / "k")

    assert (tmp_path / "k").read_bytes() == before


def test_another_ledgers_key_does_not_open_this_one(desk: Desk) -> None:
    with pytest.raises(KeyFileUnusable, match="not this ledger's key"):
        open_for_appending(desk.ledger(), Ed25519PrivateKey.generate(), "1")


def test_the_wrong_master_key_is_told_from_a_destroyed_one(desk: Desk) -> None:
    subject = desk.report(title="Secret")
    (key, sealed), digest = (
        next(iter(desk.log.disclosures(subject).values())),
        desk.log.subject(subject).state["title"],
    )
    desk.master_key = os.urandom(32)

    with pytest.raises(StorageFailed, match="master key"):
        desk.open().vault.open(key, digest, sealed)


# Rotation


def test_a_rotation_is_endorsed_by_the_old_key_and_both_sign_once(
    desk: Desk, tmp_path: Path
) -> None:
    old = Signer(ORIGIN, desk.key)

    fresh = rotate(
        desk.log, old, tmp_path / "ledger.key", actor=Actor("principal/PRN0000002"), today=TODAY
    )

    state = desk.log.subject(LEDGER).state
    assert state["vkey"] == str(fresh.vkey)
    assert verify(state["endorsement"], [old.vkey]).text == endorsement_text(
        ORIGIN, str(fresh.vkey)
    )
    note = publish(desk)
    assert len(parse_note(note).signatures) == 2
    for vkey in (old.vkey, fresh.vkey):
        verify_checkpoint(note, [vkey], origin=ORIGIN)
    assert [str(vkey) for vkey in desk.log.vkeys()] == [str(fresh.vkey), str(old.vkey)]


def test_a_rotation_interrupted_before_the_file_moved_is_resumed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "ledger.key"

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    old, actor = Signer(ORIGIN, desk.key), Actor("principal/PRN0000002")
    with monkeypatch.context() as crashing:
        crashing.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            rotate(desk.log, old, key_file, actor=actor, today=TODAY)

    named = str(desk.log.subject(LEDGER).state["vkey"])
    key = resume_rotation(key_file, named, ORIGIN)

    assert key is not None
    resumed = open_for_appending(desk.ledger(), read_signing_key(key_file), "1")
    assert str(resumed.vkey) == named


# Checkpoints and proofs


def test_a_checkpoint_is_signed_anew_only_when_the_log_has_grown(desk: Desk) -> None:
    first = publish(desk)
    again = publish(desk)
    desk.report()
    grown = publish(desk)

    assert first == again != grown


def test_every_entry_is_proven_under_any_later_checkpoint(desk: Desk) -> None:
    subject = desk.report()
    desk.comment(subject, "one that is governed")
    source = desk.source()
    _many(desk, source, 600)
    vkey = Signer(ORIGIN, desk.key).vkey
    for position in (1, 2, 255, 256, 257, 511, 512, 513, desk.log.head().size):
        proof = desk.log.prove(position, lambda: publish(desk))

        proven = verify_proof(desk.log.entry(position).raw, proof, [vkey], origin=ORIGIN)

        assert proven.index == position - 1


def test_checkpoints_of_any_two_sizes_are_consistent(desk: Desk) -> None:
    early = parse_checkpoint(parse_note(publish(desk)).text)
    _many(desk, desk.source(), 700)
    late = parse_checkpoint(parse_note(publish(desk)).text)

    proof = desk.log.tree.consistency(early.size, late.size)

    verify_consistency(
        proof, old_size=early.size, new_size=late.size, old_root=early.root, new_root=late.root
    )


def test_a_database_behind_a_checkpoint_kept_elsewhere_refuses_to_start(
    make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    copies = tmp_path / "elsewhere"
    desk = make_desk(copies=copies)
    desk.report()
    publish(desk)
    ahead = Signer(ORIGIN, desk.key).checkpoint(10_000, b"\1" * 32)
    (copies / "checkpoint").write_text(ahead)

    with pytest.raises(BehindCheckpoint, match="missing"):
        desk.open()


def test_a_log_that_was_rewritten_does_not_extend_the_kept_checkpoint(
    make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    copies = tmp_path / "elsewhere"
    desk = make_desk(copies=copies)
    desk.report()
    size = desk.log.head().size
    (copies).mkdir(exist_ok=True)
    (copies / "checkpoint").write_text(Signer(ORIGIN, desk.key).checkpoint(size, b"\1" * 32))

    with pytest.raises(NotConsistent):
        desk.open()


def test_a_copy_signed_by_somebody_else_is_not_believed(
    make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    copies = tmp_path / "elsewhere"
    desk = make_desk(copies=copies)
    copies.mkdir(exist_ok=True)
    forged = Signer(ORIGIN, Ed25519PrivateKey.generate()).checkpoint(10_000, b"\1" * 32)
    (copies / "checkpoint").write_text(forged)

    with pytest.raises(Unsigned):
        desk.open()


def test_copies_keep_the_newest_and_the_last_of_each_day(tmp_path: Path) -> None:
    copies = Copies(tmp_path / "deep" / "down")

    copies.keep("first\n", date(2026, 11, 23))
    copies.keep("second\n", date(2026, 11, 24))

    assert copies.newest() == "second\n"
    assert sorted(path.name for path in copies.directory.iterdir()) == [
        "checkpoint", "checkpoint.2026-11-23", "checkpoint.2026-11-24",
    ]  # fmt: skip


# Schemas and URLs


def test_a_database_of_a_newer_version_is_left_alone(desk: Desk) -> None:
    with desk.log.database.writing() as transaction:
        transaction.execute("INSERT INTO schema_version VALUES (99)")

    with pytest.raises(NewerDatabase, match="schema 99"):
        desk.open()


def test_a_second_genesis_changes_nothing(desk: Desk) -> None:
    before = desk.log.head()

    with pytest.raises(AlreadyALedger):
        create(desk.ledger(), Genesis(ORIGIN, "vkey", "1", "Mallory", NOBODY_HASH))

    assert desk.log.head() == before


def test_migrating_twice_changes_nothing(desk: Desk) -> None:
    desk.report()
    before = desk.log.head()

    desk.ledger(create_tables=True)

    assert desk.open().head() == before


@pytest.mark.parametrize("url", ["", "mysql://x", "sqlite:///", "ledger.db"])
def test_other_database_urls_are_refused(url: str) -> None:
    with pytest.raises(Malformed, match="database URL"):
        library_environment(url, create_tables=False)


def _many(desk: Desk, source: str, count: int) -> None:
    facts = [source_status(number % 5, f"status {number}") for number in range(count)]
    desk.log.observe([ObserveProposal([fact], source) for fact in facts])
