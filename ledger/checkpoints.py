"""Checkpoints: the signed head of the log, kept in the log's database and, by one setting, elsewhere."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.database import Database
from ledger.errors import BehindCheckpoint, NotConsistent, StorageFailed
from ledger.files import sync_directory
from ledger.log import lock_head
from ledger.notes import (
    Checkpoint,
    Signature,
    VerifierKey,
    format_note,
    sign,
    signature_of,
    verifier_key,
    verify_checkpoint,
)
from ledger.schema import CHECKPOINTS
from ledger.tree import StoredTree


class Signer:
    """Signs heads under the log's origin, which is the key's name too."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        self.origin = origin
        self._key = key

    @property
    def vkey(self) -> VerifierKey:
        return verifier_key(self.origin, self._key)

    def note(self, text: str) -> str:
        return sign(text, self.origin, self._key)

    def signature(self, text: str) -> Signature:
        return signature_of(text, self.origin, self._key)

    def checkpoint(self, size: int, root: bytes, also: Signer | None = None) -> str:
        text = str(Checkpoint(self.origin, size, root))
        signers = [self] if also is None else [self, also]
        return format_note(text, [signer.signature(text) for signer in signers])


class Copies:
    """A directory elsewhere: `checkpoint` is the newest, `checkpoint.<date>` the last of each day."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def newest(self) -> str | None:
        try:
            return (self.directory / "checkpoint").read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(
                f"the checkpoint copy in {self.directory} cannot be read: {error.strerror}"
            ) from error

    def keep(self, note: str, today: date) -> None:
        """Durable once this returns. A reader sees the old note or the new one, never a part."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for name in (f"checkpoint.{today.isoformat()}", "checkpoint"):
                _replace(self.directory / name, note)
        except OSError as error:
            raise StorageFailed(
                f"the checkpoint could not be copied to {self.directory}: {error.strerror}"
            ) from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


class CheckpointStore:
    """The checkpoints this log has signed. Each is kept, so that old ones can be asked for."""

    def __init__(self, database: Database, tree: StoredTree, copies: Copies | None) -> None:
        self._database, self._tree, self._copies = database, tree, copies
        self._publishing = threading.Lock()

    def newest(self) -> tuple[int, str] | None:
        """(size, note)"""
        with self._database.reading() as transaction:
            row = transaction.row("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")
        return (row[0], row[1]) if row else None

    def first_covering(self, position: int) -> tuple[int, str] | None:
        """The newest checkpoint, if it covers the position."""
        newest = self.newest()
        return newest if newest and newest[0] >= position else None

    def publish(self, signer: Signer, today: date, also: Signer | None = None) -> str:
        """The signed head as it is now: signed anew only if the log has grown since.

        `also`: a key that was replaced and signs one last head, for those who know only that key.
        """
        # One after the other, so that an older head never takes a newer one's place among the copies.
        with self._publishing:
            return self._publish(signer, today, also)

    def _publish(self, signer: Signer, today: date, also: Signer | None) -> str:
        head = self._tree.head()
        newest = self.newest()
        if newest is not None and newest[0] == head.size:
            note = newest[1]
        else:
            note = signer.checkpoint(head.size, head.root(), also)
            with self._database.writing() as transaction:
                lock_head(transaction)  # another process may be publishing this very head
                if not transaction.row("SELECT 1 FROM checkpoints WHERE size = ?", (head.size,)):
                    transaction.insert(CHECKPOINTS, [(head.size, note)])
        if self._copies is not None:
            self._copies.keep(note, today)
        return note

    def check_against_copies(self, vkeys: Sequence[VerifierKey]) -> None:
        """Raises BehindCheckpoint or NotConsistent when the copy kept elsewhere says otherwise."""
        note = self._copies.newest() if self._copies is not None else None
        if note is not None:
            check_extends(self._tree, verify_checkpoint(note, vkeys).checkpoint)


def check_extends(tree: StoredTree, kept: Checkpoint) -> None:
    """Does the log begin with the entries that `kept` was signed over?

    Raises BehindCheckpoint, or NotConsistent: its past was changed, even if it is consistent in itself.
    """
    size = tree.head().size
    if kept.size > size:
        raise BehindCheckpoint(
            f"the log has {size} entries, but a checkpoint kept elsewhere covers {kept.size}: "
            f"entries {size + 1} to {kept.size} are missing. Restore them, or go on without them: "
            "`itsm-ledger checkpoint --accept-loss --reason …`",
            size=size,
            kept_size=kept.size,
        )
    if kept.size and tree.root(kept.size) != kept.root:
        raise NotConsistent(
            f"the first {kept.size} entries are not those that the kept checkpoint was signed over",
            kept_size=kept.size,
        )
