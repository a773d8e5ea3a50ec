"""`init`, `vkey`, `checkpoint`, `key rotate`, and going on after a loss."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ledger.notes import parse_vkey, verify_checkpoint
from tests.api.shell import ITSM_LEDGER, shell_in, shell_with_ledger


def test_init_says_what_it_made_and_shows_the_token_once(tmp_path: Path) -> None:
    shell = shell_in(tmp_path)

    said = shell.ok("init", "--origin", "ledger.example/acme").out

    assert "ledger.example/acme+" in said
    assert "itl_LDG0000002_" in said
    assert str(tmp_path / "ledger.key") in said
    token = next(word for word in said.split() if word.startswith("itl_"))
    for file in tmp_path.iterdir():
        assert token.encode() not in file.read_bytes()


def test_what_init_says_to_do_next_makes_one_person_two(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if "ITSM_LEDGER" not in name},
        "PATH": f"{ITSM_LEDGER.parent}:{os.environ['PATH']}",
    }

    def run(script: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = run("itsm-ledger init").split("Let somebody else in")[1]
    done = run("\n".join(line.strip() for line in said.splitlines()[1:]))

    assert "grant/GRT0000003 version 3: itsm.grant.granted.v1" in done
    assert "itsm.ledger.genesis-ratified.v1" in done
    assert "role/ROL0000003  administrator" in done


def test_init_makes_key_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    shell_with_ledger(tmp_path)

    for name in ("ledger.key", "ledger.master.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    shell, _ = shell_with_ledger(tmp_path)
    before = (tmp_path / "ledger.key").read_bytes()

    done = shell("init")

    assert done.code == 4
    assert "exists already" in done.err
    assert (tmp_path / "ledger.key").read_bytes() == before


def test_a_password_in_the_url_is_not_shown() -> None:
    from api.cli.keeping import without_password

    assert without_password("postgresql://ada:secret@db/itsm") == "postgresql://ada@db/itsm"
    assert without_password("sqlite:///ledger.db") == "sqlite:///ledger.db"


def test_a_checkpoint_is_one_that_the_printed_key_has_signed(tmp_path: Path) -> None:
    shell, _ = shell_with_ledger(tmp_path)
    vkey = parse_vkey(shell.ok("vkey").out.strip())

    note = shell.ok("checkpoint").out

    found = verify_checkpoint(note, [vkey], origin="ledger.example/acme").checkpoint
    assert found.size == shell.genesis


def test_a_rotated_key_signs_from_then_on_and_the_old_one_is_still_named(tmp_path: Path) -> None:
    shell, made = shell_with_ledger(tmp_path)

    fresh = shell.ok("key", "rotate", "--reason", "Yearly", "--json").json["vkey"]

    assert fresh != made["vkey"]
    assert shell.ok("vkey").out.strip() == fresh
    assert shell.ok("vkey", "--all").out.split() == [fresh, made["vkey"]]
    verify_checkpoint(shell.ok("checkpoint").out, [parse_vkey(fresh)])


def test_a_restored_backup_goes_on_only_when_somebody_says_so(tmp_path: Path) -> None:
    shell, _ = shell_with_ledger(tmp_path)
    elsewhere = {"ITSM_LEDGER_CHECKPOINT_COPIES": str(tmp_path / "elsewhere")}
    shell.ok("checkpoint", **elsewhere)
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup")
    for _ in range(3):
        shell.report()
    shell.ok("checkpoint", **elsewhere)

    for leftover in tmp_path.glob("ledger.db*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup", tmp_path / "ledger.db")
    refused = shell("checkpoint", **elsewhere)
    silent = shell("checkpoint", "--accept-loss", **elsewhere)
    shell.ok("checkpoint", "--accept-loss", "--reason", "The disk is gone", **elsewhere)
    again = shell("checkpoint", "--accept-loss", "--reason", "Once more", **elsewhere)

    assert refused.code == 3
    kept, lost_size = shell.genesis, shell.genesis + 3
    assert f"entries {kept + 1} to {lost_size} are missing" in refused.err
    assert silent.code == 2
    assert again.code == 4
    shell.ok("checkpoint", **elsewhere)
    lost = shell.ok("history", "ledger/LDG0000001", "--json").json["events"][-1]
    assert lost["changes"]["lost_checkpoint.size"]["to"] == lost_size
    assert lost["reason"] == "The disk is gone"


def test_checkpoint_key_and_proof_come_as_json_too(tmp_path: Path) -> None:
    shell, made = shell_with_ledger(tmp_path)

    note = shell.ok("checkpoint", "--json").json
    keys = shell.ok("vkey", "--json").json
    proof = shell.ok("prove", "3", "--json").json

    assert (note["origin"], note["size"]) == ("ledger.example/acme", shell.genesis)
    signed = verify_checkpoint(note["checkpoint"], [parse_vkey(keys["vkey"])]).checkpoint
    assert signed.size == shell.genesis
    assert keys == {"vkey": made["vkey"], "previous": []}
    assert proof["proof"].startswith("c2sp.org/tlog-proof@v1\nindex 2\n")


def test_a_key_that_nobody_holds_is_not_ordered(tmp_path: Path) -> None:
    """The log would name a key that signs nothing, and the ledger open no more."""
    shell, _ = shell_with_ledger(tmp_path)
    said = '{"vkey": "x+00000000+AA", "previous_vkey": "y", "endorsement": "z"}'

    done = shell("order", "ledger", "rotate-key", "LDG0000001", "--data", said)

    assert done.code == 2
    assert "itsm-ledger key rotate" in done.err
    assert "rotate-key" not in shell.ok("order", "ledger").out
    assert shell.ok("order", "incident", "report", "--data", '{"title": "Mail is slow"}').code == 0


@pytest.mark.parametrize(
    ("verb", "said", "instead"),
    [
        ("erase", {"target": "incident/INC0010001", "reason": "Asked for"}, "erase"),
        (
            "issue-token",
            {
                "principal": "principal/PRN0000002",
                "scopes": ["*:read"],
                "token_hash": "sha256:" + "0" * 64,
            },
            "token issue",
        ),
    ],
)
def test_an_order_that_takes_more_than_words_is_given_by_its_own_command(
    tmp_path: Path, verb: str, said: dict[str, object], instead: str
) -> None:
    """A key that the log says is gone would be there until the next start, and a token have no secret."""
    shell, _ = shell_with_ledger(tmp_path)
    shell.report()
    size = shell.ok("verify", "--json").json["size"]

    done = shell("order", "ledger", verb, "LDG0000001", "--data", json.dumps(said))

    assert done.code == 2
    assert f"itsm-ledger {instead}`" in done.err
    assert verb not in shell.ok("order", "ledger", "--json").json
    assert shell.ok("verify", "--json").json["size"] == size
