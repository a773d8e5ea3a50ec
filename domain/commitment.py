"""Commitments to personal members, made as SD-JWT makes them (RFC 9901, section 4.2).

The entry holds the digest, the disclosure lives outside the log. Whoever holds both needs SHA-256
alone to check one against the other; whoever holds only the digest learns nothing, because the salt
is random and secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain.canonical import canonical_bytes
from domain.errors import LedgerError, Malformed
from domain.fold import Json

SALT_BYTES: Final = 16
DIGEST_PREFIX: Final = "sd:sha-256:"
_DIGEST: Final = re.compile(r"sd:sha-256:[A-Za-z0-9_-]{43}")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")


class WrongSaltLength(Malformed):
    """A salt of another length than 128 bits: shorter ones can be guessed, longer ones are not the
    format.
    """

    code = "wrong-salt-length"
    summary = "A salt must be 16 bytes."

    def __init__(self, *, got_bytes: int) -> None:
        super().__init__(
            f"expected a salt of {SALT_BYTES} bytes, got {got_bytes}", got_bytes=got_bytes
        )


class MalformedDisclosure(Malformed):
    """Text that is no disclosure at all, or a digest that is none. Never carries the disclosed
    value.
    """

    code = "malformed-disclosure"
    summary = "This is not a disclosure."

    def __init__(self, *, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}", expected=expected, got=got)


class DigestMismatch(LedgerError):
    """A disclosure that does not belong to the digest: the value is not the one the log commits to."""

    code = "digest-mismatch"
    summary = "The disclosure does not belong to this digest."

    def __init__(self, *, expected: str, got: str) -> None:
        super().__init__(
            f"expected a disclosure of {expected}, got one of {got}", expected=expected, got=got
        )


@dataclass(frozen=True, slots=True)
class Commitment:
    """`digest` may be published; `disclosure` holds the plain value and is personal data."""

    digest: str
    disclosure: str


def commit(path: str, value: Json, salt: bytes) -> Commitment:
    """Commit to `value` at member `path`. The same arguments give the same commitment.

    `salt` is 16 random bytes that are used once: reusing one lets equal values be seen as equal.
    Raises WrongSaltLength, or NoCanonicalForm for a value that is not I-JSON.
    """
    if len(salt) != SALT_BYTES:
        raise WrongSaltLength(got_bytes=len(salt))
    disclosure = _to_base64url(canonical_bytes([_to_base64url(salt), path, value]))
    return Commitment(digest=digest_of(disclosure), disclosure=disclosure)


def check(digest: str, disclosure: str) -> tuple[str, Json]:
    """The member path and the value that `disclosure` shows, once it is known to be the one
    `digest` commits to.

    Raises DigestMismatch if it is another's, MalformedDisclosure if either is not of the format.
    """
    if not is_commitment(digest):
        raise MalformedDisclosure(
            expected=f"a digest {DIGEST_PREFIX}<43 base64url characters>", got=repr(digest)
        )
    # Hash before decoding: bytes that the log does not vouch for must never reach the JSON parser.
    actual = digest_of(disclosure)
    if actual != digest:
        raise DigestMismatch(expected=digest, got=actual)
    return _path_and_value(_parsed(_from_base64url(disclosure)))


def is_commitment(value: object) -> bool:
    """Whether `value` has the form of a commitment's digest. Says nothing about a disclosure
    existing.
    """
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def claims_commitment(value: Json) -> bool:
    """Whether some text in `value` begins as a commitment does, well-formed or not. Clients may not send one."""
    if isinstance(value, str):
        return value.startswith("sd:")
    if isinstance(value, dict):
        return any(map(claims_commitment, value.values()))
    return isinstance(value, list) and any(map(claims_commitment, value))


def contains_commitment(value: object) -> bool:
    """Whether a commitment stands anywhere inside `value`, member names excepted.

    Mappings and sequences of any kind and depth are walked: what is refused as JSON must not get in
    as something that is written as the same JSON.
    """
    return any(map(_DIGEST.fullmatch, _texts_in(value)))


def commitments_in(value: object) -> set[str]:
    """Every commitment that stands anywhere inside `value`, member names excepted."""
    return {text for text in _texts_in(value) if _DIGEST.fullmatch(text)}


def _texts_in(value: object) -> Iterator[str]:
    waiting: list[object] = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, Mapping):
            waiting.extend(found.values())
        elif isinstance(found, list | tuple):
            waiting.extend(found)


def digest_of(disclosure: str) -> str:
    """The commitment that `disclosure` belongs to, whatever it discloses. Raises MalformedDisclosure beyond ASCII."""
    # Over the base64url text itself, as SD-JWT does, so that no JSON form has to be agreed on.
    try:
        covered = disclosure.encode("ascii")
    except UnicodeEncodeError as refusal:
        raise MalformedDisclosure(expected="ASCII text", got="other characters") from refusal
    return DIGEST_PREFIX + _to_base64url(hashlib.sha256(covered).digest())


def _path_and_value(parsed: object) -> tuple[str, Json]:
    match parsed:
        case [str(salt), str(path), value]:
            _require_salt(salt)
            return path, cast(Json, value)
        case _:
            raise MalformedDisclosure(
                expected="[salt, path, value]", got=f"another {type(parsed).__name__}"
            )


def _require_salt(salt: str) -> None:
    length_bytes = len(_from_base64url(salt))
    if length_bytes != SALT_BYTES:
        raise MalformedDisclosure(
            expected=f"a salt of {SALT_BYTES} bytes", got=f"{length_bytes} bytes"
        )


def _parsed(text: bytes) -> object:
    try:
        return json.loads(
            text.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unambiguous
        )
    except (ValueError, RecursionError) as refusal:
        # No cause is chained: its message and its `doc` would carry the personal value into a
        # traceback.
        raise MalformedDisclosure(expected="I-JSON text", got=type(refusal).__name__) from None


def _refuse_constant(name: str) -> Json:
    raise MalformedDisclosure(expected="I-JSON text", got=name)


def _unambiguous(members: list[tuple[str, Json]]) -> dict[str, Json]:
    unique = dict(members)
    if len(unique) != len(members):
        raise MalformedDisclosure(expected="member names used once", got="a name used twice")
    return unique


def _to_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise MalformedDisclosure(expected="base64url without padding", got="other characters")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as refusal:
        raise MalformedDisclosure(
            expected="base64url without padding", got=f"{len(text)} characters"
        ) from refusal
