"""The FastAPI application: routes, problems for whatever goes wrong, and what runs beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.compose import SOFTWARE, House
from api.errors import MethodNotAllowed, NoSuchAddress, ServerFault
from api.http import subjects
from api.http.answers import problem_answer
from api.http.commands import CommandEndpoint
from api.http.dispatch import Dispatcher
from api.http.keeper import Keeper
from api.http.services import Services
from api.http.watch import HeadWatch
from domain.errors import LedgerError, Malformed


def create_app(house: House) -> FastAPI:
    """The API over an opened ledger, which stays the caller's to close."""
    app = FastAPI(
        title="itsm-ledger",
        version=SOFTWARE,
        lifespan=_lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    watch = HeadWatch(house.ledger)
    app.state.services = Services(
        house,
        Dispatcher(house.ledger.writer, when_moved=watch.moved),
        Keeper(house.ledger),
        watch,
    )
    endpoint = CommandEndpoint()
    app.router.routes += [
        Route("/v1/{families}/{number}/{command}", endpoint, methods=["POST"]),
        Route("/v1/{families}", endpoint, methods=["POST"]),
    ]
    app.include_router(subjects.router)
    app.add_exception_handler(LedgerError, _told)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(RequestValidationError, _told)
    app.add_exception_handler(Exception, _told)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.dispatcher.start()
    watching = asyncio.create_task(services.watch.run())
    try:
        yield
    finally:
        services.watch.close()
        watching.cancel()
        await services.dispatcher.close()


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
        case HTTPException():
            return problem_answer(Malformed("the request cannot be read"), error.headers)
        case _:
            return problem_answer(ServerFault("the server failed; its log says where"))


def _faults(error: RequestValidationError) -> str:
    """`query.at: what is wrong` for each fault, without what was sent."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
    )
