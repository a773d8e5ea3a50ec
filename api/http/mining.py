"""Views of processes: how cases went, from the log itself. What each counts: docs/process-views.md."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.http.answers import JsonAnswer
from api.http.services import InHouse, SignedIn
from api.http.subjects import KNOWN_AT, POSITION, Basis
from api.processes import Asked, Mining
from replay.moment import Moment
from replay.process.cases import GROUP
from replay.process.conformance import Kind
from replay.process.drawing import MEDIA_TYPE
from replay.process.graph import EDGES_DRAWN, MOST_DRAWN, MOST_EDGES, Thinning
from replay.process.pages import MOST_ROWS

router = APIRouter(tags=["Process views"])

_FROM: Final = "Cases whose first event is of this moment or later: RFC 3339 with a zone."
_TO: Final = "Cases whose first event is before this moment; by default open."
_AT: Final = "As of this moment: RFC 3339 with a zone; by default now."
_BASIS: Final = "By default `effect`; with `position` `known`."
_HELD_BY: Final = (
    "Who has a case: `assignment_group`, `assigned_to`, `owner`, `source_owner`, or a column that its source kept: "
    "`source.organization`."
)
_BY: Final = (
    "What an activity is: the type of an event, the status that a case stood in, or who had it."
)
_LEAST: Final = "Edges that were gone at least so often."
_FRONT: Final = "Who is the front line. By default all whose name tells no support level above 1, as `G97 2nd` does."
_NO_SCRIPT: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
By = Annotated[Literal["type", "status", "group"], Query(description=_BY)]


def asked(
    *,
    family: Annotated[
        str, Query(description="incident, problem, request, change …", max_length=40)
    ] = "incident",
    start: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    end: Annotated[str | None, Query(alias="to", description=_TO)] = None,
    at: Annotated[str | None, Query(description=_AT)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT)] = None,
    position: Annotated[int | None, Query(description=POSITION, ge=1)] = None,
    basis: Annotated[Basis | None, Query(description=_BASIS)] = None,
) -> Asked:
    return Asked(family, start, end, Moment(at, known_at, position, basis))


def held(
    asked: Annotated[Asked, Depends(asked)],
    held_by: Annotated[str, Query(description=_HELD_BY, max_length=120)] = GROUP,
) -> Asked:
    return asked.by(held_by)


def paged(
    asked: Annotated[Asked, Depends(asked)],
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    after: Annotated[int, Query(ge=0, description="Pass over so many rows.")] = 0,
) -> Asked:
    return asked.page(limit, after)


def paged_of_holders(
    held: Annotated[Asked, Depends(held)],
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    after: Annotated[int, Query(ge=0, description="Pass over so many rows.")] = 0,
) -> Asked:
    return held.page(limit, after)


def mining(identity: SignedIn, services: InHouse) -> Mining:
    return Mining(services.ledger, identity)


Ask = Annotated[Mining, Depends(mining)]
OfCases = Annotated[Asked, Depends(asked)]
OfHolders = Annotated[Asked, Depends(held)]
Paged = Annotated[Asked, Depends(paged)]
PagedOfHolders = Annotated[Asked, Depends(paged_of_holders)]


@router.get("/v1/process/times")
def times(mining: Ask, asked: OfCases) -> Response:
    """How long cases stood in each status. `open`: what had not ended at `until`, counted apart."""
    return JsonAnswer(mining.times(asked))


@router.get("/v1/process/handovers")
def handovers(mining: Ask, asked: PagedOfHolders) -> Response:
    """From whom to whom cases were handed, the most frequent first, and how long the one before had them."""
    return JsonAnswer(mining.handovers(asked))


@router.get("/v1/process/ping-pong")
def ping_pong(mining: Ask, asked: PagedOfHolders) -> Response:
    """Cases that came back to who had them before (`returns`), and the pairs between which they bounced (A, B, A)."""
    return JsonAnswer(mining.ping_pong(asked))


@router.get("/v1/process/reopenings")
def reopenings(mining: Ask, asked: Paged) -> Response:
    """Cases that were done and were not, those reopened most often first.

    `stated_otherwise`: how many cases have a counter of their own that says more, or less, than there were.
    """
    return JsonAnswer(mining.reopenings(asked))


@router.get("/v1/process/push-to-front")
def push_to_front(
    mining: Ask,
    asked: PagedOfHolders,
    front: Annotated[list[str] | None, Query(description=_FRONT)] = None,
) -> Response:
    """Solved cases that the front line kept, by who had them first."""
    return JsonAnswer(mining.push_to_front(asked, front or ()))


@router.get("/v1/process/variants")
def variants(mining: Ask, asked: PagedOfHolders, by: By = "status") -> Response:
    """The ways that cases went, as sequences of activities, the most frequent first."""
    return JsonAnswer(mining.variants(asked, by))


@router.get("/v1/process/conformance")
def conformance(
    mining: Ask,
    asked: Paged,
    kind: Annotated[Kind | None, Query(description="Only deviations of this kind.")] = None,
) -> Response:
    """Where cases did not go as the declared state machine has it: by kind, by way, and by case.

    `fitting`: cases without any deviation. Of a case the first hundred are told one by one.
    """
    return JsonAnswer(mining.conformance(asked, kind))


@router.get("/v1/process/graph")
def graph(
    mining: Ask,
    asked: OfHolders,
    by: By = "status",
    least: Annotated[int, Query(ge=1, description=_LEAST)] = 1,
    most_edges: Annotated[int, Query(ge=1, le=MOST_EDGES)] = EDGES_DRAWN,
) -> Response:
    """The directly-follows graph: what came directly after what, how often, and how long after."""
    return JsonAnswer(mining.graph(asked, by, Thinning(least, most_edges)).as_json())


@router.get("/v1/process/graph.svg")
def picture(
    mining: Ask,
    asked: OfHolders,
    by: By = "status",
    least: Annotated[int, Query(ge=1, description=_LEAST)] = 1,
    most_edges: Annotated[int, Query(ge=1, le=MOST_DRAWN)] = EDGES_DRAWN,
) -> Response:
    """The same as a picture (SVG), for light and dark pages."""
    drawn = mining.picture(asked, by, Thinning(least, most_edges))
    return Response(drawn, media_type=MEDIA_TYPE, headers=_NO_SCRIPT)
