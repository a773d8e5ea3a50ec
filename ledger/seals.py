"""Personal values on their way in: a commitment goes into the entry, the disclosure beside the log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.commitment import SALT_BYTES, check, commit, is_commitment
from domain.event import Json
from ledger.database import Row, Transaction
from ledger.entry import Draft
from ledger.errors import KeyDestroyed
from ledger.schema import DISCLOSURES, SUBJECT_KEYS
from ledger.states import Loaded
from ledger.vault import Vault

PERSONAL_ATTRIBUTES = ("reason", "comment")


def speaks(said: Mapping[str, str | int]) -> bool:
    """Does the envelope hold something personal?"""
    return "reason" in said or "comment" in said


@dataclass(slots=True)
class Seals:
    """Data keys that subjects were given, and disclosures, to be written beside entries.

    `key_of`: a subject's integer → the vault key its next disclosure goes under. `disclosures`: (subject,
    digest) → (vault key, ciphertext).
    """

    keys: list[Row] = field(default_factory=list)
    key_of: dict[int, int] = field(default_factory=dict)
    disclosures: dict[tuple[int, str], tuple[int, bytes]] = field(default_factory=dict)

    def join(self, other: Seals) -> None:
        self.keys += other.keys
        self.key_of.update(other.key_of)
        self.disclosures.update(other.disclosures)


class Sealer:
    """One commit's. `taken` is what it has sealed so far."""

    def __init__(self, transaction: Transaction, vault: Vault) -> None:
        self._transaction, self._vault = transaction, vault
        self.taken = Seals()

    def sealed(
        self, draft: Draft, loaded: Loaded, *, key: int, position: int, fresh: Seals
    ) -> tuple[dict[str, Json], Mapping[str, str | int]]:
        """The draft's data and envelope with a commitment in place of each personal value.

        `key` is the subject's integer, `position` the entry's. What is new is added to `fresh`.
        """
        personal, stored = draft.event.personal, loaded.state
        self.find_key(loaded, key, fresh)
        data = self.sealed_patch(
            personal, draft.data, stored, key=key, position=position, fresh=fresh
        )
        for collection, members in draft.event.personal_within.items():
            data[collection] = {
                name: one
                and self._sealed_whole(
                    one, members, at=f"{collection}/{name}", key=key, position=position, fresh=fresh
                )
                for name, one in data.get(collection, {}).items()
            }
        said = dict(draft.said)
        for name in PERSONAL_ATTRIBUTES:
            if name in said:
                said[name] = self._commit(name, said[name], key, position, fresh)
        return data, said

    def sealed_patch(
        self,
        personal: Iterable[str],
        patch: Mapping[str, Json],
        stored: Mapping[str, Json],
        *,
        key: int,
        position: int,
        fresh: Seals,
    ) -> dict[str, Json]:
        """`patch` with its `personal` members committed. Text that `stored` holds repeats its commitment.

        The key was looked for before (`find_key`).
        """
        data = dict(patch)
        for member in personal:
            value = data.get(member)
            if value is None:
                continue
            known = stored.get(member)
            if known is not None and self._says(key, known, value, fresh):
                data[member] = known
            else:
                data[member] = self._commit(member, value, key, position, fresh)
        return data

    def _sealed_whole(
        self,
        one: Mapping[str, Json],
        members: Iterable[str],
        *,
        at: str,
        key: int,
        position: int,
        fresh: Seals,
    ) -> dict[str, Json]:
        """An object of a collection, which is stated once and under an id of its own: nothing is repeated.

        `at` is the path of the object; its members' paths begin with it.
        """
        return {
            member: self._commit(f"{at}/{member}", value, key, position, fresh)
            if member in members and value is not None
            else value
            for member, value in one.items()
        }

    def says(self, loaded: Loaded, stored: Json, value: Json) -> bool:
        """Is `stored`, of this subject's state, a commitment to `value` that was not erased?"""
        if loaded.key is None:
            return False
        fresh = Seals()
        self.find_key(loaded, loaded.key, fresh)
        return self._says(loaded.key, stored, value, fresh)

    def write(self) -> None:
        """Into the commit's transaction."""
        if self.taken.keys:
            self._transaction.insert(SUBJECT_KEYS, self.taken.keys)
        if self.taken.disclosures:
            rows = [(*at, *sealed) for at, sealed in self.taken.disclosures.items()]
            self._transaction.insert(DISCLOSURES, rows)

    def _commit(self, path: str, value: Json, key: int, position: int, fresh: Seals) -> str:
        made = commit(path, value, os.urandom(SALT_BYTES))
        vault_key = fresh.key_of.get(key) or self.new_key(key, position, fresh)
        try:
            sealed = self._vault.seal(vault_key, made.digest, made.disclosure)
        except KeyDestroyed:
            # The subject was erased before; what is said from now on is under a key of its own.
            vault_key = self.new_key(key, position, fresh)
            sealed = self._vault.seal(vault_key, made.digest, made.disclosure)
        fresh.disclosures[(key, made.digest)] = (vault_key, sealed)
        return made.digest

    def find_key(self, loaded: Loaded, key: int, fresh: Seals) -> None:
        """The data key that the subject's disclosures go under, if it has one, is to be used from here on."""
        if loaded.key is None or key in fresh.key_of:
            return
        known = loaded.vault_key or self.taken.key_of.get(key)
        if known is None:
            row = self._transaction.row(
                "SELECT key FROM subject_keys WHERE subject = ? ORDER BY since DESC LIMIT 1", (key,)
            )
            known = row[0] if row else None
        if known is not None:
            fresh.key_of[key] = known

    def new_key(self, key: int, position: int, fresh: Seals) -> int:
        """The subject's from this position on."""
        vault_key = self._vault.new_key()
        fresh.keys.append((key, position, vault_key))
        fresh.key_of[key] = vault_key
        return vault_key

    def _says(self, key: int, stored: Json, value: Json, fresh: Seals) -> bool:
        """Is `stored` a commitment to this very value?"""
        if not is_commitment(stored):
            return False
        row: Any = fresh.disclosures.get((key, stored)) or self.taken.disclosures.get((key, stored))
        row = row or self._transaction.row(
            "SELECT key, sealed FROM disclosures WHERE subject = ? AND digest = ?", (key, stored)
        )
        # What lies under an older key is erased, or about to be.
        is_current = row is not None and row[0] == fresh.key_of.get(key)
        return is_current and self._opened(row[0], stored, row[1]) == value

    def _opened(self, vault_key: int, digest: str, sealed: bytes) -> Json:
        try:
            return check(digest, self._vault.open(vault_key, digest, sealed))[1]
        except KeyDestroyed:
            return None
