"""Which reading is one of audit data: noted by every way out that shows others' acts in bulk or of the past.

What the record of readings itself says is not counted. Whoever follows the log reads it as well, and would be
recorded for that each minute for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final

from api.errors import ScopeMissing
from api.identity import PERSONAL, Identity
from domain.errors import Malformed
from domain.event import Json
from domain.families import FAMILIES
from domain.reading import MOST_NAMED, LedgerRead, ReadingKind
from ledger.entry import Entry
from ledger.ledger import Ledger
from ledger.reveal import reveal
from ledger.tiles import TILE_WIDTH, Tile
from replay.answers.making import AnswerProof

_TYPE: Final = LedgerRead.type_name.encode()
MOST_MIRRORS: Final = 10_000


def readable(page: Sequence[Entry], identity: Identity) -> Sequence[Entry]:
    if identity.reaches("*", "read"):
        return page
    return [entry for entry in page if identity.reaches(family_of(entry), "read")]


def readable_families(identity: Identity, asked: Sequence[str]) -> frozenset[str]:
    """Those asked for, or all that may be read. Raises Malformed, and ScopeMissing or MayNot if there are none."""
    for family in asked:
        if family not in FAMILIES:
            raise Malformed(f"there is no family {family!r}; there are {', '.join(FAMILIES)}")
        identity.require(family, "read")
    readable = frozenset(asked or (name for name in FAMILIES if identity.reaches(name, "read")))
    if not readable:
        identity.require("*", "read")
    return readable


def family_of(entry: Entry) -> str:
    return entry.subject.partition("/")[0]


def note(
    ledger: Ledger,
    identity: Identity,
    what: ReadingKind,
    *,
    entries: int = 1,
    about: Iterable[str] = (),
) -> None:
    """Waits for nothing. `entries`: how many entries, or rows of an answer, were shown."""
    ledger.note_reading(identity.actor.principal, what, entries=entries, about=about)


def note_entries(
    ledger: Ledger, identity: Identity, page: Sequence[Entry], *, about: Iterable[str] = ()
) -> None:
    """Entries of the log were shown as they are stored. A page without others' acts is no reading."""
    shown = sum(not is_reading(entry) for entry in page)
    if shown:
        note(ledger, identity, "entries", entries=shown, about=about)


def note_positions(ledger: Ledger, identity: Identity, after: int, up_to: int) -> None:
    """The same of the entries at positions after + 1 … up_to. Raises StorageFailed."""
    shown = ledger.count_entries(after, up_to, LedgerRead) if after < up_to else 0
    if shown:
        note(ledger, identity, "entries", entries=shown)


def is_reading(entry: Entry) -> bool:
    # Most entries do not even contain the word, and need not be parsed.
    return _TYPE in entry.raw and entry.type == LedgerRead.type_name


def revealed(ledger: Ledger, identity: Identity, subject: str, told: Json) -> Json:
    """`told` with personal values for who holds the right `personal`, and [personal] for everybody else.

    That a person's were seen is noted.
    """
    allowed = identity.sees_personal(subject.split("/", 1)[0])
    shown = reveal(ledger, subject, told, allowed=allowed)
    if allowed and subject.startswith("principal/") and shown != told:
        note(ledger, identity, "personal", about=(subject,))
    return shown


def require_personal(identity: Identity, subjects: Iterable[str]) -> None:
    """Raises ScopeMissing unless personal values of all of them may be seen."""
    for family in sorted({subject.partition("/")[0] for subject in subjects}):
        if not identity.sees_personal(family):
            raise ScopeMissing(
                f"personal values of {family} may not be seen here", family=family, scope=PERSONAL
            )


def note_answer(ledger: Ledger, identity: Identity, proof: AnswerProof) -> None:
    """An answer was handed out with the entries that prove it, and perhaps with personal values."""
    about = proof.subjects if len(proof.subjects) <= MOST_NAMED else ()
    note(ledger, identity, "entries", entries=proof.entries, about=about)
    people = [subject for subject in proof.subjects if subject.startswith("principal/")]
    if proof.disclosing and people:
        note(ledger, identity, "personal", about=people)


class Bundles:
    """Entry bundles that were handed out. Of the log's last one, which a mirror fetches whenever it has grown, each
    reader is counted for what they had not had of it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._mutex = threading.Lock()
        self._had: dict[str, tuple[int, int]] = {}
        """By reader: index and greatest width of the newest bundle that was not full."""

    def note(self, identity: Identity, bundle: Tile) -> None:
        """Raises StorageFailed."""
        had = self._widened(identity.actor.principal, bundle)
        start = bundle.index * TILE_WIDTH
        note_positions(self._ledger, identity, start + had, start + bundle.width)

    def _widened(self, reader: str, bundle: Tile) -> int:
        """How much of the bundle the reader had before."""
        with self._mutex:
            index, width = self._had.get(reader, (-1, 0))
            had = width if index == bundle.index else 0
            if bundle.width == TILE_WIDTH and had:
                del self._had[reader]
            elif bundle.width < TILE_WIDTH and (index != bundle.index or bundle.width > had):
                if len(self._had) >= MOST_MIRRORS:
                    self._had.clear()
                self._had[reader] = (bundle.index, bundle.width)
        return had
