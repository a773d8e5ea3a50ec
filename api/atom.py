"""Findings as an Atom feed (RFC 4287): for whoever reads along, and for every tool that knows feeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from domain.acts import LEDGER
from domain.event import State
from domain.families import FAMILIES
from domain.finding import FindingRaised
from ledger.ledger import Ledger

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
FAMILY: Final = "finding"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, 2.2: what has no place in a document, however it is escaped."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One finding as a feed tells it. `published`, `updated`: RFC 3339, of the ledger's clock."""

    id: str
    title: str
    summary: str
    categories: Sequence[str]
    published: str
    updated: str
    link: str


@dataclass(frozen=True, slots=True)
class Naming:
    """How this ledger's feed and its entries are called, for good: tag URIs (RFC 4151) of its origin and birth."""

    origin: str
    born: str
    base_url: str

    def tag(self, path: str) -> str:
        authority, _, rest = self.origin.partition("/")
        named = quote(f"{rest}/{path}", safe="/:.-_~")
        return f"tag:{quote(authority, safe='.-')},{self.born[:10]}:{named}"

    def link(self, subject: str) -> str:
        family, _, number = subject.partition("/")
        return f"{self.base_url}/v1/{FAMILIES[family].plural}/{number}"


def entry_of(
    subject: str, state: State, *, published: str, updated: str, naming: Naming
) -> FeedEntry:
    """Of a finding in this state. Its id never changes; its title and summary say what became of it."""
    times = state["count"]
    about = ", ".join(state["about"])
    return FeedEntry(
        naming.tag(subject),
        f"[{state['severity']}] {state['rule']}: {state['status'].replace('_', ' ')}",
        f"{subject} is {state['status'].replace('_', ' ')}. The rule: {state['sentence']} It is about {about}. "
        f"It happened at {state['happened_at']}, first shown by position {state['first_position']}"
        + (f", {times} times by now." if times > 1 else "."),
        [state["severity"], state["status"], state["rule"], *state["controls"]],
        published,
        updated,
        naming.link(subject),
    )


def newest_findings(ledger: Ledger, limit: int, naming: Naming) -> list[FeedEntry]:
    """The newest raised first. Raises StorageFailed."""
    found = []
    for subject in ledger.newest_subjects(FAMILY, limit):
        history = ledger.entries_of(subject)
        if history[0].type == FindingRaised.type_name:
            found.append(
                entry_of(
                    subject,
                    ledger.load(subject).state,
                    published=str(history[0].attributes["recordedtime"]),
                    updated=str(history[-1].attributes["recordedtime"]),
                    naming=naming,
                )
            )
    return found


def naming_of(ledger: Ledger, base_url: str) -> Naming:
    born = str(ledger.entry(1).attributes["recordedtime"])
    return Naming(str(ledger.load(LEDGER).state["origin"]), born, base_url.rstrip("/"))


def feed_document(entries: Sequence[FeedEntry], naming: Naming) -> bytes:
    """UTF-8, well-formed whatever the entries say. Without any it was updated when the ledger was made."""
    feed = Element("feed", {"xmlns": NAMESPACE})
    _text(feed, "title", f"Findings of {naming.origin}")
    _text(feed, "id", naming.tag("findings"))
    _text(feed, "updated", max((entry.updated for entry in entries), default=naming.born))
    _text(SubElement(feed, "author"), "name", naming.origin)
    _link(feed, "self", f"{naming.base_url}/v1/findings.atom", "application/atom+xml")
    for entry in entries:
        _entry(SubElement(feed, "entry"), entry)
    document: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _entry(into: Any, entry: FeedEntry) -> None:
    _text(into, "id", entry.id)
    _text(into, "title", entry.title)
    _text(into, "published", entry.published)
    _text(into, "updated", entry.updated)
    for term in entry.categories:
        SubElement(into, "category", {"term": _plain(term)})
    _link(into, "alternate", entry.link, "application/json")
    _text(into, "summary", entry.summary)


def _text(into: Any, name: str, text: str) -> None:
    SubElement(into, name).text = _plain(text)


def _link(into: Any, rel: str, href: str, media_type: str) -> None:
    SubElement(into, "link", {"rel": rel, "href": _plain(href), "type": media_type})


def _plain(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
