"""OCEL 2.0, whatever it is written in: which types, objects, attributes and relations there are.

https://www.ocel-standard.org/2.0/ocel20_specification.pdf

Two kinds of passes: a survey that finds types, attributes and every object that will be named, then whatever
the format writes. All passes read the same entries, since nothing below a position ever changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final, NamedTuple

from domain.fold import merge_patch
from replay.exports.columns import Columns
from replay.exports.selection import Life, Selection, restate
from replay.exports.told import Named, Scalar, Told, family_of, references

INITIALLY: Final = "1970-01-01T00:00:00.000000Z"
"""The standard's time for what an object holds from the beginning."""
_RELATED: Final = frozenset({"authid", "onbehalfof", "grants"})
"""Attributes of the envelope that are relations here."""


class Change(NamedTuple):
    """An attribute's new value; None where it was cleared."""

    time: str
    name: str
    value: Scalar | None


class Object:
    """`initial`: what it was created with; of one that is older than the export, what it held before.

    `changes` are read once, then `relations`, and both before the next object.
    """

    def __init__(self, id_: str, columns: Columns, life: Life | None = None) -> None:
        self.id, self.type, self._columns = id_, family_of(id_), columns
        self._held: dict[str, Scalar] = life.before if life else {}
        self._state = life.state if life else {}
        self._events: Iterator[Told] = life.events if life else iter(())
        for first in islice(self._events, 1):
            if first.version == 1:
                restate(self._held, first)
                self._state = first.data
            else:
                self._events = chain([first], self._events)
        self.initial = dict(columns.typed(self._held))

    def changes(self) -> Iterator[Change]:
        for one in self._events:
            self._state = merge_patch(self._state, one.data)
            for name, value in self._columns.typed(restate(self._held, one)):
                yield Change(one.time, name, value)

    def relations(self) -> Iterable[Named]:
        """To other objects, as the state after the last event of the export has them."""
        return dict.fromkeys(named for named in references(self._state) if named[1] != self.id)


@dataclass(slots=True)
class Survey:
    """`elsewhere`: objects that are named, and of which the export has no events. They have no attributes."""

    event_types: dict[str, Columns] = field(default_factory=dict)
    object_types: dict[str, Columns] = field(default_factory=dict)
    elsewhere: dict[str, None] = field(default_factory=dict)


def event_id(one: Told) -> str:
    """By position: a CloudEvents `id` is unique within its source only. Never taken for a number."""
    return f"entry/{one.position}"


def attributes_of(one: Told) -> dict[str, Scalar | None]:
    """What an event says of itself; what it did to its object is the object's."""
    said = {name: value for name, value in one.said.items() if name not in _RELATED}
    return {
        "position": one.position,
        "version": one.version,
        "type_version": one.type_version,
        **said,
    }


def survey(selection: Selection) -> Survey:
    """Keeps the names of subjects in memory, some hundred bytes for each, and nothing of the entries."""
    found, own = Survey(), set[str]()
    for life in selection.lives(
        revealing=False
    ):  # a commitment is a text, and so is what it stands for
        own.add(life.subject)
        columns = found.object_types.setdefault(family_of(life.subject), Columns())
        columns.meet(life.before)
        state = life.state
        for one in life.events:
            found.event_types.setdefault(one.activity, Columns()).meet(attributes_of(one))
            columns.meet(one.stated)
            state = merge_patch(state, one.data)
            found.elsewhere.update((name, None) for _, name in one.named())
        found.elsewhere.update((name, None) for _, name in references(state))
    found.elsewhere = {name: None for name in found.elsewhere if name not in own}
    for name in found.elsewhere:
        found.object_types.setdefault(family_of(name), Columns())
    return found


def objects(selection: Selection, surveyed: Survey) -> Iterator[Object]:
    """Those with events in the order in which the ledger met them, then those elsewhere."""
    counts = selection.counts
    for life in selection.lives():
        counts.subjects += 1
        counts.objects += 1
        yield Object(life.subject, surveyed.object_types[family_of(life.subject)], life)
    for name in surveyed.elsewhere:
        counts.objects += 1
        yield Object(name, surveyed.object_types[family_of(name)])
