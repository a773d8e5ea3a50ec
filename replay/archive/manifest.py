"""What an archive holds: the one file that says which others count. It is written last, and whole."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from ledger.merkle import HASH_BYTES, Frontier
from replay.archive.segment import SEGMENT_ENTRIES
from replay.errors import ArchiveUnusable

MANIFEST: Final = "manifest.json"
FORMAT: Final = "itsm-ledger-archive@v1"
_SIZE_BYTES: Final = 8


class FileBeside(msgspec.Struct, frozen=True):
    """Of a segment's encrypted disclosures. `sha256`: hex."""

    bytes: int
    sha256: str


class SegmentFile(msgspec.Struct, frozen=True):
    """`first`, `last`: positions. `sha256`: of the file, hex. `peaks`: the roots of the perfect subtrees over its entries
    (RFC 6962), largest first, base64; a sealed segment has one. `disclosures`: None where there is nothing to disclose.
    """

    path: str
    first: int
    last: int
    bytes: int
    sha256: str
    peaks: tuple[str, ...]
    disclosures: FileBeside | None = None

    @property
    def is_sealed(self) -> bool:
        return self.last - self.first + 1 == SEGMENT_ENTRIES


class Manifest(msgspec.Struct, frozen=True):
    """`root`: base64, of the first `size` entries. `checkpoint`: the signed note over them; `vkeys`: the log's keys."""

    format: str
    origin: str
    size: int
    root: str
    checkpoint: str
    vkeys: tuple[str, ...]
    segments: tuple[SegmentFile, ...]

    def to_bytes(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def segment_path(index: int, width: int = SEGMENT_ENTRIES) -> str:
    """`entries/000000012.parquet`, and of one that is not full `entries/000000012.p/00513.parquet`."""
    if width == SEGMENT_ENTRIES:
        return f"entries/{index:09d}.parquet"
    return f"entries/{index:09d}.p/{width:05d}.parquet"


def parse_manifest(raw: bytes, location: str) -> Manifest:
    """Raises ArchiveUnusable for what is no manifest, or one that contradicts itself."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise ArchiveUnusable(
            f"{location}: {MANIFEST} is no manifest of an archive: {fault}", location=location
        ) from fault
    if manifest.format != FORMAT:
        raise ArchiveUnusable(
            f"{location}: expected the format {FORMAT}, got {manifest.format[:80]!r}",
            location=location,
        )
    _require_contiguous(manifest, location)
    return manifest


def _require_contiguous(manifest: Manifest, location: str) -> None:
    """Every path follows from its positions, so that none can lead out of the archive."""
    end = 0
    for index, segment in enumerate(manifest.segments):
        width = min(SEGMENT_ENTRIES, manifest.size - end)
        expected = (segment_path(index, max(width, 1)), end + 1, end + width)
        got = (segment.path, segment.first, segment.last)
        if width < 1 or got != expected:
            raise ArchiveUnusable(
                f"{location}: expected a segment {expected}, got {got}", location=location
            )
        end = segment.last
    if end != manifest.size:
        raise ArchiveUnusable(
            f"{location}: expected segments up to position {manifest.size}, got up to {end}",
            location=location,
        )


def peaks_of(leaves: Sequence[bytes]) -> tuple[str, ...]:
    """Of a segment with these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    stored = frontier.to_bytes()[_SIZE_BYTES:]
    return tuple(
        base64.b64encode(stored[at : at + HASH_BYTES]).decode()
        for at in range(0, len(stored), HASH_BYTES)
    )


def root_of(segments: Sequence[SegmentFile]) -> bytes:
    """The root over all of them. Only the last may be partial. Raises MalformedFrontier, ValueError."""
    sealed = Frontier()
    sealed.extend([base64.b64decode(one.peaks[0]) for one in segments if one.is_sealed])
    peaks = sealed.to_bytes()[_SIZE_BYTES:]
    size = segments[-1].last if segments else 0
    for one in segments:
        if not one.is_sealed:
            peaks += b"".join(base64.b64decode(peak) for peak in one.peaks)
    return Frontier.from_bytes(size.to_bytes(_SIZE_BYTES, "big") + peaks).root()
