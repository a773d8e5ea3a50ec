"""The tree over the entries: recomputed from their leaf hashes, compared with tiles and signed heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.merkle import HASH_BYTES, CompletedRow, Frontier
from ledger.stored import StoredTile
from ledger.tiles import TILE_HEIGHT, TILE_WIDTH
from replay.report import Problems
from replay.verify_rows import Leaves

ReadTiles = Callable[[int, int, int], dict[int, StoredTile]]
"""(tile level, first index, end index) -> what is stored of those tiles."""


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """Somebody's word for the root over the first `size` entries. `told`: whose, for messages.

    `stored`: it lies in the log's own database, so that one difference explains all later ones.
    """

    size: int
    root: bytes
    told: str
    stored: bool


class TreeCheck:
    """Takes leaf hashes in order. Whole tiles at a time, except for the last.

    Where a row's hash is in doubt the tile decides; where nothing can decide, no later root is judged:
    what is wrong was reported with the row.
    """

    def __init__(self, read: ReadTiles, roots: Sequence[KnownRoot], problems: Problems) -> None:
        self._read, self._problems = read, problems
        self._roots = sorted(roots, key=lambda known: known.size, reverse=True)
        self._frontier = Frontier()
        self._pending: list[list[bytes]] = []
        self._tile_roots: dict[tuple[int, int], bytes] = {}
        self._undecided: int | None = None
        self._is_broken = False
        self._agreed = 0
        self._stored_disagreed = False
        self.checked = 0

    @property
    def frontier(self) -> Frontier | None:
        """None where leaves are missing, or in doubt: then nothing can be said about the whole."""
        return None if self._is_broken or self._undecided is not None else self._frontier

    @property
    def agreed(self) -> int:
        """The largest size so far for which somebody signed the root that was computed."""
        return self._agreed

    def stop(self) -> None:
        """Leaves are missing from here on: no later root can be computed."""
        self._is_broken = True

    def take(self, leaves: Leaves) -> None:
        if self._is_broken:
            return
        first = self._frontier.size
        hashes = leaves.hashes
        full = len(hashes) // TILE_WIDTH
        stored = self._read(0, first // TILE_WIDTH, first // TILE_WIDTH + full) if full else {}
        for at in range(0, full * TILE_WIDTH, TILE_WIDTH):
            index = (first + at) // TILE_WIDTH
            chunk = hashes[at : at + TILE_WIDTH]
            hashes[at : at + TILE_WIDTH] = self._settled(index, chunk, stored.get(index), leaves)
        self._doubt(leaves, first + full * TILE_WIDTH)
        self._extend(hashes)

    # Tiles of level 0: entry by entry

    def _settled(
        self, index: int, chunk: list[bytes | None], stored: StoredTile | None, leaves: Leaves
    ) -> list[bytes | None]:
        """The hashes of a full tile's entries, where rows and tile can agree on them."""
        first = index * TILE_WIDTH + 1
        if stored is None or not _is_tile(stored):
            # Where rows are missing too, the tile may never have been: one problem, not two.
            if stored is not None or None not in chunk:
                told = "missing" if stored is None else "not a tile of 256 hashes"
                self._problems.add(first, "tile", f"tile 0/{index} is {told}")
            self._doubt(leaves, first - 1, first - 1 + TILE_WIDTH)
            return chunk
        self._tile_roots[0, index] = stored.root
        if None not in chunk and stored.hashes == b"".join(chunk):  # type: ignore[arg-type]  # none is None
            leaves.doubtful.difference_update(range(first, first + TILE_WIDTH))
            return chunk
        return self._decided(first, chunk, stored, leaves)

    def _decided(
        self, first: int, chunk: list[bytes | None], stored: StoredTile, leaves: Leaves
    ) -> list[bytes | None]:
        """The tile's root says whether the tile's hashes are those that were sealed."""
        in_tile = [
            stored.hashes[at : at + HASH_BYTES] for at in range(0, len(stored.hashes), HASH_BYTES)
        ]
        tile_is_sound = _root_of(in_tile) == stored.root
        differing = [
            position
            for position, (leaf, sealed) in enumerate(zip(chunk, in_tile, strict=True), first)
            if leaf != sealed and leaf is not None and position not in leaves.doubtful
        ]
        if differing:
            self._tell_differing(first, differing, tile_is_sound)
        if tile_is_sound:
            leaves.doubtful.difference_update(range(first, first + TILE_WIDTH))
            return list(in_tile)
        if not differing:
            told = f"tile 0/{first // TILE_WIDTH} does not lead to its own root"
            self._problems.add(first, "tile", told)
        self._doubt(leaves, first - 1, first - 1 + TILE_WIDTH)
        return chunk

    def _tell_differing(self, first: int, differing: list[int], tile_is_sound: bool) -> None:
        index = first // TILE_WIDTH
        more = f" (and {len(differing) - 1} more in this tile)" if len(differing) > 1 else ""
        if tile_is_sound:
            self._problems.add(
                differing[0],
                "entry",
                f"tile 0/{index} holds another hash than the entry and its leaf: "
                f"the entry was replaced{more}",
            )
        else:
            self._problems.add(
                differing[0],
                "tile",
                f"tile 0/{index} holds another hash than the entry, and does not lead to its own "
                f"root: the tile was changed{more}",
            )

    def _doubt(self, leaves: Leaves, after: int, up_to: int | None = None) -> None:
        """Nothing can decide about what is still doubtful there."""
        there = [p for p in leaves.doubtful if p > after and (up_to is None or p <= up_to)]
        if there and self._undecided is None:
            self._undecided = min(there)

    # The tree above

    def _extend(self, hashes: Sequence[bytes | None]) -> None:
        """Up to each size that somebody knows the root of, comparing there."""
        if None in hashes:
            hashes = hashes[: hashes.index(None)]
            self._is_broken = True
        size, at = self._frontier.size, 0
        while at < len(hashes):
            known = self._roots[-1] if self._roots else None
            end = len(hashes) if known is None else min(len(hashes), known.size - size)
            for row in self._frontier.extend(hashes[at:end]):  # type: ignore[arg-type]  # cut before the first None
                if row.level and row.level % TILE_HEIGHT == 0:
                    self._compare_tiles(row)
            at = end
            while self._roots and self._roots[-1].size == self._frontier.size:
                self._compare_root(self._roots.pop())

    def _compare_tiles(self, row: CompletedRow) -> None:
        """Nodes that are the roots of the tiles below, and the hashes of the tiles of their level."""
        level = row.level // TILE_HEIGHT
        for index, computed in enumerate(row.hashes, row.first_index):
            stored = self._tile_roots.pop((level - 1, index), None)
            if stored is not None and stored != computed:
                width = TILE_WIDTH**level
                self._problems.add(
                    index * width + 1,
                    "tile",
                    f"the root of tile {level - 1}/{index} is {_hex(stored)}, its entries "
                    f"{index * width + 1} to {(index + 1) * width} lead to {computed.hex()}",
                )
        while len(self._pending) < level:
            self._pending.append([])
        pending = self._pending[level - 1]
        pending += row.hashes
        end = row.first_index + len(row.hashes)
        while len(pending) >= TILE_WIDTH:
            index = (end - len(pending)) // TILE_WIDTH
            self._compare_upper_tile(level, index, pending[:TILE_WIDTH])
            del pending[:TILE_WIDTH]

    def _compare_upper_tile(self, level: int, index: int, computed: list[bytes]) -> None:
        width = TILE_WIDTH**level
        first = index * TILE_WIDTH
        stored = self._read(level, index, index + 1).get(index)
        if stored is None or not _is_tile(stored):
            told = "missing" if stored is None else "not a tile of 256 hashes"
            self._problems.add(first * width + 1, "tile", f"tile {level}/{index} is {told}")
            return
        for offset, node in enumerate(computed):
            sealed = stored.hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
            if sealed != node:
                below = (first + offset) * width
                self._problems.add(
                    below + 1,
                    "tile",
                    f"tile {level}/{index} holds {sealed.hex()} for entries {below + 1} to "
                    f"{below + width}, which lead to {node.hex()}",
                )
                return
        self._tile_roots[level, index] = stored.root

    # Signed heads

    def _compare_root(self, known: KnownRoot) -> None:
        root = self._frontier.root()
        if root == known.root:
            self.checked += 1
            self._agreed = known.size
            return
        if self._undecided is not None or (known.stored and self._stored_disagreed):
            return
        self._stored_disagreed |= known.stored
        self._problems.add(
            self._problems.first_within(self._agreed + 1, known.size),
            "checkpoint",
            f"{known.told} was signed over other entries: expected root {known.root.hex()} at size "
            f"{known.size}, got {root.hex()}. Some entry from {self._agreed + 1} to {known.size} "
            "was changed, put in or left out",
        )


def _is_tile(stored: StoredTile) -> bool:
    return isinstance(stored.hashes, bytes) and len(stored.hashes) == TILE_WIDTH * HASH_BYTES


def _root_of(hashes: Sequence[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
