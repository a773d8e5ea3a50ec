"""Erasure: the event first, then the key. What a crash leaves undone is done when the ledger is opened."""

from __future__ import annotations

from domain.acts import LEDGER, DestroySubjectKey, SubjectKeyDestroyed
from ledger.govern import Order
from ledger.ledger import Ledger
from ledger.writer import Recorded


def erase(ledger: Ledger, order: Order) -> Recorded:
    """Record the erasure and destroy the key. Raises CanNot while a legal hold stands.

    `order.command` is a DestroySubjectKey on the ledger itself. Once this returns nobody can open the
    target's personal values any more, from this database or from any backup of it; every proof stays valid.
    """
    command = order.command
    assert isinstance(command, DestroySubjectKey)
    done = ledger.execute(order)
    destroy_keys(ledger, command.target, done.receipts[0].position)
    return done


def destroy_keys(ledger: Ledger, target: str, before_position: int) -> None:
    """Destroy the target's keys that are older than the position. What it has been told since keeps its own."""
    with ledger.database.reading() as transaction:
        keys = transaction.rows(
            "SELECT k.key, k.subject FROM subject_keys k JOIN subjects s ON s.id = k.subject "
            "WHERE s.name = ? AND k.since < ?",
            (target, before_position),
        )
    principal = target if target.startswith("principal/") else None
    for key, _ in keys:
        ledger.vault.destroy(key, principal)
    if not keys:
        return
    with ledger.database.writing() as transaction:
        for key, subject in keys:
            transaction.execute(
                "DELETE FROM disclosures WHERE subject = ? AND key = ?", (subject, key)
            )


def finish_erasures(ledger: Ledger) -> int:
    """Destroy each key whose destruction is recorded but was interrupted. Returns how many there were."""
    finished = 0
    for entry in ledger.entries_of(LEDGER, SubjectKeyDestroyed):
        for target in entry.data["erased"]:
            if _has_older_key(ledger, target, entry.position):
                destroy_keys(ledger, target, entry.position)
                finished += 1
    return finished


def _has_older_key(ledger: Ledger, target: str, position: int) -> bool:
    with ledger.database.reading() as transaction:
        keys = transaction.rows(
            "SELECT k.key FROM subject_keys k JOIN subjects s ON s.id = k.subject "
            "WHERE s.name = ? AND k.since < ?",
            (target, position),
        )
    return any(ledger.vault.has_key(key) for (key,) in keys)
