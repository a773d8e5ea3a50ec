"""Registering a webhook and replacing its secret: what needs more than an order, for the secret is told once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.delivering.addresses import NotAllowed
from api.delivering.posting import Poster
from api.delivering.signing import SECRET_BYTES, secret_id, secret_text
from api.identity import Identity
from domain.errors import Malformed, Refused, UnknownSubject
from domain.event import EVENT_TYPES, State
from domain.families import FAMILIES
from domain.webhook import (
    EVERYTHING,
    LONGEST_OVERLAP_SECONDS,
    ChangeWebhook,
    RegisterWebhook,
    RotateWebhookSecret,
    is_webhook,
)
from ledger.govern import Order
from ledger.ledger import Ledger
from ledger.view import Receipt
from ledger.writer import Recorded

_WHY = {
    "https-required": "its scheme must be https",
    "address-not-allowed": "it leads to an address that is not on the public internet",
    "url-not-allowed": "it is no URL such as https://hooks.example.com/itsm, without a user or a fragment",
}


class ReceiverNotAllowed(Malformed):
    """Nothing would be delivered there. `outcome` says why in a word."""

    code = "receiver-not-allowed"
    summary = "Nothing may be delivered to this URL."

    def __init__(self, outcome: str) -> None:
        super().__init__(
            f"the receiver cannot be delivered to: {_WHY[outcome]}; "
            "for development, ITSM_LEDGER_WEBHOOK_ALLOW_PRIVATE=1 allows it",
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """`secret` is shown once: it is kept encrypted, to sign with, and not told again."""

    secret: str
    receipt: Receipt


def register_webhook(
    ledger: Ledger,
    identity: Identity,
    poster: Poster,
    *,
    url: str,
    events: Sequence[str],
    after: int | None = None,
    reason: str | None = None,
) -> Told:
    """`after`: begin behind this position; None: with what comes from now on.

    Raises ReceiverNotAllowed, ScopeMissing, MayNot, CanNot.
    """
    check_receiver(poster, url)
    scopes = reading_scopes(identity, events)
    begin = ledger.head().size if after is None else after

    def ordered(secret: str) -> Order:
        command = RegisterWebhook(
            url=url, events=list(events), after=begin, scopes=scopes, secret=secret, reason=reason
        )
        return Order(command, identity.actor)

    return _with_secret(ledger, ordered)


def rotate_secret(
    ledger: Ledger,
    identity: Identity,
    webhook: str,
    *,
    overlap_seconds: int,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Told:
    """Sign with a new secret, and for `overlap_seconds` with the one before as well. Raises Malformed, CanNot."""
    webhook_state(ledger, webhook)
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        raise Malformed(
            f"expected an overlap of 0 to {LONGEST_OVERLAP_SECONDS} seconds, got {overlap_seconds}"
        )
    before = frozenset(webhook_state(ledger, webhook)["secrets"])

    def ordered(secret: str) -> Order:
        command = RotateWebhookSecret(secret=secret, overlap_seconds=overlap_seconds, reason=reason)
        return Order(command, identity.actor, webhook, expected_version)

    told = _with_secret(ledger, ordered)
    ledger.vault.forget_secrets(before - frozenset(webhook_state(ledger, webhook)["secrets"]))
    return told


def change_webhook(
    ledger: Ledger,
    identity: Identity,
    poster: Poster,
    webhook: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Recorded:
    """Raises ReceiverNotAllowed, ScopeMissing, MayNot, CanNot."""
    state = webhook_state(ledger, webhook)
    if url is not None:
        check_receiver(poster, url)
    scopes = reading_scopes(identity, list(state["events"]) if events is None else events)
    # Only what was given is stated.
    said = {"url": url, "events": None if events is None else list(events), "reason": reason}
    given = {name: value for name, value in said.items() if value is not None}
    command = ChangeWebhook(scopes=scopes, **given)
    return ledger.execute(Order(command, identity.actor, webhook, expected_version))


def end_webhook(ledger: Ledger, order: Order) -> Recorded:
    """`order`: EndWebhook. Its secrets are gone once this returns. Raises UnknownSubject, CanNot, MayNot."""
    webhook = str(order.subject)
    signed = webhook_state(ledger, webhook).get("secrets", {})
    done = ledger.execute(order)
    ledger.vault.forget_secrets(list(signed))
    return done


def check_receiver(poster: Poster, url: str) -> None:
    """Raises ReceiverNotAllowed. Waits for the name service; not to be called in an event loop."""
    try:
        asyncio.run(poster.check(url))
    except NotAllowed as refusal:
        # A name that nobody answers for at the moment is no danger, and delivering will tell.
        if refusal.outcome != "name-not-found":
            raise ReceiverNotAllowed(refusal.outcome) from None


def reading_scopes(identity: Identity, events: Sequence[str]) -> list[str]:
    """The scopes to read that the webhook keeps. Raises ScopeMissing, MayNot for what they do not reach."""
    for one in events:
        if one == EVERYTHING or one in FAMILIES:
            identity.require(one, "read")
        elif one in EVENT_TYPES:
            identity.require(EVENT_TYPES[one].family.name, "read")
    return sorted(scope for scope in identity.scopes if scope.endswith(":read"))


def webhook_state(ledger: Ledger, webhook: str) -> State:
    """Raises UnknownSubject for what is no webhook."""
    state = ledger.load(webhook).state
    if not is_webhook(state):
        raise UnknownSubject(f"there is no webhook {webhook}", subject=webhook)
    return state


def _with_secret(ledger: Ledger, ordered: Callable[[str], Order]) -> Told:
    """The secret is kept before anything says so: a webhook that cannot sign is of no use to anybody."""
    secret = secrets.token_bytes(SECRET_BYTES)
    named = secret_id(secret)
    ledger.vault.keep_secret(named, secret)
    try:
        done = ledger.execute(ordered(named))
    except Refused:
        ledger.vault.forget_secrets([named])
        raise
    return Told(secret_text(secret), done.receipts[-1])
