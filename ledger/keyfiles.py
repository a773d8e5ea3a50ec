"""The key files: the Ed25519 signing key, and the master key of the vault. Mode 0600, or refused."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.errors import KeyFileUnusable
from ledger.files import sync_directory

MASTER_KEY_BYTES = 32


def write_signing_key(path: Path) -> Ed25519PrivateKey:
    """A new key in a new file of mode 0600. Raises KeyFileUnusable if the file exists."""
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """Raises KeyFileUnusable: missing, open to others, or no Ed25519 key."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None  # told below, without a word of the content
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileUnusable(f"{path} is not an Ed25519 private key in PEM form", path=str(path))
    return key


def write_master_key(path: Path) -> bytes:
    """32 random bytes, base64, in a new file of mode 0600."""
    key = os.urandom(MASTER_KEY_BYTES)
    _write(path, base64.b64encode(key) + b"\n")
    return key


def read_master_key(path: Path) -> bytes:
    return parse_master_key(_read(path).decode("ascii", "replace"), str(path))


def parse_master_key(text: str, origin: str) -> bytes:
    """Raises KeyFileUnusable; `origin` says where the text came from and is all that is repeated."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise KeyFileUnusable(
            f"{origin} does not hold {MASTER_KEY_BYTES} bytes in base64", path=origin
        )
    return key


def _read(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise KeyFileUnusable(
                f"{path} is open to others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}",
                path=str(path),
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise KeyFileUnusable(
            f"there is no key file {path}; restore it, or name it with a setting", path=str(path)
        ) from None
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be read: {error.strerror}", path=str(path)) from None


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileUnusable(
            f"{path} exists already; it is not overwritten", path=str(path)
        ) from None
    except OSError as error:
        raise KeyFileUnusable(
            f"{path} cannot be written: {error.strerror}", path=str(path)
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
