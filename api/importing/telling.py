"""What an event of a row says for itself: who, when, about which record, and several things at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from api.importing.cells import Cells, Layout, names_of
from api.importing.linked import Find
from api.importing.parts import EntryTaking, SetTaking, entry_taking, set_taking
from api.importing.schema import Rule, SourceMapping
from api.importing.values import Translation
from domain.event import Event, Json


class Own(NamedTuple):
    """What an event says for itself, where that is not what the row says: cells.

    `record`: the name of the record that it is about.
    """

    actor: str | None
    time: str | None
    record: str | None = None


class Told(NamedTuple):
    """An event that a row becomes: `data` is its patch, `said` stands beside it (comment, reason)."""

    event: type[Event]
    data: dict[str, Json]
    said: dict[str, str]
    own: Own | None = None


class Place(NamedTuple):
    """Where a row stands: its subject, which row of it this is, and how the others are found."""

    subject: str
    ordinal: int
    find: Find


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """Where the cells stand that say who acted, when, and which record an event is about."""

    actor: int | None
    time: int
    record: int | None = None

    def own(self, row: Cells) -> Own:
        actor = None if self.actor is None else row[self.actor]
        record = None if self.record is None else row[self.record]
        return Own(actor, row[self.time], record)


@dataclass(frozen=True, slots=True)
class More:
    """What few rules have: several events for a row, parts inside members, words of their own on who and when."""

    columns: OwnColumns
    entries: tuple[EntryTaking, ...]
    sets: tuple[SetTaking, ...]
    each: tuple[int, str] | None

    def rows(self, before: Cells, row: Cells) -> Iterable[Cells]:
        """The row once for each thing that its cell names and the former row's did not, naming that alone."""
        if self.each is None:
            return (row,)
        at, split = self.each
        known = set(names_of(before[at], split))
        fresh = [name for name in names_of(row[at], split) if name not in known]
        return [(*row[:at], name, *row[at + 1 :]) for name in fresh]

    def is_about_nothing(self, row: Cells) -> bool:
        return self.columns.record is not None and row[self.columns.record] is None

    def added(self, told: Told, row: Cells, number: str) -> Told:
        """`number`: tells this event from every other that its subject's rows become."""
        parts = {entry.member: entry.told(row, number) for entry in self.entries}
        parts |= {one.member: one.told(row) for one in self.sets}
        data = {**told.data, **{member: held for member, held in parts.items() if held}}
        return told._replace(data=data, own=self.columns.own(row))


def own_columns(mapping: SourceMapping, layout: Layout, rule: Rule | None = None) -> OwnColumns:
    actor = (rule.actor if rule else None) or mapping.actor
    return OwnColumns(
        None if actor is None else layout.index(actor),
        layout.index((rule.time if rule else None) or mapping.time.column),
        layout.index(rule.record) if rule and rule.record else None,
    )


def more_of(
    event: type[Event], rule: Rule, mapping: SourceMapping, layout: Layout, given: Translation
) -> More | None:
    if not any((rule.for_each, rule.record, rule.actor, rule.time, rule.entries, rule.sets)):
        return None
    each = rule.for_each
    return More(
        own_columns(mapping, layout, rule),
        tuple(entry_taking(event, name, entry, given) for name, entry in rule.entries.items()),
        tuple(set_taking(event, name, columns, given) for name, columns in rule.sets.items()),
        None if each is None else (layout.index(each.column), each.split),
    )
