"""Check that an entry is in a log, with Python's standard library alone and none of the ledger's code.

    python3 check_proof.py VKEY ENTRY PROOF

VKEY: the verifier key as text. ENTRY: a file with the entry's bytes, as `itsm-ledger events` prints them
on a line. PROOF: what `itsm-ledger prove` prints (https://c2sp.org/tlog-proof). Ends with 0 when the entry
is in the log that the key has signed. Written to be read: that is the point of it.
"""
# ruff: noqa: INP001, T201 - a script for readers, which belongs to no package and prints its verdict

import base64
import hashlib
import sys
from pathlib import Path

P = 2**255 - 19  # the field of Ed25519, RFC 8032 section 5.1
L = 2**252 + 27742317777372353535851937790883648493  # the order of its group
D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def sha256(data):
    return hashlib.sha256(data).digest()


# --- the Merkle tree, RFC 6962 section 2.1 ---


def root_from(leaf, index, size, hashes):
    """The root that a tree of `size` leaves has if `leaf` is at `index`, RFC 9162 section 2.1.3.2."""
    node, last, root = index, size - 1, leaf
    for sibling in hashes:
        if not last:
            sys.exit("the proof has too many hashes")
        if node % 2 or node == last:
            root = sha256(b"\x01" + sibling + root)
            while node and node % 2 == 0:
                node, last = node // 2, last // 2
        else:
            root = sha256(b"\x01" + root + sibling)
        node, last = node // 2, last // 2
    if last:
        sys.exit("the proof has too few hashes")
    return root


# --- the signature, RFC 8032 section 5.1 ---


def add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P)
    return x % P, y % P


def times(point, n):
    result = (0, 1)
    while n:
        if n % 2:
            result = add(result, point)
        point, n = add(point, point), n // 2
    return result


def point_from(encoded):
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_OF_MINUS_1 % P
    if (x * x - x2) % P:
        sys.exit("this is no point of the curve")
    return (x if x % 2 == encoded[31] >> 7 else P - x), y


def is_signed(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    base = point_from((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    return s < L and times(base, s) == add(point_from(r), times(point_from(key), h))


# --- the texts ---


def check(vkey, entry, proof):
    name, key_id, material = vkey.strip().split("+", 2)
    key = base64.b64decode(material)[1:]  # the byte before it says: Ed25519

    head, note = proof.split("\n\n", 1)
    _, index, *hashes = head.split("\n")
    text, signatures = note.split("\n\n", 1)
    origin, size, root = text.split("\n")[:3]

    computed = root_from(
        sha256(b"\x00" + entry),
        int(index.removeprefix("index ")),
        int(size),
        [base64.b64decode(line) for line in hashes],
    )
    if base64.b64encode(computed).decode() != root:
        sys.exit("NOT in the log: the entry does not lead to the signed root")
    for line in signatures.splitlines():
        _, signer, blob = line.split(" ")
        raw = base64.b64decode(blob)
        if (
            signer == name
            and raw[:4].hex() == key_id
            and is_signed(key, f"{text}\n".encode(), raw[4:])
        ):
            return f"in the log {origin} of {size} entries, signed by {name}"
    sys.exit("NOT signed by this key")


if __name__ == "__main__":
    given_vkey, entry_file, proof_file = sys.argv[1:]
    raw_entry = Path(entry_file).read_bytes().rstrip(b"\n")
    print(check(given_vkey, raw_entry, Path(proof_file).read_text()))
