"""Members that hold several things: entries, each under an id of its own, and sets of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from api.importing.cells import Cells
from api.importing.faults import BadRow
from api.importing.schema import Entry, Scalar, Value
from api.importing.values import Check, Take, Translation, taking
from domain.commitment import claims_commitment
from domain.event import Event, Json, PrincipalId


@dataclass(frozen=True, slots=True)
class Shape:
    """What a member that holds several things is made of. `members`: those of an entry; None: it is a set."""

    key: Any
    members: Mapping[str, Any] | None


def shape_of(event: type[Event], member: str) -> Shape | None:
    """None for a member that holds one value only."""
    found = _dict_in(event.model_fields[member].rebuild_annotation())
    if found is None:
        return None
    key, value = found
    if is_typeddict(value):
        # An entry that must have some member (a link) could be half of one; links have a word of their own.
        is_open = not value.__required_keys__
        return Shape(key, get_type_hints(value, include_extras=True)) if is_open else None
    # A set of people holds ids, and a source knows names.
    is_set = {bool, *get_args(value)} == {bool, NoneType} and key != PrincipalId
    return Shape(key, None) if is_set else None


def _dict_in(annotation: Any) -> tuple[Any, Any] | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return arguments[0], arguments[1]
    if origin is Annotated:
        return _dict_in(arguments[0])
    if origin in (Union, UnionType):
        return next(filter(None, map(_dict_in, arguments)), None)
    return None


@dataclass(frozen=True, slots=True)
class EntryTaking:
    """`key`: None where the ids are numbers."""

    member: str
    key: Take | None
    prefix: str
    parts: tuple[tuple[str, Take], ...]

    def told(self, row: Cells, number: str) -> dict[str, Json]:
        """The entry under its id; nothing where the row has no id for it, or nothing to say."""
        key = f"{self.prefix}-{number}" if self.key is None else self.key(row)
        entry = {name: value for name, take in self.parts if (value := take(row)) is not None}
        return {str(key): entry} if key is not None and entry else {}


@dataclass(frozen=True, slots=True)
class SetTaking:
    member: str
    takes: tuple[Take, ...]

    def told(self, row: Cells) -> dict[str, Json]:
        """Those that the row names. Whoever is in the set already stays."""
        names = [str(name) for take in self.takes if (name := take(row)) is not None]
        return dict.fromkeys(names, True)


def entry_taking(event: type[Event], member: str, entry: Entry, given: Translation) -> EntryTaking:
    shape = shape_of(event, member)
    assert shape is not None, "the checks have seen to it"
    members = shape.members or {}
    return EntryTaking(
        member,
        None if entry.id is None else taking(entry.id, given, fitting(shape.key, member)),
        entry.numbered or "",
        tuple(
            (name, taking(value, given, fitting(members[name], name)))
            for name, value in entry.members.items()
        ),
    )


def set_taking(
    event: type[Event], member: str, columns: Iterable[str], given: Translation
) -> SetTaking:
    shape = shape_of(event, member)
    assert shape is not None, "the checks have seen to it"
    check = fitting(shape.key, member)
    return SetTaking(
        member, tuple(taking(Value(column=column), given, check) for column in columns)
    )


def fitting(kind: Any, named: str) -> Check:
    """Raises BadRow for a value that is not of this kind, or that claims to be a commitment."""
    wanted = TypeAdapter(kind)

    def check(told: Scalar) -> None:
        try:
            wanted.validate_python(told, strict=True)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise BadRow(f"{named}: {fault['msg']}") from None
        if claims_commitment(told):
            raise BadRow(f"{named}: `sd:` commitments are made by the ledger")

    return check
