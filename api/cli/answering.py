"""Answers that carry their proof: written by `show --proof` and `diff --proof`, checked by `verify FILE`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import note, plain, say, tell, write_pieces
from domain.errors import Malformed

if TYPE_CHECKING:
    from api.cli.session import Session
    from replay.answers.checking import CheckedAnswer
    from replay.answers.making import AnswerProof
    from replay.as_of import AsOf
    from replay.diff import Difference
    from replay.moment import Moment


ProofOption = Annotated[
    Path | None,
    typer.Option(
        help="Write the answer there with all that proves it: `verify FILE` checks it anywhere."
    ),
]
DiscloseOption = Annotated[
    bool, typer.Option("--disclose", help="With --proof: with the personal values of the answer.")
]


def require_proof(disclose: bool) -> None:
    """Raises Malformed: without a file there is nothing to disclose values in."""
    if disclose:
        raise Malformed("--disclose goes with --proof: it adds personal values to that file")


def proven_state(
    session: Session, subject: str, moment: Moment, path: Path, *, disclose: bool
) -> AsOf:
    """The answer that was written to `path`. Raises as `subject_as_of`."""
    from replay.answers.making import proof_of_states
    from replay.as_of import answer

    proof = proof_of_states(
        session.ledger,
        [subject],
        moment,
        checkpoint=session.house.checkpoint,
        disclosing=disclose,
    )
    write_answer(session, proof, path)
    _, (reading,) = next(proof.readings())
    return answer(subject, reading)


def proven_difference(
    session: Session, subject: str, before: Moment, after: Moment, path: Path, *, disclose: bool
) -> Difference:
    """The answer that was written to `path`. Raises as `difference`."""
    from replay.answers.making import proof_of_differences
    from replay.diff import difference_between

    proof = proof_of_differences(
        session.ledger,
        [subject],
        before,
        after,
        checkpoint=session.house.checkpoint,
        disclosing=disclose,
    )
    write_answer(session, proof, path)
    _, (old, new) = next(proof.readings())
    return difference_between(subject, old, new)


def named(rows: Iterable[dict[str, Any]], into: list[str]) -> Iterator[dict[str, Any]]:
    """The rows, whose subjects are written down as they pass."""
    for row in rows:
        into.append(row["subject"])
        yield row


def choice_of(families: Sequence[str], where: str | None, *more: str) -> str | None:
    """How subjects were chosen, in words; None for all of them."""
    told = [*more, *(f"family {name}" for name in families)]
    told += [f"where {where}"] if where is not None else []
    return ", ".join(told) or None


Told = tuple["Moment", dict[str, Any]]
"""A moment as it was asked for, and the label of the answer to it."""


def prove_states(
    session: Session,
    subjects: Sequence[str],
    moment: Told,
    path: Path,
    *,
    disclose: bool,
    chosen_by: str | None,
) -> None:
    """Write the states of subjects that were told just now. Raises NothingToProve, ScopeMissing."""
    from replay.answers.making import proof_of_states

    proof = proof_of_states(
        session.ledger,
        subjects,
        _as_told(session, *moment),
        checkpoint=session.house.checkpoint,
        disclosing=disclose,
        chosen_by=chosen_by,
    )
    write_answer(session, proof, path)


def prove_differences(
    session: Session,
    subjects: Sequence[str],
    before: Told,
    after: Told,
    path: Path,
    *,
    disclose: bool,
    chosen_by: str | None,
) -> None:
    """Write what became of subjects, as it was told just now. Raises NothingToProve, ScopeMissing."""
    from replay.answers.making import proof_of_differences

    proof = proof_of_differences(
        session.ledger,
        subjects,
        _as_told(session, *before),
        _as_told(session, *after),
        checkpoint=session.house.checkpoint,
        disclosing=disclose,
        chosen_by=chosen_by,
    )
    write_answer(session, proof, path)


def _as_told(session: Session, asked: Moment, label: Mapping[str, Any]) -> Moment:
    """The moment by what the answer says of it, since the log may have grown: now has become a position."""
    from replay.moment import Moment

    if label["basis"] == "effect":
        return Moment(at=label["at"], known_at=label["known_at"], basis="effect")
    if asked.at is None or label["at"] >= session.ledger.now():
        return Moment(position=label["position"])
    return Moment(at=label["at"], basis="known")


def write_answer(session: Session, proof: AnswerProof, path: Path) -> None:
    """The whole file or none; whoever is acting was shown the entries in it. Raises ScopeMissing."""
    from api.readings import note_answer, require_personal

    if proof.disclosing:
        require_personal(session.identity, proof.subjects)
    write_pieces(path, proof.chunks())
    note_answer(session.ledger, session.identity, proof)
    note(f"{path}: {_entries(proof.entries)} under the checkpoint of {proof.size}")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def say_checked(file: Path, vkeys: Sequence[str], kept: Sequence[Path], *, as_json: bool) -> None:
    """Check the file, and say what it shows and what it does not. Raises MalformedAnswer, AnswerRefuted."""
    from ledger.notes import parse_checkpoint, parse_note, parse_vkey
    from replay.answers.checking import check_answer
    from replay.answers.parsing import MOST_BYTES

    with file.open("rb") as opened_file:
        raw = opened_file.read(MOST_BYTES + 1)
    checked = check_answer(
        raw,
        [parse_vkey(one.strip()) for one in vkeys],
        # Their owner kept them, so that nobody needs to have signed them.
        [parse_checkpoint(parse_note(path.read_bytes()).text) for path in kept],
    )
    is_trusted = bool(vkeys or kept)
    if as_json:
        tell(told_checked(checked, is_trusted=is_trusted))
        return
    head = checked.checkpoint
    say(
        f"Accepted: the answer follows from {_entries(checked.entries)}, all among the {head.size} "
        f"of {head.origin}."
    )
    for sentence in not_shown(checked, is_trusted=is_trusted):
        say(f"  Not shown: {sentence}")
    for line in _answer_lines(checked):
        say(line)


def told_checked(checked: CheckedAnswer, *, is_trusted: bool) -> dict[str, Any]:
    """`answer` has the values that the file discloses in place of their commitments."""
    from ledger.spelling import to_base64

    head = checked.checkpoint
    return {
        "accepted": True,
        "origin": head.origin,
        "size": head.size,
        "root": to_base64(head.root),
        "signed_by": list(checked.signed_by),
        "key_was_given": is_trusted,
        "entries": checked.entries,
        "question": dict(checked.question),
        "answer": checked.shown(),
        "not_shown": not_shown(checked, is_trusted=is_trusted),
    }


def not_shown(checked: CheckedAnswer, *, is_trusted: bool) -> list[str]:
    """What the file cannot show, whatever it says."""
    size = checked.checkpoint.size
    told = [f"what was recorded after entry {size}."]
    if checked.open_ended:
        told.append(
            f"that the newest version of {_so_many(checked)} in the file is the newest of the {size} entries: "
            "inside nothing is missing, a later one may have been left out."
        )
    if len(checked.subjects) > 1 and not checked.is_whole_log:
        told.append("that no subject was left out: not all entries of the log are in the file.")
    if checked.question["chosen_by"] is not None:
        told.append(f"that the subjects were chosen by {checked.question['chosen_by']!r}.")
    if not is_trusted:
        told.append(
            f"whose key that is. The file names {checked.signed_by[0]}: compare it with one that you trust, by --vkey."
        )
    return told


def _so_many(checked: CheckedAnswer) -> str:
    return checked.subjects[0] if len(checked.subjects) == 1 else f"{checked.open_ended} subjects"


def _answer_lines(checked: CheckedAnswer) -> Iterator[str]:
    """The answer itself, of one subject; of many it is in the file."""
    answer = checked.shown()
    if len(checked.subjects) != 1:
        yield f"{len(checked.subjects)} subjects; --json prints the answer about each."
    elif "states" in answer:
        (told,) = answer["states"]
        yield f"{told['subject']}, version {told['version']}, {_when(answer['as_of'])}"
        yield from (f"  {name}: {plain(value)}" for name, value in told["state"].items())
    else:
        (told,) = answer["differences"]
        yield f"{told['subject']}, from version {told['from_version']}, {_when(answer['from'])}"
        yield f"  to version {told['to_version']}, {_when(answer['to'])}"
        for field in told["fields"]:
            positions = ", ".join(map(str, field["positions"]))
            change = f"{plain(field['from'])} → {plain(field['to'])}"
            yield f"  {field['field']}: {change}  (by {positions})"


def _when(moment: Mapping[str, Any]) -> str:
    if moment["basis"] == "known":
        at = f" at {moment['at']}" if moment["at"] else ""
        return f"as known{at} (position {moment['position']})"
    by = moment["known_at"] or f"position {moment['position']}"
    return f"in effect at {moment['at']}, as known at {by}"
