"""A note is believed only if a known key signed exactly this text, in exactly this spelling."""

from __future__ import annotations

import base64
import contextlib
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LedgerError
from ledger.notes import (
    Algorithm,
    BadSignature,
    Checkpoint,
    MalformedCheckpoint,
    MalformedNote,
    MalformedVkey,
    Signature,
    Unsigned,
    WrongOrigin,
    cosignature_of,
    ed25519_accepts,
    format_note,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign,
    signature_of,
    verifier_key,
    verify,
    verify_checkpoint,
)

LOG = "ledger.example/acme"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = "witness.example/w1"
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
LOG_VKEY = verifier_key(LOG, LOG_KEY)
WITNESS_VKEY = verifier_key(WITNESS, WITNESS_KEY, Algorithm.COSIGNATURE_V1)
HEAD = Checkpoint(LOG, 20852163, bytes(range(32)))


# --- our own notes --------------------------------------------------------------------------


def test_a_signed_note_is_believed_and_names_its_signer() -> None:
    note = sign(str(HEAD), LOG, LOG_KEY)

    verified = verify(note, [LOG_VKEY])

    assert verified.text == str(HEAD)
    assert [(s.key, s.posix_seconds) for s in verified.signatures] == [(LOG_VKEY, None)]


def test_a_witness_says_when_it_saw_the_head() -> None:
    text = str(HEAD)
    seen_at = 1_679_315_147
    note = format_note(
        text,
        [
            signature_of(text, LOG, LOG_KEY),
            cosignature_of(text, WITNESS, WITNESS_KEY, seen_at),
        ],
    )

    verified = verify_checkpoint(note, [LOG_VKEY, WITNESS_VKEY], origin=LOG)

    assert verified.checkpoint == HEAD
    assert [(s.key, s.posix_seconds) for s in verified.signatures] == [
        (LOG_VKEY, None),
        (WITNESS_VKEY, seen_at),
    ]


def test_a_cosignature_signs_the_message_of_the_specification() -> None:
    text = str(HEAD)

    payload = cosignature_of(text, WITNESS, WITNESS_KEY, 1_679_315_147).payload

    assert payload[:8] == (1_679_315_147).to_bytes(8, "big")
    message = b"cosignature/v1\ntime 1679315147\n" + text.encode()
    assert ed25519_accepts(WITNESS_VKEY.public_key, payload[8:], message)


@pytest.mark.parametrize("at", [0, 7, 8, 71])
def test_a_cosignature_with_another_time_or_signature_is_refused(at: int) -> None:
    text = str(HEAD)
    payload = cosignature_of(text, WITNESS, WITNESS_KEY, 5).payload
    changed = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]

    with pytest.raises(BadSignature):
        WITNESS_VKEY.verify(text, changed)


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 64, b"x" * 73, b"\xff" * 72])
def test_a_cosignature_of_another_form_is_refused(payload: bytes) -> None:
    with pytest.raises(BadSignature):
        WITNESS_VKEY.verify(str(HEAD), payload)


@pytest.mark.parametrize("posix_seconds", [-1, 2**63])
def test_a_time_that_the_format_does_not_know_is_not_signed(posix_seconds: int) -> None:
    with pytest.raises(MalformedNote, match="expected POSIX seconds"):
        cosignature_of(str(HEAD), WITNESS, WITNESS_KEY, posix_seconds)


def test_a_cosignature_with_such_a_time_is_refused_though_it_is_signed() -> None:
    text = str(HEAD)
    signature = WITNESS_KEY.sign(f"cosignature/v1\ntime {2**63}\n{text}".encode())

    with pytest.raises(BadSignature):
        WITNESS_VKEY.verify(text, (2**63).to_bytes(8, "big") + signature)


def test_a_witness_alone_does_not_stand_for_the_log() -> None:
    text = str(HEAD)
    note = format_note(text, [cosignature_of(text, WITNESS, WITNESS_KEY, 5)])

    with pytest.raises(Unsigned, match=re.escape(str(LOG_VKEY))):
        verify_checkpoint(note, [LOG_VKEY, WITNESS_VKEY])


def test_a_key_does_not_speak_for_another_algorithm() -> None:
    """One key pair used both ways: a plain signature must not pass for a cosignature."""
    note = sign(str(HEAD), LOG, LOG_KEY)

    with pytest.raises(Unsigned):
        verify(note, [verifier_key(LOG, LOG_KEY, Algorithm.COSIGNATURE_V1)])


def test_signatures_by_unknown_keys_are_ignored_and_kept_in_the_text() -> None:
    text = str(HEAD)
    foreign = Signature("log.example", b"\x00\x00\x00\x02", b"an ECDSA signature")
    note = format_note(text, [foreign, signature_of(text, LOG, LOG_KEY)])

    verified = verify(note, [LOG_VKEY])

    assert [s.key for s in verified.signatures] == [LOG_VKEY]
    assert str(parse_note(note)) == note


def test_a_forged_line_in_a_known_name_refuses_the_whole_note() -> None:
    text = str(HEAD)
    other = Signature(WITNESS, WITNESS_VKEY.key_id, bytes(72))
    note = format_note(text, [signature_of(text, LOG, LOG_KEY), other])

    with pytest.raises(BadSignature) as refusal:
        verify(note, [LOG_VKEY, WITNESS_VKEY])

    assert refusal.value.facts == {"name": WITNESS, "key_id": WITNESS_VKEY.key_id.hex()}


def test_without_a_known_key_nothing_is_believed() -> None:
    with pytest.raises(Unsigned):
        verify(sign(str(HEAD), LOG, LOG_KEY), [])


