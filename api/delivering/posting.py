"""One POST to a receiver whom nobody vouches for: it gets little of our time and memory, and leads us nowhere.

A connection of its own for each, to an address that was checked; no proxies, no redirects, and of the answer
only its status is looked at.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import h11

from api.delivering.addresses import NotAllowed, Resolve, Target, look_up, target_of

LARGEST_HEAD_BYTES: Final = 16_384
"""Of an answer's status line and headers."""
READ_BYTES: Final = 4_096

DELIVERED: Final = "delivered"
GONE: Final = "gone"
"""410: the receiver wants no more, says the scheme."""


@dataclass(frozen=True, slots=True)
class Patience:
    """With one request. Seconds."""

    connect_seconds: float = 5.0
    whole_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Poster:
    """`allow_private`: also to private addresses, and without https. For development only."""

    allow_private: bool = False
    resolve: Resolve = look_up
    patience: Patience = Patience()
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def check(self, url: str) -> None:
        """Raises NotAllowed where nothing would be sent there at the moment."""
        try:
            async with asyncio.timeout(self.patience.connect_seconds):
                await target_of(url, resolve=self.resolve, allow_private=self.allow_private)
        except TimeoutError:
            raise NotAllowed("name-not-found") from None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """What came of it, as a word: `delivered` for 2xx, `gone`, `redirected`, `status-503`, `timed-out`,
        `unreachable`, `certificate-refused`, `not-http`, or why nothing may be sent there.
        """
        try:
            async with asyncio.timeout(self.patience.whole_seconds):
                target = await target_of(
                    url, resolve=self.resolve, allow_private=self.allow_private
                )
                return _outcome(await self._status(target, headers, body))
        except TimeoutError:
            return "timed-out"
        except NotAllowed as refusal:
            return refusal.outcome
        except ssl.SSLError:
            return "certificate-refused"
        except h11.RemoteProtocolError:
            return "not-http"
        except OSError:
            return "unreachable"

    async def _status(self, target: Target, headers: Mapping[str, str], body: bytes) -> int:
        reader, writer = await self._connected(target)
        try:
            client = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD_BYTES)
            writer.write(_request(client, target, headers, body))
            await writer.drain()
            return await _answered(reader, client)
        finally:
            # The rest of the answer may be endless, and a polite goodbye may never be answered.
            writer.transport.abort()

    async def _connected(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the first of its addresses that takes the connection. Raises OSError, SSLError among them."""
        failure = OSError("it has no address")
        for address in target.addresses:
            try:
                async with asyncio.timeout(self.patience.connect_seconds):
                    return await asyncio.open_connection(
                        address,
                        target.port,
                        ssl=self.tls if target.is_https else None,
                        server_hostname=target.host if target.is_https else None,
                        limit=READ_BYTES,
                    )
            except OSError as error:  # a TimeoutError is one as well
                failure = error
        raise failure


def _request(
    client: h11.Connection, target: Target, headers: Mapping[str, str], body: bytes
) -> bytes:
    told = [
        ("Host", target.authority),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *headers.items(),
    ]
    request = h11.Request(method="POST", target=target.path, headers=told)
    parts = (request, h11.Data(data=body), h11.EndOfMessage())
    return b"".join(client.send(part) or b"" for part in parts)


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return DELIVERED
    if 300 <= status < 400:
        return "redirected"
    return GONE if status == 410 else f"status-{status}"


async def _answered(reader: asyncio.StreamReader, client: h11.Connection) -> int:
    """The status of the final answer. Raises RemoteProtocolError."""
    read = 0
    while True:
        event = client.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            part = await reader.read(READ_BYTES)
            read += len(part)
            if read > LARGEST_HEAD_BYTES:
                raise h11.RemoteProtocolError("the answer begins with too many words")
            client.receive_data(part)
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("the receiver closed without an answer")
