"""What can go wrong in the log itself."""

from __future__ import annotations

from domain.errors import LedgerError, Malformed


class CorruptEntry(LedgerError):
    """Stored bytes at `position` are not what was recorded. Run `verify`; keep the file as it is."""

    code = "corrupt-entry"
    summary = "A stored entry is not what was recorded."


class EntryTooLarge(Malformed):
    """An entry holds at most 65,535 bytes (tlog-tiles entry bundles). Attach large content by hash."""

    code = "entry-too-large"
    summary = "The entry is too large."

    def __init__(self, *, bytes: int, limit: int) -> None:  # noqa: A002 - the fact's name, which clients see
        super().__init__(
            f"expected an entry of at most {limit} bytes, got {bytes}. "
            "Record large content as an attachment, by its hash.",
            bytes=bytes,
            limit=limit,
        )


class ClockJumped(LedgerError):
    """The wall clock disagrees with the monotonic clock or stands before the last entry; appends stop."""

    code = "clock-jumped"
    summary = "The clock jumped; nothing was recorded. Set it right, then try again."


class StorageFailed(LedgerError):
    """The database refused the transaction (disk full, connection lost). Nothing of it was recorded."""

    code = "storage-failed"
    summary = "The database could not take the transaction; nothing was recorded."


class OutcomeUnknown(LedgerError):
    """The connection broke while committing. Send the same request with the same key again."""

    code = "outcome-unknown"
    summary = "It is not known whether the transaction was committed."


class NewerDatabase(LedgerError):
    """The database was written by a newer version of this software. Install that version."""

    code = "newer-database"
    summary = "The database has a schema that this version does not know."


class NotALedger(LedgerError):
    """There is no ledger in this database. Run `itsm-ledger init`."""

    code = "not-a-ledger"
    summary = "There is no ledger here; `itsm-ledger init` makes one."


class AlreadyALedger(LedgerError):
    code = "already-a-ledger"
    summary = "There is a ledger here already; nothing was changed."


class BehindCheckpoint(LedgerError):
    """The database ends before a checkpoint that is kept elsewhere: a restored backup, or a cut log.

    `itsm-ledger checkpoint --accept-loss` records that the entries in between are lost.
    """

    code = "behind-checkpoint"
    summary = "The database is behind a checkpoint kept elsewhere."


class NotConsistent(LedgerError):
    """The log's first entries are not those that a checkpoint kept elsewhere was signed over."""

    code = "not-consistent"
    summary = "The log does not extend a checkpoint kept elsewhere: its past was changed."


class KeyFileUnusable(LedgerError):
    """The key file is missing, unreadable, or open to others (mode must be 0600)."""

    code = "key-file-unusable"
    summary = "The key file cannot be used."


class KeyDestroyed(LedgerError):
    code = "key-destroyed"
    summary = "The key of this person or subject was destroyed; its personal values cannot be read."


class LegalHold(LedgerError):
    """Lift the hold first."""

    code = "legal-hold"
    summary = "A legal hold forbids destroying this key."
