"""What can go wrong with read models. Nothing here endangers the log: a read model is rebuilt from it."""

from __future__ import annotations

from domain.errors import LedgerError, Malformed


class ForeignLog(LedgerError):
    """The read models were made from another log, or from entries that this log no longer has.

    Clear them (`projections.generations.clear`), or let `ITSM_LEDGER_VIEWS_URL` name another database: they are rebuilt.
    """

    code = "foreign-log"
    summary = "The read models do not belong to this log."


class ViewNotReady(LedgerError):
    """No table that this software can read is live: not built yet, or of another version."""

    code = "view-not-ready"
    summary = "This read model cannot be read yet; `itsm-ledger project` builds it."


class UnknownProjection(Malformed):
    code = "unknown-projection"
    summary = "There is no such projection."


class BeyondHead(Malformed):
    """A position that the log has not reached."""

    code = "beyond-head"
    summary = "The log has no such position yet."
