"""Answers that carry their proof: the state of a subject, or what became of it, as one file (`docs/proof.md`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.http.answers import JsonAnswer
from api.http.services import InHouse, Services, SignedIn
from api.http.subjects import (
    AT,
    BASIS,
    KNOWN_AT,
    POSITION,
    SUBJECT,
    Basis,
    Readable,
)
from api.identity import Identity
from api.readings import note_answer, require_personal
from replay.answers.making import AnswerProof, proof_of_differences, proof_of_states
from replay.moment import Moment, two_moments

router = APIRouter(tags=["Proof"])

DISCLOSE = "With the personal values that stand in the answer; needs the right `personal`."
Disclose = Annotated[bool, Query(description=DISCLOSE)]


@router.get(SUBJECT + "/proof")
def proven_state(
    *,
    subject: Readable,
    identity: SignedIn,
    services: InHouse,
    at: Annotated[str | None, Query(description=AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
    disclose: Disclose = False,
) -> Response:
    """The state of a subject with all that proves it: its entries, that they are in the log, and the checkpoint.

    `itsm-ledger verify FILE` and `docs/check_answer.py` check it without this ledger. Personal values are
    commitments there, as the log has them.
    """
    proof = proof_of_states(
        services.ledger,
        [subject],
        Moment(at, known_at, position, basis),
        checkpoint=services.house.checkpoint,
        disclosing=disclose,
    )
    return _handed_out(services, identity, proof)


@router.get(SUBJECT + "/diff/proof")
def proven_difference(
    *,
    subject: Readable,
    identity: SignedIn,
    services: InHouse,
    start: Annotated[str, Query(alias="from", description="A moment (RFC 3339) or a position.")],
    end: Annotated[
        str | None, Query(alias="to", description="A moment or a position; by default now.")
    ] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
    disclose: Disclose = False,
) -> Response:
    """What became of a subject between two moments, with all that proves it; as `/proof` does for a state."""
    proof = proof_of_differences(
        services.ledger,
        [subject],
        *two_moments(start, end, basis),
        checkpoint=services.house.checkpoint,
        disclosing=disclose,
    )
    return _handed_out(services, identity, proof)


def _handed_out(services: Services, identity: Identity, proof: AnswerProof) -> Response:
    """Raises ScopeMissing, UnknownSubject."""
    if proof.disclosing:
        require_personal(identity, proof.subjects)
    # Of one subject: whole in memory, so that what goes wrong on the way is answered as a problem.
    file = b"".join(proof.chunks())
    note_answer(services.ledger, identity, proof)
    return JsonAnswer(file, headers={"Cache-Control": "no-store"})
