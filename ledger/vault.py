"""The vault: data keys and names, in a database of its own so that no backup of the log holds them.

A data key encrypts the personal values of one subject; the log's database holds the ciphertexts and which
key they are under. Destroying the key here destroys every copy of the values. Keys are wrapped by a master
key. Looking up a principal by name goes through a keyed hash, which lives and goes with the keys.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Collection, Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.errors import KeyDestroyed, StorageFailed
from ledger.vault_database import KEYS, NAMES, SECRETS, VaultDatabase

NONCE_BYTES = 12
KEY_BYTES = 32
FIRST_POOL_KEYS = 32
LARGEST_POOL_KEYS = 2_048
"""Data keys made ahead of use, so that few appends wait for this database's disk as well. Each filling
makes twice as many as the one before: a busy server seldom comes here, a short command leaves few unused."""
KEPT_KEYS = 4096
KEPT_NAMES = 100_000


class Vault:
    """Every method is safe from several threads. Raises StorageFailed when the vault cannot be reached."""

    def __init__(self, url: str, master_key: bytes) -> None:
        """`master_key`: 32 random bytes. `url`: `sqlite:///file` or `postgresql://…`."""
        self._wrap = AESGCM(_derived(master_key, b"wrap data keys"))
        self._name_key = _derived(master_key, b"look up names")
        self._request_key = _derived(master_key, b"compare requests")
        self._database = VaultDatabase(url)
        self._lock = threading.Lock()
        self._pool: list[tuple[int, AESGCM]] = []
        self._pool_keys = FIRST_POOL_KEYS
        self._open_keys: dict[int, AESGCM] = {}
        self._known_names: dict[tuple[str, str], str] = {}

    def request_hash(self, request: bytes) -> bytes:
        """An HMAC, so that a stored hash tells nothing about a guessable personal value."""
        return hmac.digest(self._request_key, request, "sha256")

    # Data keys

    def new_key(self) -> int:
        """The id of a fresh key, durable before this returns."""
        with self._lock:
            if not self._pool:
                self._fill_pool()
            key_id, key = self._pool.pop()
            self._keep(key_id, key)
            return key_id

    def seal(self, key_id: int, digest: str, disclosure: str) -> bytes:
        """The disclosure encrypted under the key, bound to its digest. Raises KeyDestroyed."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._key(key_id).encrypt(nonce, disclosure.encode(), digest.encode())

    def open(self, key_id: int, digest: str, sealed: bytes) -> str:
        """What `seal` was given. Raises KeyDestroyed, or StorageFailed for a forged ciphertext."""
        try:
            plain = self._key(key_id).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], digest.encode()
            )
        except InvalidTag:
            raise StorageFailed(f"the stored disclosure of {digest} was changed") from None
        return plain.decode()

    def has_key(self, key_id: int) -> bool:
        with self._database.reading() as transaction:
            return bool(transaction.row("SELECT 1 FROM data_keys WHERE id = ?", (key_id,)))

    def destroy(self, key_id: int, principal: str | None = None) -> None:
        """The key, and the names that lead to `principal`, are gone once this returns."""
        with self._database.writing() as transaction:
            transaction.execute("DELETE FROM data_keys WHERE id = ?", (key_id,))
            if principal is not None:
                transaction.execute("DELETE FROM names WHERE principal = ?", (principal,))
        with self._lock:
            self._open_keys.pop(key_id, None)
            self._known_names = {n: p for n, p in self._known_names.items() if p != principal}

    def forget_keys(self) -> None:
        """Another process destroyed a key: drop what this one still holds in memory."""
        with self._lock:
            self._open_keys.clear()
            self._known_names.clear()

    def forget_names(self) -> None:
        """A commit failed: what its names led to may be given to somebody else."""
        with self._lock:
            self._known_names.clear()

    # Names

    def principal_named(self, name: str, known_to: str, *, anew: bool = False) -> str | None:
        """The principal that `known_to` (a source, an issuer, or "") calls by this name.

        `anew`: another process may have given the name to somebody else since it was looked up here.
        """
        if anew:
            with self._lock:
                self._known_names.pop((name, known_to), None)
        return self.look_up([(name, known_to)]).get((name, known_to))

    def look_up(self, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Whom these names, each with who knows it, lead to; unknown ones are left out. One question for all."""
        with self._lock:
            known = self._known_names
            found = {name: known[name] for name in names if name in known}
        asked = {self._name_digest(*name): name for name in names if name not in found}
        if asked:
            with self._database.reading() as transaction:
                named, digests = transaction.among("digest", list(asked))
                rows = transaction.rows(
                    f"SELECT digest, principal FROM names WHERE {named}", digests
                )
            told = {asked[digest]: principal for digest, principal in rows}
            found.update(told)
            self._keep_names(told)
        return found

    def name_principals(self, names: Iterable[tuple[str, str, str]]) -> None:
        """Durably remember (name, known_to, principal).

        A principal whose creation was rolled back may come again under another name: its old names go.
        """
        self._remember(names, alone=True)

    def add_names(self, names: Iterable[tuple[str, str, str]]) -> None:
        """Durably remember (name, known_to, principal) beside other names of the same principals."""
        self._remember(names, alone=False)

    # Secrets that others are to know as well, and the log is not

    def keep_secret(self, name: str, secret: bytes) -> None:
        """Durably, encrypted under the master key and bound to its name."""
        nonce = os.urandom(NONCE_BYTES)
        wrapped = nonce + self._wrap.encrypt(nonce, secret, b"secret " + name.encode())
        with self._database.writing() as transaction:
            transaction.insert(SECRETS, [(name, wrapped)])

    def secret(self, name: str) -> bytes | None:
        """What was kept under the name; None: nothing. Raises StorageFailed where another key wrapped it."""
        with self._database.reading() as transaction:
            row = transaction.row("SELECT wrapped FROM secrets WHERE name = ?", (name,))
        if row is None:
            return None
        wrapped = bytes(row[0])
        try:
            return self._wrap.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], b"secret " + name.encode()
            )
        except InvalidTag:
            raise StorageFailed("the master key does not open this vault's secrets") from None

    def forget_secrets(self, names: Collection[str]) -> None:
        """They are gone once this returns; unknown ones were."""
        with self._database.writing() as transaction:
            for name in names:
                transaction.execute("DELETE FROM secrets WHERE name = ?", (name,))

    def close(self) -> None:
        self._database.close()

    # Inside

    def _key(self, key_id: int) -> AESGCM:
        key = self._open_keys.get(key_id)
        if key is not None:
            return key
        with self._database.reading() as transaction:
            row = transaction.row("SELECT wrapped FROM data_keys WHERE id = ?", (key_id,))
        if row is None:
            raise KeyDestroyed
        wrapped: bytes = row[0]
        try:
            plain = self._wrap.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _key_name(key_id)
            )
        except InvalidTag:
            raise StorageFailed("the master key does not open this vault's keys") from None
        key = AESGCM(plain)
        with self._lock:
            self._keep(key_id, key)
        return key

    def _fill_pool(self) -> None:
        rows, made = [], []
        filling, self._pool_keys = self._pool_keys, min(2 * self._pool_keys, LARGEST_POOL_KEYS)
        for _ in range(filling):
            key_id, plain = int.from_bytes(os.urandom(8), "big") >> 1, os.urandom(KEY_BYTES)
            nonce = os.urandom(NONCE_BYTES)
            rows.append((key_id, nonce + self._wrap.encrypt(nonce, plain, _key_name(key_id))))
            made.append((key_id, AESGCM(plain)))
        with self._database.writing() as transaction:
            transaction.insert(KEYS, rows)
        self._pool = made

    def _keep(self, key_id: int, key: AESGCM) -> None:
        if len(self._open_keys) >= KEPT_KEYS:
            self._open_keys.clear()
        self._open_keys[key_id] = key

    def _remember(self, names: Iterable[tuple[str, str, str]], *, alone: bool) -> None:
        """`alone`: other names of these principals go."""
        told = {(name, known_to): principal for name, known_to, principal in names}
        rows = [(self._name_digest(*name), principal) for name, principal in told.items()]
        with self._database.writing() as transaction:
            old, digests = transaction.among("digest", [digest for digest, _ in rows])
            transaction.execute(f"DELETE FROM names WHERE {old}", digests)
            if alone:
                theirs, principals = transaction.among("principal", list(told.values()))
                transaction.execute(f"DELETE FROM names WHERE {theirs}", principals)
            transaction.insert(NAMES, rows)
        self._keep_names(told)

    def _keep_names(self, told: Mapping[tuple[str, str], str]) -> None:
        with self._lock:
            if len(self._known_names) >= KEPT_NAMES:
                self._known_names.clear()
            self._known_names.update(told)

    def _name_digest(self, name: str, known_to: str) -> bytes:
        return hmac.digest(self._name_key, f"{known_to}\n{name}".encode(), "sha256")


def _derived(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, b"itsm-ledger: " + purpose).derive(master_key)


def _key_name(key_id: int) -> bytes:
    return key_id.to_bytes(8, "big")