def test_the_head_of_another_log_is_refused() -> None:
    with pytest.raises(WrongOrigin, match=r"expected origin 'other', got 'ledger\.example/acme'"):
        verify_checkpoint(sign(str(HEAD), LOG, LOG_KEY), [LOG_VKEY], origin="other")


def test_s_at_or_above_the_group_order_is_refused() -> None:
    """Else whoever has one signature could make another of the same text."""
    order = 2**252 + 27742317777372353535851937790883648493
    note = parse_note(sign(str(HEAD), LOG, LOG_KEY))
    payload = note.signatures[0].payload
    s = int.from_bytes(payload[32:], "little") + order
    malleated = payload[:32] + s.to_bytes(32, "little")

    with pytest.raises(BadSignature):
        LOG_VKEY.verify(note.text, malleated)


# --- one spelling ---------------------------------------------------------------------------

_SIGNED = sign(str(HEAD), LOG, LOG_KEY)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        _SIGNED.removesuffix("\n"),
        _SIGNED + "\n",
        _SIGNED + "\n\n",
        _SIGNED.replace("\n", "\r\n"),
        _SIGNED.replace("— ", "- "),
        _SIGNED.replace("— ", "—  "),
        _SIGNED.replace(f" {LOG} ", f" {LOG}  "),
        _SIGNED.replace(f" {LOG} ", f" {LOG}\u00a0x "),
        _SIGNED.replace(f" {LOG} ", f" {LOG}+ "),
        _SIGNED.replace(f"{LOG} ", " "),
        _SIGNED.replace("=\n", "\n"),
        _SIGNED[:-3] + "=\n",
        "text\n\n— name AAAAAA==\n",
        "text\n\n— name \n",
        "te\x00xt\n\n— name AAAAAAA=\n",
        "text\ud800\n\n— name AAAAAAA=\n",
        "text\n\n" + "— name AAAAAAA=\n" * 101,
        "x" * 1_000_001,
    ],
    ids=lambda note: repr(note[-30:]),
)
def test_anything_that_is_not_a_note_is_refused(note: str) -> None:
    with pytest.raises(MalformedNote, match=r"expected .*, got"):
        parse_note(note)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(MalformedNote, match="expected UTF-8"):
        parse_note(b"\xff\n\n\xe2\x80\x94 name AAAAAAA=\n")


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_no_input_makes_the_reader_crash(note: bytes | str) -> None:
    with contextlib.suppress(LedgerError):
        verify(note, [LOG_VKEY])


@given(st.lists(st.text(alphabet="ab —\u2028+", max_size=5), min_size=1, max_size=5))
def test_any_text_of_lines_is_read_back_as_it_was_signed(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)

    verified = verify(sign(text, LOG, LOG_KEY), [LOG_VKEY])

    assert verified.text == text


@pytest.mark.parametrize("text", ["", "no newline", "a\x07\n"])
def test_text_that_no_note_may_hold_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedNote):
        sign(text, LOG, LOG_KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_a_name_that_no_line_may_hold_is_not_used(name: str) -> None:
    with pytest.raises(MalformedVkey):
        sign("text\n", name, LOG_KEY)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+00000000+AAAA",
        f"other+{LOG_VKEY.key_id.hex()}+{str(LOG_VKEY).rsplit('+', 1)[1]}",
        str(LOG_VKEY).replace(LOG_VKEY.key_id.hex(), LOG_VKEY.key_id.hex().upper() + "0"),
        str(LOG_VKEY) + "=",
        "+" + str(LOG_VKEY),
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
    ],
)
def test_a_vkey_that_is_misspelt_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedVkey):
        parse_vkey(vkey)


# --- checkpoints ----------------------------------------------------------------------------

_ROOT64 = base64.b64encode(bytes(32)).decode()


@given(
    st.text(alphabet="ab./ é", min_size=1, max_size=9),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(st.text(alphabet="xyz ", min_size=1, max_size=5), max_size=3),
)
def test_a_checkpoint_is_read_as_it_was_written(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))

    assert parse_checkpoint(str(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"log\n1\n{_ROOT64}",
        f"log\n1\n{_ROOT64}\n\n",
        f"\n1\n{_ROOT64}\n",
        "log\n1\n",
        f"log\n\n{_ROOT64}\n",
        f"log\n01\n{_ROOT64}\n",
        f"log\n+1\n{_ROOT64}\n",
        f"log\n-1\n{_ROOT64}\n",
        f"log\n1 \n{_ROOT64}\n",
        f"log\n1_0\n{_ROOT64}\n",
        f"log\n\u0661\n{_ROOT64}\n",
        f"log\n{2**63}\n{_ROOT64}\n",
        f"log\n{'9' * 5000}\n{_ROOT64}\n",
        f"log\n1\n{_ROOT64[:-4]}\n",
        f"log\n1\n{_ROOT64[:-1]}\n",
        f"log\n1\n{_ROOT64[:-2]}B=\n",
        f"log\n1\n{base64.b64encode(bytes(33)).decode()}\n",
        f"log\n1\n{_ROOT64}\next\n\n",
    ],
    ids=repr,
)
def test_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpoint, match=r"expected .*, got"):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("log", -1, bytes(32)),
        Checkpoint("log", 1, bytes(31)),
        Checkpoint("log", 1, bytes(32), ("",)),
        Checkpoint("log", 1, bytes(32), ("a\nb",)),
    ],
    ids=repr,
)
def test_a_checkpoint_that_could_not_be_read_back_is_not_written(checkpoint: Checkpoint) -> None:
    with pytest.raises(MalformedCheckpoint):
        str(checkpoint)
