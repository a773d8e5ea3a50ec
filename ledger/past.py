"""Reading the log as it was: a subject's entries, and how far the log had come at a moment.

What lies below a head never changes, so none of this needs a transaction of the caller's: whoever has
read a head first, and leaves out what lies above it, sees one picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from domain.effect import Fact
from domain.event import MAX_SAFE_INTEGER, Json
from ledger.database import Database, Row, Transaction
from ledger.entry import parse_entry
from ledger.errors import CorruptEntry, NotALedger


def entries_of(database: Database, subject: str) -> list[Row]:
    """(position, bytes) of the subject's entries, in order. Empty for an unknown one."""
    return database.query(
        "SELECT position, entry FROM events WHERE subject = (SELECT id FROM subjects WHERE name = ?) "
        "ORDER BY version",
        (subject,),
    )


SUBJECTS_AT_ONCE: Final = 200


def entries_of_each(
    database: Database, subjects: Sequence[str], up_to: int
) -> Iterator[tuple[str, list[Row]]]:
    """`entries_of` at positions up to that one, subject by subject in the order given, some at a time."""
    for first in range(0, len(subjects), SUBJECTS_AT_ONCE):
        names = subjects[first : first + SUBJECTS_AT_ONCE]
        found: dict[str, list[Row]] = {name: [] for name in names}
        with database.reading() as transaction:
            among, params = transaction.among("s.name", names)
            rows = transaction.rows(
                "SELECT s.name, e.position, e.entry FROM subjects s JOIN events e ON e.subject = s.id "
                f"WHERE {among} AND e.position + 0 <= ? ORDER BY e.version",
                (*params, up_to),
            )
        for name, position, raw in rows:
            found[name].append((position, raw))
        yield from found.items()


class Of(NamedTuple):
    """An entry's place: whose it is, and where it stands."""

    subject: str
    position: int
    raw: bytes


def entries_of_family(
    database: Database, family: str, up_to: int, types: Sequence[str] = ()
) -> list[Of]:
    """The family's entries at positions up to that one, in order; of `types` only, where some are named.

    Found by the family's subjects, so that however much else the log holds costs nothing.
    """
    among = f" AND e.type IN ({', '.join('?' * len(types))})" if types else ""
    rows = database.query(
        f"{_OF_FAMILY}{among} ORDER BY e.position", (*_bounds(family), up_to, *types)
    )
    return [Of(*row) for row in rows]


def each_of_family(database: Database, family: str, up_to: int) -> Iterator[Of]:
    """The same, one after the other, for families that may be large."""
    with database.reading() as transaction:
        found = transaction.stream(f"{_OF_FAMILY} ORDER BY e.position", (*_bounds(family), up_to))
        yield from (Of(*row) for row in found)


def each_entry(database: Database, after: int, up_to: int) -> Iterator[Row]:
    """(position, bytes) of the entries at positions after + 1 … up_to, in order."""
    while after < up_to:
        # By pages: a reading transaction that stays open for long keeps SQLite's WAL from being taken in.
        last = min(up_to, after + _PAGE_ENTRIES)
        yield from database.query(
            "SELECT position, entry FROM events WHERE position > ? AND position <= ? ORDER BY position",
            (after, last),
        )
        after = last


_PAGE_ENTRIES: Final = 8_192


def family_in(transaction: Transaction, family: str, up_to: int) -> list[Of]:
    """`entries_of_family` in a transaction that is open, a writing one too: those stream nothing on PostgreSQL."""
    rows = transaction.rows(f"{_OF_FAMILY} ORDER BY e.position", (*_bounds(family), up_to))
    return [Of(*row) for row in rows]


_OF_FAMILY: Final = (
    "SELECT s.name, e.position, e.entry FROM events e JOIN subjects s ON s.id = e.subject "
    "WHERE s.name >= ? AND s.name < ? AND e.position <= ?"
)


def _bounds(family: str) -> tuple[str, str]:
    return f"{family}/", f"{family}0"


class Told(NamedTuple):
    """An entry with its place among its subject's: `key` and `version` go on along `after_subjects`."""

    subject: str
    position: int
    raw: bytes
    key: int
    version: int


NO_SUBJECT: Final = (0, 0)


def after_subjects(
    database: Database, after: tuple[int, int], up_to: int, limit: int
) -> list[Told]:
    """The next `limit` entries subject by subject, each one's in order, at positions up to that one.

    `after`: key and version of the last one had, `NO_SUBJECT` to begin. Pages that are asked for one after the
    other with the same `up_to` are of one picture, though no transaction stays open between them.
    """
    rows = database.query(
        "SELECT s.name, e.position, e.entry, e.subject, e.version FROM events e "
        "JOIN subjects s ON s.id = e.subject WHERE (e.subject, e.version) > (?, ?) AND e.position <= ? "
        "ORDER BY e.subject, e.version LIMIT ?",
        (*after, up_to, limit),
    )
    return [Told(*row) for row in rows]


class Extent(NamedTuple):
    """How far the log had come: `recordedtime` is the last entry's, "" for an empty log."""

    size: int
    recordedtime: str


