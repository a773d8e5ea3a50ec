"""The FastAPI application: routes, problems for whatever goes wrong, and what runs beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import SystemRandom
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.compose import SOFTWARE, House
from api.delivering.courier import Courier
from api.delivering.mailing import mailer_of
from api.delivering.posting import Poster
from api.delivering.progress import Progress
from api.errors import MethodNotAllowed, NoSuchAddress, ServerFault
from api.http import (
    administration,
    auditing,
    change_registers,
    deployments,
    estate,
    exporting,
    feed,
    findings,
    findings_feed,
    health,
    mining,
    owing,
    problems,
    proof,
    proven,
    registers,
    reviews,
    subjects,
    webhooks,
)
from api.http.answers import problem_answer
from api.http.appends import Appends
from api.http.background import (
    DeliveryThread,
    ProjectionThread,
    Publisher,
    ReadRecorder,
    TimerThread,
    Vitals,
)
from api.http.bodies import ClientGone
from api.http.dispatch import Dispatcher
from api.http.gate import Gate
from api.http.keeper import Keeper
from api.http.metrics import Metrics
from api.http.openapi import describe
from api.http.projecting import ProjectionProcess
from api.http.services import Services
from api.http.watch import HeadWatch
from api.readings import Bundles
from api.timekeeper import Timekeeper
from domain.errors import LedgerError, Malformed
from ledger.ids import new_uuid7
from ledger.writer import Outcome
from projections.runner import Runner
from projections.views import Views
from projections.violations import Violations

Projecting = Literal["thread", "process"]

GATHER_SECONDS: Final = 0.1
"""How old a register's answer may be under load. Shorter rounds take the processor from appends."""


class LedgerApi(FastAPI):
    """FastAPI behind the gate. Appends go past its middleware, routing and telemetry to their endpoints."""

    def __init__(self, services: Services, projecting: Projecting) -> None:
        super().__init__(
            title="itsm-ledger",
            version=SOFTWARE,
            lifespan=partial(_lifespan, services, projecting),
            redoc_url=None,
            redirect_slashes=False,
        )
        self.state.services = services
        self.appends = Appends(services, super().__call__)
        settings = services.house.settings
        self._gate = Gate(self.appends, limit=settings.connection_limit, metrics=services.metrics)

    def openapi(self) -> dict[str, Any]:
        """The description that `/openapi.json` gives, made when it is first asked for."""
        if not self.openapi_schema:
            self.openapi_schema = describe(self.routes)
        return self.openapi_schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gate(scope, receive, send)


def create_app(house: House, *, projecting: Projecting = "thread") -> LedgerApi:
    """The API over an opened ledger, which stays the caller's to close.

    `projecting`: where the read models are kept, in a thread of this process or in a process beside it.
    """
    services = _services(house)
    app = LedgerApi(services, projecting)
    # Whose addresses are spelt out comes before whose begin with any family.
    for module in (
        health, problems, proof, feed, exporting, administration, webhooks, auditing, estate, mining, change_registers,
        deployments, findings, findings_feed, owing, reviews, registers, subjects, proven,
    ):  # fmt: skip
        app.include_router(module.router)
    app.router.routes += app.appends.routes()
    for kind in (LedgerError, HTTPException, RequestValidationError, ClientGone, Exception):
        app.add_exception_handler(kind, _told)
    return app


def _services(house: House) -> Services:
    ledger, metrics, watch = house.ledger, Metrics(), HeadWatch(house.ledger)
    settings = house.settings
    views, progress = Views(settings.resolved_views_url), Progress(settings.resolved_deliveries_url)
    draw, holder = SystemRandom().random, new_uuid7()

    def answered(outcomes: Sequence[Outcome]) -> None:
        metrics.settled(outcomes)
        watch.moved()

    return Services(
        house=house,
        dispatcher=Dispatcher(ledger.writer, when_answered=answered),
        keeper=Keeper(ledger, house.issuers, metrics),
        watch=watch,
        views=views,
        violations=Violations(views),
        runner=Runner(ledger, views, gather_seconds=GATHER_SECONDS),
        timekeeper=Timekeeper(ledger, views),
        courier=Courier(
            ledger,
            progress,
            Poster(settings.webhook_allow_private),
            draw,
            holder,
            told=metrics.tried,
        ),
        mailer=mailer_of(
            settings, ledger, progress, draw=draw, holder=new_uuid7(), told=metrics.mailed
        ),
        metrics=metrics,
        vitals=Vitals(),
        bundles=Bundles(ledger),
    )


@asynccontextmanager
async def _lifespan(services: Services, projecting: Projecting, _: FastAPI) -> AsyncIterator[None]:
    publisher = Publisher(services.house, services.vitals)
    kept = (
        ProjectionThread(services.runner, services.vitals)
        if projecting == "thread"
        else ProjectionProcess(services.house.settings, services.vitals)
    )
    stop = asyncio.Event()
    services.dispatcher.start()
    recorder = ReadRecorder(services.ledger, services.metrics)
    timers = TimerThread(services.timekeeper)
    carriers = (services.courier, services.mailer)
    beside = asyncio.gather(
        services.watch.run(stop),
        publisher.run(stop),
        kept.run(stop),
        recorder.run(stop),
        timers.run(stop),
        *(DeliveryThread(each).run(stop) for each in carriers if each is not None),
    )
    try:
        yield
    finally:
        try:
            services.watch.close()
            await services.dispatcher.close()
            await recorder.finish()  # before the last checkpoint, which then covers it
        finally:
            stop.set()
            await beside
            services.views.close()
            services.courier.progress.close()


def _told(request: Request, error: Exception) -> Response:
    """Every failure as a problem (RFC 9457)."""
    match error:
        case LedgerError():
            return problem_answer(error)
        case RequestValidationError():
            return problem_answer(Malformed(_faults(error)))
        case HTTPException(status_code=405):
            return problem_answer(
                MethodNotAllowed(f"{request.url.path} does not take {request.method}"),
                error.headers,
            )
        case HTTPException(status_code=404):
            return problem_answer(NoSuchAddress(f"there is nothing at {request.url.path}"))
        case ClientGone():
            return Response(status_code=400)
        case HTTPException():
            return problem_answer(Malformed("the request cannot be read"), error.headers)
        case _:
            return problem_answer(ServerFault("the server failed; its log says where"))


def _faults(error: RequestValidationError) -> str:
    """`query.at: what is wrong` for each fault, without what was sent."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
    )
