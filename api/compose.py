"""The composition root: settings, clock, policy and keys are handed in here and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.collector import calm_collector
from api.identity import check_scope
from api.settings import Settings
from domain.acts import LEDGER
from domain.by_policy import by_policy
from domain.errors import LedgerError, Malformed, UnknownSubject
from ledger.checkpoints import Signer
from ledger.clock import Clock, SystemClock
from ledger.erase import finish_erasures
from ledger.errors import AlreadyALedger, KeyFileUnusable, NotALedger, StorageFailed
from ledger.establish import establish
from ledger.genesis import FIRST_TOKEN, Genesis, create, open_for_appending
from ledger.keyfiles import (
    parse_master_key,
    read_master_key,
    read_signing_key,
    write_master_key,
    write_signing_key,
)
from ledger.ledger import Ledger, LogSettings
from ledger.open import no_ledger
from ledger.rotate import resume_rotation
from ledger.urls import sqlite_path

if TYPE_CHECKING:
    from api.oidc import Issuers

SOFTWARE = version("itsm-ledger")


@dataclass(slots=True)
class House:
    """An opened ledger with what signs it. Close it when done. `issuers`: whose tokens it takes, if any's."""

    ledger: Ledger
    signer: Signer
    settings: Settings
    issuers: Issuers | None = None

    def checkpoint(self) -> str:
        """Publish the head as it is now; the signed note. Raises KeyFileUnusable.

        Another process may have replaced the key meanwhile: the log says so, and the new one signs from then on.
        """
        named = str(self.ledger.subject(LEDGER).state["vkey"])
        if str(self.signer.vkey) != named:
            self.signer = _signer_named(named, self.signer.origin, self.settings.resolved_key_file)
        return self.ledger.checkpoints.publish(self.signer, datetime.now(UTC).date())

    def close(self) -> None:
        if self.issuers is not None:
            self.issuers.close()
        self.ledger.close()


@dataclass(frozen=True, slots=True)
class NewLedger:
    """What `init` shows once. `token` is the first API token; only its hash is kept."""

    origin: str
    vkey: str
    token: str


def init(
    settings: Settings, *, origin: str | None, administrator: str, clock: Clock | None = None
) -> NewLedger:
    """Make keys, tables and genesis. Raises AlreadyALedger, KeyFileUnusable; overwrites nothing."""
    path = sqlite_path(settings.database_url)
    if path is not None and path.exists() and path.stat().st_size:
        raise AlreadyALedger(f"{path} exists already; nothing was changed")
    origin = origin or f"itsm-ledger.local/{secrets.token_hex(4)}"
    signing_key = write_signing_key(settings.resolved_key_file)
    made = [settings.resolved_key_file]
    try:
        if settings.master_key is not None:
            master_key = parse_master_key(
                settings.master_key.get_secret_value(), "ITSM_LEDGER_MASTER_KEY"
            )
        else:
            master_key = write_master_key(settings.resolved_master_key_file)
            made.append(settings.resolved_master_key_file)
        return _created(settings, Signer(origin, signing_key), master_key, administrator, clock)
    except LedgerError:
        # Keys of a ledger that was not made would stand in the way of the next try.
        for path in made:
            path.unlink()
        raise


def _created(
    settings: Settings, signer: Signer, master_key: bytes, administrator: str, clock: Clock | None
) -> NewLedger:
    ledger = _ledger(settings, master_key, clock or SystemClock(), create_tables=True)
    try:
        token = new_token(FIRST_TOKEN)
        origin, vkey = signer.origin, str(signer.vkey)
        create(ledger, Genesis(origin, vkey, SOFTWARE, administrator, token_hash(token)))
        establish(ledger)
        return NewLedger(origin, vkey, token)
    finally:
        ledger.close()


def open_house(settings: Settings, *, clock: Clock | None = None) -> House:
    """Open an existing ledger for reading and appending. Raises what `open_for_appending` does."""
    calm_collector()
    ledger = open_ledger(settings, clock=clock)
    try:
        key = _signing_key(ledger, settings)
        signer = open_for_appending(ledger, key, SOFTWARE, establish)
        finish_erasures(ledger)
        issuers = _issuers(settings, clock or SystemClock())
    except BaseException:
        ledger.close()
        raise
    return House(ledger, signer, settings, issuers)


def open_ledger(settings: Settings, *, clock: Clock | None = None) -> Ledger:
    """Open an existing ledger to read it as it is: neither key nor checkpoints elsewhere are compared,
    so that one that was tampered with can be examined. Raises NotALedger, NewerDatabase.
    """
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():
        raise NotALedger(f"there is no ledger at {path}; `itsm-ledger init` makes one")
    ledger = _ledger(settings, _master_key(settings), clock or SystemClock(), create_tables=False)
    try:
        try:
            ledger.check_schema()
        except StorageFailed as error:
            raise no_ledger(error) from error
        ledger.recorder.create_table()  # type: ignore[attr-defined]  # ours migrates to this version's schema
    except BaseException:
        ledger.close()
        raise
    return ledger


def new_token(subject: str) -> str:
    """`itl_<number>_<secret>`: the number says which token subject holds the hash."""
    number = subject.split("/")[1]
    return f"itl_{number}_{base64.b32encode(secrets.token_bytes(20)).decode().lower()}"


def token_hash(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def _issuers(settings: Settings, clock: Clock) -> Issuers | None:
    """Raises Malformed."""
    if not settings.oidc_issuers:
        return None
    if not settings.oidc_audience:
        raise Malformed("ITSM_LEDGER_OIDC_ISSUERS needs ITSM_LEDGER_OIDC_AUDIENCE beside it")
    scopes = frozenset(settings.oidc_scopes.split())
    for scope in scopes:
        check_scope(scope)
    from api.oidc import Issuers  # noqa: PLC0415 - who has no issuers need not load what checks their tokens

    return Issuers(
        settings.oidc_issuers.split(),
        audience=settings.oidc_audience,
        scopes=scopes,
        skew_seconds=settings.oidc_skew_seconds,
        keys_seconds=settings.oidc_keys_seconds,
        clock=clock,
    )


def _signing_key(ledger: Ledger, settings: Settings) -> Ed25519PrivateKey:
    """The key in its file, or the one a rotation was interrupted before putting there."""
    try:
        state = ledger.subject(LEDGER).state
    except UnknownSubject as error:
        raise NotALedger from error
    path = settings.resolved_key_file
    return resume_rotation(path, str(state["vkey"]), str(state["origin"])) or read_signing_key(path)


def _signer_named(vkey: str, origin: str, key_file: Path) -> Signer:
    signer = Signer(origin, read_signing_key(key_file))
    if str(signer.vkey) != vkey:
        raise KeyFileUnusable(
            f"the key was rotated, and {key_file} does not hold the new one yet",
            expected=vkey,
            got=str(signer.vkey),
        )
    return signer


def _master_key(settings: Settings) -> bytes:
    if settings.master_key is not None:
        return parse_master_key(settings.master_key.get_secret_value(), "ITSM_LEDGER_MASTER_KEY")
    return read_master_key(settings.resolved_master_key_file)


def _ledger(settings: Settings, master_key: bytes, clock: Clock, *, create_tables: bool) -> Ledger:
    return Ledger(
        LogSettings(
            settings.database_url,
            settings.resolved_vault_url,
            copies=settings.checkpoint_copies,
        ),
        master_key=master_key,
        clock=clock,
        may=by_policy,
        create_tables=create_tables,
    )
