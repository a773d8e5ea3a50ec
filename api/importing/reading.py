"""A mapping made ready: rows in, facts out. It changes nothing; what a subject had before is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from api.importing.cells import Cells, Layout, changed_mask
from api.importing.conditions import as_cell, condition, holds
from api.importing.faults import BadRow
from api.importing.memory import Known
from api.importing.records import Records
from api.importing.rules import FamilyRules
from api.importing.schema import FamilyBy, SourceMapping
from api.importing.telling import Own, Place, Told
from api.importing.times import time_reader
from api.importing.values import Translation, tables_of
from domain.families import split_subject
from ledger.observe import Observation


class Reading(NamedTuple):
    """What a row became, and the status it left. `skip`: why it became nothing on purpose.

    `others`: the statuses of other subjects that it had facts about.
    """

    facts: Sequence[Observation]
    status: str | None
    deviations: int = 0
    skip: str | None = None
    others: Mapping[str, str | None] = MappingProxyType({})


class Reader:
    """One mapping over one layout of columns."""

    def __init__(self, mapping: SourceMapping, layout: Layout, records: Records) -> None:
        self._records = records
        self._source = mapping.source_uri
        self._nothing = layout.nothing
        self._bits = tuple(1 << at for at in range(len(layout.columns)))
        read_time = time_reader(mapping.time.formats, mapping.time.zone)
        given = Translation(layout, tables_of(mapping.tables), read_time)
        self._number = layout.index(mapping.number)
        self._time, self._read_time = layout.index(mapping.time.column), read_time
        self._actor = None if mapping.actor is None else layout.index(mapping.actor)
        self._excluded = [
            (exclusion.reason, condition(exclusion.when, layout), is_skip)
            for exclusions, is_skip in ((mapping.skip, True), (mapping.reject, False))
            for exclusion in exclusions
        ]
        self._family_column, self._families = _families(mapping, layout)
        self._rules = {
            family: FamilyRules(family, mapping, layout, given)
            for family in set(self._families.values())
        }
        self._find = {family: partial(records.named, family) for family in self._rules}

    def subject(self, row: Cells) -> str:
        """The subject that the row is about. Raises BadRow."""
        number = row[self._number]
        if number is None:
            raise BadRow("the row has no number")
        cell = "" if self._family_column is None else row[self._family_column]
        family = None if cell is None else self._families.get(cell)
        if family is None:
            raise BadRow(
                f"expected one of {', '.join(self._families)} for the family, got {cell!r}"
            )
        return f"{family}/{number}"

    def subject_numbered(self, number: str) -> str | None:
        """The same where only the number can be read: None if the family is told by a column."""
        return None if self._family_column is not None else f"{self._families['']}/{number}"

    def read(self, subject: str, before: Known, row: Cells) -> Reading:
        """The facts of the subject's next row. Raises LedgerError for a bad row."""
        first = before.cells is None
        previous = self._nothing if before.cells is None else before.cells
        mask = changed_mask(previous, row, self._bits)
        for reason, asked, is_skip in self._excluded:
            if holds(asked, previous, row, mask, first=first):
                if is_skip:
                    return Reading((), before.status, skip=reason)
                raise BadRow(reason)
        if first:
            split_subject(subject)
        family = subject[: subject.index("/")]
        place = Place(subject, before.ordinal + 1, self._find[family])
        told = self._rules[family].told(mask, previous, row, place, first=first)
        if not told:
            return Reading((), before.status)
        return self._observed(place, before, row, told)

    def _observed(self, place: Place, before: Known, row: Cells, told: Sequence[Told]) -> Reading:
        subject, source = place.subject, self._source
        time, status = self._time_of(row[self._time]), before.status
        actor = None if self._actor is None else row[self._actor]
        row_id = f"{row[self._number]}:{place.ordinal}"
        others: dict[str, str | None] = {}
        facts, deviations = [], 0
        for n, (event, data, said, own) in enumerate(told, 1):
            about, who, when = subject, actor, time
            if own is not None:
                who, when = own.actor, self._time_of(own.time, f" for {event.type_name}")
                about = self._record_of(own, place)
            if about == subject:
                deviations += not event.takes_place_in(status)
                status = event.to_status or status
            elif about:
                its = others[about] if about in others else self._records.of(about).status
                deviations += not event.takes_place_in(its)
                others[about] = event.to_status or its
            else:
                continue
            fact_id = f"{row_id}:{n}"
            facts.append(
                Observation(event, about, data, when, fact_id, source, who, said, is_checked=True)
            )
        return Reading(facts, status, deviations, others=others)

    def _record_of(self, own: Own, place: Place) -> str:
        """The subject that the event is about; empty where it names none that the file had before."""
        if own.record is None:
            return place.subject
        found = place.find(own.record)
        return found if found and found != place.subject else ""

    def _time_of(self, cell: str | None, of: str = "") -> str:
        if cell is None:
            raise BadRow(f"the row has no time{of}")
        return self._read_time(cell)


def _families(mapping: SourceMapping, layout: Layout) -> tuple[int | None, dict[str, str]]:
    """The column that tells the family, and what its cells mean; None and `""` where there is but one."""
    if isinstance(mapping.family, FamilyBy):
        table = {as_cell(key) or "": family for key, family in mapping.family.table.items()}
        return layout.index(mapping.family.column), table
    return None, {"": mapping.family}
