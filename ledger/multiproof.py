"""One proof for many entries: what a checker needs beside their leaf hashes to reach the root of RFC 6962, once.

The hashes are those of the largest subtrees that hold none of the entries, from left to right. Which subtrees
those are follows from the tree's size and the leaf indices, so nothing but the hashes is told; of one entry they
are its inclusion proof in another order. The root is MTH(D[size]) of RFC 6962, section 2.1, in which each such
subtree's hash, and each entry's leaf hash, is known already.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ledger.merkle import (
    HASH_BYTES,
    MalformedProof,
    NodeReader,
    OutsideTree,
    RootMismatch,
    left_leaves,
    node_hash,
    range_root,
)


def multiproof(indices: Iterable[int], size: int, node: NodeReader) -> list[bytes]:
    """The hashes that show the leaves at `indices` in the tree of `size`. Raises OutsideTree."""
    within = _Leaves(indices, size)
    return [range_root(low, high, node) for low, high in _without(0, size, within)]


def verify_multiproof(
    leaves: Mapping[int, bytes], hashes: Sequence[bytes], *, size: int, root: bytes
) -> None:
    """Return if `hashes` show each of `leaves` (leaf index → leaf hash) in the tree of `size` with `root`.

    `size` and `root` are those of one checkpoint: as everywhere in RFC 6962, the root alone does not tell the size.
    Raises OutsideTree, MalformedProof (also for a hash too many or too few) or RootMismatch.
    """
    within = _Leaves(leaves, size)
    if any(len(one) != HASH_BYTES for one in (root, *leaves.values(), *hashes)):
        raise MalformedProof(expected=f"hashes of {HASH_BYTES} bytes", got="other lengths")
    wanted = sum(1 for _ in _without(0, size, within))
    if wanted != len(hashes):
        raise MalformedProof(expected=f"a proof of {wanted} hashes", got=f"{len(hashes)}")
    computed = _root(0, size, within, leaves, iter(hashes))
    if computed != root:
        raise RootMismatch(expected=root, got=computed)


class _Leaves:
    """The leaf indices of the entries, asked by ranges."""

    def __init__(self, indices: Iterable[int], size: int) -> None:
        self._sorted = sorted(set(indices))
        if not self._sorted:
            raise OutsideTree(expected="at least one leaf", got="none")
        for index in (self._sorted[0], self._sorted[-1]):
            if not 0 <= index < size:
                raise OutsideTree(expected=f"a leaf index below {size}", got=f"{index}")

    def any_in(self, low: int, high: int) -> bool:
        at = bisect_left(self._sorted, low)
        return at < len(self._sorted) and self._sorted[at] < high


def _without(low: int, high: int, leaves: _Leaves) -> Iterator[tuple[int, int]]:
    """The largest subtrees of the one over [low, high) that hold none of the leaves, from left to right."""
    # As deep as the tree is high: 63 at most.
    if not leaves.any_in(low, high):
        yield low, high
    elif high - low > 1:
        split = low + left_leaves(high - low)
        yield from _without(low, split, leaves)
        yield from _without(split, high, leaves)


def _root(
    low: int, high: int, within: _Leaves, leaves: Mapping[int, bytes], hashes: Iterator[bytes]
) -> bytes:
    if not within.any_in(low, high):
        return next(hashes)
    if high - low == 1:
        return leaves[low]
    split = low + left_leaves(high - low)
    left = _root(low, split, within, leaves, hashes)
    return node_hash(left, _root(split, high, within, leaves, hashes))
