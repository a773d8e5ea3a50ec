"""Are the rosters those that the folds of their subjects stand on?

Decisions read rosters instead of folding every subject: one that lacks a grant lets somebody be refused, one
that has a grant too many lets it be looked at, and one with another version lets a decision stand that should
be taken again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from domain.event import Json
from domain.rosters import keeps_rosters, rosters_of
from ledger.database import Database
from ledger.rosters import moves
from ledger.stored import StoredRoster, stored_rosters
from replay.report import Problems

_WRONG_TYPES = (TypeError, ValueError, KeyError, AttributeError)
"""What a rule that reads a forged state may raise."""
_TOLD_MEMBERS = 5


class RosterCheck:
    """Takes every entry's effect, subject by subject; then compares.

    The rosters are read first: what is appended after that is not looked at. Memory: one number for each
    place on a roster.
    """

    def __init__(self, database: Database, problems: Problems) -> None:
        self._stored, self._size = stored_rosters(database)
        self._problems = problems
        self._joined: dict[str, dict[str, int]] = {}
        self._moved: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def take(
        self, subject: str, position: int, before: Mapping[str, Json], after: Mapping[str, Json]
    ) -> None:
        """One entry: the subject's state before it and after it."""
        if position > self._size or not keeps_rosters(subject.partition("/")[0]):
            return
        for name, _, joins in moves(subject, _standing(subject, before), _standing(subject, after)):
            members = self._joined.setdefault(name, {})
            if joins:
                members[subject] = position
            else:
                members.pop(subject, None)
            self._moved[name] += 1
            self._last[name] = max(position, self._last.get(name, 0))

    def compare(self) -> None:
        if self._stored is None:
            return
        for name in sorted(self._moved.keys() | self._stored.keys()):
            told = self._difference(name, self._stored.get(name))
            if told:
                self._problems.add(self._last.get(name, 1), "roster", f"roster {name!r} {told}")

    def _difference(self, name: str, stored: StoredRoster | None) -> str:
        """Empty where there is none."""
        joined = self._joined.get(name, {})
        members = sorted(joined, key=joined.__getitem__)
        if stored is None:
            return f"is missing; by the log it has {_names(members)}"
        found = _members(stored.members)
        if found is None:
            return f"cannot be read; by the log it has {_names(members)}"
        if found != members:
            lacks = [one for one in members if one not in found]
            beyond = [one for one in found if one not in joined]
            told = [f"lacks {_names(lacks)}"] * bool(lacks)
            told += [f"has {_names(beyond)} too many"] * bool(beyond)
            return " and ".join(told) or f"should be in this order: {_names(members)}"
        if stored.version != self._moved[name]:
            return f"says it moved {stored.version!r} times, by the log {self._moved[name]} times"
        return ""


def _standing(subject: str, state: Mapping[str, Json]) -> frozenset[str]:
    try:
        return rosters_of(subject, state)
    except _WRONG_TYPES:
        return frozenset()  # the entry that says so was not written by us, which is told elsewhere


def _members(text: Any) -> list[Any] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _names(members: Iterable[Any]) -> str:
    names = [str(one) for one in members]
    rest = len(names) - _TOLD_MEMBERS
    told = ", ".join(names[:_TOLD_MEMBERS]) or "nobody"
    return f"{told} and {rest} more" if rest > 0 else told
