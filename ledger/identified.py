"""Whom an issuer means by a subject: asked at sign-in, outside the lock."""

from __future__ import annotations

from typing import NamedTuple

from domain.acts import LEDGER
from domain.commitment import check
from domain.event import State
from domain.identity import is_erased
from ledger.errors import KeyDestroyed
from ledger.identities import Link, link_in
from ledger.ledger import Ledger


class Identified(NamedTuple):
    """A principal, and the link that leads to it."""

    principal: str
    link: Link


def identified(ledger: Ledger, issuer: str, subject: str) -> Identified | None:
    """The principal that the identity leads to, as the log tells it at this moment."""
    for anew in (False, True):
        principal = ledger.vault.principal_named(subject, issuer, anew=anew)
        link = principal and _link(ledger, principal, issuer, subject)
        if principal and link:
            return Identified(principal, link)
    return None


def is_linked(state: State, link: Link) -> bool:
    """Does this state of the principal hold the link, still to the same subject?"""
    linked = state.get("identities", {}).get(link.identity)
    return linked is not None and bool(linked["subject"] == link.commitment)


def _link(ledger: Ledger, principal: str, issuer: str, subject: str) -> Link | None:
    if is_erased(principal, {LEDGER: ledger.load(LEDGER).state}):
        return None
    sealed = ledger.disclosures(principal)

    def says(commitment: str) -> bool:
        try:
            key, ciphertext = sealed[commitment]
            return bool(
                check(commitment, ledger.vault.open(key, commitment, ciphertext))[1] == subject
            )
        except (KeyError, KeyDestroyed):
            return False

    return link_in(ledger.load(principal).state, issuer, says)
