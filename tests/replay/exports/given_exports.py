"""A small ledger full of traps for whoever writes files, and a count of what it holds that knows no exporter."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from domain.families import FAMILIES
from domain.fold import fold
from ledger.ledger import Ledger
from ledger.reveal import reveal
from replay.exports.selection import Selection
from tests.replay.given_log import Desk

FIRST: Final = "incident/INC0000001"
LONELY: Final = "incident/INC0000002"
LATE: Final = "incident/INC0000003"
ODD_NUMBER: Final = "incident/A:b.c_d-1"
OUTSIDE: Final = "change/CHG-311"
"""A record that some source links to, and no ledger knows."""
BIG: Final = 2**53 - 1
NASTY: Final = 'He said "no"; <b>&amp;</b> ]]> \t tab\r\nnew line \N{GRINNING FACE} é'
CONTROL: Final = "bell\x07 and vertical\x0b tab, \x1f, \ufffe"
_NUMBERS: Final = frozenset(string.ascii_letters + string.digits + "._:-")
ODD_NAME: Final = 'it\'s "%(odd)s" :name; ?)--<&\n'
FORMULA: Final = '=HYPERLINK("http://example.com","x")'


def fill_with_traps(at: Desk) -> None:
    """Some of it far out of order in time, one of it corrected, one of it said about nobody."""
    at.observes(
        FIRST,
        "reported",
        {"priority": 1, "title": NASTY, "source": {"text": NASTY, "control": CONTROL, "big": BIG}},
        time="2026-02-01T10:00:00.123456Z",
        actor="Eve Moneypenny",
    )
    at.observes(
        FIRST,
        "assigned",
        {
            "assignment_group": "mail",
            "assigned_to": "Resolver 7",
            "source": {"mixed": 7, "GROUP": 1},
        },
        time="2026-02-01T10:00:00.123457Z",
        actor="Resolver 7",
    )
    at.observes(
        FIRST,
        "linked",
        {"links": {"LNK-1": {"to": OUTSIDE, "relation": "change"}}},
        time="2026-01-01T10:00:00.000001Z",
    )
    at.observes(
        FIRST,
        "source-status-recorded",
        {
            "source_status": FORMULA,
            "source": {"mixed": "seven", "big": None, "group": "x", ODD_NAME: "held"},
        },
    )
    at.observes(FIRST, "source-status-recorded", {"source_status": "@x", "source": None})
    at.observes(LONELY, "commented", {}, said={"comment": NASTY})
    wrong = at.observes(LATE, "reported", {"service": "mial", "source": {"negative": -(2**31) - 5}})
    at.observes(ODD_NUMBER, "reported", {"service": "null", "priority": 5})
    made = at.orders(None, "report", title="Mail is late", service="mail", impact=2, urgency=2)
    at.orders(made.subject, "comment", comment="It's late", reason="asked")
    at.orders(made.subject, "link", to=FIRST, relation="related")
    at.orders(
        LATE,
        "correct-fact",
        corrects=wrong.position,
        replacement={"service": "mail"},
        reason="typo",
    )


def selection(
    ledger: Ledger,
    *families: str,
    after: int = 0,
    up_to: int | None = None,
    personal: bool = False,
) -> Selection:
    def shown(subject: str, told: Any) -> Any:
        return reveal(ledger, subject, told, allowed=personal)

    end = ledger.head().size if up_to is None else up_to
    return Selection(ledger, frozenset(families or FAMILIES), after, end, shown)


# What the ledger holds, counted from its stored lines


def lines(ledger: Ledger) -> list[dict[str, Any]]:
    """The stored entries, as any JSON reader has them."""
    return [json.loads(entry.raw) for entry in ledger.entries(0, 1_000_000)]


def activity(entry: dict[str, Any]) -> str:
    return str(entry["type"]).rsplit(".v", 1)[0]


def activities(entries: list[dict[str, Any]]) -> Counter[str]:
    return Counter(map(activity, entries))


def related(entry: dict[str, Any]) -> set[tuple[str, str]]:
    """(qualifier, object) of one entry, by another way than the exporter's: every path into the data."""
    found = {("subject", entry["subject"]), ("actor", entry["authid"])}
    found |= {("grant", grant) for grant in entry.get("grants", "").split()}
    if "onbehalfof" in entry:
        found.add(("on-behalf-of", entry["onbehalfof"]))
    return found | set(named_in(entry["data"]))


def named_in(members: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, value in _leaves(members, ()):
        last = path[-1]
        if value is True and _is_id(last):
            yield path[0], last
        elif isinstance(value, str) and _is_id(value):
            if path[0] == "links":
                yield members["links"][path[1]]["relation"], value
            elif len(path) == 3:
                yield f"{path[0]}.{last}", value
            else:
                yield ".".join(path), value


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value


def _is_id(text: str) -> bool:
    family, slash, number = text.partition("/")
    return bool(slash) and family in FAMILIES and set(number) <= _NUMBERS


def states(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every subject as the log leaves it."""
    patches: dict[str, list[Any]] = {}
    for entry in entries:
        patches.setdefault(entry["subject"], []).append(entry["data"])
    return {subject: dict(fold(told)) for subject, told in patches.items()}


def written(pieces: Iterator[bytes], path: Path) -> Path:
    with path.open("wb") as file:
        file.writelines(pieces)
    return path
