"""Tiles and bundles are those of c2sp.org/tlog-tiles, and a log of another maker reads back whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import EntryTooLarge
from ledger.merkle import (
    Frontier,
    OutsideTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from ledger.notes import parse_vkey, verify_checkpoint
from ledger.tiles import (
    Level,
    MalformedTile,
    MalformedTilePath,
    Tile,
    TileNodes,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    parse_tile_path,
    tile_path,
    tiles_of,
)
from tests.shared import shared_archive

_VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
_ROOT = "tessera/testdata/log/"

PATHS: list[tuple[str, Level, int, int]] = [
    ("tile/0/000", 0, 0, 256),
    ("tile/0/x001/x234/067", 0, 1234067, 256),
    ("tile/63/999.p/1", 63, 999, 1),
    ("tile/1/x001/000.p/255", 1, 1000, 255),
    ("tile/entries/x123/456.p/7", "entries", 123456, 7),
]


def published_log() -> dict[str, bytes]:
    """The files of the tessera test log: 15 entries, every partial tile, a checkpoint per size."""
    files = shared_archive("data", "vectors", "tessera-testdata-log.tar.gz")
    return {name.removeprefix(_ROOT): content for name, content in files.items() if _ROOT in name}


def tiles_for(entries: list[bytes]) -> dict[Tile, bytes]:
    """Every tile that the log wrote while it grew one by one, from the nodes its frontier
    completed.
    """
    frontier = Frontier()
    rows: dict[int, list[bytes]] = {}
    written: dict[Tile, bytes] = {}
    for size, entry in enumerate(entries, start=1):
        for row in frontier.append(leaf_hash(entry)):
            rows.setdefault(row.level, []).extend(row.hashes)
        for tile in tiles_of(size - 1, size):
            start = tile.index * 256
            if tile.level == "entries":
                written[tile] = encode_bundle(entries[start : start + tile.width])
            else:
                written[tile] = encode_tile(rows[tile.level * 8][start : start + tile.width])
    return written


# --- a log written by tessera ---------------------------------------------------------------


def test_the_published_log_is_rebuilt_byte_for_byte_from_its_entries() -> None:
    published = {name: content for name, content in published_log().items() if "tile/" in name}
    entries = decode_bundle(published["tile/entries/000.p/15"])

    rebuilt = {tile.path: content for tile, content in tiles_for(entries).items()}

    assert rebuilt == published
    assert len(published) == 30


def test_all_17_published_checkpoints_are_signed_and_have_the_root_of_their_entries() -> None:
    files = published_log()
    entries = decode_bundle(files["tile/entries/000.p/15"])
    roots = [Frontier().root()]
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
        roots.append(frontier.root())

    heads = {
        name: verify_checkpoint(content, [parse_vkey(_VKEY)], origin="example.com/log/testdata")
        for name, content in files.items()
        if name.startswith("checkpoint")
    }

    assert len(heads) == 17
    assert {head.checkpoint.size for head in heads.values()} == set(range(16))
    assert all(head.checkpoint.root == roots[head.checkpoint.size] for head in heads.values())


def test_any_two_published_checkpoints_are_proved_consistent_from_the_tiles() -> None:
    files = published_log()
    heads = {
        size: verify_checkpoint(files[f"checkpoint.{size}"], [parse_vkey(_VKEY)]).checkpoint
        for size in range(1, 16)
    }
    nodes = TileNodes(lambda tile: files[tile.path])

    for new_size, new in heads.items():
        for old_size in range(1, new_size + 1):
            verify_consistency(
                consistency_proof(old_size, new_size, nodes.of_size(new_size)),
                old_size=old_size,
                new_size=new_size,
                old_root=heads[old_size].root,
                new_root=new.root,
            )


def test_every_published_entry_is_proved_from_the_tiles() -> None:
    files = published_log()
    entries = decode_bundle(files["tile/entries/000.p/15"])
    head = verify_checkpoint(files["checkpoint"], [parse_vkey(_VKEY)]).checkpoint
    node = TileNodes(lambda tile: files[tile.path]).of_size(head.size)

    for index, entry in enumerate(entries):
        proof = inclusion_proof(index, head.size, node)
        verify_inclusion(leaf_hash(entry), proof, index=index, size=head.size, root=head.root)

    assert len(entries) == head.size == 15


# --- paths ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "level", "index", "width"), PATHS)
def test_a_tile_has_the_path_of_the_specification(
    path: str, level: Level, index: int, width: int
) -> None:
    assert tile_path(level, index, width) == path
    assert parse_tile_path(path) == Tile(level, index, width)


@given(
    st.integers(0, 63) | st.just("entries"),
    st.integers(0, 2**63 - 1) | st.integers(0, 2000),
    st.integers(1, 256),
)
def test_every_tile_can_be_found_by_its_path(level: Level, index: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, index, width)) == Tile(level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/\u0661\u0662\u0663",
        "tile/0/../000",
        "tile/0/" + "x999/" * 6 + "999",
        "tile/0/" + "x999/" * 5000 + "999",
    ],
)
def test_any_other_spelling_names_no_tile(path: str) -> None:
    with pytest.raises(MalformedTilePath):
        parse_tile_path(path)


@given(st.text(alphabet="tile/entrsx019.p-", max_size=24).map(lambda rest: "tile/" + rest))
def test_a_path_is_one_spelling_or_refused(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except MalformedTilePath:
        return
    assert tile.path == path


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)],
)
def test_what_cannot_be_named_gets_no_path(level: int, index: int, width: int) -> None:
    with pytest.raises(MalformedTilePath, match=r"expected .*, got"):
        tile_path(level, index, width)


# --- bundles and tiles ----------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_the_largest_entry_fits_and_one_byte_more_does_not() -> None:
    largest = b"x" * 65_535

    assert decode_bundle(encode_bundle([largest])) == [largest]
    with pytest.raises(EntryTooLarge, match="expected an entry of at most 65535 bytes, got 65536"):
        encode_bundle([b"a", largest + b"x"])


@given(st.data())
def test_a_bundle_that_was_cut_off_never_passes_for_whole(data: st.DataObject) -> None:
    entries = data.draw(st.lists(st.binary(max_size=20), min_size=1, max_size=10))
    bundle = encode_bundle(entries)
    cut = bundle[: data.draw(st.integers(0, len(bundle) - 1))]

    try:
        read = decode_bundle(cut)
    except MalformedTile:
        return

    # A cut between two entries is a smaller bundle: its width is what tells, and callers know it.
    assert read == entries[: len(read)]
    assert len(read) < len(entries)


@pytest.mark.parametrize("bundle", [b"", b"\x00", b"\x00\x02x", b"\x00\x00" * 257])
def test_bytes_that_are_no_bundle_are_refused(bundle: bytes) -> None:
    with pytest.raises(MalformedTile):
        decode_bundle(bundle)


@pytest.mark.parametrize(("length", "width"), [(0, 1), (31, 1), (33, 1), (64, 1), (32, 2)])
def test_a_tile_of_another_width_is_refused(length: int, width: int) -> None:
    with pytest.raises(MalformedTile, match=f"expected a tile of {width * 32} bytes, got {length}"):
        decode_tile(bytes(length), width)


# --- growing and reading --------------------------------------------------------------------


def test_the_specification_s_tree_of_70_000_leaves_has_its_tiles() -> None:
    tiles = list(tiles_of(0, 70_000))

    by_level = {
        level: [tile for tile in tiles if tile.level == level] for level in ("entries", 0, 1, 2)
    }
    assert len(tiles) == sum(map(len, by_level.values()))
    assert len(by_level["entries"]) == len(by_level[0]) == 274
    assert by_level[0][-1] == Tile(0, 273, 112)
    assert by_level[1] == [Tile(1, 0, 256), Tile(1, 1, 17)]
    assert by_level[2] == [Tile(2, 0, 1)]


@pytest.mark.parametrize(
    ("old_size", "new_size", "paths"),
    [
        (0, 0, []),
        (5, 5, []),
        (255, 256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (256, 257, ["tile/entries/001.p/1", "tile/0/001.p/1"]),
    ],
)
def test_growing_writes_what_became_different(
    old_size: int, new_size: int, paths: list[str]
) -> None:
    assert [tile.path for tile in tiles_of(old_size, new_size)] == paths


def test_a_tree_of_several_tile_levels_is_proved_from_its_tiles() -> None:
    entries = [b"%d" % index for index in range(66_000)]
    frontier = Frontier()
    rows: dict[int, list[bytes]] = {}
    for row in frontier.extend([leaf_hash(entry) for entry in entries]):
        rows[row.level] = row.hashes
    read: list[Tile] = []

    def read_tile(tile: Tile) -> bytes:
        assert tile.level != "entries"
        read.append(tile)
        start = tile.index * 256
        return encode_tile(rows[tile.level * 8][start : start + tile.width])

    node = TileNodes(read_tile).of_size(len(entries))

    assert tree_root(len(entries), node) == frontier.root()
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        proof = inclusion_proof(index, len(entries), node)
        verify_inclusion(
            leaf_hash(entries[index]), proof, index=index, size=len(entries), root=frontier.root()
        )
    assert len(read) == len(set(read)), "a tile that is kept is not read again"
    assert set(read) <= set(tiles_of(0, len(entries)))


@pytest.mark.parametrize(("level", "index"), [(0, 15), (0, -1), (4, 0), (70, 0)])
def test_a_node_the_tree_does_not_have_is_never_read(level: int, index: int) -> None:
    def no_read(tile: Tile) -> bytes:
        raise AssertionError(tile)

    with pytest.raises(OutsideTree):
        TileNodes(no_read).of_size(15)(level, index)
