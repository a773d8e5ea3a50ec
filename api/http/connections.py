"""Connections as uvicorn serves them, but not more than there are files for, and none that stays silent."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import RETRY_AFTER_SECONDS, Busy, UnreadableBody, problem_of
from api.http.answers import PROBLEM
from domain.errors import LedgerError

SILENT_SECONDS: Final = 30.0
"""A connection on which no request has begun by then is closed."""
HEADER_LIMIT_BYTES: Final = 65_536


class CountedConnections(HttpToolsProtocol):
    """Beyond `connection_limit` a client is told to come again, without its request being read."""

    connection_limit: ClassVar[int] = 2_000

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_bytes = 0
        self._silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        super().connection_made(transport)
        if len(self.connections) > self.connection_limit:
            limit = self.connection_limit
            self._refuse(Busy(f"{limit} connections are open", limit=limit))
            return
        self._silence = self.loop.call_later(SILENT_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_silence()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_silence()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(UnreadableBody(msg))

    def _count(self, read: int) -> None:
        self._header_bytes += read
        if self._header_bytes > HEADER_LIMIT_BYTES and not self.transport.is_closing():
            self._refuse(UnreadableBody(f"expected headers of at most {HEADER_LIMIT_BYTES} bytes"))

    def _end_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _refuse(self, error: LedgerError) -> None:
        problem = problem_of(error)
        body = orjson.dumps(problem)
        status = problem["status"]
        head = (
            f"HTTP/1.1 {status} {'Service Unavailable' if status == 503 else 'Bad Request'}\r\n"
            f"content-type: {PROBLEM}\r\ncontent-length: {len(body)}\r\n"
            f"retry-after: {RETRY_AFTER_SECONDS}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
