"""An archive at the command line: written, verified, restored; killed, and gone on with."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from api.errors import EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_TAMPERED
from ledger.keyfiles import write_signing_key
from tests.api.shell import Done, Shell, fill, shell_with_ledger
from tests.contract.databases import fresh_database_url

EXIT_INTERRUPTED = 130


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A ledger whose first people may do everything. Its keys and its vault are named, so that others find them."""
    made = shell_with_ledger(tmp_path)[0]
    named = {
        "ITSM_LEDGER_KEY_FILE": str(tmp_path / "ledger.key"),
        "ITSM_LEDGER_MASTER_KEY_FILE": str(tmp_path / "ledger.master.key"),
        "ITSM_LEDGER_VAULT_URL": f"sqlite:///{tmp_path / 'ledger.vault.db'}",
    }
    return replace(made, env={**made.env, **named})


def restored(shell: Shell, archive: Path, kind: str = "sqlite", **env: str) -> tuple[Done, Shell]:
    """Into a place of its own, with the keys and the vault of the ledger that was lost."""
    place = shell.directory / "again"
    place.mkdir()
    found = Shell(
        place, {**shell.env, "ITSM_LEDGER_DATABASE_URL": fresh_database_url(kind, place), **env}
    )
    return found("restore", str(archive), "--json"), found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_ledger_that_was_lost_comes_back_whole(shell: Shell, kind: str) -> None:
    """Archived, verified without the database, restored into either database: same root, same answers, and it goes on."""
    subject = shell.report("Mail is slow, says Grace")
    shown = shell.ok("show", subject, "--json").json
    kept = shell.directory / "kept"
    kept.write_text(shell.ok("checkpoint", "--json").json["checkpoint"])
    archive = shell.directory / "archive"
    shell.ok("archive", "-o", str(archive), "--json")

    verified = shell.ok("verify", "--archive", str(archive), "--checkpoint", str(kept), "--json")
    done, found = restored(shell, archive, kind)

    assert verified.json["clean"]
    assert verified.json["checkpoints_checked"] == 2
    assert done.code == 0, done.err
    assert done.json["root"] == verified.json["root"]
    assert {done.json[what]["state"] for what in ("signing_key", "master_key", "vault")} <= {
        "fits",
        "there",
    }
    assert found.ok("verify", "--deep", "--checkpoint", str(kept), "--json").json["clean"]
    assert found.ok("show", subject, "--json").json["state"] == shown["state"]
    assert found.report("Printer is on fire") != subject


def test_what_a_restore_does_not_bring_back_is_said(shell: Shell) -> None:
    """Keys and vault come from their own backups: where they are missing, that is said, and what it means."""
    archive = shell.directory / "archive"
    shell.ok("archive", "-o", str(archive))
    nowhere = {
        "ITSM_LEDGER_KEY_FILE": str(shell.directory / "no.key"),
        "ITSM_LEDGER_MASTER_KEY_FILE": str(shell.directory / "no.master"),
        "ITSM_LEDGER_VAULT_URL": f"sqlite:///{shell.directory / 'no.vault'}",
    }

    done, found = restored(shell, archive, **nowhere)

    states = {what: done.json[what]["state"] for what in ("signing_key", "master_key", "vault")}
    assert states == dict.fromkeys(states, "missing")
    assert found.ok("verify", "--json").json["clean"], "which needs no key"
    again = Shell(found.directory, {**found.env})
    said = again("restore", str(archive))
    assert (said.code, "already" in said.err) == (EXIT_REFUSED, True)


def test_a_ledger_whose_vault_is_lost_goes_on_without_personal_values(shell: Shell) -> None:
    """With a master key of its own: what was said before shows no more, what is said from now on does."""
    lost = shell.report("Mail is slow")
    archive = shell.directory / "archive"
    shell.ok("archive", "-o", str(archive))
    place = shell.directory / "again"
    place.mkdir()
    found = Shell(
        place,
        {
            **shell.env,
            "ITSM_LEDGER_DATABASE_URL": f"sqlite:///{place / 'ledger.db'}",
            "ITSM_LEDGER_MASTER_KEY_FILE": str(place / "master"),
            "ITSM_LEDGER_VAULT_URL": f"sqlite:///{place / 'vault.db'}",
        },
    )

    found.ok("restore", str(archive), "--new-vault")

    assert found.ok("show", lost, "--json").json["state"]["title"] == "[erased]"
    fresh = found.report("Printer is on fire")
    assert found.ok("show", fresh, "--json").json["state"]["title"] == "Printer is on fire"


