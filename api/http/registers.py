"""Registers, activity and flow: what the read models answer. Each answer names the position it reflects."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.errors import NoSuchAddress
from api.http.answers import JsonAnswer
from api.http.services import InHouse, Services, SignedIn, revealed
from api.identity import Identity
from api.readings import note
from domain.event import Moment
from domain.families import BY_PLURAL, FAMILIES
from projections import activity, flow
from projections.paging import LARGEST_PAGE
from projections.projection import TICKET_FAMILIES, Answer
from projections.tickets import TicketFilter, find_tickets

router = APIRouter()

REGISTER: Final = "/v1/{families}"
Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="A day in UTC.",
        examples=["2026-03-02"],
    ),
]


class Asked(BaseModel):
    # A filter that is misspelt, and so not applied, would make an answer look complete that is not.
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegisterQuery(Asked):
    status: list[str] = Field([], description="Any of these.", examples=[["new", "assigned"]])
    priority: list[int] = Field([], description="Any of these; 1 is the highest.")
    assignment_group: str | None = None
    assigned_to: str | None = Field(None, examples=["principal/PRN0000002"])
    service: str | None = None
    source: str | None = Field(None, description="The CloudEvents source that recorded it first.")
    number_prefix: str | None = Field(None, examples=["INC001"])
    updated_since: Moment | None = None
    terminal: bool | None = Field(None, description="Is it in a status that nothing leads out of?")
    sort: str = Field("-updated", description="updated, opened, number or priority; - descends.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, description="`next` of the page before.")


class Period(Asked):
    since: Day | None = None
    until: Day | None = None
    family: str | None = Field(None, examples=["incident"])


class ActivityQuery(Period):
    actor: str | None = Field(
        None, description="Their days; without it, who did most.", examples=["principal/PRN0000002"]
    )
    limit: int = Field(20, ge=1, le=LARGEST_PAGE)


@router.get("/v1/activity", tags=["Registers"])
def activity_by_actor(
    asked: Annotated[ActivityQuery, Query()], identity: SignedIn, services: InHouse
) -> Response:
    """Who did what on which day; without `actor`, who did most."""
    _require_family(identity, asked.family)
    if asked.actor is None:
        found = activity.top_actors(
            services.views,
            since=asked.since,
            until=asked.until,
            family=asked.family,
            limit=asked.limit,
        )
        note(services.ledger, identity, "activity", entries=len(found.rows))
        return _told(found)
    found = activity.activity_of(services.views, asked.actor, since=asked.since, until=asked.until)
    rows = [row for row in found.rows if asked.family in {None, row["family"]}]
    note(services.ledger, identity, "activity", entries=len(rows), about=(asked.actor,))
    return _told(Answer(found.position, rows))


@router.get("/v1/flow", tags=["Registers"])
def flow_of_states(
    asked: Annotated[Period, Query()], identity: SignedIn, services: InHouse
) -> Response:
    """How many tickets went from which status to which, by day. `listed`: the state machine knows that way."""
    _require_family(identity, asked.family)
    found = flow.flow_between(
        services.views, since=asked.since, until=asked.until, family=asked.family
    )
    return _told(found)


@router.get("/v1/flow/deviations", tags=["Registers"])
def flow_deviations(
    asked: Annotated[Period, Query()], identity: SignedIn, services: InHouse
) -> Response:
    """Transitions that the state machine does not know, the most frequent first."""
    _require_family(identity, asked.family)
    found = flow.deviations(
        services.views, since=asked.since, until=asked.until, family=asked.family
    )
    return _told(found)


@router.get(REGISTER, tags=["Registers"])
def register(
    *,
    families: Annotated[str, Path(examples=["incidents"])],
    asked: Annotated[RegisterQuery, Query()],
    request: Request,
    identity: SignedIn,
    services: InHouse,
) -> Response:
    """The register of a ticket family, page by page: `next` (and the header `Link`) leads on."""
    family = BY_PLURAL.get(families)
    if family is None or family.name not in TICKET_FAMILIES:
        known = ", ".join(
            FAMILIES[name].plural for name in (*TICKET_FAMILIES, "change", "grant", "review")
        )
        raise NoSuchAddress(f"there is no register of {families}; there are {known}")
    identity.require(family.name, "read")
    filters = asked.model_dump(exclude={"sort", "limit", "cursor"})
    found = find_tickets(
        services.views,
        TicketFilter(family=family.name, **filters),
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return page_answer(request, identity, services, found)


def page_answer(
    request: Request, identity: Identity, services: Services, found: Answer
) -> JsonAnswer:
    """A page of a register whose rows have a `subject`, with the address of the next one."""
    rows = [revealed(services, identity, row["subject"], row) for row in plain_rows(found)]
    return JsonAnswer(
        {"position": found.position, "items": rows, "next": found.next_cursor},
        headers=next_link(request, found.next_cursor),
    )


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header that names the page behind this one, if there is one."""
    if cursor is None:
        return {}
    others = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    query = urlencode([*others, ("cursor", cursor)])
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}


def _require_family(identity: Identity, family: str | None) -> None:
    """Raises ScopeMissing: what spans every family takes the right to read every family."""
    identity.require(family or "*", "read")


def _told(found: Answer) -> Response:
    return JsonAnswer({"position": found.position, "items": plain_rows(found)})


def plain_rows(found: Answer) -> list[dict[str, Any]]:
    """SQLAlchemy's column names are a kind of text that JSON writers refuse."""
    return [{str(name): value for name, value in row.items()} for row in found.rows]
