"""Subjects as the log tells them now: folded once, kept in a bounded cache, never trusted beyond the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import orjson

from domain.acts import SubjectKeyDestroyed
from domain.event import Json
from domain.families import AUTHORITY_FAMILIES
from domain.fold import merge_patch
from domain.rosters import keeps_rosters
from ledger.census import Counts
from ledger.database import Transaction
from ledger.entry import parse_entry
from ledger.log import Head
from ledger.rosters import Roster

CACHED_SUBJECTS = 8_192
"""Tickets and the like: most decisions ask for one of them."""
CACHED_AUTHORITY = 32_768
"""Principals, their grants and the like: every decision asks for several, whichever ticket it is about, so that
tickets must not drive them out. A state takes about 1 KiB."""
CACHED_ROSTERS = 65_536
UNFOLDED = 16
"""Most patches that wait for somebody to ask for the state."""
MANY_APPENDED = 5_000
"""Above so many entries by other processes the whole cache is dropped instead of looked through."""


Fold = tuple[dict[str, Json], tuple[dict[str, Json], ...]]
"""A state, and the patches since."""


class Loaded:
    """A subject's fold. `version` 0: the log does not know it. Nothing that can be seen of it ever changes.

    `key` is its integer in the log, `owner` the observing source that recorded version 1, if one did.
    `vault_key`: the data key its disclosures go under, once it was looked up.
    """

    __slots__ = ("_fold", "key", "owner", "vault_key", "version")

    def __init__(
        self,
        key: int | None,
        version: int,
        fold: Fold,
        owner: str | None,
        vault_key: int | None = None,
    ) -> None:
        self.key, self.version, self.owner, self.vault_key = key, version, owner, vault_key
        self._fold = fold

    @property
    def state(self) -> dict[str, Json]:
        """Folded when somebody asks: most observed facts are recorded without a look at what was before."""
        state, patches = self._fold
        if patches:
            for patch in patches:
                state = merge_patch(state, patch)
            # One assignment: another thread sees the old pair or the new one.
            self._fold = (state, ())
        return state

    def with_patch(self, patch: dict[str, Json]) -> Fold:
        """The fold once the patch has been recorded."""
        state, patches = self._fold
        return (state, (*patches, patch)) if len(patches) < UNFOLDED else (self.state, (patch,))

    def under(self, vault_key: int) -> Loaded:
        """The same, with another data key."""
        return Loaded(self.key, self.version, self._fold, self.owner, vault_key)


UNKNOWN = Loaded(None, 0, ({}, ()), None)


V = TypeVar("V")


class _Newest(dict[str, V]):
    """At most `limit` of them: beyond that the quarter that was put first goes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def put(self, name: str, value: V) -> None:
        # Popped first, so that the newest stands last.
        self.pop(name, None)
        self[name] = value
        if len(self) > self._limit:
            for oldest in list(self)[: self._limit // 4]:
                self.pop(oldest, None)


class StateCache:
    """The newest folds. At most `limit` subjects that confer no authority. `position`: the log size they are
    exact for.
    """

    def __init__(self, limit: int = CACHED_SUBJECTS) -> None:
        self._tickets: _Newest[Loaded] = _Newest(limit)
        self._authority: _Newest[Loaded] = _Newest(CACHED_AUTHORITY)
        self.rosters: _Newest[Roster] = _Newest(CACHED_ROSTERS)
        self.counts = Counts()
        self.position = 0

    def get(self, subject: str) -> Loaded | None:
        return self._authority.get(subject) or self._tickets.get(subject)

    def put(self, subject: str, loaded: Loaded) -> None:
        self._among(subject).put(subject, loaded)

    def _among(self, subject: str) -> _Newest[Loaded]:
        governed = subject.split("/", 1)[0] in AUTHORITY_FAMILIES
        return self._authority if governed else self._tickets

    def _forget_all(self) -> None:
        self._authority.clear()
        self._tickets.clear()

    def catch_up(self, transaction: Transaction, head: Head) -> bool:
        """Forget what other processes moved. The lock is held. May they have destroyed a key?"""
        if head.size == self.position:
            return False
        if not 0 < head.size - self.position <= MANY_APPENDED or not self.position:
            self._forget_all()
            self.rosters.clear()
            self.position = head.size
            return True
        destroyed = transaction.row(
            "SELECT 1 FROM events WHERE position > ? AND type = ? LIMIT 1",
            (self.position, SubjectKeyDestroyed.type_name),
        )
        if destroyed is not None:
            # The subject whose key it was did not move itself, and has another key by now.
            self._forget_all()
        for (name,) in transaction.rows(
            "SELECT DISTINCT s.name FROM events e JOIN subjects s ON s.id = e.subject WHERE e.position > ?",
            (self.position,),
        ):
            self._among(name).pop(name, None)
            if self.rosters and keeps_rosters(name.split("/", 1)[0]):
                self.rosters.clear()
        self.position = head.size
        return destroyed is not None

    def accept(
        self, moved: Mapping[str, Loaded], rosters: Mapping[str, Roster], head: Head
    ) -> None:
        """What this process has just committed."""
        for subject, loaded in moved.items():
            self.put(subject, loaded)
        for name, roster in rosters.items():
            self.rosters.put(name, roster)
        self.position = head.size


def load(transaction: Transaction, subject: str) -> Loaded:
    """Fold the subject from its newest snapshot, or from nothing. Raises CorruptEntry."""
    found = transaction.row("SELECT id, owner FROM subjects WHERE name = ?", (subject,))
    if found is None:
        return UNKNOWN
    key, owner = found
    snapshot = transaction.row(
        "SELECT version, state FROM snapshots WHERE subject = ? ORDER BY version DESC LIMIT 1",
        (key,),
    )
    version, state = (snapshot[0], orjson.loads(snapshot[1])) if snapshot else (0, {})
    for later, position, raw in transaction.rows(
        "SELECT version, position, entry FROM events WHERE subject = ? AND version > ? ORDER BY version",
        (key, version),
    ):
        version, state = later, merge_patch(state, parse_entry(raw, position)["data"])
    return Loaded(key, version, (state, ()), owner)
