"""One proof shows many entries, with as few hashes as that takes, and none that is not true is believed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.merkle import (
    MalformedProof,
    NodeReader,
    OutsideTree,
    RootMismatch,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
)
from ledger.multiproof import multiproof, verify_multiproof

Subset = tuple[int, set[int]]


@st.composite
def subsets(draw: st.DrawFn) -> Subset:
    """A tree's size, and some of its leaves."""
    size = draw(st.integers(1, 70))
    return size, draw(st.sets(st.integers(0, size - 1), min_size=1))


def leaf(index: int) -> bytes:
    return leaf_hash(b"entry %d" % index)


def node(level: int, index: int) -> bytes:
    if level == 0:
        return leaf(index)
    return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))


def in_tree(size: int) -> NodeReader:
    def reads(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size, "only perfect subtrees may be asked for"
        return node(level, index)

    return reads


def made(subset: Subset) -> tuple[dict[int, bytes], list[bytes], bytes]:
    """The leaves, their proof, and the root."""
    size, indices = subset
    reads = in_tree(size)
    return (
        {index: leaf(index) for index in indices},
        multiproof(indices, size, reads),
        tree_root(size, reads),
    )


@given(subsets())
def test_a_proof_of_any_leaves_of_any_tree_is_believed(subset: Subset) -> None:
    leaves, proof, root = made(subset)

    verify_multiproof(leaves, proof, size=subset[0], root=root)


@given(subsets())
def test_it_holds_no_hash_that_could_be_computed_and_none_that_no_single_proof_has(
    subset: Subset,
) -> None:
    """Each hash is in the inclusion proof of one of the leaves; a path between two of them needs none twice."""
    size, indices = subset
    _, proof, _ = made(subset)

    singly = [set(inclusion_proof(index, size, in_tree(size))) for index in indices]

    assert set(proof) <= set().union(*singly)
    assert len(proof) == len(set(proof)) <= sum(map(len, singly))
    assert not {leaf(index) for index in indices} & set(proof)


@given(st.integers(1, 70), st.data())
def test_of_one_leaf_it_is_the_inclusion_proof(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))

    proof = multiproof([index], size, in_tree(size))

    assert sorted(proof) == sorted(inclusion_proof(index, size, in_tree(size)))


@given(st.integers(1, 70))
def test_of_all_leaves_it_is_empty(size: int) -> None:
    assert multiproof(range(size), size, in_tree(size)) == []


@given(subsets(), st.data())
def test_any_flipped_byte_is_found(subset: Subset, data: st.DataObject) -> None:
    leaves, proof, root = made(subset)
    hashes = [*leaves.values(), *proof]
    at = data.draw(st.integers(0, len(hashes) - 1))
    byte, flip = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    changed = bytearray(hashes[at])
    changed[byte] ^= flip
    hashes[at] = bytes(changed)

    with pytest.raises(RootMismatch):
        verify_multiproof(
            dict(zip(leaves, hashes, strict=False)),
            hashes[len(leaves) :],
            size=subset[0],
            root=root,
        )


@given(subsets(), st.data())
def test_a_hash_too_many_or_too_few_is_found(subset: Subset, data: st.DataObject) -> None:
    leaves, proof, root = made(subset)
    at = data.draw(st.integers(0, len(proof)))

    with pytest.raises(MalformedProof):
        verify_multiproof(leaves, [*proof[:at], root, *proof[at:]], size=subset[0], root=root)
    if at < len(proof):
        with pytest.raises(MalformedProof):
            verify_multiproof(leaves, proof[:at] + proof[at + 1 :], size=subset[0], root=root)


@given(subsets(), st.data())
def test_a_leaf_elsewhere_or_left_out_is_found(subset: Subset, data: st.DataObject) -> None:
    size, indices = subset
    leaves, proof, root = made(subset)
    gone = data.draw(st.sampled_from(sorted(indices)))
    rest = {index: one for index, one in leaves.items() if index != gone}
    elsewhere = data.draw(st.integers(0, size - 1))
    assume(elsewhere not in indices)

    with pytest.raises((RootMismatch, MalformedProof)):
        verify_multiproof({**rest, elsewhere: leaves[gone]}, proof, size=size, root=root)
    if rest:
        with pytest.raises((RootMismatch, MalformedProof)):
            verify_multiproof(rest, proof, size=size, root=root)


@pytest.mark.parametrize("indices", [[], [-1], [7], [3, 7]])
def test_leaves_that_the_tree_does_not_have_are_refused(indices: list[int]) -> None:
    with pytest.raises(OutsideTree):
        multiproof(indices, 7, in_tree(7))


def test_what_is_no_hash_is_refused() -> None:
    leaves, proof, root = made((7, {3}))

    for wrong in ([*proof[:-1], b"short"], [*proof[:-1], proof[-1] + b"\0"]):
        with pytest.raises(MalformedProof, match="32 bytes"):
            verify_multiproof(leaves, wrong, size=7, root=root)


def test_a_tree_as_large_as_a_checkpoint_may_claim_takes_no_longer() -> None:
    """Sizes come from files: 2^63 - 1 leaves are as many steps as the tree is high."""
    with pytest.raises(MalformedProof):
        verify_multiproof({0: leaf(0)}, [], size=2**63 - 1, root=leaf(0))
