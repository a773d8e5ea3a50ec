"""XES (IEEE 1849-2016): a trace for each subject, an event for each entry, in the order of the subject's versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from replay.exports.columns import kind_of
from replay.exports.comma_separated import STATED
from replay.exports.selection import Selection
from replay.exports.told import Scalar, Told

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that XML 1.0 cannot hold, not even escaped."""
_ESCAPES: Final = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;",
}  # fmt: skip
"""Line ends and tabs as they are would be handed on by a parser as spaces."""
_SPECIAL: Final = re.compile('[&<>"]|[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')
_GROUP: Final = "assignment_group"

_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace"><string key="concept:name" value=""/><string key="family" value=""/>\
<string key="number" value=""/></global>
<global scope="event">
<string key="concept:name" value=""/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000000Z"/>
<string key="lifecycle:transition" value="complete"/>
<int key="position" value="0"/><int key="version" value="0"/><int key="type_version" value="1"/>
</global>
<classifier name="Activity" keys="concept:name"/>
<classifier name="Resource" keys="org:resource"/>
<string key="lifecycle:model" value="standard"/>
"""
_TAGS: Final = {"string": "string", "integer": "int", "boolean": "boolean", "time": "date"}


def xes(selection: Selection) -> Iterator[bytes]:
    """In pieces of an event each, so that memory grows neither with the log nor with a trace."""
    yield _HEAD.encode()
    for life in selection.lives():
        selection.counts.subjects += 1
        group = life.before.get(_GROUP)
        family, _, number = life.subject.partition("/")
        named = {"concept:name": life.subject, "family": family, "number": number}
        yield f"<trace>{''.join(_attribute(*each) for each in named.items())}\n".encode()
        for one in selection.counted(life.events):
            group = one.stated.get(_GROUP, group)
            yield _event(one, group).encode()
        yield b"</trace>\n"
    yield b"</log>\n"


def _event(one: Told, group: Scalar | None) -> str:
    said = dict(one.said)
    actor = said.pop("authid", None)
    told: dict[str, Scalar | None] = {
        "concept:name": one.activity,
        "time:timestamp": one.time,
        "lifecycle:transition": "complete",
        "org:resource": actor,
        "org:group": group,
        "position": one.position,
        "version": one.version,
        "type_version": one.type_version,
        **said,
        **{STATED + name: value for name, value in one.stated.items()},
    }
    return f"<event>{''.join(_attribute(*each) for each in told.items())}</event>\n"


def _attribute(key: str, value: Scalar | None) -> str:
    """A member that was cleared is not told: XES has no value for none."""
    if value is None:
        return ""
    written = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return f"<{_TAGS[kind_of(value)]} key={_key(key)} value={_quoted(written)}/>"


@lru_cache(maxsize=1_024)
def _key(key: str) -> str:
    """There are few, in every event."""
    return _quoted(key)


def _quoted(text: str) -> str:
    return f'"{_SPECIAL.sub(_escaped, text)}"' if _SPECIAL.search(text) else f'"{text}"'


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], REPLACEMENT)
