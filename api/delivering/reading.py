"""On whose rights a webhook tells: its owner's as they are now, narrowed by the scopes it was registered with."""

from __future__ import annotations

from api.identity import Identity
from domain.acts import LEDGER
from domain.event import State
from domain.identity import is_erased
from ledger.genesis import OPERATOR
from ledger.govern import Actor
from ledger.ledger import Ledger
from ledger.reading import Readable


def reader_of(ledger: Ledger, webhook: State) -> Identity | None:
    """Whoever a webhook reads as; None when that may not sign in any more. Raises StorageFailed."""
    owner = str(webhook["owner"])
    scopes = frozenset(scope for scope, granted in webhook["scopes"].items() if granted)
    actor = Actor(owner)
    if owner == OPERATOR:
        # Who works on the machine reads the log's files themself.
        return Identity(actor, scopes)
    is_registered = ledger.load(owner).state.get("status") == "registered"
    if not is_registered or is_erased(owner, {LEDGER: ledger.load(LEDGER).state}):
        return None
    return Identity(actor, scopes, readable=Readable(ledger, actor))
