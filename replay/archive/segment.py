"""Entries as an Arrow table: the exact bytes, and beside them the columns that questions filter by.

Only `entry` is evidence. Every other column follows from it, and `verify` makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple, fields

import domain.catalogue  # noqa: F401 - the event types are complete once it is imported
from domain.event import EVENT_TYPES
from ledger.errors import CorruptEntry

SEGMENT_ENTRIES: Final = 65_536
"""256 × 256: what a full tile of tile level 1 stands for."""

_ATTRIBUTES: Final = (
    "authid",
    "onbehalfof",
    "recordedby",
    "policy",
    "decision",
    "rules",
    "grants",
    "correlationid",
    "causationid",
)
_TYPES: Final = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}


_INT64: Final = 2**63
_Number = Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64 - 1)]


class _Told(msgspec.Struct):
    subject: str
    subjectversion: _Number
    type: str
    time: str
    recordedtime: str
    data: dict[str, Any]
    corrects: _Number | None = None
    replacement: str | None = None
    effectivetime: str | None = None
    authid: str | None = None
    onbehalfof: str | None = None
    recordedby: str | None = None
    policy: str | None = None
    decision: str | None = None
    rules: str | None = None
    grants: str | None = None
    correlationid: str | None = None
    causationid: str | None = None


_FIELDS: Final = tuple(field.name for field in fields(_Told))
_TOLD: Final = msgspec.json.Decoder(_Told)


@cache
def members() -> Mapping[str, type]:
    """The members of states that are columns: those whose values are text, whole numbers or truth values, by every
    event type that states them; with their type.
    """
    kinds: dict[str, set[type]] = {}
    for event in EVENT_TYPES.values():
        for name, field in event.model_fields.items():
            kinds.setdefault(name, set()).update(_kinds(field.annotation))
        for name, value in event.asserts.items():
            kinds.setdefault(name, set()).add(type(value))
    # What is text in one family and an object in another is a column for the former.
    scalars = {name: its & {*_TYPES} for name, its in sorted(kinds.items())}
    return {name: next(iter(its)) for name, its in scalars.items() if len(its) == 1}


def _kinds(annotation: Any) -> set[type]:
    if annotation in _TYPES:
        return {annotation}
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    arguments = get_args(annotation)
    if not arguments:
        return {type(None)} if annotation in {None, type(None)} else {object}
    if _is_literal(annotation):
        return {type(argument) for argument in arguments}
    if get_origin(annotation) in {dict, list, tuple}:
        return {object}
    return set().union(*map(_kinds, arguments))


def _is_literal(annotation: Any) -> bool:
    return str(get_origin(annotation)) == "typing.Literal"


@cache
def schema() -> pa.Schema:
    """Of the segments that this version of the software writes: an older one may know fewer members, a newer one more."""
    return schema_of(members())


def schema_of(kinds: Mapping[str, type]) -> pa.Schema:
    """With these members of states as columns."""
    stated = pa.struct([(name, _TYPES[kind]) for name, kind in kinds.items()])
    return pa.schema(
        [
            ("position", pa.int64()),
            ("subject", pa.string()),
            ("family", pa.string()),
            ("version", pa.int64()),
            ("type", pa.string()),
            ("time", pa.string()),
            ("recordedtime", pa.string()),
            ("corrects", pa.int64()),
            ("replacement", pa.string()),
            ("effectivetime", pa.string()),
            *((name, pa.string()) for name in _ATTRIBUTES),
            ("data", stated),
            ("cleared", pa.list_(pa.string())),
            ("entry", pa.binary()),
        ]
    )


def members_of(found: pa.Schema) -> Mapping[str, type] | None:
    """Those that have a column in a table that somebody wrote; None where it is no table of entries at all."""
    if "data" not in found.names or not pa.types.is_struct(found.field("data").type):
        return None
    by_type = {arrow: kind for kind, arrow in _TYPES.items()}
    kinds = {field.name: by_type.get(field.type) for field in found.field("data").type}
    if None in kinds.values() or not schema_of(kinds).equals(found):  # type: ignore[arg-type]  # none is None by then
        return None
    return kinds  # type: ignore[return-value]  # the same


def entries_table(
    rows: Iterable[tuple[int, bytes]], kinds: Mapping[str, type] | None = None
) -> pa.Table:
    """`schema()`, or the schema of those members, in the order given, of (position, bytes). Raises CorruptEntry.

    `data`: what the patch states, of the members that are columns; a value of another kind than its column's is left
    out there. `cleared`: the members that it clears.
    """
    positions: list[int] = []
    entries: list[bytes] = []
    told: list[_Told] = []
    for position, raw in rows:
        try:
            told.append(_TOLD.decode(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
            raise CorruptEntry(
                f"the entry at position {position} cannot be read: {fault!r}", position=position
            ) from fault
        positions.append(position)
        entries.append(raw)
    # One tuple for each column; without rows there would be none.
    values = list(zip(*map(astuple, told), strict=True)) or [()] * len(_FIELDS)
    by_name = dict(zip(_FIELDS, values, strict=True))
    named = schema() if kinds is None else schema_of(kinds)
    stated, cleared = _stated(by_name.pop("data"), members() if kinds is None else kinds)
    columns = {
        "position": positions,
        "family": [subject.partition("/")[0] for subject in by_name["subject"]],
        "version": by_name.pop("subjectversion"),
        **by_name,
        "data": stated,
        "cleared": cleared,
        "entry": entries,
    }
    return pa.table(
        {field.name: _column(columns[field.name], field.type) for field in named},
        schema=named,
    )


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _stated(
    patches: Sequence[Mapping[str, Any]], kinds: Mapping[str, type]
) -> tuple[pa.StructArray, list[list[str]]]:
    """`data` and `cleared`. Row by row: a patch states few of the many members there are."""
    values: dict[str, list[Any]] = {}
    cleared: list[list[str]] = []
    for at, patch in enumerate(patches):
        gone: list[str] = []
        for name, value in patch.items():
            if value is None:
                gone.append(name)
            elif kinds.get(name) is type(value):
                if name not in values:
                    values[name] = [None] * len(patches)
                values[name][at] = value
        cleared.append(gone)
    arrays = [
        _stated_column(values[name], _TYPES[kind])
        if name in values
        else pa.nulls(len(patches), _TYPES[kind])
        for name, kind in kinds.items()
    ]
    named = [pa.field(name, _TYPES[kind]) for name, kind in kinds.items()]
    return pa.StructArray.from_arrays(arrays, fields=named), cleared


def _stated_column(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except OverflowError:
        # No I-JSON, but a forged entry may say it: left out as any other value that is none of the column's.
        fits = [v if v is None or -_INT64 <= v < _INT64 else None for v in values]
        return pa.array(fits, kind)


def in_order(table: pa.Table) -> pa.Table:
    """By family, subject and version: a question about one of them reads a part of the file."""
    order = pc.sort_indices(
        table,
        sort_keys=[("family", "ascending"), ("subject", "ascending"), ("version", "ascending")],
    )
    return table.take(order)
