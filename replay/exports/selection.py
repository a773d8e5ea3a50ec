"""Which entries an export is about, in the order that the format wants, with what the reader may see of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Final, NamedTuple

from domain.commitment import DIGEST_PREFIX
from domain.event import Json
from domain.fold import merge_patch
from domain.reading import LedgerRead
from ledger.ledger import Ledger
from ledger.past import NO_SUBJECT, after_subjects
from replay.exports.told import Scalar, Told, family_of, told

PAGE_ENTRIES: Final = 1_000
_COMMITMENT: Final = DIGEST_PREFIX.encode()
_READING: Final = f"{LedgerRead.type_name}".rpartition(".")[0]

Shown = Callable[[str, Json], Json]
"""A subject, and something with its commitments in it: the same with what the reader may see in their places."""


@dataclass(slots=True)
class Counts:
    """What an export wrote. `readings`: those of its events that only tell who read."""

    events: int = 0
    subjects: int = 0
    objects: int = 0
    relations: int = 0
    readings: int = 0


class Life(NamedTuple):
    """A subject that the export has events of. `before`, `state`: its scalars and its state when they begin.

    `events` are to be read before the next life is asked for.
    """

    subject: str
    before: dict[str, Scalar]
    state: dict[str, Json]
    events: Iterator[Told]


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries of `families` at positions after + 1 … up_to. Nothing in it changes while the log grows."""

    ledger: Ledger
    families: frozenset[str]
    after: int
    up_to: int
    shown: Shown
    counts: Counts = field(default_factory=Counts)

    def by_position(self, *, revealing: bool = True) -> Iterator[Told]:
        """In the order of the log. Raises CorruptEntry, StorageFailed.

        Not `revealing`: commitments stay, for who writes the stored form, or only looks at what there is.
        """
        after = self.after
        while page := self.ledger.entries(after, PAGE_ENTRIES, self.up_to):
            after = page[-1].position
            found = (told(entry.position, entry.raw) for entry in page)
            wanted = [one for one in found if one.family in self.families]
            yield from self._revealed(wanted) if revealing else wanted

    def lives(self, *, revealing: bool = True) -> Iterator[Life]:
        """Subject by subject, in the order in which the ledger met them."""
        for subject, entries in groupby(self._by_subject(revealing), lambda one: one.subject):
            life = self._life(subject, entries)
            if life is not None:
                yield life

    def _life(self, subject: str, entries: Iterator[Told]) -> Life | None:
        before: dict[str, Scalar] = {}
        state: dict[str, Json] = {}
        for one in entries:
            if one.position > self.after:
                return Life(subject, before, state, chain([one], entries))
            state = merge_patch(state, one.data)
            restate(before, one)
        return None

    def counted(self, events: Iterable[Told]) -> Iterator[Told]:
        """The same, each counted as it is written."""
        counts = self.counts
        for one in events:
            counts.events += 1
            counts.readings += one.activity == _READING
            yield one

    def _by_subject(self, revealing: bool) -> Iterator[Told]:
        had = NO_SUBJECT
        while page := after_subjects(self.ledger.database, had, self.up_to, PAGE_ENTRIES):
            had = page[-1].key, page[-1].version
            wanted = [
                told(one.position, one.raw)
                for one in page
                if family_of(one.subject) in self.families
            ]
            yield from self._revealed(wanted) if revealing else wanted

    def _revealed(self, page: Sequence[Told]) -> Sequence[Told]:
        """Commitments replaced, each subject's of the page in one go."""
        veiled: dict[str, list[Told]] = {}
        for one in page:
            if _COMMITMENT in one.raw:
                veiled.setdefault(one.subject, []).append(one)
        for subject, entries in veiled.items():
            seen = self.shown(subject, [[one.said, one.stated] for one in entries])
            for one, (said, stated) in zip(entries, seen, strict=True):
                one.said, one.stated = said, stated
        return page


def restate(held: dict[str, Scalar], one: Told) -> dict[str, Scalar | None]:
    """Bring the scalars that a subject holds up to the entry, and say which ones it states (RFC 7396).

    An entry that clears or replaces the whole of `source` states None for each member that was in it.
    """
    stated = dict(one.stated)
    if "source" in one.data and not isinstance(one.data["source"], dict):
        stated |= {name: None for name in held if name.startswith("source.")}
    for name, value in stated.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = value
    return stated
