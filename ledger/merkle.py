"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashes, frontier, proofs.

Hashes are 32 bytes. Leaf index = position - 1. A node is named by (level, index): level 0 holds the
leaf hashes, and node (l, i) is the root of the perfect subtree over leaves [i * 2^l, (i + 1) *
2^l).

One algorithm serves every proof. An inclusion proof is the consistency proof of the subtree that
holds one leaf, and a consistency proof between two trees is that of the subtree which starts at
leaf 0 (draft-ietf-plants-merkle-tree-certs, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from domain.errors import LedgerError
from ledger.spelling import Unexpected

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> the hash of a perfect subtree that lies wholly inside the tree."""


class OutsideTree(Unexpected):
    """A range that the tree does not have."""

    code = "outside-tree"
    summary = "The tree has no such range."


class MalformedProof(Unexpected):
    """Something that is not a proof, or not a hash, before anything could be compared."""

    code = "malformed-proof"
    summary = "The proof is malformed."


class MalformedFrontier(Unexpected):
    """Stored frontier bytes that no frontier writes."""

    code = "malformed-frontier"
    summary = "The stored frontier is malformed."


class RootMismatch(LedgerError):
    """The hashes lead to another root: what was proved is not what the tree holds. Both are
    lower-case hex.
    """

    code = "root-mismatch"
    summary = "The proof leads to another root."

    def __init__(self, *, expected: bytes, got: bytes) -> None:
        self.expected = expected.hex()
        self.got = got.hex()
        super().__init__(
            f"expected root {self.expected}, got {self.got}", expected=self.expected, got=self.got
        )


def leaf_hash(entry: bytes) -> bytes:
    """MTH of one entry: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an interior node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class CompletedRow(NamedTuple):
    """Consecutive nodes of one level that became perfect: (level, first_index), (level, first_index
    + 1), …
    """

    level: int
    first_index: int
    hashes: list[bytes]


class Frontier:
    """The perfect subtrees that cover the log so far: all that appending and the root need, at most
    64 hashes.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        # By level; b"" where the size has no such bit.
        self._peaks: list[bytes] = []

    @property
    def size(self) -> int:
        return self._size

    def extend(self, leaf_hashes: Sequence[bytes]) -> list[CompletedRow]:
        """Append leaf hashes in order; return every node that this completes, leaves first, level
        by level.

        Raises MalformedProof, and changes nothing, if one of them is not 32 bytes.
        """
        _require_hashes(leaf_hashes)
        rows: list[CompletedRow] = []
        row = list(leaf_hashes)
        while row:
            level = len(rows)
            rows.append(CompletedRow(level, self._size >> level, row))
            row = self._paired_up(level, row)
        self._size += len(leaf_hashes)
        return rows

    def append(self, leaf: bytes) -> list[CompletedRow]:
        """`extend` by one."""
        return self.extend((leaf,))

    def root(self) -> bytes:
        """MTH of the log so far."""
        return _bagged([peak for peak in reversed(self._peaks) if peak])

    def copy(self) -> Frontier:
        """An independent frontier, so that an append whose transaction fails can be forgotten."""
        twin = Frontier()
        twin._size = self._size
        twin._peaks = self._peaks.copy()
        return twin

    def to_bytes(self) -> bytes:
        """The size as 8 bytes big-endian, then the peaks from the largest to the smallest."""
        return self._size.to_bytes(_SIZE_BYTES, "big") + b"".join(reversed(self._peaks))

    @classmethod
    def from_bytes(cls, stored: bytes) -> Frontier:
        """Read what `to_bytes` wrote. Raises MalformedFrontier if the length does not fit the size
        in it.
        """
        if len(stored) < _SIZE_BYTES:
            raise MalformedFrontier(expected=f"at least {_SIZE_BYTES} bytes", got=f"{len(stored)}")
        size = int.from_bytes(stored[:_SIZE_BYTES], "big")
        expected_bytes = _SIZE_BYTES + size.bit_count() * HASH_BYTES
        if len(stored) != expected_bytes:
            raise MalformedFrontier(
                expected=f"{expected_bytes} bytes for size {size}", got=f"{len(stored)}"
            )
        frontier = cls()
        frontier._size = size
        # The smallest peak is stored last.
        from_smallest = (
            stored[at : at + HASH_BYTES]
            for at in range(expected_bytes - HASH_BYTES, 0, -HASH_BYTES)
        )
        frontier._peaks = [
            next(from_smallest) if size >> level & 1 else b"" for level in range(size.bit_length())
        ]
        return frontier

    def _paired_up(self, level: int, row: list[bytes]) -> list[bytes]:
        """The parents of `row` and the peak that waited for it; what has no sibling yet waits as
        the new peak.
        """
        if level == len(self._peaks):
            self._peaks.append(b"")
        waiting = [self._peaks[level], *row] if self._peaks[level] else row
        self._peaks[level] = waiting[-1] if len(waiting) % 2 else b""
        siblings = iter(waiting)
        # `node_hash` written out: the call would cost a third of the appends per second.
        return [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(siblings, siblings, strict=False)
        ]


def tree_root(size: int, node: NodeReader) -> bytes:
    """MTH of the first `size` leaves."""
    return range_root(0, size, node)


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962, section 2.1.1: the leaf's sibling first. Raises
    OutsideTree.
    """
    if not 0 <= index < size:
        raise OutsideTree(expected=f"a leaf index below {size}", got=f"{index}")
    return subtree_consistency_proof(index, index + 1, size, node)


def consistency_proof(old_size: int, new_size: int, node: NodeReader) -> list[bytes]:
    """PROOF(old_size, D[new_size]) of RFC 6962, section 2.1.2. Raises OutsideTree unless 0 <
    old_size <= new_size.
    """
    return subtree_consistency_proof(0, old_size, new_size, node)


def subtree_consistency_proof(start: int, end: int, size: int, node: NodeReader) -> list[bytes]:
    """SUBTREE_PROOF(start, end, D[size]): that the subtree over leaves [start, end) is part of the
    tree.

    Raises OutsideTree for an empty range and for one that no subtree covers.
    """
    _require_subtree(start, end, size)
    if start == end:
        raise OutsideTree(expected="at least one leaf", got=f"[{start}, {end})")
    from_root: list[bytes] = []
    low, high, is_known = 0, size, True
    while (low, high) != (start, end):
        split = low + left_leaves(high - low)
        if end <= split:
            from_root.append(range_root(split, high, node))
            high = split
        else:
            from_root.append(range_root(low, split, node))
            low = split
            if start < split:
                # The subtree reaches over the split: its left part is perfect and only the rest is
                # still to be shown.
                start, is_known = split, False
    if not is_known:
        from_root.append(range_root(low, high, node))
    return from_root[::-1]


def verify_inclusion(
    leaf: bytes, proof: Sequence[bytes], *, index: int, size: int, root: bytes
) -> None:
    """Return if `proof` shows leaf hash `leaf` at `index` in the tree of `size` leaves with `root`.

    Raises OutsideTree, MalformedProof or RootMismatch.
    """
    verify_subtree_inclusion(leaf, proof, index=index, start=0, end=size, root=root)


def verify_subtree_inclusion(
    leaf: bytes, proof: Sequence[bytes], *, index: int, start: int, end: int, root: bytes
) -> None:
    """Return if `proof` shows leaf hash `leaf` at `index` in the subtree over leaves [start, end)
    with `root`.

    Raises OutsideTree, MalformedProof or RootMismatch.
    """
    _require_subtree(start, end, end)
    if not start <= index < end:
        raise OutsideTree(expected=f"a leaf index in [{start}, {end})", got=f"{index}")
    _require_hashes((leaf, root, *proof))
    _, computed = _climb(leaf, proof, start=index - start, end=index - start + 1, size=end - start)
    _require_root(expected=root, got=computed)


def verify_consistency(
    proof: Sequence[bytes], *, old_size: int, new_size: int, old_root: bytes, new_root: bytes
) -> None:
    """Return if `proof` shows that the tree of `old_size` leaves is where the tree of `new_size`
    leaves began.

    Raises OutsideTree, MalformedProof or RootMismatch. From an empty tree there is nothing to show:
    OutsideTree.
    """
    if old_size == 0:
        raise OutsideTree(expected="an old tree of at least one leaf", got="an empty one")
    verify_subtree_consistency(
        proof, start=0, end=old_size, size=new_size, subtree_root=old_root, root=new_root
    )


def verify_subtree_consistency(
    proof: Sequence[bytes], *, start: int, end: int, size: int, subtree_root: bytes, root: bytes
) -> None:
    """Return if `proof` shows that leaves [start, end), with `subtree_root`, stand in the tree of
    `size` with `root`.

    An empty range is shown by an empty proof and says nothing about `root`.
    Raises OutsideTree, MalformedProof or RootMismatch.
    """
    _require_subtree(start, end, size)
    if start == end:
        _require_length(proof, expected=0)
        _require_root(expected=subtree_root, got=EMPTY_ROOT)
        return
    if end - start == size:
        # Nothing is hashed, so that nothing need be a hash: the published vectors compare "don't
        # care" with itself here and want it believed.
        _require_length(proof, expected=0)
        _require_root(expected=root, got=subtree_root)
        return
    _require_hashes((subtree_root, root, *proof))
    subtree_computed, computed = _climb(subtree_root, proof, start=start, end=end, size=size)
    _require_root(expected=subtree_root, got=subtree_computed)
    _require_root(expected=root, got=computed)


def _climb(
    seed: bytes, proof: Sequence[bytes], *, start: int, end: int, size: int
) -> tuple[bytes, bytes]:
    """The roots of the subtree [start, end) and of the tree, as computed from `seed`, the subtree's
    own root.

    draft-ietf-plants-merkle-tree-certs, section 4.4.3; RFC 9162, section 2.1.4.2 is the case start
    = 0. `first`, `last` and `edge` are the indices, on the level reached, of the subtree's first
    and last and the tree's last node.
    """
    first, last, edge = start, end - 1, size - 1
    # Up to the largest perfect subtree that ends where the subtree ends: below it the proof has
    # nothing to add.
    skipped = (
        (last ^ first).bit_length()
        if last == edge
        else min(_trailing_ones(last), (last ^ first).bit_length())
    )
    first, last, edge = first >> skipped, last >> skipped, edge >> skipped
    _require_length(proof, expected=_proof_length(first, last, edge))
    path = iter(proof)
    subtree = tree = seed if first == last else next(path)
    for sibling in path:
        if last & 1 or last == edge:
            if first < last:
                subtree = node_hash(sibling, subtree)
            tree = node_hash(sibling, tree)
            while not last & 1:
                first, last, edge = first >> 1, last >> 1, edge >> 1
        else:
            tree = node_hash(tree, sibling)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    return subtree, tree


def _proof_length(first: int, last: int, edge: int) -> int:
    """How many hashes lead from node `last` to the root: every level until the edge is met, then
    one per left turn.
    """
    until_edge = (last ^ edge).bit_length()
    return until_edge + (last >> until_edge).bit_count() + (first != last)


def range_root(low: int, high: int, node: NodeReader) -> bytes:
    """MTH of leaves [low, high), where `low` is a multiple of the largest power of two in the
    range.
    """
    width = high - low
    peaks = []
    while width:
        level = width.bit_length() - 1
        peaks.append(node(level, low >> level))
        low += 1 << level
        width -= 1 << level
    return _bagged(peaks)


def _bagged(peaks: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def left_leaves(count: int) -> int:
    """How many of a tree's `count` leaves, 2 or more, lie left of its root: the largest power of two below."""
    return 1 << (count - 1).bit_length() - 1


def _trailing_ones(number: int) -> int:
    return ((number + 1) & ~number).bit_length() - 1


def _require_subtree(start: int, end: int, size: int) -> None:
    if not 0 <= start <= end <= size:
        raise OutsideTree(expected=f"a range inside [0, {size})", got=f"[{start}, {end})")
    # Only such a range is a node's leaves, or the left part of a node's leaves.
    if end > start and start % (1 << (end - start - 1).bit_length()):
        raise OutsideTree(
            expected="a start that is a multiple of the range's width", got=f"[{start}, {end})"
        )


def _require_hashes(hashes: Iterable[bytes]) -> None:
    wrong_lengths_bytes = set(map(len, hashes)) - {HASH_BYTES}
    if wrong_lengths_bytes:
        raise MalformedProof(
            expected=f"hashes of {HASH_BYTES} bytes", got=f"{min(wrong_lengths_bytes)} bytes"
        )


def _require_length(proof: Sequence[bytes], *, expected: int) -> None:
    if len(proof) != expected:
        raise MalformedProof(expected=f"a proof of {expected} hashes", got=f"{len(proof)}")


def _require_root(*, expected: bytes, got: bytes) -> None:
    if expected != got:
        raise RootMismatch(expected=expected, got=got)
