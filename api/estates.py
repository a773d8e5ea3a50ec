"""The whole estate at a moment, and between two, as both ways in answer it: rights, labels, personal values, readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from api.identity import Identity
from api.readings import note, readable_families, revealed
from domain.event import EVENT_TYPES, Json
from ledger.ledger import Ledger
from ledger.reveal import reveal
from replay.archive.read import open_archive, require_of
from replay.archive.versions import open_versions
from replay.errors import WhereRefused
from replay.moment import Basis, Located, Moment
from replay.whole.counts import Counting, Every, moments_between
from replay.whole.differences import SubjectDifference
from replay.whole.machine import TimeMachine
from replay.whole.where import Choice, members_of, parse_where

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EstateStates:
    """`label`: basis, at, known_at and position, which every row belongs to. `rows` can be asked for once."""

    label: Answer
    count: int
    rows: Iterator[Answer]


@dataclass(frozen=True, slots=True)
class Estates:
    """Asked by `identity`. Each question raises ScopeMissing or MayNot for who may not read a family that they name;
    where none is named, the families that they may read are meant.
    """

    ledger: Ledger
    identity: Identity
    machine: TimeMachine

    def states(
        self,
        moment: Moment,
        families: Sequence[str] = (),
        where: str | None = None,
        *,
        personal: bool = False,
    ) -> EstateStates:
        """Rows of subject, family, version and state, by subject. `personal`: with personal values, for who may see them.

        Raises WhereRefused, MomentRefused, BeyondHead, Malformed.
        """
        chosen = readable_families(self.identity, families)
        found = self.machine.states(moment, chosen, where_of(where))
        table = found.table
        self._noted(table.num_rows)
        return EstateStates(
            labelled(found.located), table.num_rows, self._rows(table.to_batches(), personal)
        )

    def differences(
        self, before: Moment, after: Moment, families: Sequence[str] = ()
    ) -> tuple[Answer, Answer, Iterator[Answer]]:
        """The labels of both moments, and each subject that differs. Raises as `states`."""
        found = self.machine.differences(before, after, readable_families(self.identity, families))
        return labelled(found.before), labelled(found.after), self._told(found.subjects)

    def counts(
        self,
        start: str,
        end: str,
        every: Every,
        by: Sequence[str],
        *,
        basis: Basis = "effect",
        known_at: str | None = None,
        families: Sequence[str] = (),
        where: str | None = None,
    ) -> Answer:
        """How many subjects there were at `start` and each step behind it up to `end`, with each value of `by`.

        Raises WhereRefused, MomentRefused, Malformed.
        """
        for member in by:
            _refuse_personal(member.split(".")[0])
        asked = Counting(
            moments_between(start, end, every),
            every,
            by,
            basis,
            readable_families(self.identity, families),
            where_of(where),
        )
        located, found = self.machine.counts(asked, known_at)
        self._noted(len(found))
        series = [
            {"values": dict(zip(by, one.values, strict=True)), "counts": list(one.counts)}
            for one in found
        ]
        return {**labelled(located), "moments": list(asked.moments), "series": series}

    def _told(self, subjects: Iterator[SubjectDifference]) -> Iterator[Answer]:
        told = 0
        for one in subjects:
            told += 1
            yield self._difference(one)
        self._noted(told)

    def _noted(self, rows: int) -> None:
        """What was not found showed nothing."""
        if rows:
            note(self.ledger, self.identity, "past-state", entries=rows)

    def _difference(self, one: SubjectDifference) -> Answer:
        fields = [
            {
                "field": field.path,
                "from": field.before,
                "to": field.after,
                "positions": list(field.positions),
            }
            for field in one.fields
        ]
        return {
            "subject": one.subject,
            "became": one.became,
            "version_before": one.version_before,
            "version_after": one.version_after,
            "fields": reveal(self.ledger, one.subject, fields, allowed=False),
            "entries": [{"position": word.position, "why": word.why} for word in one.words],
        }

    def _shown(self, subject: str, state: Json, personal: bool) -> Json:
        if personal:
            return revealed(self.ledger, self.identity, subject, state)
        return reveal(self.ledger, subject, state, allowed=False)

    def _rows(self, batches: Sequence[Any], personal: bool) -> Iterator[Answer]:
        for batch in batches:
            for row in batch.to_pylist():
                subject = row["subject"]
                state = self._shown(subject, orjson.loads(row["state"]), personal)
                yield {
                    "subject": subject,
                    "family": subject.partition("/")[0],
                    "version": row["version"],
                    "state": state,
                }


def time_machine(ledger: Ledger, archive: str | None) -> TimeMachine:
    """As fast as what is kept beside the ledger makes it. `archive`: where its archive lies, if it has one.

    Raises ArchiveUnusable for one of another ledger, or of a later state of this one.
    """
    if archive is None:
        return TimeMachine(ledger)
    found = open_archive(archive)
    require_of(ledger, found.size, found.manifest.root, archive)
    versions = open_versions(found)
    if versions is not None:
        require_of(ledger, versions.head, versions.index.root, f"{archive}/versions")
    return TimeMachine(ledger, found, versions)


def labelled(located: Located) -> Answer:
    return {
        "basis": located.basis,
        "at": located.at,
        "known_at": located.known_at,
        "position": located.position,
    }


def where_of(text: str | None) -> Choice | None:
    """Raises WhereRefused, also for a personal member: what the log holds of it can be compared with nothing."""
    if text is None:
        return None
    choice = parse_where(text)
    for member in sorted(members_of(choice)):
        _refuse_personal(member[0])
    return choice


def _refuse_personal(member: str) -> None:
    if any(member in event.personal for event in EVENT_TYPES.values()):
        raise WhereRefused(
            f"{member} is personal: the log holds a commitment, which cannot be compared"
        )
