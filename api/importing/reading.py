"""A mapping made ready: rows in, facts out. Pure; what a number had before is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from api.importing.cells import Cells, Layout, changed_mask
from api.importing.conditions import Condition, condition
from api.importing.faults import BadRow
from api.importing.linked import LinkColumn, link_columns, linked, unlinked
from api.importing.schema import Exclusion, Rule, SourceMapping
from api.importing.times import time_reader
from api.importing.values import Take, Translation, tables_of, taking
from domain.common import Linked, SourceStatusRecorded, Unlinked, common_event
from domain.event import Event, Json, event_class
from domain.families import subject_id
from ledger.observe import Observation


@dataclass(frozen=True, slots=True)
class _Rule:
    event: type[Event]
    asks: Condition
    members: tuple[tuple[str, Take], ...]
    said: tuple[tuple[str, Take], ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What becomes a `source-status-recorded` when any of its columns changes."""

    mask: int
    members: tuple[tuple[str, Take], ...]
    columns: tuple[tuple[str, Take], ...]


class Reading(NamedTuple):
    """What a row became. `skip`: why it became nothing on purpose."""

    facts: Sequence[Observation]
    status: str | None
    deviations: int
    skip: str | None = None


class Reader:
    """The rules of one mapping over one layout of columns."""

    def __init__(self, mapping: SourceMapping, layout: Layout) -> None:
        self._source = mapping.source_uri
        self._nothing = layout.nothing
        self._bits = tuple(1 << at for at in range(len(layout.columns)))
        given = Translation(
            layout,
            tables_of(mapping.tables),
            time_reader(mapping.time.formats, mapping.time.zone),
        )
        self._number = layout.index(mapping.number)
        self._time, self._read_time = layout.index(mapping.time.column), given.read_time
        self._actor = None if mapping.actor is None else layout.index(mapping.actor)
        self._family = _families(mapping, layout)
        self._skips = _exclusions(mapping.skip, layout)
        self._rejections = _exclusions(mapping.reject, layout)
        self._rules = [_rule(rule, layout, given) for rule in mapping.events]
        self._kept = _kept(mapping, layout, given)
        self._links = link_columns(mapping.links, layout)
        self._link_mask = layout.mask(mapping.links)

    def number(self, row: Cells) -> str:
        """Raises BadRow."""
        number = row[self._number]
        if number is None:
            raise BadRow("the row has no number")
        return number

    def subject(self, row: Cells) -> str:
        """The subject that the row is about. Raises BadRow."""
        column, families = self._family
        cell = "" if column is None else row[column]
        family = None if cell is None else families.get(cell)
        if family is None:
            raise BadRow(f"expected one of {', '.join(families)} to tell the family, got {cell!r}")
        return subject_id(family, self.number(row))

    def read(
        self,
        subject: str,
        ordinal: int,
        previous: Cells | None,
        row: Cells,
        status: str | None,
    ) -> Reading:
        """The facts of the row, given the row before. Raises LedgerError for a bad row."""
        first = previous is None
        before = self._nothing if previous is None else previous
        mask = changed_mask(before, row, self._bits)
        for reason, asks in self._rejections:
            if asks.holds(mask, before, row, first):
                raise BadRow(reason)
        for reason, asks in self._skips:
            if asks.holds(mask, before, row, first):
                return Reading((), status, 0, reason)
        made = self._told(subject, mask, before, row, first)
        if not made:
            return Reading((), status, 0)
        return self._observed(subject, ordinal, row, status, made)

    def _told(
        self, subject: str, mask: int, before: Cells, row: Cells, first: bool
    ) -> list[tuple[type[Event], dict[str, Json], dict[str, str]]]:
        """Each event with its data and what is said beside it."""
        family = subject[: subject.index("/")]
        made: list[tuple[type[Event], dict[str, Json], dict[str, str]]] = []
        for rule in self._rules:
            if rule.event.family.name == family and rule.asks.holds(mask, before, row, first):
                data = {member: take(row) for member, take in rule.members}
                said = {name: str(text) for name, take in rule.said if (text := take(row))}
                made.append((rule.event, _first_stated(data) if first else data, said))
        kept = self._kept
        if kept is not None and mask & kept.mask:
            data = {member: take(row) for member, take in kept.members}
            if kept.columns:
                columns = {name: take(row) for name, take in kept.columns}
                data["source"] = _first_stated(columns) if first else columns
            event = common_event(family, SourceStatusRecorded)
            made.append((event, _first_stated(data) if first else data, {}))
        if mask & self._link_mask:
            made += _links(family, self._links, mask, before, row)
        return made

    def _observed(
        self,
        subject: str,
        ordinal: int,
        row: Cells,
        status: str | None,
        made: list[tuple[type[Event], dict[str, Json], dict[str, str]]],
    ) -> Reading:
        cell = row[self._time]
        if cell is None:
            raise BadRow("the row has no time")
        time = self._read_time(cell)
        actor = None if self._actor is None else row[self._actor]
        row_id = f"{self.number(row)}:{ordinal}"
        facts, deviations = [], 0
        for n, (event, data, said) in enumerate(made, 1):
            deviations += not event.takes_place_in(status)
            status = event.to_status or status
            facts.append(
                Observation(event, subject, data, time, f"{row_id}:{n}", self._source, actor, said)
            )
        return Reading(facts, status, deviations)


