"""What an entry says, as far as flat formats can say it: scalars by name, and the objects it names.

Lists, and objects that hold several things under ids, have no place in a cell or an attribute; of them the
objects that they name are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.event import Json
from domain.families import FAMILIES, is_subject_id
from ledger.entry import parse_entry

Scalar = str | int | bool
Named = tuple[str, str]
"""A qualifier and the object that it leads to."""

SUBJECT: Final = "subject"
ACTOR: Final = "actor"
ON_BEHALF_OF: Final = "on-behalf-of"
GRANT: Final = "grant"

_SOURCE: Final = "source"
"""The one member that is an object of scalars: what a source says of its own record (`domain.common`)."""
_STRUCTURE: Final = frozenset(
    {
        "specversion",
        "subject",
        "type",
        "time",
        "sequence",
        "subjectversion",
        "datacontenttype",
        "data",
    }
)
"""Attributes of an envelope that a `Told` has as fields of its own, or that say nothing about the event."""
_TYPE_VERSION: Final = re.compile(r"(.+)\.v([0-9]+)")
_DEEPEST: Final = 3
"""A member, the thing under its id, and the member of that: deeper lies what a source sent whole, unread."""


@dataclass(slots=True)
class Told:
    """`activity`: the type less its version, `itsm.incident.reported`. `said`: the rest of the envelope.

    `stated`: the scalar members of `data`, those under `source` as `source.<name>`; None where one is cleared.
    `data` holds the stored form, commitments and all; `said` and `stated` what the reader may see.
    """

    position: int
    version: int
    subject: str
    activity: str
    type_version: int
    time: str
    said: dict[str, Scalar]
    stated: dict[str, Scalar | None]
    data: dict[str, Json]
    raw: bytes

    @property
    def family(self) -> str:
        return family_of(self.subject)

    def named(self) -> dict[Named, None]:
        """The objects that the event is related to, each once by each qualifier.

        The subject comes last: a reader that keeps one relation to an object keeps the last one.
        """
        found: dict[Named, None] = dict.fromkeys(references(self.data))
        for grant in str(self.said.get("grants", "")).split():
            found[GRANT, grant] = None
        for attribute, qualifier in (("onbehalfof", ON_BEHALF_OF), ("authid", ACTOR)):
            someone = self.said.get(attribute)
            if isinstance(someone, str) and is_object(someone):
                found[qualifier, someone] = None
        found[SUBJECT, self.subject] = None
        return found


def told(position: int, raw: bytes) -> Told:
    """Raises CorruptEntry."""
    attributes = parse_entry(raw, position)
    data = attributes["data"]
    activity, version = _activity(str(attributes["type"]))
    return Told(
        position,
        int(attributes["subjectversion"]),
        attributes["subject"],
        activity,
        version,
        str(attributes["time"]),
        {name: value for name, value in attributes.items() if name not in _STRUCTURE},
        dict(_scalars(data)),
        data,
        raw,
    )


def family_of(subject: str) -> str:
    return subject.partition("/")[0]


def is_object(text: str) -> bool:
    """Is it spelt as the id of a subject of ours? Whether there is one is not asked."""
    return is_subject_id(text) and family_of(text) in FAMILIES


def references(members: Mapping[str, Json]) -> Iterator[Named]:
    """The objects that a state or a patch names, by member: `assigned_to`, `approvals.by`.

    Ids in between are left out of the qualifier, and a link's qualifier is its relation.
    """
    for member, value in members.items():
        yield from _references(member, value, 1)


def _references(qualifier: str, value: Json, depth: int) -> Iterator[Named]:
    if isinstance(value, str):
        if "/" in value and is_object(value):
            yield qualifier, value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _references(qualifier, item, depth + 1)
    elif isinstance(value, dict):
        link = value.get("relation")
        for name, inner in value.items():
            if isinstance(link, str) and name == "to":
                yield from _references(link, inner, depth + 1)
            elif isinstance(inner, dict):
                yield from _references(qualifier, inner, depth + 1)
            elif inner is True and "/" in name and is_object(name):
                yield qualifier, name  # a set: its members are the keys
            else:
                yield from _references(f"{qualifier}.{name}", inner, depth + 1)


def _scalars(data: Mapping[str, Any]) -> Iterator[tuple[str, Scalar | None]]:
    for member, value in data.items():
        if value is None or isinstance(value, str | int):
            yield member, value
        elif member == _SOURCE and isinstance(value, dict):
            for name, inner in value.items():
                if inner is None or isinstance(inner, str | int):
                    yield f"{_SOURCE}.{name}", inner


def _activity(type_name: str) -> tuple[str, int]:
    match = _TYPE_VERSION.fullmatch(type_name)
    return (match[1], int(match[2])) if match else (type_name, 1)