def entries_and_extent(
    database: Database, subject: str, up_to: int | None = None
) -> tuple[list[Row], Extent]:
    """`entries_of`, and how far the log had come at that moment, in one question. Raises NotALedger."""
    # `+ 0` keeps planners from walking the whole log by position: a subject's few entries are found by subject.
    rows = database.query(
        "SELECT e.position, e.entry, h.size, h.recordedtime FROM head h LEFT JOIN events e "
        "ON e.subject = (SELECT id FROM subjects WHERE name = ?) AND e.position + 0 <= ? "
        "WHERE h.id = 1 ORDER BY e.version",
        (subject, MAX_SAFE_INTEGER if up_to is None else up_to),
    )
    if not rows:
        raise NotALedger
    extent = Extent(*rows[0][2:])
    return [row[:2] for row in rows if row[0] is not None], extent


class _Told(msgspec.Struct):
    """The members of an entry that folding asks for; the others are passed over, not built."""

    time: str
    recordedtime: str
    data: dict[str, Any]
    corrects: int | None = None
    replacement: str | None = None
    effectivetime: str | None = None


class _ToldLine(_Told, kw_only=True):
    """The same, and whose entry it is."""

    subject: str
    subjectversion: int


class Envelope(msgspec.Struct, omit_defaults=True):
    """An entry with its documented attributes, as stored. Texts among them may be commitments."""

    subject: str
    type: str
    time: str
    recordedtime: str
    subjectversion: int
    data: dict[str, Any]
    authid: str | None = None
    authtype: str | None = None
    onbehalfof: str | None = None
    recordedby: str | None = None
    grants: str = ""
    policy: str | None = None
    decision: str | None = None
    rules: str = ""
    reason: str | None = None
    comment: str | None = None
    corrects: int | None = None
    replacement: str | None = None
    effectivetime: str | None = None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_TOLD = msgspec.json.Decoder(_Told)
_TOLD_LINE = msgspec.json.Decoder(_ToldLine)
_PATCH = msgspec.json.Decoder(dict[str, Any])


def facts_of(rows: Iterable[Row], until: str | None = None) -> list[Fact]:
    """What the (position, bytes) of a subject's entries say. Raises CorruptEntry.

    `until`: leave out what happened later, unless there are corrections: they may restate when.
    """
    facts = [_fact(position, raw) for position, raw in rows]
    if until is not None and all(fact.corrects is None for fact in facts):
        return [fact for fact in facts if fact.time <= until]
    return facts


def _fact(position: int, raw: bytes) -> Fact:
    try:
        told = _TOLD.decode(raw)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise unreadable(position, fault) from fault
    return _fact_as_told(position, told)


class Line(NamedTuple):
    """An entry, as far as folding many subjects goes."""

    subject: str
    version: int
    fact: Fact


def line_of(position: int, raw: bytes) -> Line:
    """Raises CorruptEntry."""
    try:
        told = _TOLD_LINE.decode(raw)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise unreadable(position, fault) from fault
    return Line(told.subject, told.subjectversion, _fact_as_told(position, told))


def _fact_as_told(position: int, told: _Told) -> Fact:
    if told.corrects is None:
        return Fact(position, told.time, told.recordedtime, told.data)
    replacement = None if told.replacement is None else _replacement(position, told.replacement)
    return Fact(
        position,
        told.time,
        told.recordedtime,
        told.data,
        told.corrects,
        replacement,
        told.effectivetime,
    )


def envelope_of(position: int, raw: bytes) -> Envelope:
    """Raises CorruptEntry for what is not an entry, or lacks what every entry says."""
    try:
        return _ENVELOPE.decode(raw)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise unreadable(position, fault) from fault


def unreadable(position: int, fault: Exception) -> CorruptEntry:
    """What it means that the bytes at that position are no entry."""
    return CorruptEntry(
        f"the entry at position {position} cannot be read: {fault!r}", position=position
    )


def _replacement(position: int, told: str) -> dict[str, Json]:
    try:
        return _PATCH.decode(told)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise unreadable(position, fault) from fault


def position_recorded_by(database: Database, size: int, moment: str) -> int:
    """The last of the first `size` positions with `recordedtime` ≤ `moment`; 0 if there is none.

    Recorded times never go back along positions, so about log2(size) entries are read.
    Raises CorruptEntry.
    """
    return _last_position(database, size, lambda recordedtime: recordedtime <= moment)


def position_recorded_before(database: Database, size: int, moment: str) -> int:
    """The last of the first `size` positions with `recordedtime` < `moment`; 0 if there is none."""
    return _last_position(database, size, lambda recordedtime: recordedtime < moment)


def _last_position(database: Database, size: int, holds: Callable[[str], bool]) -> int:
    low, high = 0, size
    with database.reading() as transaction:
        while low < high:
            middle = (low + high + 1) // 2
            if holds(_recordedtime(transaction, middle)):
                low = middle
            else:
                high = middle - 1
    return low


def _recordedtime(transaction: Transaction, position: int) -> str:
    row = transaction.row("SELECT entry FROM events WHERE position = ?", (position,))
    if row is None:
        raise CorruptEntry(f"there is no entry at position {position}", position=position)
    return str(parse_entry(row[0], position)["recordedtime"])
