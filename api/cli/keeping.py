"""Making a ledger and keeping it: `init`, `vkey`, `checkpoint`, `key rotate`."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import JSON_OPTION, say, tell
from api.cli.session import opened, settings, who_is_there
from domain.errors import Malformed

key = typer.Typer(help="The signing key.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(vkey)
    app.command()(checkpoint)
    key.command("rotate")(rotate)
    app.add_typer(key, name="key")


def init(
    origin: Annotated[
        str | None,
        typer.Option(
            help="What the log is called, e.g. ledger.example.com/acme. It never changes."
        ),
    ] = None,
    administrator: Annotated[
        str, typer.Option(help="Name of the first person, whom the first token signs in.")
    ] = "Administrator",
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Make a ledger: its keys, its tables, its first entries. Overwrites nothing."""
    from api import compose
    from ledger.genesis import FIRST_PERSON

    chosen = settings()
    made = compose.init(chosen, origin=origin, administrator=administrator)
    where = {
        "database": without_password(chosen.database_url),
        "vault": without_password(chosen.resolved_vault_url),
        "signing_key": str(chosen.resolved_key_file),
        "master_key": "ITSM_LEDGER_MASTER_KEY"
        if chosen.master_key
        else str(chosen.resolved_master_key_file),
    }
    if as_json:
        named = {"origin": made.origin, "vkey": made.vkey, "token": made.token}
        tell({**named, "principal": FIRST_PERSON, **where})
        return
    say(
        f"""\
A ledger was made: {made.origin}

verifier key   {made.vkey}
first token    {made.token}
               signs in {FIRST_PERSON}, who holds the role recovery; shown this once, only its
               hash is kept

log            {where["database"]}
signing key    {where["signing_key"]}
vault          {where["vault"]}
master key     {where["master_key"]}

What to do next
  Give the verifier key to whoever is to check you; with it they need to trust nobody here.
  Keep both keys and the vault in backups apart from the log's: docs/personal-data.md says why.
  Keep each checkpoint elsewhere: export ITSM_LEDGER_CHECKPOINT_COPIES=/mnt/elsewhere
  Record something:   itsm-ledger order incident report --data '{{"title":"Mail is slow"}}'
  Start the server:   itsm-ledger serve

Let somebody else in. A role takes two people, so until then hardly anything can be done
{_second_person(made.token)}
  itsm-ledger role list"""
    )


def _second_person(token: str) -> str:
    """The commands that make one person two. They work as they stand, on a ledger that was just made."""
    scopes = " ".join(f"--scope '{scope}'" for scope in ("*:read", "*:append", "*:administer"))
    return f"""\
  export ITSM_LEDGER_TOKEN={token}
  itsm-ledger order principal register --data '{{"kind":"person","name":"Ben Achterberg"}}'
  BEN=$(itsm-ledger token issue principal/PRN0000004 {scopes})
  ITSM_LEDGER_TOKEN=$BEN itsm-ledger grant ask administrator --days 90
  itsm-ledger order grant approve GRT0000003
  itsm-ledger order grant activate GRT0000003
  ITSM_LEDGER_TOKEN=$BEN itsm-ledger order ledger ratify LDG0000001 --reason 'I read what it did'"""


def vkey(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Those before each rotation too, the newest first.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Print the verifier key: what outsiders check checkpoints and proofs with."""
    with opened() as session:
        keys = [str(key) for key in session.ledger.vkeys()]
    if as_json:
        tell({"vkey": keys[0], "previous": keys[1:]})
        return
    say("\n".join(keys if every else keys[:1]))


def checkpoint(
    *,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Go on although the database is behind the checkpoint kept elsewhere. Recorded.",
        ),
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why, with --accept-loss.")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Sign the log's head as it is now, keep it, and print it."""
    if accept_loss:
        if not reason:
            raise Malformed("--accept-loss needs --reason: it is recorded who went on, and why")
        note = _go_on(reason)
    else:
        with opened() as session:
            note = session.house.checkpoint()
    if as_json:
        tell(_told_checkpoint(note))
        return
    say(note.rstrip("\n"))


def _told_checkpoint(note: str) -> dict[str, str | int]:
    origin, size, root = note.split("\n")[:3]
    return {"origin": origin, "size": int(size), "root": root, "checkpoint": note}


def _go_on(reason: str) -> str:
    from datetime import UTC, datetime

    from api.compose import open_ledger
    from api.recovery import accept_loss

    chosen = settings()
    ledger = open_ledger(chosen)
    try:
        identity = who_is_there(ledger, chosen)
        identity.require("ledger", "administer")
        return accept_loss(ledger, chosen, identity.actor, reason, datetime.now(UTC).date())
    finally:
        ledger.close()


def rotate(
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Replace the signing key by a new one, which the old one endorses in the log."""
    from datetime import UTC, datetime

    from ledger.rotate import rotate as replace_key

    with opened() as session:
        session.identity.require("ledger", "administer")
        signer = replace_key(
            session.ledger,
            session.house.signer,
            session.house.settings.resolved_key_file,
            actor=session.identity.actor,
            today=datetime.now(UTC).date(),
            reason=reason,
        )
    if as_json:
        tell({"vkey": str(signer.vkey)})
        return
    say(f"The log is signed by a new key from here on. Tell who checks you:\n{signer.vkey}")


def without_password(url: str) -> str:
    """A PostgreSQL URL may hold a password, and a terminal is no place for it."""
    scheme, separator, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}{at}{host}" if at else url
