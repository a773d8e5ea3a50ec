"""The tree as it is stored, read for proofs and tiles."""

from __future__ import annotations

from ledger.database import Database
from ledger.log import Head, partial_tile, query_head
from ledger.merkle import (
    HASH_BYTES,
    NodeReader,
    OutsideTree,
    consistency_proof,
    inclusion_proof,
    tree_root,
)
from ledger.tiles import TILE_WIDTH, Tile, TileNodes, encode_bundle


class StoredTree:
    """Answers for any size the log has had. Tiles once read are kept, since they never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._nodes = TileNodes(self.tile)

    def head(self) -> Head:
        """Raises NotALedger."""
        return query_head(self._database)

    def nodes(self, size: int) -> NodeReader:
        return self._nodes.of_size(size)

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries, from stored tiles."""
        return tree_root(size, self.nodes(size))

    def inclusion(self, position: int, size: int) -> list[bytes]:
        return inclusion_proof(position - 1, size, self.nodes(size))

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        return consistency_proof(old_size, new_size, self.nodes(new_size))

    def tile(self, tile: Tile) -> bytes:
        """A hash tile or entry bundle, partial ones included. Raises OutsideTree beyond the log."""
        if tile.level == "entries":
            return encode_bundle(self._entries(tile))
        with self._database.reading() as transaction:
            if tile.width == TILE_WIDTH:
                row = transaction.row(
                    "SELECT hashes FROM tiles WHERE level = ? AND idx = ?", (tile.level, tile.index)
                )
                hashes = [row[0]] if row else []
            else:
                hashes = partial_tile(transaction, tile.level, tile.index, tile.width)
        found = b"".join(hashes)
        if len(found) != tile.width * HASH_BYTES:
            raise OutsideTree(expected="a tile within the log", got=tile.path)
        return found

    def _entries(self, tile: Tile) -> list[bytes]:
        first = tile.index * TILE_WIDTH
        with self._database.reading() as transaction:
            rows = transaction.rows(
                "SELECT entry FROM events WHERE position > ? AND position <= ? ORDER BY position",
                (first, first + tile.width),
            )
        if len(rows) != tile.width:
            raise OutsideTree(expected="a bundle within the log", got=tile.path)
        return [row[0] for row in rows]
