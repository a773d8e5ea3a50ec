"""YAML that remembers its lines, and guesses no more than it has to.

Only `null`, `true`, `false` and plain decimal integers are read as such. Dates, `no`, `12:30` and `1.0` stay
the text they are: in a table of another system's words they are words.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from api.importing.faults import MappingInvalid

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}  # type: ignore[misc]  # a class variable, whatever the stubs say


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class Lines:
    """Where in the text each part was written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._of: dict[Path, int] = {(): 1}

    def note(self, path: Path, line: int) -> None:
        self._of[path] = line

    def of(self, path: Path) -> int:
        """The line of the part, or of the nearest part around it."""
        while path not in self._of:
            path = path[:-1]
        return self._of[path]

    def fault(self, path: Path, what: str) -> MappingInvalid:
        line = self.of(path)
        where = ".".join(str(part) for part in path)
        told = f"{self.name}, line {line}: {where + ': ' if where else ''}{what}"
        return MappingInvalid(told, line=line, at=where)


def read_yaml(text: str, name: str) -> tuple[Any, Lines]:
    """The content, and its lines. Raises MappingInvalid for what is not YAML or says a key twice."""
    lines = Lines(name)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return (None if node is None else _read(loader, node, (), lines)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        lines.note((), mark.line + 1 if mark else 1)
        raise lines.fault((), f"not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise lines.fault((), "not YAML") from None
    finally:
        loader.dispose()


def _read(loader: _Loader, node: yaml.Node, path: Path, lines: Lines) -> Any:
    match node:
        case yaml.MappingNode():
            return _read_mapping(loader, node, path, lines)
        case yaml.SequenceNode():
            items = []
            for index, item in enumerate(node.value):
                lines.note((*path, index), item.start_mark.line + 1)
                items.append(_read(loader, item, (*path, index), lines))
            return items
        case _:
            return loader.construct_object(node, deep=True)


def _read_mapping(loader: _Loader, node: yaml.MappingNode, path: Path, lines: Lines) -> Any:
    read: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | bool | None):
            raise lines.fault(path, "a key must be plain text")
        if key in read:
            lines.note((*path, str(key)), key_node.start_mark.line + 1)
            raise lines.fault((*path, str(key)), "is said twice")
        # The parts of a model are found by text, the keys of a table by what they are.
        lines.note((*path, key if isinstance(key, str) else str(key)), key_node.start_mark.line + 1)
        read[key] = _read(
            loader, value_node, (*path, key if isinstance(key, str) else str(key)), lines
        )
    return read
