"""The mapping language: what may stand in a mapping file. Reference: `docs/import-mappings.md`.

Nothing here knows of events or rows; what the words refer to is checked in `checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

Scalar = str | int | bool | None
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Told = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=False)


class When(Part):
    """All that is said must hold."""

    first: bool | None = None
    changed: list[Name] | None = None
    unchanged: list[Name] | None = None
    is_: dict[Name, list[Scalar]] = Field({}, alias="is")
    is_not: dict[Name, list[Scalar]] = {}
    was: dict[Name, list[Scalar]] = {}
    was_not: dict[Name, list[Scalar]] = {}

    def columns(self) -> Iterator[str]:
        yield from self.changed or ()
        yield from self.unchanged or ()
        for compared in (self.is_, self.is_not, self.was, self.was_not):
            yield from compared


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, dict) else given


def _as_value(given: Any) -> Any:
    return {"column": given} if isinstance(given, str) else given


Alternatives = Annotated[list[When], BeforeValidator(_as_list)]
"""One of them must hold."""


class Value(Part):
    """Where a member's value comes from: a column, several columns joined, or a constant."""

    column: Name | None = None
    columns: list[Name] | None = None
    join: str = " "
    value: Scalar = None
    extract: str | None = None
    as_: Literal["text", "integer", "boolean", "time"] = Field("text", alias="as")
    table: Name | None = None
    otherwise: Scalar = None
    when: Alternatives = []

    def read_columns(self) -> tuple[str, ...]:
        return tuple(self.columns or ()) or ((self.column,) if self.column is not None else ())

    def all_columns(self) -> Iterator[str]:
        yield from self.read_columns()
        for when in self.when:
            yield from when.columns()


def _as_columns(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


AnyValue = Annotated[Value, BeforeValidator(_as_value)]
Columns = Annotated[list[Name], BeforeValidator(_as_columns), Field(min_length=1)]
Separator = Annotated[str, StringConstraints(min_length=1, max_length=5)]


class Several(Part):
    """A cell that names several things: the rule is asked for each that the row before did not name."""

    column: Name
    split: Separator


class Entry(Part):
    """One entry of a member that holds several, under an id of its own: a column's value, or a number."""

    id: AnyValue | None = None
    numbered: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    members: Annotated[dict[Name, AnyValue], Field(min_length=1)]

    def values(self) -> Iterator[Value]:
        if self.id is not None:
            yield self.id
        yield from self.members.values()


class Rule(Part):
    """An event that a row becomes when one of the alternatives holds; without any, every row does.

    `actor`, `time` and `record` are columns that say for this event otherwise than for the row.
    """

    event: Name
    when: Alternatives = []
    for_each: Several | None = None
    record: Name | None = None
    actor: Name | None = None
    time: Name | None = None
    members: dict[Name, AnyValue] = {}
    entries: dict[Name, Entry] = {}
    sets: dict[Name, Columns] = {}
    comment: AnyValue | None = None
    reason: AnyValue | None = None

    def said(self) -> dict[str, Value | None]:
        return {"comment": self.comment, "reason": self.reason}

    def stated(self) -> Iterator[Value]:
        yield from self.members.values()
        for entry in self.entries.values():
            yield from entry.values()

    def columns(self) -> Iterator[str]:
        for when in self.when:
            yield from when.columns()
        if self.for_each is not None:
            yield self.for_each.column
        yield from filter(None, (self.record, self.actor, self.time))
        for value in (*self.stated(), *self.said().values()):
            if value is not None:
                yield from value.all_columns()
        for columns in self.sets.values():
            yield from columns


class Exclusion(Part):
    """Rows that become nothing, and why."""

    when: Alternatives
    reason: Told


class Keep(Part):
    """What the source says of its own record: kept as it is said, without a home in ITIL."""

    status: AnyValue | None = None
    created_by: Name | None = None
    owner: Name | None = None
    columns: dict[Name, AnyValue] = {}

    def members(self) -> dict[str, Value]:
        """The members that become top-level ones, with where each is taken from."""
        persons = {"source_created_by": self.created_by, "source_owner": self.owner}
        told = {name: Value(column=c) for name, c in persons.items() if c is not None}
        return told if self.status is None else {"source_status": self.status, **told}

    def read_columns(self) -> tuple[str, ...]:
        values = (*self.members().values(), *self.columns.values())
        return tuple(column for value in values for column in value.all_columns())


class LinkTo(Part):
    """A column that names another record. `to`: what it is called in the ledger, `{}` for the value.

    `split`: it names several. `back`: it names a record of this file, which is linked back by this relation.
    """

    relation: Name
    to: Annotated[str, StringConstraints(pattern=r"^[^{}]*\{\}[^{}]*$")] = "{}"
    split: Separator | None = None
    back: Name | None = None


def _as_formats(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


def _known_formats(given: list[str]) -> list[str]:
    if set(given) not in ({"csv"}, {"jsonl"}, {"xes"}, {"csv", "xes"}, {"jsonl", "xes"}):
        raise ValueError("expected 'csv', 'jsonl' or 'xes', or [csv, xes] or [jsonl, xes]")
    return given


class FileForm(Part):
    """`format`: one, or a text format and `xes`, which are told apart by how the file begins."""

    format: Annotated[list[str], BeforeValidator(_as_formats), AfterValidator(_known_formats)]
    encoding: str = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    missing: list[str] = []
    explode: Name | None = None
    spelled: dict[Name, Name] = {}
    optional: list[Name] = []

    @property
    def text_format(self) -> Literal["csv", "jsonl"] | None:
        """The one of lines, if there is one."""
        return "csv" if "csv" in self.format else "jsonl" if "jsonl" in self.format else None


class FamilyBy(Part):
    """The family depends on a column's value."""

    column: Name
    table: dict[str | int | bool, Name]


class Time(Part):
    column: Name
    formats: Annotated[list[str], Field(min_length=1)]
    zone: str | None = None


class SourceMapping(Part):
    """One source's file, and what its rows become."""

    mapping: SourceName
    source: SourceName
    about: str = ""
    file: FileForm
    number: Name
    known_as: list[Name] = []
    family: Name | FamilyBy
    time: Time
    actor: Name | None = None
    services: list[Name] = []
    tables: dict[Name, dict[str | int | bool, Scalar]] = {}
    skip: list[Exclusion] = []
    reject: list[Exclusion] = []
    events: Annotated[list[Rule], Field(min_length=1)]
    keep: Keep | None = None
    links: dict[Name, LinkTo] = {}
    ignore: dict[Name, Told] = {}

    @property
    def principal(self) -> str:
        return f"principal/{self.source}"

    @property
    def source_uri(self) -> str:
        return f"/sources/{self.source}"
