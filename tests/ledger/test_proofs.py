"""A proof text shows one entry in one log, offline, and nothing that was altered passes."""

from __future__ import annotations

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LedgerError
from ledger.merkle import Frontier, OutsideTree, RootMismatch, inclusion_proof, leaf_hash
from ledger.notes import (
    Algorithm,
    Checkpoint,
    MalformedNote,
    Unsigned,
    WrongOrigin,
    cosignature_of,
    format_note,
    parse_vkey,
    sign,
    signature_of,
    verifier_key,
)
from ledger.proofs import MalformedProofText, format_proof, parse_proof, verify_proof
from ledger.tiles import TileNodes, decode_bundle
from tests.shared import shared_archive

ORIGIN = "ledger.example/acme"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = verifier_key(ORIGIN, KEY)
ENTRIES = [b"entry %d" % index for index in range(11)]
TESSERA_VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def proof_of(index: int, *, extra: bytes | None = None) -> str:
    frontier = Frontier()
    rows = {row.level: row.hashes for row in frontier.extend([leaf_hash(e) for e in ENTRIES])}
    hashes = inclusion_proof(index, len(ENTRIES), lambda level, at: rows[level][at])
    checkpoint = sign(str(Checkpoint(ORIGIN, frontier.size, frontier.root())), ORIGIN, KEY)
    return format_proof(index, hashes, checkpoint, extra=extra)


@pytest.mark.parametrize("index", range(len(ENTRIES)))
def test_every_entry_is_proved_by_its_text(index: int) -> None:
    text = proof_of(index)

    proven = verify_proof(ENTRIES[index], text, [VKEY], origin=ORIGIN)

    assert (proven.index, proven.checkpoint.size) == (index, len(ENTRIES))
    assert [signature.key for signature in proven.signatures] == [VKEY]


def test_every_entry_of_the_log_that_tessera_wrote_is_proved() -> None:
    archive = shared_archive("data", "vectors", "tessera-testdata-log.tar.gz")
    files = {name.removeprefix("tessera/testdata/log/"): body for name, body in archive.items()}
    node = TileNodes(lambda tile: files[tile.path]).of_size(15)

    for index, entry in enumerate(decode_bundle(files["tile/entries/000.p/15"])):
        hashes = inclusion_proof(index, 15, node)
        text = format_proof(index, hashes, files["checkpoint.15"].decode())

        proven = verify_proof(entry, text, [parse_vkey(TESSERA_VKEY)])

        assert proven.index == index


def test_the_text_has_the_lines_of_the_specification() -> None:
    text = proof_of(10, extra=b"\x00extra")

    header, extra, index, *hashes, blank, origin, size, root, end, _ = text.split("\n")[:-1]

    assert header == "c2sp.org/tlog-proof@v1"
    assert extra == "extra AGV4dHJh"
    assert index == "index 10"
    assert [len(base64.b64decode(line)) for line in hashes] == [32, 32]
    assert (blank, end) == ("", "")
    assert (origin, size, len(root)) == (ORIGIN, "11", 44)


@pytest.mark.parametrize("extra", [None, b"", b"anything"])
def test_a_proof_is_read_as_it_was_written(extra: bytes | None) -> None:
    text = proof_of(3, extra=extra)

    proof = parse_proof(text)

    assert str(proof) == text
    assert proof.extra == extra


def test_the_witnesses_that_saw_the_head_are_named() -> None:
    witness = Ed25519PrivateKey.from_private_bytes(bytes(32))
    witness_vkey = verifier_key("witness.example", witness, Algorithm.COSIGNATURE_V1)
    proof = parse_proof(proof_of(0))
    text = proof.checkpoint.split("\n\n")[0] + "\n"
    note = format_note(
        text, [signature_of(text, ORIGIN, KEY), cosignature_of(text, "witness.example", witness, 9)]
    )

    proven = verify_proof(ENTRIES[0], format_proof(0, proof.hashes, note), [VKEY, witness_vkey])

    assert [(s.key.name, s.posix_seconds) for s in proven.signatures] == [
        (ORIGIN, None),
        ("witness.example", 9),
    ]


def test_another_entry_is_not_proved() -> None:
    with pytest.raises(RootMismatch):
        verify_proof(b"entry 4 ", proof_of(4), [VKEY])


def test_another_position_is_not_proved() -> None:
    with pytest.raises(RootMismatch):
        verify_proof(ENTRIES[4], proof_of(4).replace("index 4", "index 5"), [VKEY])


def test_a_position_beyond_the_head_is_not_proved() -> None:
    with pytest.raises(OutsideTree, match=r"expected a leaf index in \[0, 11\), got 99"):
        verify_proof(ENTRIES[4], proof_of(4).replace("index 4", "index 99"), [VKEY])


def test_a_head_that_nobody_known_signed_proves_nothing() -> None:
    with pytest.raises(Unsigned):
        verify_proof(ENTRIES[4], proof_of(4), [parse_vkey(TESSERA_VKEY)])


def test_the_head_of_another_log_proves_nothing() -> None:
    with pytest.raises(WrongOrigin):
        verify_proof(ENTRIES[4], proof_of(4), [VKEY], origin="ledger.example/other")


def test_no_byte_of_a_proof_can_be_changed() -> None:
    text = proof_of(7).encode()

    for at in range(len(text)):
        changed = (text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]).decode("utf-8", "replace")

        with pytest.raises(LedgerError):
            verify_proof(ENTRIES[7], changed, [VKEY])


_TEXT = proof_of(7, extra=b"x")
_HASH64 = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n\n" + parse_proof(_TEXT).checkpoint,
        _TEXT.replace("@v1", "@v2"),
        _TEXT.replace("\n", "\r\n"),
        _TEXT.replace("index 7", "index 07"),
        _TEXT.replace("index 7", "index -7"),
        _TEXT.replace("index 7", "index  7"),
        _TEXT.replace("index 7", f"index {2**63}"),
        _TEXT.replace("index 7\n", ""),
        _TEXT.replace("extra eA==", "extra eA"),
        _TEXT.replace("extra eA==", "extra eB=="),
        _TEXT.replace("extra eA==\n", "extra eA==\nextra eA==\n"),
        _TEXT.replace("index 7\n", "index 7\nAAAA\n"),
        _TEXT.replace("index 7\n", "index 7\nnot base64\n"),
        _TEXT.replace("index 7\n", "index 7\n" + (_HASH64 + "\n") * 64),
    ],
    ids=lambda text: repr(text[:40]),
)
def test_text_that_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(MalformedProofText, match=r"expected .*, got"):
        parse_proof(text)


def test_a_proof_without_a_signed_note_is_refused() -> None:
    with pytest.raises(MalformedNote):
        parse_proof(_TEXT.split("—", maxsplit=1)[0])


@given(st.text(max_size=60), st.integers(0, 400))
def test_no_input_makes_the_reader_crash(garbage: str, at: int) -> None:
    with contextlib.suppress(LedgerError):
        verify_proof(b"", _TEXT[:at] + garbage + _TEXT[at:], [VKEY])


@pytest.mark.parametrize(("index", "hashes"), [(-1, []), (2**63, []), (0, [b"short"])])
def test_a_proof_that_could_not_be_read_back_is_not_written(
    index: int, hashes: list[bytes]
) -> None:
    with pytest.raises(MalformedProofText):
        format_proof(index, hashes, parse_proof(_TEXT).checkpoint)
