"""OCEL 2.0 as JSON, written piece by piece: https://www.ocel-standard.org/specification/formats/json"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from replay.exports.columns import Columns
from replay.exports.ocel import (
    INITIALLY,
    Object,
    Survey,
    attributes_of,
    event_id,
    objects,
    survey,
)
from replay.exports.selection import Selection
from replay.exports.told import Named, Told


def ocel_json(selection: Selection) -> Iterator[bytes]:
    """One document, its types first, in pieces of an event or an object each."""
    surveyed = survey(selection)
    yield b'{"eventTypes":' + orjson.dumps(_types(surveyed.event_types))
    yield b',"objectTypes":' + orjson.dumps(_types(surveyed.object_types))
    yield b',"events":['
    yield from _items(_events(selection, surveyed))
    yield b'],"objects":['
    yield from _items(_object(one) for one in objects(selection, surveyed))
    yield b"]}\n"


def _types(types: Mapping[str, Columns]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "attributes": [{"name": each, "type": kind} for each, kind in columns.kinds.items()],
        }
        for name, columns in sorted(types.items())
    ]


def _items(items: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    before = b"\n"
    for item in items:
        yield before + orjson.dumps(item)
        before = b",\n"


def _events(selection: Selection, surveyed: Survey) -> Iterator[dict[str, Any]]:
    for one in selection.counted(selection.by_position()):
        columns = surveyed.event_types[one.activity]
        related = _relationships(one.named())
        selection.counts.relations += len(related)
        yield _event(one, columns, related)


def _event(one: Told, columns: Columns, related: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": event_id(one),
        "type": one.activity,
        "time": one.time,
        "attributes": [
            {"name": name, "value": value} for name, value in columns.typed(attributes_of(one))
        ],
        "relationships": related,
    }


def _object(one: Object) -> dict[str, Any]:
    told = [
        {"name": name, "time": INITIALLY, "value": value} for name, value in one.initial.items()
    ]
    known = set(one.initial)
    for time, name, value in one.changes():
        if name not in known:
            # Readers take an attribute's first value for its initial one. Before it was stated there was none.
            known.add(name)
            told.append({"name": name, "time": INITIALLY, "value": None})
        told.append({"name": name, "time": time, "value": value})
    return {
        "id": one.id,
        "type": one.type,
        "attributes": told,
        "relationships": _relationships(one.relations()),
    }


def _relationships(named: Iterable[Named]) -> list[dict[str, str]]:
    return [{"objectId": name, "qualifier": qualifier} for qualifier, name in named]
