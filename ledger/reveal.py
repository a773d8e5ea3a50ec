"""Showing personal values to who holds the right `personal`; everybody else sees that there is one."""

from __future__ import annotations

from domain.commitment import check, is_commitment
from domain.event import Json
from ledger.errors import KeyDestroyed
from ledger.ledger import Ledger

HIDDEN = "[personal]"
ERASED = "[erased]"


def reveal(ledger: Ledger, subject: str, told: Json, *, allowed: bool) -> Json:
    """`told` with each commitment of this subject replaced: by its value, HIDDEN, or ERASED.

    The commitments in a subject's entries are always the subject's own. A destroyed key is noticed at
    once, whichever process destroyed it.
    """
    if not _holds_commitment(told):
        return told
    values = disclosed(ledger, subject) if allowed else {}
    return _replaced(told, values, ERASED if allowed else HIDDEN)


def disclosed(ledger: Ledger, subject: str) -> dict[str, Json]:
    """Digest → value, for every commitment of the subject that can still be opened."""
    return {digest: check(digest, told)[1] for digest, told in disclosures(ledger, subject).items()}


def disclosures(ledger: Ledger, subject: str) -> dict[str, str]:
    """Digest → disclosure (base64url of `[salt, path, value]`), for every commitment that can still be opened."""
    sealed = ledger.disclosures(subject)
    live = {key for key in {key for key, _ in sealed.values()} if ledger.vault.has_key(key)}
    opened: dict[str, str] = {}
    for digest, (key, ciphertext) in sealed.items():
        if key in live:
            try:
                opened[digest] = ledger.vault.open(key, digest, ciphertext)
            except KeyDestroyed:
                continue  # destroyed since it was looked for
    return opened


def _holds_commitment(told: Json) -> bool:
    if isinstance(told, dict):
        return any(map(_holds_commitment, told.values()))
    if isinstance(told, list):
        return any(map(_holds_commitment, told))
    return is_commitment(told)


def _replaced(told: Json, values: dict[str, Json], otherwise: str) -> Json:
    if isinstance(told, dict):
        return {member: _replaced(value, values, otherwise) for member, value in told.items()}
    if isinstance(told, list):
        return [_replaced(value, values, otherwise) for value in told]
    return values.get(told, otherwise) if is_commitment(told) else told
