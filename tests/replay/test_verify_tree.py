"""Tiles of every level, and signed roots in between, on a tree that is too tall to record in a test."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger.merkle import Frontier
from ledger.stored import StoredTile
from replay.report import Problems
from replay.verify_rows import Leaves
from replay.verify_tree import KnownRoot, TreeCheck

SIZE = 65_536 + 256 * 3 + 17
BLOCK = 2_048
Tiles = dict[tuple[int, int], StoredTile]


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [sha256(b"%d" % number).digest() for number in range(SIZE)]


@pytest.fixture(scope="module")
def sealed(leaves: list[bytes]) -> Tiles:
    rows = {row.level: row.hashes for row in Frontier().extend(leaves)}
    return {
        (level, index): StoredTile(
            b"".join(rows[8 * level][index * 256 : (index + 1) * 256]), rows[8 * level + 8][index]
        )
        for level in (0, 1)
        for index in range(len(rows[8 * level]) // 256)
    }


def root_of(leaves: list[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def checked(
    leaves: list[bytes], tiles: Tiles, *roots: KnownRoot
) -> tuple[list[tuple[int, str]], TreeCheck]:
    problems = Problems()

    def read(level: int, first: int, end: int) -> dict[int, StoredTile]:
        return {at: tiles[level, at] for at in range(first, end) if (level, at) in tiles}

    check = TreeCheck(read, roots, problems)
    for at in range(0, len(leaves), BLOCK):
        check.take(Leaves(list(leaves[at : at + BLOCK])))
    return [(problem.position, problem.kind) for problem in problems], check


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_a_tree_with_its_tiles_is_clean(leaves: list[bytes], sealed: Tiles) -> None:
    found, check = checked(leaves, sealed)

    assert found == []
    assert check.frontier is not None
    assert check.frontier.root() == root_of(leaves)


def test_an_altered_upper_tile_is_named_by_the_entries_below(
    leaves: list[bytes], sealed: Tiles
) -> None:
    tile = sealed[1, 0]

    found, _ = checked(
        leaves, {**sealed, (1, 0): StoredTile(flipped(tile.hashes, 32 * 7), tile.root)}
    )

    assert found == [(7 * 256 + 1, "tile")]


def test_an_altered_root_of_an_upper_tile_is_named(leaves: list[bytes], sealed: Tiles) -> None:
    tile = sealed[1, 0]

    found, _ = checked(leaves, {**sealed, (1, 0): StoredTile(tile.hashes, flipped(tile.root, 3))})

    assert found == [(1, "tile")]


def test_a_missing_upper_tile_is_named(leaves: list[bytes], sealed: Tiles) -> None:
    found, _ = checked(leaves, {at: tile for at, tile in sealed.items() if at != (1, 0)})

    assert found == [(1, "tile")]


def test_an_entry_replaced_together_with_its_tile_is_found_by_the_tile_above(
    leaves: list[bytes], sealed: Tiles
) -> None:
    forged = leaves.copy()
    forged[1000] = sha256(b"forged").digest()
    below = forged[768:1024]

    found, _ = checked(forged, {**sealed, (0, 3): StoredTile(b"".join(below), root_of(below))})

    assert found == [(769, "tile")]


def test_roots_at_any_size_are_compared(leaves: list[bytes], sealed: Tiles) -> None:
    sizes = [0, 1, 5, 255, 256, 257, 2047, 2048, 2049, 65_536, SIZE]
    roots = [KnownRoot(size, root_of(leaves[:size]), "somebody", stored=False) for size in sizes]

    found, check = checked(leaves, sealed, *roots)

    assert found == []
    assert check.checked == len(sizes)


def test_a_root_that_differs_lies_behind_the_last_that_agrees(
    leaves: list[bytes], sealed: Tiles
) -> None:
    good = KnownRoot(3000, root_of(leaves[:3000]), "a friend", stored=False)
    bad = KnownRoot(4000, bytes(32), "another", stored=False)

    found, check = checked(leaves, sealed, bad, good)

    assert found == [(3001, "checkpoint")]
    assert check.checked == 1


def test_one_difference_explains_the_later_roots_in_the_same_database(
    leaves: list[bytes], sealed: Tiles
) -> None:
    roots = [KnownRoot(size, bytes(32), "stored", stored=True) for size in (10, 20, 30)]

    found, _ = checked(leaves, sealed, *roots)

    assert found == [(1, "checkpoint")]
