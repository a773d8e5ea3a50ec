"""The tree is that of RFC 6962, and no proof that is not true is believed."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LedgerError
from ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    MalformedFrontier,
    MalformedProof,
    NodeReader,
    OutsideTree,
    RootMismatch,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    subtree_consistency_proof,
    tree_root,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from tests.shared import shared_archive, shared_path

_MERKLE_ARCHIVE = ("data", "vectors", "transparency-dev-merkle-testdata.tar.gz")


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"entry %d" % index) for index in range(count)]


def by_the_rfc(leaf_hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaf_hashes:
        return sha256(b"").digest()
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    split = 1
    while split * 2 < len(leaf_hashes):
        split *= 2
    return node_hash(by_the_rfc(leaf_hashes[:split]), by_the_rfc(leaf_hashes[split:]))


def nodes_of(leaf_hashes: list[bytes]) -> NodeReader:
    def node(level: int, index: int) -> bytes:
        covered = leaf_hashes[index << level : (index + 1) << level]
        assert len(covered) == 1 << level, "only perfect subtrees may be asked for"
        return by_the_rfc(covered)

    return node


# --- published vectors ----------------------------------------------------------------------


def _decoded(vector: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = {
        name: base64.b64decode(vector[name] or "")
        for name in ("root", "root1", "root2", "leafHash")
        if name in vector
    }
    return {**vector, **decoded, "proof": [base64.b64decode(h) for h in vector["proof"] or []]}


def _check_inclusion(v: dict[str, Any]) -> None:
    verify_inclusion(
        v["leafHash"], v["proof"], index=v["leafIdx"], size=v["treeSize"], root=v["root"]
    )


def _check_consistency(v: dict[str, Any]) -> None:
    verify_consistency(
        v["proof"],
        old_size=v["size1"],
        new_size=v["size2"],
        old_root=v["root1"],
        new_root=v["root2"],
    )


def _check_subtree_inclusion(v: dict[str, Any]) -> None:
    verify_subtree_inclusion(
        v["leafHash"],
        v["proof"],
        index=v["leafIdx"],
        start=v["start"],
        end=v["end"],
        root=v["root"],
    )


def _check_subtree_consistency(v: dict[str, Any]) -> None:
    verify_subtree_consistency(
        v["proof"],
        start=v["start"],
        end=v["end"],
        size=v["size"],
        subtree_root=v["root1"],
        root=v["root2"],
    )


_CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "inclusion": _check_inclusion,
    "consistency": _check_consistency,
    "subtreeinclusion": _check_subtree_inclusion,
    "subtreeconsistency": _check_subtree_consistency,
}


def _is_believed(check: Callable[[dict[str, Any]], None], vector: dict[str, Any]) -> bool:
    try:
        check(vector)
    except LedgerError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("inclusion", 98),
        ("consistency", 98),
        ("subtreeinclusion", 204),
        ("subtreeconsistency", 118),
    ],
)
def test_every_published_proof_is_judged_as_published(kind: str, count: int) -> None:
    files = shared_archive(*_MERKLE_ARCHIVE)
    vectors = {
        name: _decoded(json.loads(content))
        for name, content in files.items()
        if name.startswith(f"merkle/testdata/{kind}/")
    }

    wrong = [
        name
        for name, vector in vectors.items()
        if _is_believed(_CHECKS[kind], vector) == vector["wantErr"]
    ]

    assert wrong == []
    assert len(vectors) == count


def test_all_518_published_proofs_are_of_a_kind_that_is_checked() -> None:
    names = [name for name in shared_archive(*_MERKLE_ARCHIVE) if name.endswith(".json")]

    by_kind = Counter(name.split("/")[2] for name in names)

    assert set(by_kind) == set(_CHECKS)
    assert by_kind.total() == 518


def test_the_published_tree_has_the_published_nodes_and_roots() -> None:
    tree = json.loads(shared_path("data", "vectors", "rfc6962-reference-tree.json").read_text())
    frontier = Frontier()
    roots = [frontier.root().hex()]
    nodes: dict[int, list[str]] = {}

    for entry in tree["leaf_inputs_hex"]:
        for level, first_index, hashes in frontier.append(leaf_hash(bytes.fromhex(entry))):
            row = nodes.setdefault(level, [])
            assert first_index == len(row)
            row += [completed.hex() for completed in hashes]
        roots.append(frontier.root().hex())

    assert roots == tree["root_hashes_hex_by_size"]
    assert [nodes[level] for level in sorted(nodes)] == tree["node_hashes_hex"]


# --- the frontier ---------------------------------------------------------------------------


@given(st.lists(st.integers(0, 40), max_size=8))
def test_however_it_grew_a_frontier_has_the_root_of_the_rfc(batch_sizes: list[int]) -> None:
    every_leaf = leaves(sum(batch_sizes))
    frontier = Frontier()
    completed: dict[tuple[int, int], bytes] = {}

    for size in batch_sizes:
        rows = frontier.extend(every_leaf[frontier.size : frontier.size + size])
        for row in rows:
            completed.update(
                ((row.level, row.first_index + at), h) for at, h in enumerate(row.hashes)
            )

    assert frontier.root() == by_the_rfc(every_leaf)
    assert frontier.size == len(every_leaf)
    node = nodes_of(every_leaf)
    assert completed == {
        (level, index): node(level, index)
        for level in range(len(every_leaf).bit_length())
        for index in range(len(every_leaf) >> level)
    }


@given(st.integers(0, 200), st.integers(0, 50))
def test_a_stored_frontier_goes_on_where_it_was(size: int, more: int) -> None:
    every_leaf = leaves(size + more)
    frontier = Frontier()
    frontier.extend(every_leaf[:size])

    resumed = Frontier.from_bytes(frontier.to_bytes())
    resumed.extend(every_leaf[size:])

    assert resumed.root() == by_the_rfc(every_leaf)
    assert Frontier.from_bytes(resumed.to_bytes()).to_bytes() == resumed.to_bytes()


def test_an_append_that_is_forgotten_leaves_no_trace() -> None:
    frontier = Frontier()
    frontier.extend(leaves(5))
    before = frontier.to_bytes()

    frontier.copy().extend(leaves(9))

    assert frontier.to_bytes() == before


def test_a_leaf_that_is_no_hash_is_refused_and_nothing_is_appended() -> None:
    frontier = Frontier()
    frontier.extend(leaves(3))
    before = frontier.to_bytes()

    with pytest.raises(MalformedProof, match="expected hashes of 32 bytes, got 31 bytes"):
        frontier.extend([*leaves(1), b"x" * 31])

    assert frontier.to_bytes() == before


@pytest.mark.parametrize(
    "stored", [b"", b"\x00" * 7, b"\x00" * 9, b"\x00" * 7 + b"\x03" + b"x" * 32]
)
def test_frontier_bytes_that_were_cut_off_are_refused(stored: bytes) -> None:
    with pytest.raises(MalformedFrontier, match=r"expected .* bytes.*, got"):
        Frontier.from_bytes(stored)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == tree_root(0, nodes_of([])) == EMPTY_ROOT == sha256().digest()


# --- proofs that are made are believed, and nothing near them is --------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 33])
def test_every_leaf_of_a_tree_can_be_proved(size: int) -> None:
    every_leaf = leaves(size)
    node = nodes_of(every_leaf)
    root = tree_root(size, node)

    for index, leaf in enumerate(every_leaf):
        proof = inclusion_proof(index, size, node)

        verify_inclusion(leaf, proof, index=index, size=size, root=root)
        for other in range(size):
            if other != index:
                with pytest.raises(LedgerError):
                    verify_inclusion(leaf, proof, index=other, size=size, root=root)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 20])
def test_every_subtree_of_a_tree_can_be_proved(size: int) -> None:
    every_leaf = leaves(size)
    node = nodes_of(every_leaf)
    proved = 0

    for start in range(size):
        for end in range(start + 1, size + 1):
            if start % (1 << (end - start - 1).bit_length()):
                with pytest.raises(OutsideTree, match="multiple of the range's width"):
                    subtree_consistency_proof(start, end, size, node)
                continue
            verify_subtree_consistency(
                subtree_consistency_proof(start, end, size, node),
                start=start,
                end=end,
                size=size,
                subtree_root=by_the_rfc(every_leaf[start:end]),
                root=by_the_rfc(every_leaf),
            )
            proved += 1

    assert proved >= size


@given(st.data())
def test_any_flipped_bit_of_a_consistency_proof_is_found(data: st.DataObject) -> None:
    new_size = data.draw(st.integers(2, 70))
    old_size = data.draw(st.integers(1, new_size - 1))
    every_leaf = leaves(new_size)
    proof = consistency_proof(old_size, new_size, nodes_of(every_leaf))
    roots = {"old_root": by_the_rfc(every_leaf[:old_size]), "new_root": by_the_rfc(every_leaf)}
    verify_consistency(proof, old_size=old_size, new_size=new_size, **roots)
    at = data.draw(st.integers(0, len(proof) * 256 - 1))
    flipped = list(proof)
    changed = int.from_bytes(flipped[at // 256], "big") ^ (1 << at % 256)
    flipped[at // 256] = changed.to_bytes(32, "big")

    with pytest.raises(RootMismatch):
        verify_consistency(flipped, old_size=old_size, new_size=new_size, **roots)


@given(st.data())
def test_any_altered_inserted_dropped_or_swapped_entry_is_found(data: st.DataObject) -> None:
    """The promise: the log only grows. What is below a kept root cannot change unseen."""
    size = data.draw(st.integers(2, 40))
    every_leaf = leaves(size)
    at = data.draw(st.integers(0, size - 2))
    altered = data.draw(
        st.sampled_from(
            [
                [*every_leaf[:at], leaf_hash(b"forged"), *every_leaf[at + 1 :]],
                [*every_leaf[:at], leaf_hash(b"forged"), *every_leaf[at:]],
                [*every_leaf[:at], *every_leaf[at + 1 :]],
                [*every_leaf[:at], every_leaf[at + 1], every_leaf[at], *every_leaf[at + 2 :]],
            ]
        )
    )
    grown = altered + leaves(5)
    proof = consistency_proof(size, len(grown), nodes_of(grown))

    with pytest.raises(RootMismatch):
        verify_consistency(
            proof,
            old_size=size,
            new_size=len(grown),
            old_root=by_the_rfc(every_leaf),
            new_root=by_the_rfc(grown),
        )


_hash_like = st.binary(max_size=40) | st.binary(min_size=32, max_size=32)
_number = st.integers(-2, 20) | st.sampled_from([2**63, 2**64 - 1, 2**70])


@given(
    st.lists(_hash_like, max_size=6), st.tuples(_number, _number, _number), _hash_like, _hash_like
)
def test_malformed_proofs_are_refused_and_never_crash(
    proof: list[bytes], numbers: tuple[int, int, int], seed: bytes, root: bytes
) -> None:
    """Only errors of the tree of errors may leave: others would fail this test."""
    start, end, size = numbers
    consistency = {"start": start, "end": end, "size": size, "root1": seed, "root2": root}
    inclusion = {"leafIdx": start, "treeSize": size, "leafHash": seed, "root": root}

    is_consistent = _is_believed(_check_subtree_consistency, {**consistency, "proof": proof})
    is_included = _is_believed(_check_inclusion, {**inclusion, "proof": proof})

    assert not is_consistent or seed == root or start == end
    assert not is_included or seed == root


@pytest.mark.parametrize(("start", "end"), [(-1, -1), (-1, 0), (-2, 2), (2, 1), (3, 5), (5, 5)])
def test_a_range_that_is_not_inside_the_tree_is_refused(start: int, end: int) -> None:
    with pytest.raises(OutsideTree, match=r"expected a range inside \[0, 4\), got"):
        verify_subtree_consistency(
            [], start=start, end=end, size=4, subtree_root=EMPTY_ROOT, root=EMPTY_ROOT
        )


def test_a_mismatch_names_both_roots() -> None:
    with pytest.raises(RootMismatch) as refusal:
        verify_inclusion(leaf_hash(b"a"), [], index=0, size=1, root=leaf_hash(b"b"))

    assert refusal.value.expected == leaf_hash(b"b").hex()
    assert refusal.value.got == leaf_hash(b"a").hex()
    assert str(refusal.value) == f"expected root {refusal.value.expected}, got {refusal.value.got}"


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_the_tree_does_not_have_cannot_be_proved(index: int, size: int) -> None:
    with pytest.raises(OutsideTree, match=f"expected a leaf index below {size}, got {index}"):
        inclusion_proof(index, size, nodes_of(leaves(size)))


@pytest.mark.parametrize(("old_size", "new_size"), [(0, 3), (4, 3), (-1, 3)])
def test_a_tree_that_was_not_there_cannot_be_proved(old_size: int, new_size: int) -> None:
    with pytest.raises(OutsideTree):
        consistency_proof(old_size, new_size, nodes_of(leaves(new_size)))
