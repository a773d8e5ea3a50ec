"""Entries as an Arrow table: the exact bytes, and beside them the columns that questions filter by.

Only `entry` is evidence. Every other column follows from it, and `verify` makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple, fields

import domain.catalogue  # noqa: F401 - the event types are complete once it is imported
from domain.event import EVENT_TYPES
from ledger.past import unreadable

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
_ROWS_AT_ONCE: Final = 8_192
"""Made into arrays together: lists of so many are had from the allocator without asking the system each time."""


class _Told(msgspec.Struct, gc=False):
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
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, TypeError)


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
    rows = rows if isinstance(rows, list) else list(rows)
    return _table(rows, _told(rows), kinds)


def sorted_table(rows: Sequence[tuple[int, bytes]]) -> pa.Table:
    """`schema()`, in the order of a segment: by family, subject and version. Raises CorruptEntry.

    `rows`: in the order of positions, in which a subject's versions are.
    """
    # A family's name ends where its subjects have a slash, which sorts before every letter: by subject is by family.
    told = _told(rows)
    subjects = [one.subject for one in told]
    order = sorted(range(len(rows)), key=subjects.__getitem__)
    return _table([rows[at] for at in order], [told[at] for at in order], None)


def _told(rows: Sequence[tuple[int, bytes]]) -> list[_Told]:
    decode = _TOLD.decode
    try:
        return [decode(raw) for _, raw in rows]
    except _UNREADABLE:
        for position, raw in rows:
            try:
                decode(raw)
            except _UNREADABLE as fault:
                raise unreadable(position, fault) from fault
        raise


def _table(
    rows: Sequence[tuple[int, bytes]], told: Sequence[_Told], kinds: Mapping[str, type] | None
) -> pa.Table:
    named = schema() if kinds is None else schema_of(kinds)
    stating = members() if kinds is None else kinds
    parts = [
        _part(rows[at : at + _ROWS_AT_ONCE], told[at : at + _ROWS_AT_ONCE], stating, named)
        for at in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return pa.concat_tables(parts) if parts else named.empty_table()


def _part(
    rows: Sequence[tuple[int, bytes]],
    told: Sequence[_Told],
    kinds: Mapping[str, type],
    named: pa.Schema,
) -> pa.Table:
    # One tuple for each column.
    values = dict(zip(_FIELDS, zip(*map(astuple, told), strict=True), strict=True))
    subjects = pa.array(values["subject"], pa.string())
    stated, cleared = _stated(values["data"], kinds)
    columns = {
        **values,
        "position": [position for position, _ in rows],
        "subject": subjects,
        "family": pc.list_element(pc.split_pattern(subjects, "/", max_splits=1), 0),
        "version": values["subjectversion"],
        "data": stated,
        "cleared": cleared,
        "entry": _bytes_column([raw for _, raw in rows]),
    }
    return pa.table(
        {field.name: _column(columns[field.name], field.type) for field in named}, schema=named
    )


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _bytes_column(values: Sequence[bytes]) -> pa.Array:
    """Joined at once, which takes half as long as one after the other."""
    offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
    content = pa.py_buffer(b"".join(values))
    return pa.Array.from_buffers(pa.binary(), len(values), [None, offsets.buffers()[1], content])


def _stated(
    patches: Sequence[Mapping[str, Any]], kinds: Mapping[str, type]
) -> tuple[pa.StructArray, pa.Array]:
    """`data` and `cleared`. Row by row: a patch states few of the many members there are."""
    rows = len(patches)
    values = {name: [None] * rows for name in set().union(*patches) if name in kinds}
    column_of = values.get
    cleared: list[str] = []
    offsets = [0]
    for at, patch in enumerate(patches):
        for name, value in patch.items():
            if value is None:
                cleared.append(name)
            elif (column := column_of(name)) is not None:
                column[at] = value
        offsets.append(len(cleared))
    # Of the many members there are, most are stated nowhere: they share what they are made of.
    nulls = {kind: pa.nulls(rows, arrow) for kind, arrow in _TYPES.items()}
    arrays = [
        _stated_column(values[name], kind) if name in values else nulls[kind]
        for name, kind in kinds.items()
    ]
    named = [pa.field(name, _TYPES[kind]) for name, kind in kinds.items()]
    gone = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(cleared, pa.string()))
    return pa.StructArray.from_arrays(arrays, fields=named), gone


def _stated_column(values: list[Any], kind: type) -> pa.Array:
    """What is of the kind. A forged entry may hold a number beyond all columns, which is no I-JSON either."""
    if not set(map(type, values)) <= {kind, type(None)}:
        values = [value if type(value) is kind else None for value in values]
    try:
        return pa.array(values, _TYPES[kind])
    except OverflowError:
        fits = [v if v is None or -_INT64 <= v < _INT64 else None for v in values]
        return pa.array(fits, _TYPES[kind])


def in_order(table: pa.Table) -> pa.Table:
    """By family, subject and version: a question about one of them reads a part of the file."""
    order = pc.sort_indices(
        table,
        sort_keys=[("family", "ascending"), ("subject", "ascending"), ("version", "ascending")],
    )
    return table.take(order)
