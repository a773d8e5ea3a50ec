"""What the endpoints share, made once by `create_app` and handed to each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.compose import House
from api.delivering.courier import Courier
from api.delivering.mailing import Mailer
from api.http.background import Vitals
from api.http.bodies import headers_of, on_behalf_of, refuse_on_behalf_of
from api.http.dispatch import Dispatcher
from api.http.keeper import Keeper
from api.http.metrics import Metrics
from api.http.watch import HeadWatch
from api.identity import Identity
from api.readings import Bundles
from api.readings import revealed as revealed_by
from api.timekeeper import Timekeeper
from domain.event import Json
from ledger.ledger import Ledger
from projections.runner import Runner
from projections.views import Views
from projections.violations import Violations


@dataclass(frozen=True, slots=True)
class Services:
    house: House
    dispatcher: Dispatcher
    keeper: Keeper
    watch: HeadWatch
    views: Views
    violations: Violations
    runner: Runner
    timekeeper: Timekeeper
    courier: Courier
    mailer: Mailer | None
    metrics: Metrics
    vitals: Vitals
    bundles: Bundles

    @property
    def ledger(self) -> Ledger:
        return self.house.ledger


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def signed_in(
    request: Request, services: Annotated[Services, Depends(services_of)]
) -> Identity:
    """Who reads. Raises Unauthenticated, and Malformed for reading on somebody's behalf."""
    headers = headers_of(request.scope)
    identity = await services.keeper.identify(headers)
    refuse_on_behalf_of(headers, "everybody reads in their own name")
    return identity


async def ordering(
    request: Request, services: Annotated[Services, Depends(services_of)]
) -> Identity:
    """Who gives an order, and on whose behalf. Raises Unauthenticated, Malformed."""
    identity = await services.keeper.identify(headers_of(request.scope))
    return identity.acting_for(on_behalf_of(request.scope))


InHouse = Annotated[Services, Depends(services_of)]
SignedIn = Annotated[Identity, Depends(signed_in)]
Ordering = Annotated[Identity, Depends(ordering)]


def revealed(services: Services, identity: Identity, subject: str, told: Json) -> Json:
    """With personal values for who holds the right `personal`, and [personal] for everybody else."""
    return revealed_by(services.ledger, identity, subject, told)
