"""XES (IEEE 1849-2016) into rows: one for each event, its trace's attributes beside its own as `case:…`.

Read as it comes, by the standard library's parser. A document type is refused before anything of it is read, so
there are no entities to expand and nothing outside to fetch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from xml.parsers import expat

import orjson

from api.importing.cells import Layout
from api.importing.rows import Row
from api.importing.schema import SourceMapping
from api.importing.stream import LINE_LIMIT_CHARACTERS, CutShort

CASE: Final = "case:"
DEEPEST: Final = 64
"""How deep attributes may be nested; the standard knows no bound, and nobody goes past three."""
_BEFORE_XML: Final = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
_PLAIN: Final = frozenset({"string", "date", "int", "float", "boolean", "id"})
_NESTING: Final = frozenset({"list", "container"})
_ABOUT_THE_LOG: Final = frozenset({"extension", "global", "classifier"})
_NAMESPACE: Final = " "
"""What expat puts between a namespace and a name."""


def looks_like_xml(first: bytes) -> bool:
    """Does it begin as XML does, in UTF-8 or UTF-16?"""
    return first.lstrip(_BEFORE_XML).startswith(b"<")


class _Open(NamedTuple):
    """An element that is not closed. `path`: its attributes' name so far. `into_list`: whose values it is one of."""

    tag: str
    path: str
    into_list: str | None = None


class _Cells:
    """The attributes of a trace or an event, by their names as columns. `fault`: why they cannot be used."""

    def __init__(self, prefix: str = "", line: int = 0) -> None:
        self.prefix, self.line, self.fault = prefix, line, ""
        self.values: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        self.characters = 0

    def put(self, name: str, value: str) -> None:
        if name in self.values:
            self.fault = self.fault or f"the attribute {name} is there twice"
            return
        self._count(len(name) + len(value))
        self.values[name] = value

    def join(self, name: str, value: str) -> None:
        """One more value of the list of that name."""
        self._count(len(value) + 2)
        self._lists.setdefault(name, []).append(value)

    def told(self) -> dict[str, str]:
        """All of them, the values of a list as one."""
        return {**self.values, **{name: ", ".join(each) for name, each in self._lists.items()}}

    def _count(self, characters: int) -> None:
        self.characters += characters
        if self.characters > LINE_LIMIT_CHARACTERS:
            raise CutShort(
                f"the attributes of a trace or an event are longer than {LINE_LIMIT_CHARACTERS} characters"
            )


