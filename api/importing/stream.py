"""Bytes, and bytes into lines: plain or gzip (by its magic bytes), from a file or standard input, hashed as they come.

Memory is bounded by the chunk and the longest line, which may not exceed `LINE_LIMIT_CHARACTERS`.
"""

from __future__ import annotations

import codecs
import hashlib
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from api.importing.faults import CannotRead

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
"""zlib's way to say: gzip, with header and checksum."""
CHUNK_BYTES = 1 << 18
LINE_LIMIT_CHARACTERS = 16 << 20


class CutShort(Exception):
    """What is left cannot be read, and `what` says how that is known. Never leaves this package.

    `line`: where, if it is known; else behind the last row.
    """

    def __init__(self, what: str, line: int | None = None) -> None:
        self.what, self.line = what, line
        super().__init__(what)


class ByteStream:
    """`bytes_read` counts, and `file_hash` covers, the bytes as they are stored: compressed ones if they are."""

    def __init__(self, path: str, stdin: IO[bytes] | None = None) -> None:
        """Raises CannotRead."""
        self.bytes_total: int | None = None
        self.bytes_read = 0
        self._digest = hashlib.sha256()
        if path == STANDARD_INPUT:
            self._file: IO[bytes] = stdin or sys.stdin.buffer
            self._owned = False
            return
        try:
            self.bytes_total = Path(path).stat().st_size
            self._file = Path(path).open("rb")  # noqa: SIM115 - closed in __exit__
        except OSError as error:
            raise CannotRead(f"{path} cannot be read: {error.strerror}", path=path) from None
        self._owned = True

    @property
    def file_hash(self) -> str:
        return "sha256:" + self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._owned:
            self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """The content, decompressed if it is gzip. Raises CutShort at the end of a cut gzip file."""
        first = self._read()
        if first.startswith(GZIP_MAGIC):
            yield from self._unzipped(first)
            return
        while first:
            yield first
            first = self._read()

    def _read(self) -> bytes:
        try:
            chunk = self._file.read(CHUNK_BYTES)
        except OSError as error:
            raise CutShort(f"reading failed: {error.strerror}") from None
        self.bytes_read += len(chunk)
        self._digest.update(chunk)
        return chunk

    def _unzipped(self, compressed: bytes) -> Iterator[bytes]:
        member = zlib.decompressobj(GZIP_WINDOW)
        while compressed:
            # Bounded steps: a small file may hold gigabytes of the same byte.
            while content := _step(member, compressed):
                yield content
                compressed = member.unconsumed_tail
            if member.eof:
                # A gzip file may be several, one after the other; padding with zeros is common too.
                compressed = member.unused_data.lstrip(b"\0") or self._read()
                if compressed:
                    member = zlib.decompressobj(GZIP_WINDOW)
            else:
                compressed = self._read()
        if not member.eof:
            raise CutShort("the compressed data ends before its end")


def _step(member: Any, compressed: bytes) -> bytes:
    try:
        content: bytes = member.decompress(compressed, CHUNK_BYTES)
    except zlib.error:
        raise CutShort("the compressed data is damaged") from None
    return content


def text_lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their line feeds; only the last may lack one.

    Bytes that are not of the encoding come as lone surrogates, so that one bad row stays one bad row.
    Raises CutShort, after all whole lines.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if _is_utf8(encoding) else encoding)(
        "surrogateescape"
    )
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + _decoded(decoder, chunk)).split("\n")
        for line in whole:
            yield line + "\n"
        if len(rest) > LINE_LIMIT_CHARACTERS:
            raise CutShort(f"a line is longer than {LINE_LIMIT_CHARACTERS} characters")
    rest += _decoded(decoder, b"", final=True)
    if rest:
        yield rest


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        raise CutShort(f"it is not {error.encoding}: {error.reason}") from None
