"""Making a ledger, and opening one: what has to hold before anything is appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import domain.catalogue  # noqa: F401 - the registries of events and commands are complete once it is imported
from domain.acts import (
    LEDGER,
    LedgerCreated,
    StartSoftware,
    TokenIssued,
)
from domain.errors import UnknownSubject
from domain.event import Event
from domain.principal import PrincipalRegistered
from ledger.checkpoints import Signer
from ledger.entry import Draft
from ledger.errors import AlreadyALedger, KeyFileUnusable, NotALedger
from ledger.govern import Actor, Order
from ledger.ids import new_uuid7
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import SYSTEM, View

FIRST_PERSON = "principal/PRN0000002"
OPERATOR = "principal/PRN0000003"
"""Whoever works on the machine the ledger lives on, without a token of their own."""
FIRST_TOKEN = "ledger/LDG0000002"  # noqa: S105 - a subject's name, no secret
ALL_SCOPES = ("*:read", "*:append", "*:administer", "personal")


@dataclass(frozen=True, slots=True)
class Genesis:
    """The first entries of a log: what it is called, who signs it, and who may sign in first."""

    origin: str
    vkey: str
    software: str
    administrator: str
    token_hash: str


@dataclass(slots=True)
class _GenesisProposal(Unordered):
    genesis: Genesis

    def settle(self, view: View) -> Sequence[Draft]:
        if view.position:
            raise AlreadyALedger
        told = self.genesis
        first: list[tuple[str, Event]] = [
            (LEDGER, LedgerCreated(origin=told.origin, vkey=told.vkey, software=told.software)),
            (SYSTEM, PrincipalRegistered(kind="system", name="itsm-ledger", mode="govern")),
            (
                FIRST_PERSON,
                PrincipalRegistered(kind="person", name=told.administrator, mode="govern"),
            ),
            (OPERATOR, PrincipalRegistered(kind="person", name="local operator", mode="govern")),
            (
                FIRST_TOKEN,
                TokenIssued(
                    token_hash=told.token_hash,
                    principal=FIRST_PERSON,
                    scopes=dict.fromkeys(ALL_SCOPES, True),
                ),
            ),
        ]
        drafts = []
        for subject, event in first:
            expected = view.next_number(subject.split("/")[0])
            if expected != subject:
                raise AlreadyALedger(f"expected the number of {subject} to be free, got {expected}")
            view.take_number(subject)
            drafts.append(genesis_draft(view, subject, event))
        return drafts


def genesis_draft(view: View, subject: str, event: Event) -> Draft:
    """An entry that the ledger makes of itself, since nobody could be entitled to it yet."""
    said: dict[str, str | int] = {
        "authtype": "system",
        "authid": SYSTEM,
        "recordedby": SYSTEM,
        "decision": "genesis",
    }
    return Draft(
        subject,
        type(event),
        event.data(),
        view.recordedtime,
        new_uuid7(),
        view.source,
        said,
    )


def create(ledger: Ledger, genesis: Genesis) -> None:
    """Record the genesis. Raises AlreadyALedger, and changes nothing, if the log has entries."""
    ledger.start(genesis.origin)
    recorded(ledger.writer.submit([_GenesisProposal(genesis)])[0])


def open_for_appending(
    ledger: Ledger,
    signing_key: Ed25519PrivateKey,
    software: str,
    prepare: Callable[[Ledger], None] | None = None,
) -> Signer:
    """Check the log against its key and its checkpoints elsewhere, then take appends.

    `prepare`: what has to be in the log before the first order is decided. Raises NotALedger, NewerDatabase, KeyFileUnusable, BehindCheckpoint, NotConsistent.
    """
    ledger.check_schema()
    try:
        state = ledger.subject(LEDGER).state
    except UnknownSubject as error:
        raise NotALedger from error
    signer = Signer(str(state["origin"]), signing_key)
    if str(signer.vkey) != state["vkey"]:
        raise KeyFileUnusable(
            f"the key file is not this ledger's key: expected {state['vkey']}, got {signer.vkey}. "
            "For a backup from before a rotation, name its retired key file in ITSM_LEDGER_KEY_FILE",
            expected=state["vkey"],
            got=str(signer.vkey),
        )
    ledger.checkpoints.check_against_copies(ledger.vkeys())
    ledger.start(signer.origin)
    if prepare is not None:
        prepare(ledger)
    if state.get("software") != software:
        ledger.execute(Order(StartSoftware(software=software), Actor(SYSTEM, "system"), LEDGER))
    return signer
