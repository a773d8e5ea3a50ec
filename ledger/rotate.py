"""Replacing the signing key: recorded, endorsed by the old key, and survivable at every step."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.acts import LEDGER, RotateKey
from ledger.checkpoints import Signer
from ledger.errors import KeyFileUnusable
from ledger.files import sync_directory
from ledger.govern import Actor, Order
from ledger.keyfiles import read_signing_key, write_signing_key
from ledger.ledger import Ledger
from ledger.notes import VerifierKey


def endorsement_text(origin: str, vkey: str) -> str:
    """What the old key signs."""
    return f"itsm-ledger key rotation\n{origin}\n{vkey}\n"


def rotate(
    ledger: Ledger,
    signer: Signer,
    key_file: Path,
    *,
    actor: Actor,
    today: date,
    reason: str | None = None,
) -> Signer:
    """The new signer. The old key endorses the new one in the log and signs one more head together with it.

    The new key lies in `<key file>.new` until the rotation is recorded; `resume_rotation` finishes what a
    crash interrupts. The old key stays in `<key file>.<key id>.retired`: only with it can a backup from
    before the rotation be opened. Raises KeyFileUnusable, and touches no file, for a key replaced before.
    """
    named = ledger.subject(LEDGER).state["vkey"]
    if str(signer.vkey) != named:
        raise KeyFileUnusable(
            f"the key was replaced already: the log names {named}; open the ledger again",
            expected=named,
            got=str(signer.vkey),
        )
    fresh_file = _fresh(key_file)
    fresh_file.unlink(missing_ok=True)
    fresh = Signer(signer.origin, write_signing_key(fresh_file))
    ledger.execute(
        Order(
            RotateKey(
                vkey=str(fresh.vkey),
                previous_vkey=str(signer.vkey),
                endorsement=signer.note(endorsement_text(signer.origin, str(fresh.vkey))),
                reason=reason,
            ),
            actor,
            LEDGER,
        )
    )
    ledger.checkpoints.publish(fresh, today, also=signer)
    _put_in_place(fresh_file, key_file, signer.origin)
    return fresh


def resume_rotation(key_file: Path, vkey: str, origin: str) -> Ed25519PrivateKey | None:
    """The key in `<key file>.new`, put in place, if it is the one that the log names by now."""
    fresh_file = _fresh(key_file)
    if not fresh_file.exists():
        return None
    key = read_signing_key(fresh_file)
    if str(Signer(origin, key).vkey) != vkey:
        return None
    _put_in_place(fresh_file, key_file, origin)
    return key


def retired_file(key_file: Path, key: VerifierKey) -> Path:
    """Where a replaced key is kept."""
    return key_file.with_name(f"{key_file.name}.{key.key_id.hex()}.retired")


def _put_in_place(fresh_file: Path, key_file: Path, origin: str) -> None:
    if key_file.exists():
        retired = retired_file(key_file, Signer(origin, read_signing_key(key_file)).vkey)
        if not retired.exists():
            # A second name for the file: at no moment is there no key file.
            retired.hardlink_to(key_file)
    fresh_file.replace(key_file)
    sync_directory(key_file.parent)


def _fresh(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".new")
