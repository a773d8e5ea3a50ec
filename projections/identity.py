"""Which log the read models were made from. Read models of another log would answer, and answer wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from ledger.entry import Entry
from ledger.errors import CorruptEntry
from ledger.merkle import leaf_hash
from projections.errors import ForeignLog
from projections.feed import Feed
from projections.views import Views


def check_log(feed: Feed, views: Views, names: Sequence[str]) -> None:
    """Remember which log the read models are made from. Raises ForeignLog when it is another one now.

    Another origin, another first entry, a log that ends before a position that was applied, and a log
    with another entry there are all told.
    """
    first = feed.entries(0, 1)
    with views.writing() as connection:
        views.lock_structure(connection)
        known = connection.execute(select(views.log)).one_or_none()
        generations = views.generations_of(connection, *names)
        if first:
            origin = str(first[0].attributes["source"]).removeprefix("/ledgers/")
            identity = leaf_hash(first[0].raw)
            if known is None:
                connection.execute(insert(views.log), {"origin": origin, "first_entry": identity})
            elif (known.origin, known.first_entry) != (origin, identity):
                raise _foreign(f"they were made from the log {known.origin}, got {origin}")
    head = feed.head().size
    for generation in generations:
        if generation.position > head:
            raise _foreign(f"they reflect position {generation.position}, the log ends at {head}")
        if generation.position:
            (entry,) = feed.entries(generation.position - 1, 1)
            if leaf_hash(entry.raw) != generation.last_entry:
                raise _foreign(f"the log has another entry at position {generation.position} now")


def check_consecutive(batch: Sequence[Entry], after: int) -> None:
    """Raises CorruptEntry at the first position that is missing."""
    for position, entry in enumerate(batch, after + 1):
        if entry.position != position:
            raise CorruptEntry(
                f"expected an entry at position {position}, got {entry.position}", position=position
            )
    if not batch:
        raise CorruptEntry(f"the entry at position {after + 1} is missing", position=after + 1)


def _foreign(what: str) -> ForeignLog:
    return ForeignLog(
        f"the read models do not belong to this log: {what}. They hold nothing that is not in the log: "
        "clear them, or point ITSM_LEDGER_VIEWS_URL elsewhere, and they are built anew."
    )
