"""Subjects as the log tells them now: folded once, kept in a bounded cache, never trusted beyond the head."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from domain.acts import SubjectKeyDestroyed
from domain.event import Json
from domain.fold import merge_patch
from domain.rosters import keeps_rosters
from ledger.database import Transaction
from ledger.entry import parse_entry
from ledger.log import Head
from ledger.rosters import Roster

CACHED_SUBJECTS = 8_192
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


class StateCache:
    """The newest folds of at most `limit` subjects. `position`: the log size they are exact for."""

    def __init__(self, limit: int = CACHED_SUBJECTS) -> None:
        self._limit = limit
        self._kept: dict[str, Loaded] = {}
        self.rosters: dict[str, Roster] = {}
        self.position = 0

    def get(self, subject: str) -> Loaded | None:
        return self._kept.get(subject)

    def put(self, subject: str, loaded: Loaded) -> None:
        # Popped first, so that the newest stands last and the oldest is what goes.
        self._kept.pop(subject, None)
        self._kept[subject] = loaded
        if len(self._kept) > self._limit:
            for oldest in list(self._kept)[: self._limit // 4]:
                self._kept.pop(oldest, None)

    def catch_up(self, transaction: Transaction, head: Head) -> bool:
        """Forget what other processes moved. The lock is held. May they have destroyed a key?"""
        if head.size == self.position:
            return False
        if not 0 < head.size - self.position <= MANY_APPENDED or not self.position:
            self._kept.clear()
            self.rosters.clear()
            self.position = head.size
            return True
        destroyed = transaction.row(
            "SELECT 1 FROM events WHERE position > ? AND type = ? LIMIT 1",
            (self.position, SubjectKeyDestroyed.type_name),
        )
        if destroyed is not None:
            # The subject whose key it was did not move itself, and has another key by now.
            self._kept.clear()
        for (name,) in transaction.rows(
            "SELECT DISTINCT s.name FROM events e JOIN subjects s ON s.id = e.subject WHERE e.position > ?",
            (self.position,),
        ):
            self._kept.pop(name, None)
            if self.rosters and keeps_rosters(name.split("/", 1)[0]):
                self.rosters.clear()
        self.position = head.size
        return destroyed is not None

    def put_roster(self, name: str, roster: Roster) -> None:
        if len(self.rosters) >= self._limit:
            self.rosters.clear()
        self.rosters[name] = roster

    def accept(
        self, moved: Mapping[str, Loaded], rosters: Mapping[str, Roster], head: Head
    ) -> None:
        """What this process has just committed."""
        for subject, loaded in moved.items():
            self.put(subject, loaded)
        for name, roster in rosters.items():
            self.put_roster(name, roster)
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
