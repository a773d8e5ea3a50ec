"""Rosters as the log's database keeps them: who stands on each, and how often that changed.

Rows are written in the transaction of the append that moves them, and only there. They are what the folds of
their subjects say (`domain/rosters.py`), kept so that a decision need not fold every subject; `verify --deep`
compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from ledger.database import Transaction


class Roster(NamedTuple):
    """`members`: subject ids in the order in which they came. `version` 0: nobody ever stood on it."""

    members: tuple[str, ...]
    version: int

    def moved(self, subject: str, *, joins: bool) -> Roster:
        rest = tuple(member for member in self.members if member != subject)
        return Roster((*rest, subject) if joins else rest, self.version + 1)


NOBODY = Roster((), 0)


def load_roster(transaction: Transaction, name: str) -> Roster:
    row = transaction.row("SELECT members, version FROM rosters WHERE name = ?", (name,))
    return Roster(tuple(orjson.loads(row[0])), row[1]) if row else NOBODY


def write_rosters(transaction: Transaction, moved: Mapping[str, Roster]) -> None:
    for name, roster in moved.items():
        transaction.execute(
            "INSERT INTO rosters VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET version = excluded.version, members = excluded.members",
            (name, roster.version, orjson.dumps(roster.members).decode()),
        )


Move = tuple[str, str, bool]
"""(roster, subject, does it join or leave)."""


def moves(subject: str, before: Iterable[str], after: Iterable[str]) -> list[Move]:
    """From the rosters it stood on to those it stands on; in one order, whichever process moves it."""
    was, stands = frozenset(before), frozenset(after)
    left = [(name, subject, False) for name in sorted(was - stands)]
    return left + [(name, subject, True) for name in sorted(stands - was)]
