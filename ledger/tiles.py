"""Tiles and entry bundles, the way a log is served (c2sp.org/tlog-tiles).

A tile holds up to 256 hashes of one level: tile level L holds tree level 8 * L. A full tile never
changes, a partial one is named by its width, so that every path names the same bytes for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from ledger.errors import EntryTooLarge
from ledger.merkle import HASH_BYTES, NodeReader, OutsideTree, node_hash
from ledger.spelling import Unexpected, shown

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_ENTRY_BYTES: Final = 65_535
_MAX_LEVEL: Final = 63
_MAX_INDEX: Final = 2**63 - 1
_LENGTH_BYTES: Final = 2
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})"
    r"/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[0-9]{1,3}))?"
)

Level: TypeAlias = "int | Literal['entries']"


class MalformedTilePath(Unexpected):
    """A path that names no tile, or not in the one spelling the format allows."""

    code = "malformed-tile-path"
    summary = "This path names no tile."


class MalformedTile(Unexpected):
    """Bytes of a tile or an entry bundle that are cut off, too long, or of another width."""

    code = "malformed-tile"
    summary = "The tile is malformed."


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a tile or an entry bundle. `width` is 1 to 256 and counts hashes or entries."""

    level: Level
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """As `tile_path`."""
        return tile_path(self.level, self.index, self.width)


ReadTile: TypeAlias = Callable[[Tile], bytes]
"""The bytes of a hash tile that exists for the tree being read, or an error of the store's own."""


def tile_path(level: Level, index: int, width: int = TILE_WIDTH) -> str:
    """The path below the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/12`.

    Raises MalformedTilePath for what the format cannot name.
    """
    if level != "entries" and not 0 <= level <= _MAX_LEVEL:
        raise MalformedTilePath(expected=f"a level of 0 to {_MAX_LEVEL}", got=f"{level}")
    if not 0 <= index <= _MAX_INDEX:
        raise MalformedTilePath(expected="an index of 0 to 2^63 - 1", got=f"{index}")
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedTilePath(expected=f"a width of 1 to {TILE_WIDTH}", got=f"{width}")
    return f"tile/{level}/{_index_path(index)}{'' if width == TILE_WIDTH else f'.p/{width}'}"


def parse_tile_path(path: str) -> Tile:
    """The tile that `path` names. One path for each tile: any other spelling is MalformedTilePath."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedTilePath(expected="tile/<level>/<index>[.p/<width>]", got=shown(path))
    level = found["level"]
    tile = Tile(
        level="entries" if level == "entries" else int(level),
        index=int(found["index"].replace("x", "").replace("/", "")),
        width=int(found["width"] or TILE_WIDTH),
    )
    if tile.path != path:
        raise MalformedTilePath(expected=repr(tile.path), got=repr(path))
    return tile


def tiles_of(old_size: int, new_size: int) -> Iterator[Tile]:
    """The hash tiles and entry bundles that a log must write when it grows from `old_size` to
    `new_size` leaves.

    Level by level, left to right, bundles before the level 0 tiles they hash to. Partial tiles of
    sizes in between are not among them.
    """
    for level in range(_MAX_LEVEL + 1):
        before, after = old_size >> TILE_HEIGHT * level, new_size >> TILE_HEIGHT * level
        if after == before:
            return
        grown = list(_grown_tiles(level, before, after))
        if level == 0:
            yield from (replace(tile, level="entries") for tile in grown)
        yield from grown


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Each entry behind its length as 2 bytes big-endian. Raises EntryTooLarge above 65,535 bytes."""
    return b"".join(map(_with_length, entries))


def decode_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle, at least one and at most 256. Raises MalformedTile for anything
    else.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(bundle[at:start], "big")
        entries.append(bundle[start:at])
    # Slices never fail: a bundle that was cut off shows in the sum.
    if at != len(bundle):
        raise MalformedTile(expected=f"a bundle of {at} or more bytes", got=f"{len(bundle)}")
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedTile(expected=f"1 to {TILE_WIDTH} entries", got=f"{len(entries)}")
    return entries


def encode_tile(hashes: Iterable[bytes]) -> bytes:
    """The hashes one after the other."""
    return b"".join(hashes)


def decode_tile(tile: bytes, width: int) -> list[bytes]:
    """The `width` hashes of a tile. Raises MalformedTile if it holds more, fewer or a part of one."""
    if len(tile) != width * HASH_BYTES:
        raise MalformedTile(expected=f"a tile of {width * HASH_BYTES} bytes", got=f"{len(tile)}")
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


class TileNodes:
    """Any node of the tree, from tiles. Interiors of the tiles last read are kept: they cost 255
    hashes each.

    A tile is read at most once while it is kept, and bytes once read under a name are used for
    every later size.
    """

    def __init__(self, read: ReadTile, *, kept_tiles: int = 1024) -> None:
        # Keyed by plain numbers: hashing a Tile would cost more than all the rest of a node.
        def interior(level: int, index: int, width: int) -> list[list[bytes]]:
            return _interior(decode_tile(read(Tile(level, index, width)), width))

        self._interior = lru_cache(maxsize=kept_tiles)(interior)

    def of_size(self, size: int) -> NodeReader:
        """The reader for the tree of `size` leaves, for `ledger.merkle`. Raises MalformedTile, or
        what `read` raises.
        """

        def node(level: int, index: int) -> bytes:
            if not 0 <= index < size >> level:
                raise OutsideTree(
                    expected=f"a node below index {size >> level} on level {level}", got=f"{index}"
                )
            tile_level, height = divmod(level, TILE_HEIGHT)
            tile_index, offset = divmod(index, TILE_WIDTH >> height)
            width = min(TILE_WIDTH, (size >> tile_level * TILE_HEIGHT) - tile_index * TILE_WIDTH)
            return self._interior(tile_level, tile_index, width)[height][offset]

        return node


def _interior(hashes: list[bytes]) -> list[list[bytes]]:
    """The perfect nodes a tile holds, by height above its own hashes."""
    rows = [hashes]
    while len(rows[-1]) > 1:
        siblings = iter(rows[-1])
        rows.append(
            [node_hash(left, right) for left, right in zip(siblings, siblings, strict=False)]
        )
    return rows


def _grown_tiles(level: int, before: int, after: int) -> Iterator[Tile]:
    for index in range(before // TILE_WIDTH, -(-after // TILE_WIDTH)):
        yield Tile(level, index, min(TILE_WIDTH, after - index * TILE_WIDTH))


def _index_path(index: int) -> str:
    groups = f"{index % 1000:03d}"
    while index := index // 1000:
        groups = f"x{index % 1000:03d}/{groups}"
    return groups


def _with_length(entry: bytes) -> bytes:
    if len(entry) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(bytes=len(entry), limit=MAX_ENTRY_BYTES)
    return len(entry).to_bytes(_LENGTH_BYTES, "big") + entry
