"""Small logs in XES, and a mapping that takes them."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from api.importing.formats import rows_of
from api.importing.mapping import Loaded, layout_of, parse_mapping
from api.importing.rows import Row
from tests.api.importing_house import TICKETS

MAPPING = TICKETS.replace(b'{format: csv, missing: ["?"]}', b'{format: [csv, xes], missing: ["?"]}')
MAPPING = MAPPING.replace(b"number: number", b'number: "case:concept:name"')
MAPPING = MAPPING.replace(b"saved_at", b'"time:timestamp"').replace(b"saved_by", b'"org:resource"')
MAPPING += b'  columns: {nested: "state.of", list: tags, trace: "case:kind"}\n'

OPENING = '<log xes.version="1.0" xmlns="http://www.xes-standard.org/">'


def tickets(text: bytes = MAPPING) -> Loaded:
    return parse_mapping(text, "tickets.yaml")


def event(state: str = "New", *, at: str = "2026-03-02T09:00:00.000+01:00", more: str = "") -> str:
    return (
        f'<event><string key="state" value={quoteattr(state)}/><string key="priority" value="Low"/>'
        f'<date key="time:timestamp" value="{at}"/><string key="org:resource" value="Eve"/>{more}</event>'
    )


def trace(number: str, *events: str, more: str = "") -> str:
    return f'<trace><string key="concept:name" value="{number}"/>{more}{"".join(events)}</trace>'


def log(*traces: str, opening: str = OPENING) -> str:
    return f"{opening}\n" + "\n".join(traces) + "</log>"


def rows(
    content: str | bytes, mapping: bytes = MAPPING, *, at_once: int | None = None
) -> list[Row]:
    """`at_once`: how many bytes the file gives at a time."""
    loaded = tickets(mapping).mapping
    whole = content.encode() if isinstance(content, str) else content
    step = at_once or len(whole) or 1
    chunks = (whole[at : at + step] for at in range(0, len(whole), step))
    return list(rows_of(chunks, loaded, layout_of(loaded)))


def cells(found: Row) -> dict[str, str | None]:
    assert found.cells is not None, found.fault
    return dict(zip(layout_of(tickets().mapping).columns, found.cells, strict=True))


def held(directory: Path, content: str | bytes, name: str = "log.xes") -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
