"""Signed notes (c2sp.org/signed-note) and the checkpoints written in them
(c2sp.org/tlog-checkpoint).

Ed25519 (0x01) for the log's own signature and cosignature/v1 (0x04, c2sp.org/tlog-cosignature) for
witnesses. Signatures of keys that were not handed in are ignored, as the format asks, whatever
their algorithm is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import LedgerError
from ledger.spelling import Unexpected, parse_base64, parse_decimal, parse_hash, shown, to_base64

KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_TIMESTAMP_BYTES: Final = 8
_MAX_POSIX_SECONDS: Final = 2**63 - 1
# The format asks for a limit of at least 16; these are those of golang.org/x/mod/sumdb/note.
_MAX_SIGNATURES: Final = 100
_MAX_NOTE_BYTES: Final = 1_000_000
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class MalformedNote(Unexpected):
    """Text that is not a signed note, or one of its parts that is not what the format says."""

    code = "malformed-note"
    summary = "This is not a signed note."


class MalformedVkey(MalformedNote):
    """A verifier key that cannot be used: misspelt, or of an algorithm that is not supported."""

    code = "malformed-vkey"
    summary = "This is not a verifier key."


class MalformedCheckpoint(MalformedNote):
    """Note text that is not a checkpoint."""

    code = "malformed-checkpoint"
    summary = "This is not a checkpoint."


class BadSignature(LedgerError):
    """A signature that claims to be by a known key and is not: the text was altered or the line
    forged.
    """

    code = "bad-signature"
    summary = "A signature does not verify."

    def __init__(self, *, name: str, key_id: str) -> None:
        super().__init__(
            f"expected a signature by {name}+{key_id}, got one that is not",
            name=name,
            key_id=key_id,
        )


class Unsigned(LedgerError):
    """No signature by any of the keys that were asked for. Nothing in the note may be believed."""

    code = "unsigned"
    summary = "No known key has signed."

    def __init__(self, *, expected: Iterable[str], got: Iterable[str]) -> None:
        wanted, present = sorted(expected), sorted(got)
        message = f"expected a signature by one of {wanted}, got signatures by {present}"
        super().__init__(message, expected=wanted, got=present)


class WrongOrigin(LedgerError):
    """A checkpoint of another log, though signed by a known key."""

    code = "wrong-origin"
    summary = "This checkpoint belongs to another log."

    def __init__(self, *, expected: str, got: str) -> None:
        super().__init__(f"expected origin {expected!r}, got {got!r}", expected=expected, got=got)


class Algorithm(IntEnum):
    """Signature type bytes of c2sp.org/signed-note that can be verified here."""

    ED25519 = 0x01
    COSIGNATURE_V1 = 0x04


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under its name, as a vkey spells it. `public_key` is the 32 bytes of RFC 8032."""

    name: str
    algorithm: Algorithm
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || algorithm || public key)."""
        return sha256(
            self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key
        ).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The vkey: `<name>+<hex key id>+<base64 of algorithm and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.algorithm]) + self.public_key)}"

    def verify(self, text: str, payload: bytes) -> int | None:
        """Return if `payload` is this key's signature of `text`: a cosignature's POSIX seconds,
        None for the log's own.

        Raises BadSignature.
        """
        posix_seconds, message, signature = self._signed_parts(text, payload)
        if not ed25519_accepts(self.public_key, signature, message):
            raise BadSignature(name=self.name, key_id=self.key_id.hex())
        return posix_seconds

    def _signed_parts(self, text: str, payload: bytes) -> tuple[int | None, bytes, bytes]:
        if self.algorithm is Algorithm.ED25519:
            return None, text.encode(), payload
        posix_seconds = int.from_bytes(payload[:_TIMESTAMP_BYTES], "big")
        if (
            len(payload) != _TIMESTAMP_BYTES + _SIGNATURE_BYTES
            or posix_seconds > _MAX_POSIX_SECONDS
        ):
            raise BadSignature(name=self.name, key_id=self.key_id.hex())
        return posix_seconds, _cosigned_message(text, posix_seconds), payload[_TIMESTAMP_BYTES:]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line as it stands, believed by nobody yet. `payload` is what follows the key
    id.
    """

    name: str
    key_id: bytes
    payload: bytes

    def __str__(self) -> str:
        """The line, with its newline."""
        return f"— {self.name} {to_base64(self.key_id + self.payload)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read. `text` ends in a newline and means nothing until `verify` has returned."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """That `key` signed the text; `posix_seconds` is when a witness says it did, None for plain
    signatures.
    """

    key: VerifierKey
    posix_seconds: int | None


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """A text that at least one of the keys handed in has signed, and who did."""

    text: str
    signatures: tuple[VerifiedSignature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: `size` leaves under `root`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The note text. Raises MalformedCheckpoint for what could not be read back."""
        text = "".join(
            f"{line}\n" for line in (self.origin, self.size, to_base64(self.root), *self.extensions)
        )
        if parse_checkpoint(text) != self:
            raise MalformedCheckpoint(expected="lines without newlines", got=repr(text))
        return text


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint its log has signed, with every signature by a known key, witnesses included."""

    checkpoint: Checkpoint
    signatures: tuple[VerifiedSignature, ...]


def parse_vkey(vkey: str) -> VerifierKey:
    """Read `<name>+<hex key id>+<base64>`. Raises MalformedVkey, also if the id is another key's."""
    name, _, rest = vkey.partition("+")
    hex_key_id, _, encoded = rest.partition("+")
    material = parse_base64(encoded, MalformedVkey)
    if not _is_key_name(name) or len(material) != 1 + _PUBLIC_KEY_BYTES:
        raise MalformedVkey(expected="<name>+<key id>+<base64 of 33 bytes>", got=repr(vkey))
    if material[0] not in Algorithm.__members__.values():
        raise MalformedVkey(expected="algorithm 0x01 or 0x04", got=f"{material[0]:#04x}")
    key = VerifierKey(name, Algorithm(material[0]), material[1:])
    if key.key_id.hex() != hex_key_id:
        raise MalformedVkey(expected=f"key id {key.key_id.hex()}", got=repr(hex_key_id))
    return key


def verifier_key(
    name: str, private_key: Ed25519PrivateKey, algorithm: Algorithm = Algorithm.ED25519
) -> VerifierKey:
    """The public half, to be published. Raises MalformedVkey for a name that is not allowed."""
    if not _is_key_name(name):
        raise MalformedVkey(expected="a name without spaces and plus signs", got=repr(name))
    return VerifierKey(name, algorithm, private_key.public_key().public_bytes_raw())


def signature_of(text: str, name: str, private_key: Ed25519PrivateKey) -> Signature:
    """The signature line of `text`. Raises MalformedNote for text that no note may hold."""
    _require_note_text(text)
    return Signature(name, verifier_key(name, private_key).key_id, private_key.sign(text.encode()))


def cosignature_of(
    text: str, name: str, private_key: Ed25519PrivateKey, posix_seconds: int
) -> Signature:
    """A witness's cosignature/v1 line of a checkpoint's text. Raises MalformedCheckpoint."""
    parse_checkpoint(text)
    if not 0 <= posix_seconds <= _MAX_POSIX_SECONDS:
        raise MalformedNote(expected="POSIX seconds below 2^63", got=f"{posix_seconds}")
    key = verifier_key(name, private_key, Algorithm.COSIGNATURE_V1)
    stamp = posix_seconds.to_bytes(_TIMESTAMP_BYTES, "big")
    return Signature(
        name, key.key_id, stamp + private_key.sign(_cosigned_message(text, posix_seconds))
    )


def sign(text: str, name: str, private_key: Ed25519PrivateKey) -> str:
    """The whole note: `text`, ending in a newline, and one signature. Raises MalformedNote."""
    return format_note(text, [signature_of(text, name, private_key)])


def format_note(text: str, signatures: Sequence[Signature]) -> str:
    """The note as it is served. Raises MalformedNote for what could not be read back."""
    note = str(Note(text, tuple(signatures)))
    parse_note(note)
    return note


def parse_note(note: str | bytes) -> Note:
    """Split text from signatures, at the last empty line. Verifies nothing. Raises MalformedNote."""
    decoded = _decoded(note)
    # Not splitlines(): that also splits at U+2028 and others, which are text here.
    above, separator, below = decoded.rpartition("\n\n")
    if not separator or not below.endswith("\n"):
        raise MalformedNote(
            expected="text, an empty line and signature lines", got=f"{len(decoded)} characters"
        )
    lines = below.removesuffix("\n").split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise MalformedNote(expected=f"at most {_MAX_SIGNATURES} signatures", got=f"{len(lines)}")
    return Note(above + "\n", tuple(map(_parse_signature, lines)))


def verify(note: str | bytes, vkeys: Iterable[VerifierKey]) -> VerifiedNote:
    """The text, once at least one of `vkeys` is known to have signed it, and who of them did.

    Signatures by other keys are ignored. Raises BadSignature if one by a known key does not verify,
    Unsigned if there is none, MalformedNote if it is no note.
    """
    return _verified(parse_note(note), {(key.name, key.key_id): key for key in vkeys})


def parse_checkpoint(text: str) -> Checkpoint:
    """Read note text as a checkpoint. One spelling only: what is read is written back the same.

    Raises MalformedCheckpoint.
    """
    *lines, after_last = text.split("\n")
    if after_last or len(lines) < 3 or not all(lines):
        raise MalformedCheckpoint(expected="three or more non-empty lines", got=shown(text))
    origin, size, root, *extensions = lines
    return Checkpoint(
        origin,
        parse_decimal(size, MalformedCheckpoint),
        parse_hash(root, MalformedCheckpoint),
        tuple(extensions),
    )


def verify_checkpoint(
    note: str | bytes, vkeys: Iterable[VerifierKey], *, origin: str | None = None
) -> VerifiedCheckpoint:
    """The checkpoint in `note`, once a log key (0x01) in `vkeys` is known to have signed it.

    A cosignature alone does not do: it says that a witness saw a head, not that the log stands by
    it. `origin` is the log that is asked for, where the caller knows it.
    Raises what `verify` raises, MalformedCheckpoint, or WrongOrigin.
    """
    keys = list(vkeys)
    verified = verify(note, keys)
    if not any(signature.key.algorithm is Algorithm.ED25519 for signature in verified.signatures):
        log_keys = [str(key) for key in keys if key.algorithm is Algorithm.ED25519]
        raise Unsigned(
            expected=log_keys, got=[str(signature.key) for signature in verified.signatures]
        )
    checkpoint = parse_checkpoint(verified.text)
    if origin is not None and checkpoint.origin != origin:
        raise WrongOrigin(expected=origin, got=checkpoint.origin)
    return VerifiedCheckpoint(checkpoint, verified.signatures)


def ed25519_accepts(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether OpenSSL takes `signature` for one of `message` by `public_key`, which is 32 bytes.

    Its criterion: S below the group order, R compared as bytes, no cofactor. So there is one
    spelling of a signature. A non-canonical or low-order public key is not refused: keys come from
    the operator's settings, never from the note.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _verified(note: Note, keys: Mapping[tuple[str, bytes], VerifierKey]) -> VerifiedNote:
    by_known_keys = [
        VerifiedSignature(key, key.verify(note.text, signature.payload))
        for signature in note.signatures
        if (key := keys.get((signature.name, signature.key_id)))
    ]
    if not by_known_keys:
        present = [f"{signature.name}+{signature.key_id.hex()}" for signature in note.signatures]
        raise Unsigned(expected=map(str, keys.values()), got=present)
    return VerifiedNote(note.text, tuple(by_known_keys))


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = parse_base64(encoded, MalformedNote)
    if dash != "—" or not _is_key_name(name) or len(blob) <= KEY_ID_BYTES:
        raise MalformedNote(expected="— <name> <base64>", got=shown(line))
    return Signature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def _decoded(note: str | bytes) -> str:
    if len(note) > _MAX_NOTE_BYTES:
        raise MalformedNote(expected=f"at most {_MAX_NOTE_BYTES} bytes", got=f"{len(note)}")
    try:
        # A str is encoded too: lone surrogates are not UTF-8.
        decoded = (note.encode() if isinstance(note, str) else note).decode()
    except UnicodeError as refusal:
        raise MalformedNote(expected="UTF-8", got=str(refusal)) from refusal
    if control := _CONTROL.search(decoded):
        raise MalformedNote(expected="no control characters", got=repr(control.group()))
    return decoded


def _require_note_text(text: str) -> None:
    if not _decoded(text).endswith("\n"):
        raise MalformedNote(expected="text that ends in a newline", got=repr(text[-20:]))


def _cosigned_message(text: str, posix_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {posix_seconds}\n{text}".encode()


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(map(str.isspace, name))
