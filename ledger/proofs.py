"""The proof that one entry is in the log, as a text that is checked offline (c2sp.org/tlog-proof)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.merkle import leaf_hash, verify_inclusion
from ledger.notes import (
    Checkpoint,
    MalformedNote,
    VerifiedSignature,
    VerifierKey,
    parse_note,
    verify_checkpoint,
)
from ledger.spelling import parse_base64, parse_decimal, parse_hash, shown, to_base64

_HEADER: Final = "c2sp.org/tlog-proof@v1"
# A tree below 2^63 leaves is at most that high.
_MAX_HASHES: Final = 63


class MalformedProofText(MalformedNote):
    """Text that is not a tlog-proof."""

    code = "malformed-proof-text"
    summary = "This is not a tlog-proof."


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as read. `checkpoint` is the signed note, verbatim; `extra` is never authenticated,
    None if absent.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        return format_proof(self.index, self.hashes, self.checkpoint, extra=self.extra)


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """What a proof established: the entry is leaf `index` under `checkpoint`, which `signatures`
    vouch for.
    """

    index: int
    checkpoint: Checkpoint
    signatures: tuple[VerifiedSignature, ...]


def format_proof(
    index: int, hashes: Iterable[bytes], checkpoint: str, *, extra: bytes | None = None
) -> str:
    """The proof text. `hashes` run from the leaf's sibling up to the root's child; `checkpoint` is
    a signed note.

    Raises MalformedProofText or MalformedNote for what could not be read back.
    """
    lines = [_HEADER, *_extra_line(extra), f"index {index}", *map(to_base64, hashes)]
    text = "\n".join(lines) + "\n\n" + checkpoint
    parse_proof(text)
    return text


def parse_proof(text: str) -> Proof:
    """Read a proof. Verifies nothing, but the checkpoint must be a note. Raises MalformedProofText
    or MalformedNote.
    """
    head, separator, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if not separator or header != _HEADER:
        raise MalformedProofText(expected=f"{_HEADER}, lines and a checkpoint", got=shown(text))
    extra = (
        parse_base64(lines.pop(0)[len("extra ") :], MalformedProofText)
        if _has_extra(lines)
        else None
    )
    if not lines or not lines[0].startswith("index "):
        raise MalformedProofText(expected="a line `index N`", got=repr(lines[:1]))
    index = parse_decimal(lines.pop(0)[len("index ") :], MalformedProofText)
    if len(lines) > _MAX_HASHES:
        raise MalformedProofText(expected=f"at most {_MAX_HASHES} hashes", got=f"{len(lines)}")
    parse_note(checkpoint)
    return Proof(
        index, tuple(parse_hash(line, MalformedProofText) for line in lines), checkpoint, extra
    )


def verify_proof(
    entry: bytes, proof_text: str, vkeys: Iterable[VerifierKey], *, origin: str | None = None
) -> ProvenEntry:
    """Where `entry` stands in the log, once the log is known to have signed a head that holds it.

    `vkeys` are the log's key and those of the witnesses to be told of; `signatures` names all of
    them that signed, and how many witnesses are enough is for the caller to say.
    Raises MalformedProofText, what `verify_checkpoint` raises, or OutsideTree, MalformedProof or
    RootMismatch.
    """
    proof = parse_proof(proof_text)
    verified = verify_checkpoint(proof.checkpoint, vkeys, origin=origin)
    head = verified.checkpoint
    verify_inclusion(
        leaf_hash(entry), proof.hashes, index=proof.index, size=head.size, root=head.root
    )
    return ProvenEntry(proof.index, head, verified.signatures)


def _has_extra(lines: list[str]) -> bool:
    return bool(lines) and lines[0].startswith("extra ")


def _extra_line(extra: bytes | None) -> list[str]:
    return [] if extra is None else [f"extra {to_base64(extra)}"]