def _first_stated(data: dict[str, Json]) -> dict[str, Json]:
    """On a first row there is nothing to clear, so what is missing need not be stated."""
    return {member: value for member, value in data.items() if value is not None}


def _links(
    family: str, columns: tuple[LinkColumn, ...], mask: int, before: Cells, row: Cells
) -> list[tuple[type[Event], dict[str, Json], dict[str, str]]]:
    gone, come = unlinked(columns, mask, before), linked(columns, mask, row)
    both = ((common_event(family, Unlinked), gone), (common_event(family, Linked), come))
    return [(event, {"links": links}, {}) for event, links in both if links]


def _families(mapping: SourceMapping, layout: Layout) -> tuple[int | None, dict[str, str]]:
    if isinstance(mapping.family, str):
        return None, {"": mapping.family}
    table = {str(key): family for key, family in mapping.family.table.items()}
    return layout.index(mapping.family.column), table


def _exclusions(written: Sequence[Exclusion], layout: Layout) -> list[tuple[str, Condition]]:
    return [(exclusion.reason, condition(exclusion.when, layout)) for exclusion in written]


def _rule(rule: Rule, layout: Layout, given: Translation) -> _Rule:
    spoken = (("comment", rule.comment), ("reason", rule.reason))
    return _Rule(
        event_class(rule.event),
        condition(rule.when, layout),
        tuple((member, taking(value, given)) for member, value in rule.members.items()),
        tuple((name, taking(value, given)) for name, value in spoken if value is not None),
    )


def _kept(mapping: SourceMapping, layout: Layout, given: Translation) -> _Kept | None:
    keep = mapping.keep
    if keep is None:
        return None
    persons = {"source_created_by": keep.created_by, "source_owner": keep.owner}
    members = [(name, _plain(c, layout)) for name, c in persons.items() if c is not None]
    if keep.status is not None:
        members.insert(0, ("source_status", taking(keep.status, given)))
    columns = tuple((name, taking(value, given)) for name, value in keep.columns.items())
    return _Kept(layout.mask(kept_columns(mapping)), tuple(members), columns)


def kept_columns(mapping: SourceMapping) -> tuple[str, ...]:
    """The columns of the file that `keep` looks at."""
    keep = mapping.keep
    if keep is None:
        return ()
    values = [*keep.columns.values(), *([keep.status] if keep.status else [])]
    read = [column for value in values for column in value.all_columns()]
    return (*read, *(column for column in (keep.created_by, keep.owner) if column is not None))


def _plain(column: str, layout: Layout) -> Take:
    index = layout.index(column)
    return lambda row: row[index]
