"""The outermost layer: how many requests are served at once, and how long each took."""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Busy, ServerFault
from api.http.answers import problem_answer
from api.http.metrics import Metrics

ALWAYS_SERVED: Final = frozenset({"/healthz"})
"""Whoever watches the process must not take it for dead because it is busy."""
UNROUTED: Final = "(no route)"


class Gate:
    """ASGI middleware. Beyond `limit` requests at once a client gets 503 and `Retry-After`."""

    def __init__(self, app: ASGIApp, *, limit: int, metrics: Metrics) -> None:
        self._app, self._limit, self._metrics = app, limit, metrics
        self._serving = 0
        metrics.serving(lambda: self._serving)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._serving >= self._limit and scope["path"] not in ALWAYS_SERVED:
            busy = Busy(f"{self._serving} requests are being served", limit=self._limit)
            await problem_answer(busy, {"Connection": "close"})(scope, receive, send)
            return
        status, begun = 500, False
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
            await send(message)

        self._serving += 1
        try:
            await self._app(scope, receive, noting)
        except Exception:  # answered, then raised again
            # The server logs it; the client is told in the form that it was promised for every failure.
            if not begun:
                failed = ServerFault("the server failed; its log says where")
                await problem_answer(failed)(scope, receive, send)
            raise
        finally:
            self._serving -= 1
            took = time.perf_counter() - started
            self._metrics.answered(scope["method"], _route(scope), status, took)


def _route(scope: Scope) -> str:
    """The template that the request met, such as `/v1/{families}/{number}`."""
    label: Any = scope.get("itsm_ledger.route")
    if label is None:
        label = getattr(scope.get("route"), "path", None)
    return UNROUTED if label is None else str(label)
