"""Reading one subject: its state now or at any past moment, its history, what differs between two moments."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.errors import NoSuchAddress
from api.http.answers import JsonAnswer
from api.http.services import InHouse, SignedIn, revealed
from api.readings import note
from domain.families import BY_PLURAL, subject_id
from replay.as_of import AsOf, subject_as_of
from replay.diff import difference
from replay.history import as_json, history
from replay.moment import two_moments

router = APIRouter(tags=["Subjects"])

SUBJECT = "/v1/{families}/{number}"

Basis = Literal["known", "effect"]
AT = "As of this moment: RFC 3339 with a zone. By default what was so then; see `basis`."
KNOWN_AT = "With `at`: by what the ledger knew at this moment."
POSITION = "As of this position of the ledger: what it said there."
BASIS = "`known`: what the ledger said. `effect`: what was so, corrections in their places."


def addressed_subject(
    families: Annotated[str, Path(examples=["incidents"])],
    number: Annotated[str, Path(examples=["INC0010001"])],
) -> str:
    """The subject's id. Raises NoSuchAddress, Malformed."""
    family = BY_PLURAL.get(families)
    if family is None:
        raise NoSuchAddress(f"there are no {families}; there are {', '.join(BY_PLURAL)}")
    return subject_id(family.name, number)


Addressed = Annotated[str, Depends(addressed_subject)]


def readable(identity: SignedIn, subject: Addressed) -> str:
    """The subject, once the token's scopes reach it. Raises ScopeMissing."""
    identity.require(subject.split("/", 1)[0], "read")
    return subject


Readable = Annotated[str, Depends(readable)]


@router.get(SUBJECT)
def state(
    *,
    subject: Readable,
    identity: SignedIn,
    services: InHouse,
    at: Annotated[str | None, Query(description=AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
) -> Response:
    """The state of a subject, with the moment it holds for. `ETag` is the version, for `If-Match`."""
    found = subject_as_of(
        services.ledger, subject, at=at, known_at=known_at, position=position, basis=basis
    )
    told = {**told_moment(found), "state": revealed(services, identity, subject, found.state)}
    is_newest = at is None and known_at is None and position is None
    if not is_newest:
        note(services.ledger, identity, "past-state", about=(subject,))
    return JsonAnswer(told, headers={"ETag": f'"{found.version}"'} if is_newest else None)


@router.get(SUBJECT + "/history")
def subject_history(subject: Readable, identity: SignedIn, services: InHouse) -> Response:
    """Every event of a subject: who, when, why, by which rules, and what it changed, field by field."""
    steps = [as_json(step) for step in history(services.ledger, subject)]
    note(services.ledger, identity, "history", entries=len(steps), about=(subject,))
    return JsonAnswer({"subject": subject, "events": revealed(services, identity, subject, steps)})


@router.get(SUBJECT + "/diff")
def subject_difference(
    *,
    subject: Readable,
    identity: SignedIn,
    services: InHouse,
    start: Annotated[str, Query(alias="from", description="A moment (RFC 3339) or a position.")],
    end: Annotated[
        str | None, Query(alias="to", description="A moment or a position; by default now.")
    ] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
) -> Response:
    """What became of a subject between two moments, field by field, and which entries did it."""
    found = difference(services.ledger, subject, *two_moments(start, end, basis))
    fields = [
        {
            "field": field.path,
            "from": field.before,
            "to": field.after,
            "positions": list(field.positions),
        }
        for field in found.fields
    ]
    note(services.ledger, identity, "past-state", entries=len(fields), about=(subject,))
    return JsonAnswer(
        {
            "subject": subject,
            "from": told_moment(found.before),
            "to": told_moment(found.after),
            "fields": revealed(services, identity, subject, fields),
        }
    )


def told_moment(found: AsOf) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "version": found.version,
        "position": found.position,
        "basis": found.basis,
        "at": found.at,
        "known_at": found.known_at,
    }