def test_another_ledgers_key_is_not_taken_for_this_ones(shell: Shell, tmp_path: Path) -> None:
    """It is said at once, not when somebody wants to append."""
    archive = shell.directory / "archive"
    shell.ok("archive", "-o", str(archive))
    write_signing_key(tmp_path / "other.key")

    done, _ = restored(shell, archive, ITSM_LEDGER_KEY_FILE=str(tmp_path / "other.key"))

    assert done.json["signing_key"]["state"] == "another"


def test_an_altered_archive_ends_with_exit_code_3(shell: Shell) -> None:
    """Verified and restored alike, the file is named, and nothing is restored."""
    archive = shell.directory / "archive"
    shell.ok("archive", "-o", str(archive))
    (segment,) = (archive / "entries").rglob("*.parquet")
    raw = bytearray(segment.read_bytes())
    raw[100] ^= 1
    segment.write_bytes(raw)

    verified = shell("verify", "--archive", str(archive))
    done, _ = restored(shell, archive)

    assert (verified.code, done.code) == (EXIT_TAMPERED, EXIT_TAMPERED)
    assert segment.name in verified.out
    assert segment.name in done.err


def test_where_there_is_no_archive_that_is_said(shell: Shell) -> None:
    """Neither verifying nor restoring takes an empty directory for one."""
    nothing = shell.directory / "nothing"

    for command in (["verify", "--archive", str(nothing)], ["restore", str(nothing)]):
        done = shell(*command)
        assert (done.code, "no archive" in done.err) == (EXIT_NOT_FOUND, True)


def test_archiving_is_a_reading_of_everything(shell: Shell) -> None:
    """It takes the right to read every family, and the log tells that somebody did."""
    token = shell.ok(
        "token", "issue", "principal/PRN0000002", "--scope", "incident:read"
    ).out.strip()

    refused = shell("archive", "-o", str(shell.directory / "a"), ITSM_LEDGER_TOKEN=token)

    assert "scope-missing" in refused.err
    assert not (shell.directory / "a").exists()
    shell.ok("archive", "-o", str(shell.directory / "a"))
    events = [json.loads(line) for line in shell.ok("events").out.splitlines()]
    assert "itsm.ledger.read.v1" in {event["type"] for event in events}


def test_following_goes_on_as_the_ledger_grows_and_ends_with_ctrl_c(shell: Shell) -> None:
    """What is recorded meanwhile is in the archive some seconds later; an interrupt leaves it whole."""
    archive = shell.directory / "archive"
    with shell.process("archive", "-o", str(archive), "--follow") as following:
        first = _grown_to(archive, 1)
        subject = shell.report("Mail is slow")
        size = _grown_to(archive, first + 1)
        following.send_signal(signal.SIGINT)
        code = following.wait(timeout=60)

    assert (code, size > first) == (EXIT_INTERRUPTED, True)
    assert shell.ok("verify", "--archive", str(archive), "--json").json["size"] == size
    assert subject


def _grown_to(archive: Path, size: int) -> int:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            found = int(json.loads((archive / "manifest.json").read_bytes())["size"])
        except FileNotFoundError:
            found = 0
        if found >= size:
            return found
        time.sleep(0.1)
    raise AssertionError(f"expected an archive of {size} entries")


def test_kill_9_while_archiving_costs_nothing(shell: Shell) -> None:
    """Killed wherever it was, the archive is none or is whole, and the next run makes it so."""
    fill(shell, 2_000)
    archive = shell.directory / "archive"
    for seconds in (0.6, 1.0, 1.4):
        with shell.process("archive", "-o", str(archive), "--no-versions") as killed:
            time.sleep(seconds)
            killed.kill()
        if (archive / "manifest.json").exists():
            assert shell.ok("verify", "--archive", str(archive), "--json").json["clean"]
            shutil.rmtree(archive)

    done = shell.ok("archive", "-o", str(archive), "--no-versions", "--json")

    verified = shell.ok("verify", "--archive", str(archive), "--json").json
    assert (verified["clean"], verified["size"]) == (True, done.json["size"])
    assert list((archive / "entries").iterdir())
