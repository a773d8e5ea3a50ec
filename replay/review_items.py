"""The items of an access review: each grant of its population with its verdict, and how far a revocation has come.

The population is counted again from the log; the verdicts are the review's; whether an ordered revocation is done
the grants tell as they stand now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from domain.errors import Malformed, UnknownSubject
from domain.population import bounds_of
from domain.review import RevocationStatus, revocation_status
from domain.sets import members
from ledger.ledger import Ledger
from projections.paging import LARGEST_PAGE, read_cursor, write_cursor

Wanted = Literal["certified", "revocation_ordered", "undecided"]
_BY: Final = "grant"
"""The one order of pages."""


@dataclass(frozen=True, slots=True)
class Item:
    """`services` None: for everything. `grant_status`: as recorded now. `revocation`: of an item that orders one."""

    grant: str
    holder: str
    role: str
    role_name: str
    services: tuple[str, ...] | None
    grant_status: str
    verdict: str | None
    by: str | None
    on_behalf_of: str | None
    at: str | None
    due_at: str | None
    revocation: RevocationStatus | None


@dataclass(frozen=True, slots=True)
class Items:
    """`counted`: how many are of the population, and `undecided` how many of these; `position`: the ledger's end."""

    review: str
    status: str
    population: dict[str, Any]
    position: int
    counted: int
    undecided: int
    items: tuple[Item, ...]
    next: str | None


def review_items(
    ledger: Ledger,
    review: str,
    *,
    verdict: Wanted | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Items:
    """At most `limit` of them in the order of their ids. Raises UnknownSubject, and Malformed for a limit or cursor."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Malformed(f"expected a limit from 1 to {LARGEST_PAGE}, got {limit}", limit=limit)
    after = "" if cursor is None else read_cursor(cursor, _BY)[1]
    position, now = ledger.head().size, ledger.now()
    state = ledger.subject(review).state
    if "population" not in state:
        raise UnknownSubject(f"{review} is no access review", subject=review)
    population = ledger.census().live_grants(bounds_of(state))
    decided = state.get("items", {})
    named = (
        grant
        for grant in population
        if grant > after and verdict in {None, decided.get(grant, {}).get("verdict", "undecided")}
    )
    page = list(islice(named, limit + 1))
    return Items(
        review=review,
        status=state["status"],
        population=dict(state["population"]),
        position=position,
        counted=len(population),
        undecided=sum(grant not in decided for grant in population),
        items=_items(ledger, page[:limit], decided, now),
        next=write_cursor(_BY, page[limit - 1], page[limit - 1]) if len(page) > limit else None,
    )


def _items(
    ledger: Ledger, grants: Sequence[str], decided: dict[str, Any], now: str
) -> tuple[Item, ...]:
    return tuple(_item(ledger, grant, decided.get(grant, {}), now) for grant in grants)


def _item(ledger: Ledger, grant: str, item: dict[str, Any], now: str) -> Item:
    state = ledger.load(grant).state
    services = state.get("services")
    return Item(
        grant=grant,
        holder=state["holder"],
        role=state["role"],
        role_name=state["role_name"],
        services=None if services is None else tuple(sorted(members(services))),
        grant_status=state["status"],
        **{name: item.get(name) for name in ("verdict", "by", "on_behalf_of", "at", "due_at")},
        revocation=revocation_status(item, state, now),
    )
