"""Mappings by name or path: read, checked, and made ready for a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from api.importing.cells import Layout
from api.importing.checks import check
from api.importing.faults import CannotRead, UnknownMapping
from api.importing.schema import FamilyBy, SourceMapping
from api.importing.yaml_lines import Lines, read_yaml

_FOLDER = files("api.importing") / "mappings"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping as it was read. `hash`: SHA-256 of its bytes, `sha256:` and hex."""

    mapping: SourceMapping
    hash: str


def shipped_mappings() -> list[str]:
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in _FOLDER.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_mapping(name_or_path: str) -> Loaded:
    """A shipped mapping by its name, or one from a YAML file. Raises UnknownMapping, MappingInvalid."""
    if name_or_path in shipped_mappings():
        return parse_mapping((_FOLDER / f"{name_or_path}.yaml").read_bytes(), name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise UnknownMapping(
            f"{name_or_path!r} is neither a shipped mapping ({', '.join(shipped_mappings())}) nor a file",
            mapping=name_or_path,
        )
    try:
        return parse_mapping(path.read_bytes(), path.name)
    except OSError as error:
        raise CannotRead(f"{path} cannot be read: {error.strerror}", path=name_or_path) from None


def parse_mapping(content: bytes, name: str) -> Loaded:
    """Raises MappingInvalid, naming the line."""
    lines = Lines(name)
    try:
        written, lines = read_yaml(content.decode("utf-8"), name)
    except UnicodeDecodeError:
        raise lines.fault((), "a mapping is UTF-8 text") from None
    try:
        mapping = SourceMapping.model_validate(written)
    except ValidationError as error:
        raise _first_fault(error, lines) from None
    check(mapping, lines)
    return Loaded(mapping, "sha256:" + hashlib.sha256(content).hexdigest())


def layout_of(mapping: SourceMapping) -> Layout:
    """Every column that the mapping reads, each once."""
    return Layout(tuple(dict.fromkeys(_columns(mapping))))


def _columns(mapping: SourceMapping) -> Iterator[str]:
    yield mapping.number
    yield mapping.time.column
    if mapping.actor is not None:
        yield mapping.actor
    if isinstance(mapping.family, FamilyBy):
        yield mapping.family.column
    for exclusion in (*mapping.skip, *mapping.reject):
        for when in exclusion.when:
            yield from when.columns()
    for rule in mapping.events:
        yield from rule.columns()
    if mapping.keep is not None:
        yield from mapping.keep.read_columns()
    yield from mapping.links
    yield from mapping.known_as


def _first_fault(error: ValidationError, lines: Lines) -> Exception:
    """What is wrong before what is missing, and of that the first: a word misspelled is both."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    first = min(faults, key=lambda fault: (fault["type"] == "missing", lines.of(fault["loc"])))
    told = "is not a word of the language" if first["type"] == "extra_forbidden" else first["msg"]
    return lines.fault(first["loc"], told)
