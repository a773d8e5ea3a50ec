"""What a mapping's words refer to must exist and fit: events, members, tables, columns, zones."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from api.importing.parts import Shape, shape_of
from api.importing.schema import FamilyBy, Rule, Scalar, SourceMapping, Value, When
from api.importing.times import ISO
from api.importing.yaml_lines import Lines, Path
from domain.common import SourceStatusRecorded
from domain.errors import LedgerError
from domain.event import EVENT_TYPES, Event, events_of
from domain.families import FAMILIES

_SAMPLES: dict[str, Scalar] = {
    "text": "text",
    "integer": 1,
    "boolean": True,
    "time": "2026-03-02T09:30:00.000000Z",
}


def check(mapping: SourceMapping, lines: Lines) -> None:
    """Raises MappingInvalid with the line of the first thing found."""
    _check_file(mapping, lines)
    _check_families(mapping, lines)
    _check_time(mapping, lines)
    for at, rule in enumerate(mapping.events):
        _check_rule(mapping, rule, ("events", at), lines)
    _check_kept(mapping, lines)
    for name in ("skip", "reject"):
        for at, exclusion in enumerate(getattr(mapping, name)):
            _check_whens(exclusion.when, (name, at, "when"), lines)
    for column, link in mapping.links.items():
        for name, word in (("relation", link.relation), ("back", link.back)):
            if word is not None and not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", word):
                raise lines.fault(("links", column, name), "expected a word such as `change`")


def _check_file(mapping: SourceMapping, lines: Lines) -> None:
    form = mapping.file
    try:
        codecs.getincrementaldecoder(form.encoding)
    except LookupError:
        raise lines.fault(
            ("file", "encoding"), f"{form.encoding!r} is not an encoding, such as utf-8 or cp1252"
        ) from None
    if "jsonl" not in form.format and form.explode is not None:
        raise lines.fault(("file", "explode"), "is for jsonl: a row of CSV holds no list")
    if form.format == ["jsonl"] and form.spelled:
        raise lines.fault(("file", "spelled"), "is for csv and xes: JSON is mapped by its paths")
    if "csv" not in form.format and form.optional:
        raise lines.fault(
            ("file", "optional"), "is for csv: a member or an attribute may always be missing"
        )
    if form.text_format is None:
        for word in ("encoding", "delimiter"):
            if word in form.model_fields_set:
                raise lines.fault(("file", word), "is not for xes: XML says it itself")


def _check_families(mapping: SourceMapping, lines: Lines) -> None:
    by = mapping.family
    path: Path = ("family", "table") if isinstance(by, FamilyBy) else ("family",)
    for family in by.table.values() if isinstance(by, FamilyBy) else (by,):
        if family not in FAMILIES or not FAMILIES[family].takes_common_events:
            known = ", ".join(f.name for f in FAMILIES.values() if f.takes_common_events)
            raise lines.fault(path, f"{family!r} is not a family of tickets ({known})")


def _families(mapping: SourceMapping) -> set[str]:
    by = mapping.family
    return set(by.table.values()) if isinstance(by, FamilyBy) else {by}


def _check_time(mapping: SourceMapping, lines: Lines) -> None:
    if mapping.time.zone is not None:
        try:
            ZoneInfo(mapping.time.zone)
        except (OSError, ValueError, KeyError):
            raise lines.fault(
                ("time", "zone"),
                f"{mapping.time.zone!r} is not a zone such as UTC or Europe/Berlin",
            ) from None
    for at, written in enumerate(mapping.time.formats):
        if written != ISO and "%" not in written:
            raise lines.fault(
                ("time", "formats", at),
                f"expected `iso` or a pattern such as %d/%m/%Y %H:%M, got {written!r}",
            )


def _check_rule(mapping: SourceMapping, rule: Rule, path: Path, lines: Lines) -> None:
    event = EVENT_TYPES.get(rule.event)
    families = _families(mapping)
    if event is None or event.family.name not in families:
        known = ", ".join(e.type_name for family in sorted(families) for e in events_of(family))
        raise lines.fault(
            (*path, "event"), f"{rule.event!r} is not an event of this family; there are {known}"
        )
    _check_whens(rule.when, (*path, "when"), lines)
    for member, value in rule.members.items():
        at = (*path, "members", member)
        if member not in event.model_fields:
            known = ", ".join(event.model_fields) or "none"
            raise lines.fault(at, f"{event.type_name} has no member {member!r}; it has {known}")
        _check_value(mapping, value, at, lines)
        kind = event.model_fields[member].rebuild_annotation()
        _check_fit(kind, member, _possible(mapping, value, at), value, lines)
    _check_parts(mapping, event, rule, path, lines)
    for name, said in (("comment", rule.comment), ("reason", rule.reason)):
        if said is not None:
            _check_value(mapping, said, (*path, name), lines)


def _check_parts(
    mapping: SourceMapping, event: type[Event], rule: Rule, path: Path, lines: Lines
) -> None:
    for member, entry in rule.entries.items():
        at = (*path, "entries", member)
        shape = _shape(event, member, at, lines)
        if shape.members is None:
            raise lines.fault(at, f"{member} is a set; say under `sets` which columns name it")
        if (entry.id is None) is (entry.numbered is None):
            raise lines.fault(at, "expected one of id, numbered")
        if entry.numbered is not None and rule.record is not None:
            raise lines.fault((*at, "numbered"), "numbers count events of the row's own record")
        if entry.id is not None:
            _check_value(mapping, entry.id, (*at, "id"), lines)
        for name, value in entry.members.items():
            inside = (*at, "members", name)
            if name not in shape.members:
                known = ", ".join(shape.members)
                raise lines.fault(inside, f"an entry of {member} has no {name!r}; it has {known}")
            _check_value(mapping, value, inside, lines)
            kind = shape.members[name]
            _check_fit(kind, name, _possible(mapping, value, inside), value, lines)
    for member in rule.sets:
        at = (*path, "sets", member)
        if _shape(event, member, at, lines).members is not None:
            raise lines.fault(at, f"{member} has entries; say under `entries` what they are")


def _shape(event: type[Event], member: str, path: Path, lines: Lines) -> Shape:
    shape = shape_of(event, member) if member in event.model_fields else None
    if shape is None:
        several = [name for name in event.model_fields if shape_of(event, name)]
        known = ", ".join(several) or "none"
        raise lines.fault(
            path, f"{event.type_name} has no {member!r} that holds several things; it has {known}"
        )
    return shape


def _check_fit(
    kind: Any,
    member: str,
    samples: Iterator[tuple[Path, Scalar]],
    value: Value,
    lines: Lines,
) -> None:
    """Could the member, which is of this kind, hold what the value may turn out to be?"""
    wanted = TypeAdapter(kind)
    for at, sample in samples:
        try:
            wanted.validate_python(sample, strict=True)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False)[0]
            # Whether a text has the right form is seen row by row; whether it may be text, now.
            if value.read_columns() and value.table is None and not fault["type"].endswith("_type"):
                continue
            raise lines.fault(at, f"{sample!r} does not fit {member}: {fault['msg']}") from None


def _possible(mapping: SourceMapping, value: Value, path: Path) -> Iterator[tuple[Path, Scalar]]:
    """What the value may turn out to be, and where the mapping says so."""
    if not value.read_columns():
        yield (*path, "value"), value.value
    elif value.table is not None:
        for key, meaning in mapping.tables[value.table].items():
            yield ("tables", value.table, str(key)), meaning
    else:
        yield (*path, "as"), _SAMPLES[value.as_]
    if "otherwise" in value.model_fields_set:
        yield (*path, "otherwise"), value.otherwise


def _check_value(mapping: SourceMapping, value: Value, path: Path, lines: Lines) -> None:
    given = value.model_fields_set
    if len(given & {"column", "columns", "value"}) != 1:
        raise lines.fault(path, "expected one of column, columns, value")
    if value.table is not None and value.table not in mapping.tables:
        known = ", ".join(mapping.tables) or "none"
        raise lines.fault((*path, "table"), f"there is no table {value.table!r}; there are {known}")
    if value.table is not None and (value.extract is not None or "as_" in given):
        raise lines.fault((*path, "table"), "a table says what a value becomes; leave out the rest")
    if "otherwise" in given and value.table is None and value.extract is None:
        raise lines.fault((*path, "otherwise"), "goes with table or extract")
    if value.extract is not None:
        _check_pattern(value.extract, (*path, "extract"), lines)
    for at, when in enumerate(value.when):
        if when.first is not None or when.changed or when.unchanged or when.was or when.was_not:
            raise lines.fault((*path, "when", at), "a value looks at its own row only: is, is_not")


def _check_pattern(pattern: str, path: Path, lines: Lines) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise lines.fault(path, f"not a pattern: {error.msg}") from None
    if groups > 1:
        raise lines.fault(path, "expected at most one group: the part that is taken")


def _check_whens(alternatives: list[When], path: Path, lines: Lines) -> None:
    for at, when in enumerate(alternatives):
        if not when.model_fields_set:
            raise lines.fault((*path, at), "says nothing; leave `when` out if it always holds")


def _check_kept(mapping: SourceMapping, lines: Lines) -> None:
    keep = mapping.keep
    if keep is None:
        return
    if keep.status is not None:
        _check_value(mapping, keep.status, ("keep", "status"), lines)
    for name, value in keep.columns.items():
        path = ("keep", "columns", name)
        _check_value(mapping, value, path, lines)
        for at, sample in _possible(mapping, value, path):
            try:
                SourceStatusRecorded.from_data({"source": {name: sample}})
            except LedgerError as error:
                raise lines.fault(at, error.message) from None
