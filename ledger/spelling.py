"""The one spelling of numbers, hashes and base64 in the C2SP text formats.

What can be written in two ways can be signed in two ways, so every other spelling is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from domain.errors import Malformed

_HASH_BYTES: Final = 32
_MAX_NUMBER: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
# An error shows the beginning of what came: enough to recognise it, never a megabyte of it.
SHOWN_CHARACTERS: Final = 100


class Unexpected(Malformed):
    """Input of another form than the one asked for; it says which, and what came instead."""

    code = "unexpected"
    summary = "The input is not of the form that was expected."

    def __init__(self, *, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}", expected=expected, got=got)


def parse_decimal(text: str, error: type[Unexpected]) -> int:
    """An ASCII decimal without leading zeroes, below 2^63. Raises `error`."""
    if not _DECIMAL.fullmatch(text) or int(text) > _MAX_NUMBER:
        raise error(expected="a decimal below 2^63 without leading zeroes", got=shown(text))
    return int(text)


def parse_hash(text: str, error: type[Unexpected]) -> bytes:
    """The base64 of 32 bytes. Raises `error`."""
    decoded = parse_base64(text, error)
    if len(decoded) != _HASH_BYTES:
        raise error(expected=f"a hash of {_HASH_BYTES} bytes", got=f"{len(decoded)} bytes")
    return decoded


def parse_base64(text: str, error: type[Unexpected]) -> bytes:
    """Standard base64 with padding (RFC 4648, section 4). Raises `error`."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as refusal:
        raise error(expected="base64", got=shown(text)) from refusal
    # Python accepts stray bits in the last character: two spellings of one hash, two notes.
    if to_base64(decoded) != text:
        raise error(expected=f"the spelling {shown(to_base64(decoded))}", got=shown(text))
    return decoded


def to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def shown(text: str) -> str:
    """The beginning of `text`, quoted, for an error message."""
    return repr(text[:SHOWN_CHARACTERS])
