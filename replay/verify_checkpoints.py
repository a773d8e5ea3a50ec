"""Who signs for this log, and the heads that were signed for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from domain.acts import LEDGER, KeyRotated, LedgerCreated
from domain.errors import LedgerError, Malformed
from ledger.database import Database
from ledger.merkle import leaf_hash
from ledger.notes import Checkpoint, VerifierKey, parse_vkey, verify, verify_checkpoint
from ledger.rotate import endorsement_text
from ledger.stored import stored_entries
from replay.errors import CheckpointRefused
from replay.report import Problems
from replay.verify_tree import KnownRoot


@dataclass(frozen=True, slots=True)
class Keys:
    """`are_sound`: the entries that name them are what their leaf hashes cover, each rotation endorsed."""

    origin: str | None
    vkeys: tuple[VerifierKey, ...]
    are_sound: bool


def keys_of(database: Database, problems: Problems) -> Keys:
    """The log's keys, by its own entries. A key that the one before did not endorse is not among them."""
    return keys_in(stored_entries(database, LEDGER), problems)


def keys_in(entries: Iterable[tuple[int, bytes, bytes]], problems: Problems) -> Keys:
    """The same of (position, entry, leaf hash) of the ledger's own subject, in order, wherever they lie."""
    origin: str | None = None
    keys: list[VerifierKey] = []
    are_sound = True
    for position, raw, leaf in entries:
        # `verify_rows` reports such an entry; its keys are still read, to check as much as can be.
        are_sound &= leaf_hash(raw) == leaf
        try:
            said = orjson.loads(raw)
            type_, data = said["type"], said["data"]
            if type_ == LedgerCreated.type_name and not keys:
                origin, key = str(data["origin"]), parse_vkey(data["vkey"])
            elif type_ == KeyRotated.type_name:
                key = _endorsed(data, str(origin), keys)
            else:
                continue
        except (LedgerError, ValueError, TypeError, KeyError, AttributeError) as fault:
            are_sound = False
            problems.add(position, "key", f"the entry names no key that can be believed: {fault}")
            continue
        keys.append(key)
    if not keys:
        problems.add(1, "key", "the log names no key; no checkpoint can be checked")
    return Keys(origin, tuple(keys), are_sound and bool(keys))


def _endorsed(data: dict[str, str], origin: str, keys: Sequence[VerifierKey]) -> VerifierKey:
    """Raises LedgerError unless the newest of `keys` has signed for the new one."""
    key = parse_vkey(data["vkey"])
    if not keys or data["previous_vkey"] != str(keys[-1]):
        raise Malformed("the previous key is not the one the log was signed with")
    endorsed = verify(data["endorsement"], keys[-1:]).text
    if endorsed != endorsement_text(origin, str(key)):
        raise Malformed("the old key endorsed something else")
    return key


def stored_roots(
    notes: Iterable[tuple[int, bytes]], keys: Keys, size: int, problems: Problems
) -> Iterator[KnownRoot]:
    """The checkpoints (size, note) in the log's database, as far as they are what the log signed."""
    if not keys.vkeys:
        return
    for at, note in notes:
        try:
            checkpoint = verify_checkpoint(note, keys.vkeys, origin=keys.origin).checkpoint
        except LedgerError as error:
            problems.add(
                _position(at), "checkpoint", f"the checkpoint stored at size {at}: {error}"
            )
            continue
        if checkpoint.size != at:
            told = f"the checkpoint stored at size {at} was signed over {checkpoint.size} entries"
            problems.add(_position(at), "checkpoint", told)
        whose = f"the stored checkpoint of size {at}"
        yield from _reaching(checkpoint, whose, size, problems, stored=True)


def handed_in_roots(
    notes: Sequence[str], keys: Keys, size: int, problems: Problems
) -> Iterator[KnownRoot]:
    """Raises CheckpointRefused for a note that is no checkpoint, of another log, or by another key.

    Unless the log's own keys cannot be believed: then that it does not fit is a problem of the log.
    """
    for number, note in enumerate(notes, start=1):
        told = f"checkpoint {number} of those handed in"
        try:
            checkpoint = verify_checkpoint(note, keys.vkeys, origin=keys.origin).checkpoint
        except LedgerError as error:
            if not keys.are_sound and not isinstance(error, Malformed):
                problems.add(1, "checkpoint", f"{told} does not fit the log's keys: {error}")
                continue
            raise CheckpointRefused(
                f"{told} is none of this log ({keys.origin}): {error.message}. If you are sure that it "
                "is, the log was made anew under another key or name.",
                number=number,
                reason=error.code,
            ) from error
        yield from _reaching(checkpoint, told, size, problems, stored=False)


def _reaching(
    checkpoint: Checkpoint, told: str, size: int, problems: Problems, *, stored: bool
) -> Iterator[KnownRoot]:
    at = checkpoint.size
    if at <= size:
        yield KnownRoot(at, checkpoint.root, told, stored)
        return
    problems.add(
        size + 1,
        "missing",
        f"the log has {size} entries, but {told} was signed over {at}: entries {size + 1} to {at} are missing",
    )


def _position(size: object) -> int:
    return max(size, 1) if isinstance(size, int) else 1
