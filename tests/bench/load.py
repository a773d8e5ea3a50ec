"""A load over HTTP/1.1: a number of connections, each with one request in flight, answers counted by status."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Load:
    """`requests` a second over all connections, and how many answers had which status."""

    rate: float
    statuses: Counter[int]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last is whole."""

    def __init__(self, requests: Sequence[bytes], done: asyncio.Future[Counter[int]]) -> None:
        self._requests, self._next, self._done = requests, 0, done
        self._statuses: Counter[int] = Counter()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if self._next == len(self._requests):
            self._transport.close()
            self._done.set_result(self._statuses)
            return
        self._transport.write(self._requests[self._next])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at < 0:
            self._done.set_exception(ValueError(f"an answer without a length: {head[:100]!r}"))
            return
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._statuses[int(head[9:12])] += 1
        self._buffer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server hung up"))


def load(port: int, per_connection: Sequence[Sequence[bytes]]) -> Load:
    """Raises ConnectionError when the server hangs up."""

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        waiting = []
        started = time.perf_counter()
        for requests in per_connection:
            done: asyncio.Future[Counter[int]] = loop.create_future()
            await loop.create_connection(partial(_Connection, requests, done), "127.0.0.1", port)
            waiting.append(done)
        answers = await asyncio.gather(*waiting)
        elapsed = time.perf_counter() - started
        statuses: Counter[int] = sum(answers, Counter())
        return Load(statuses.total() / elapsed, statuses)

    return asyncio.run(run())


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
