"""Every published note, checkpoint and Ed25519 edge case is judged as published."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from typing import Any

import pytest

from domain.errors import LedgerError
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.notes import (
    Unsigned,
    ed25519_accepts,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    verify,
    verify_checkpoint,
)
from tests.shared import shared_archive, shared_path


def _signed_notes() -> list[dict[str, Any]]:
    return json.loads(shared_path("data", "vectors", "signed-notes.json").read_text())


def _unzipped(name: str) -> Any:
    return json.loads(gzip.decompress(shared_path("data", "vectors", name).read_bytes()))


# --- published notes ------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3))
def test_every_published_note_is_signed_by_whom_it_says(number: int) -> None:
    vector = _signed_notes()[number]

    note = verify(vector["note"], map(parse_vkey, vector["vkeys"]))

    assert [signature.key.name for signature in note.signatures] == vector["expect_valid"]
    assert str(parse_note(vector["note"])) == vector["note"]


@pytest.mark.parametrize("number", range(3))
def test_no_byte_of_a_published_note_can_be_changed(number: int) -> None:
    vector = _signed_notes()[number]
    keys = [parse_vkey(vkey) for vkey in vector["vkeys"]]
    whole = verify(vector["note"], keys)
    note = vector["note"].encode()

    for at in range(len(note)):
        changed = note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]
        try:
            seen = verify(changed, keys)
        except LedgerError:
            continue
        # What still verifies lost one cosigner's line to a name nobody knows, and nothing of the
        # text.
        assert seen.text == whole.text
        assert len(seen.signatures) == len(whole.signatures) - 1


def test_the_real_head_of_the_go_checksum_database_is_a_checkpoint() -> None:
    vector = _signed_notes()[1]

    head = verify_checkpoint(vector["note"], map(parse_vkey, vector["vkeys"]))

    assert (head.checkpoint.origin, head.checkpoint.size) == ("go.sum database tree", 6_476_701)


def test_every_published_vkey_is_written_as_it_was_read() -> None:
    vkeys = [vkey for vector in _signed_notes() for vkey in vector["vkeys"]]

    assert [str(parse_vkey(vkey)) for vkey in vkeys] == vkeys


# --- published sigstore entries -------------------------------------------------------------


def _rekor_entries() -> dict[str, dict[str, Any]]:
    files = shared_archive("data", "vectors", "sigstore-bundles.tar.gz")
    return {
        name: entry
        for name, content in files.items()
        if ".sigstore" in name
        for entry in json.loads(content)["verificationMaterial"]["tlogEntries"]
    }


def test_all_five_rekor_entries_are_in_the_tree_whose_root_they_name() -> None:
    entries = _rekor_entries()

    for entry in entries.values():
        proof = entry["inclusionProof"]
        verify_inclusion(
            leaf_hash(base64.b64decode(entry["canonicalizedBody"])),
            [base64.b64decode(text) for text in proof["hashes"]],
            index=int(proof["logIndex"]),
            size=int(proof["treeSize"]),
            root=base64.b64decode(proof["rootHash"]),
        )

    assert len(entries) == 5


def test_four_rekor_entries_carry_the_checkpoint_of_that_root() -> None:
    """The signatures are not ours to check. Rekor v1 signs with ECDSA, an algorithm this ledger
    does not speak; Rekor v2 with Ed25519; and neither key is part of the bundles, because clients
    get them from the Sigstore trust root. What is checked: the notes read, the heads are those of
    the inclusion proofs, and the key ids are those of the log that the bundle names.
    """
    entries = [
        entry for entry in _rekor_entries().values() if "checkpoint" in entry["inclusionProof"]
    ]

    for entry in entries:
        proof = entry["inclusionProof"]
        note = parse_note(proof["checkpoint"]["envelope"])
        head = parse_checkpoint(note.text)

        assert str(note) == proof["checkpoint"]["envelope"]
        assert head.size == int(proof["treeSize"])
        assert head.root == base64.b64decode(proof["rootHash"])
        assert [s.key_id for s in note.signatures] == [
            base64.b64decode(entry["logId"]["keyId"])[:4]
        ]

    assert len(entries) == 4


def test_a_rekor_checkpoint_is_not_believed_without_its_key() -> None:
    ours = parse_vkey(_signed_notes()[0]["vkeys"][0])

    for entry in _rekor_entries().values():
        if checkpoint := entry["inclusionProof"].get("checkpoint"):
            with pytest.raises(Unsigned, match="got signatures by"):
                verify(checkpoint["envelope"], [ours])


# --- published Ed25519 edge cases -----------------------------------------------------------


def test_every_wycheproof_signature_is_judged_as_published() -> None:
    cases = [
        (bytes.fromhex(group["publicKey"]["pk"]), case)
        for group in _unzipped("wycheproof-ed25519_test.json.gz")["testGroups"]
        for case in group["tests"]
    ]

    wrong = [
        case["tcId"]
        for key, case in cases
        if ed25519_accepts(key, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
        is not (case["result"] == "valid")
    ]

    assert wrong == []
    assert len(cases) == 151


def test_cctv_edge_cases_are_judged_by_one_stated_criterion() -> None:
    """CCTV publishes no verdicts, since verifiers differ; this pins down which verifier we are.

    Refused are exactly the signatures whose R is not in its one spelling and those that hold only
    after multiplying by the cofactor. Low-order and non-canonical public keys are accepted where
    the equation holds: keys come from settings, so nobody can choose one in a note.
    """
    cases = _unzipped("cctv-ed25519vectors.json.gz")
    verdicts: Counter[bool] = Counter()

    for case in cases:
        flags = set(case["flags"] or [])
        accepted = ed25519_accepts(
            bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode()
        )
        assert accepted is flags.isdisjoint({"non_canonical_R", "low_order_residue"}), case
        verdicts[accepted] += 1

    assert verdicts == {True: 208, False: 706}
