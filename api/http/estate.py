"""The whole estate: every subject's state at a moment, how many there were over time, what differs between two moments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response, StreamingResponse

from api.estate_files import json_lines
from api.estates import Answer, Estates, time_machine
from api.http.answers import JsonAnswer
from api.http.services import InHouse, SignedIn
from api.http.subjects import AT, BASIS, KNOWN_AT, POSITION, Basis
from replay.moment import Moment, two_moments
from replay.whole.counts import Every

router = APIRouter(tags=["Time machine"])

JSON_LINES: Final = "application/x-ndjson"
MOST_ROWS: Final = 10_000
_FAMILY: Final = "A family, as often as there are; by default all that may be read."
_WHERE: Final = "As `priority <= 2 and status in (new, assigned)`."
_AFTER: Final = "Begin behind this subject: `next` of the page before."
Families = Annotated[list[str] | None, Query(alias="family", description=_FAMILY)]
Where = Annotated[str | None, Query(description=_WHERE)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
After = Annotated[str | None, Query(description=_AFTER)]


def estates(identity: SignedIn, services: InHouse) -> Estates:
    machine = time_machine(services.ledger, services.house.settings.archive)
    return Estates(services.ledger, identity, machine)


Asking = Annotated[Estates, Depends(estates)]


@router.get("/v1/replay/state")
def states(
    *,
    asking: Asking,
    at: Annotated[str | None, Query(description=AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
    family: Families = None,
    where: Where = None,
    personal: Annotated[
        bool, Query(description="With personal values, for who may see them.")
    ] = False,
    limit: Limit = 1_000,
    after: After = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Every subject's state as of a moment. Whoever accepts `application/x-ndjson` gets all of them, each on a line.

    Else a page by subject id; for the next one repeat the question with `after`, and with `at` and `known_at`, or
    `position`, of the answer, so that all pages are of one moment.
    """
    found = asking.states(
        Moment(at, known_at, position, basis), family or (), where, personal=personal
    )
    if JSON_LINES in accept:
        return StreamingResponse(json_lines(found), media_type=JSON_LINES)
    return JsonAnswer({**found.label, "count": found.count, **_page(found.rows, limit, after)})


@router.get("/v1/replay/counts")
def counts(
    *,
    asking: Asking,
    start: Annotated[str, Query(alias="from", description="The first moment.")],
    end: Annotated[str, Query(alias="to", description="Up to this moment.")],
    every: Annotated[Every, Query(description="How far apart the moments are; in UTC.")] = "day",
    by: Annotated[
        list[str] | None, Query(description="Members of states, or `family`; up to three.")
    ] = None,
    basis: Annotated[Basis, Query(description=BASIS)] = "effect",
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    family: Families = None,
    where: Where = None,
) -> Response:
    """How many subjects there were at each moment with each value. `counts` has one number for each of `moments`."""
    return JsonAnswer(
        asking.counts(
            start,
            end,
            every,
            by or ["status"],
            basis=basis,
            known_at=known_at,
            families=family or (),
            where=where,
        )
    )


@router.get("/v1/replay/diff")
def differences(
    *,
    asking: Asking,
    start: Annotated[str, Query(alias="from", description="A moment (RFC 3339) or a position.")],
    end: Annotated[
        str | None, Query(alias="to", description="A moment or a position; by default now.")
    ] = None,
    at: Annotated[
        str | None,
        Query(description="What was known of this moment: then `from` and `to` are when it was."),
    ] = None,
    basis: Annotated[Basis | None, Query(description=BASIS)] = None,
    family: Families = None,
    limit: Limit = 1_000,
    after: After = None,
) -> Response:
    """Which subjects were added, changed, finished or gone between two moments, field by field, and by which entries.

    `why` of an entry is seen from a report of the first moment: `in-time`, `late`, `backdated`, `corrected`,
    or `replaced` by that.
    """
    before, later = two_moments(start, end, basis, at)
    first, last, found = asking.differences(before, later, family or ())
    return JsonAnswer({"from": first, "to": last, **_page(found, limit, after)})


def _page(rows: Iterator[Answer], limit: int, after: str | None) -> dict[str, Any]:
    """`next`: what to ask for the rows behind these; null behind the last."""
    behind = (row for row in rows if after is None or row["subject"] > after)
    items = list(islice(behind, limit + 1))
    further = items[limit - 1]["subject"] if len(items) > limit else None
    return {"items": items[:limit], "next": further}
