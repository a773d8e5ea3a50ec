"""The short way for appends: from the path to the endpoint, past everything that other requests need.

What a framework does around a request (middleware, routing, telemetry) costs about as much as an append.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.answers import problem_answer
from api.http.bodies import ClientGone
from api.http.commands import PATH_FAMILIES, CommandEndpoint
from api.http.facts import WEBHOOK, FactsEndpoint, WebhookEndpoint
from api.http.services import Services
from domain.errors import LedgerError

ERASE: Final = "erase"
"""An act of the ledger about the subject, not a command of its family: see `administration.py`."""
_PLURALS: Final = frozenset(family.plural for family in PATH_FAMILIES)


class Appends:
    """ASGI. `app` takes whatever is no append."""

    def __init__(self, services: Services, app: ASGIApp) -> None:
        self._app = app
        self._command = CommandEndpoint(services)
        self._facts = FactsEndpoint(services)
        self._webhook = WebhookEndpoint(services)

    def routes(self) -> Sequence[Route]:
        """The same endpoints as routes: so that another method is answered 405, and nothing else meets them."""
        return [
            Route(WEBHOOK, self._webhook, methods=["POST"]),
            Route("/v1/{families}/{number}/{command}", self._command, methods=["POST"]),
            Route("/v1/events", self._facts, methods=["POST"]),
            Route("/v1/{families}", self._command, methods=["POST"]),
            Route("/v1/{families}/{command}", self._command, methods=["POST"]),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = (
            self._met(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        )
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except LedgerError as error:
            await problem_answer(error)(scope, receive, send)
        except ClientGone:
            await Response(status_code=400)(scope, receive, send)

    def _met(self, scope: Scope) -> ASGIApp | None:
        match scope["path"].split("/"):
            case ["", "v1", "events"]:
                return self._facts
            case ["", "v1", "deployments", "webhook"]:
                return self._webhook
            case ["", "v1", families] if families in _PLURALS:
                scope["path_params"] = {"families": families}
                return self._command
            case ["", "v1", families, command] if families in _PLURALS:
                scope["path_params"] = {"families": families, "command": command}
                return self._command
            case ["", "v1", families, number, command] if families in _PLURALS and command != ERASE:
                scope["path_params"] = {
                    "families": families,
                    "number": number,
                    "command": command,
                }
                return self._command
        return None
