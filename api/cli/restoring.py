"""The log back from its files: `restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.output import JSON_OPTION, progress, say, tell
from api.cli.session import settings

if TYPE_CHECKING:
    from api.settings import Settings

_TELLING: Final = {
    "fits": "",
    "there": "",
    "missing": ": MISSING, bring it from its backup",
    "another": ": NOT THIS LEDGER'S, bring the right one from its backup",
}


def add_to(app: typer.Typer) -> None:
    app.command()(restore)


def restore(
    archive: Annotated[
        str, typer.Argument(help="The archive: a directory, or a URI as s3://bucket/prefix.")
    ],
    *,
    new_vault: Annotated[
        bool,
        typer.Option(
            "--new-vault",
            help="Make a master key: the old vault is lost, with its personal values.",
        ),
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Rebuild a ledger from an archive, in the database of ITSM_LEDGER_DATABASE_URL: the same entries, the same root.

    Overwrites nothing. Interrupted, it leaves no ledger, and can be run again. The archive is verified on the way.
    Keys and vault are not in it and come from their own backups.
    """
    from replay.archive.read import open_archive
    from replay.archive.restore import restore as restore_from

    chosen = settings()
    with progress("Restoring") as bar:
        restored = restore_from(chosen.database_url, open_archive(archive), bar)
    if new_vault:
        _make_master_key(chosen)
    told: dict[str, Any] = {
        "origin": restored.origin,
        "size": restored.size,
        "root": restored.root,
        "subjects": restored.subjects,
        "signing_key": _signing_key(chosen, restored.vkey),
        "master_key": _master_key(chosen),
        "vault": _vault(chosen),
    }
    if as_json:
        tell(told)
        return
    say(f"{told['origin']}: {told['size']} entries of {told['subjects']} subjects are restored.")
    say(f"root {told['root']}, as the archive's checkpoint has it\n")
    for what in ("signing_key", "master_key", "vault"):
        at, state = told[what]["at"], told[what]["state"]
        say(f"{what.replace('_', ' '):<13}{at}{_TELLING[state]}")
    say(
        """
Not in an archive, and so not restored
  Idempotency keys: a request that is sent again is recorded again.
  Older checkpoints: those kept elsewhere still hold, hand them to `verify --checkpoint`.
  Read models, deliveries to webhooks: they are made anew when the server starts.

What to do next
  itsm-ledger verify --deep
  itsm-ledger serve"""
    )


def _make_master_key(chosen: Settings) -> None:
    from ledger.keyfiles import write_master_key

    if chosen.master_key is None and not chosen.resolved_master_key_file.exists():
        write_master_key(chosen.resolved_master_key_file)


def _signing_key(chosen: Settings, vkey: str) -> dict[str, str]:
    from ledger.checkpoints import Signer
    from ledger.keyfiles import read_signing_key

    path = chosen.resolved_key_file
    state = "missing"
    if path.exists():
        signer = Signer(vkey.partition("+")[0], read_signing_key(path))
        state = "fits" if str(signer.vkey) == vkey else "another"
    return {"at": str(path), "state": state}


def _master_key(chosen: Settings) -> dict[str, str]:
    if chosen.master_key is not None:
        return {"at": "ITSM_LEDGER_MASTER_KEY", "state": "there"}
    path = chosen.resolved_master_key_file
    return {"at": str(path), "state": "there" if path.exists() else "missing"}


def _vault(chosen: Settings) -> dict[str, str]:
    from api.cli.keeping import without_password
    from ledger.urls import sqlite_path

    path = sqlite_path(chosen.resolved_vault_url)
    # Whether another database holds the vault's tables is for the ledger to find out when it is opened.
    is_missing = path is not None and not path.exists()
    at = without_password(chosen.resolved_vault_url)
    return {"at": at, "state": "missing" if is_missing else "there"}