class XesRows:
    """Values are the text that stands in the file. `<global>` and `<classifier>` are declarations, and pass by:

    the standard's global values are for whoever creates an attribute, not for one that an event lacks.
    """

    def __init__(self, mapping: SourceMapping, layout: Layout) -> None:
        self._spelled, self._number = mapping.file.spelled, mapping.number
        self._columns = layout.columns
        self._missing = frozenset(["", *mapping.file.missing])
        self._rows: deque[Row] = deque()
        self._open: list[_Open] = []
        self._passed_over = 0
        """How many elements are open of a part that says nothing about events."""
        self._trace: _Cells | None = None
        self._event: _Cells | None = None
        self._had_events = False
        self._case: dict[str, str] = {}
        """The trace's attributes, complete once it has events."""
        self._parser = expat.ParserCreate(namespace_separator=_NAMESPACE)
        self._parser.StartElementHandler = self._starts
        self._parser.EndElementHandler = self._ends
        self._parser.StartDoctypeDeclHandler = _no_document_type

    def read(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """Raises CutShort where it is no XES any more, after all whole events before."""
        fed = 0
        for chunk in chunks:
            fed += len(chunk)
            yield from self._parsed(chunk)
            # What the parser holds back is one tag that does not end.
            if fed - self._parser.CurrentByteIndex > LINE_LIMIT_CHARACTERS:
                raise CutShort(f"a tag is longer than {LINE_LIMIT_CHARACTERS} bytes", self._line)
        yield from self._parsed(b"", is_last=True)

    def _parsed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[Row]:
        fault: CutShort | None = None
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            told = expat.ErrorString(error.code)
            fault = CutShort(f"it is not well-formed XML ({told})", error.lineno)
        except CutShort as cut:
            fault = CutShort(cut.what, self._line)
        except (LookupError, ValueError) as error:
            # An encoding that Python does not know, or knows but cannot hand on to the parser.
            fault = CutShort(f"its encoding cannot be read: {error}", self._line)
        while self._rows:
            yield self._rows.popleft()
        if fault is not None:
            raise fault

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    def _starts(self, name: str, told: dict[str, str]) -> None:
        tag = name.rpartition(_NAMESPACE)[2]
        if self._passed_over:
            self._passed_over += 1
        elif not self._open:
            if tag != "log":
                raise CutShort(f"expected an XES log, got XML that begins with <{tag}>")
            self._open.append(_Open(tag, ""))
        elif len(self._open) > DEEPEST:
            raise CutShort(f"attributes are nested deeper than {DEEPEST}")
        else:
            self._inside(self._open[-1], tag, told)

    def _inside(self, parent: _Open, tag: str, told: dict[str, str]) -> None:
        match parent.tag, tag:
            case ("log", "trace"):
                self._trace, self._had_events = _Cells(CASE), False
                self._open.append(_Open(tag, CASE))
            case ("log" | "trace", "event"):
                if self._trace is not None and not self._had_events:
                    self._case = self._trace.told()
                self._event, self._had_events = _Cells(line=self._line), True
                self._open.append(_Open(tag, ""))
            case ("log", _) if tag in _ABOUT_THE_LOG | _PLAIN | _NESTING:
                self._passed_over = 1
            case ("list" | "container", "values"):
                self._open.append(parent._replace(tag=tag))
            case _ if parent.tag != "log" and tag in _PLAIN | _NESTING:
                self._attribute(parent, tag, told)
            case _:
                raise CutShort(f"expected XES, got <{tag}> in <{parent.tag}>")

    def _attribute(self, parent: _Open, tag: str, told: dict[str, str]) -> None:
        cells = self._event or self._trace
        assert cells is not None  # an attribute of the log's was passed over
        if cells is self._trace and self._had_events:
            raise CutShort("a trace has an attribute behind its events; XES has them before")
        key, value = told.get("key"), told.get("value")
        if key is None or (value is None and tag in _PLAIN):
            cells.fault = cells.fault or f"a <{tag}> without key or value"
            self._passed_over = 1
            return
        if parent.into_list is not None:
            # The values of a list have no names to go by: all of them are one cell.
            cells.join(parent.into_list, value or "")
            self._passed_over = 1
            return
        name = f"{parent.path}{key}"
        name = self._spelled.get(name, name)
        if tag != "container":
            cells.put(name, value or "")
        self._open.append(_Open(tag, f"{name}.", name if tag == "list" else None))

    def _ends(self, name: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
            return
        closed = self._open.pop()
        if closed.tag == "event":
            assert self._event is not None
            self._rows.append(self._row(self._event))
            self._event = None
        elif closed.tag == "trace":
            self._trace, self._case = None, {}

    def _row(self, event: _Cells) -> Row:
        own, case, fault = event.told(), self._case, event.fault
        if self._trace is not None:
            fault = fault or self._trace.fault
        missing = self._missing
        found = [own[name] if name in own else case.get(name) for name in self._columns]
        cells = tuple([None if cell is None or cell in missing else cell for cell in found])
        number = own.get(self._number, case.get(self._number))
        # Without the trace's attributes: one long trace must not become as long a text for each of its events.
        text = orjson.dumps(own).decode()
        return Row(event.line, text, None if fault else cells, number, fault)


def _no_document_type(*_: object) -> None:
    raise CutShort("XML with a document type (<!DOCTYPE>) is not taken; XES has none")
