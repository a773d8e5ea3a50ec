"""`serve`: uvicorn with our application, logs as JSON lines on stderr, and a stop that answers first."""

from __future__ import annotations

import gc
import resource
import signal
import socket
from types import FrameType
from typing import Final

import structlog
import uvicorn

from api.compose import House
from api.http.app import create_app
from api.http.connections import CountedConnections
from api.http.logs import configure_logs
from api.http.services import Services

BACKLOG: Final = 2_048
GRACE_SECONDS: Final = 30
"""How long requests that are being served may still take once a stop was asked for."""
KEEP_ALIVE_SECONDS: Final = 75
FILES_BESIDE_CONNECTIONS: Final = 256
"""Files that the databases, the logs and the interpreter may have open."""

_log = structlog.get_logger(__name__)


def serve(house: House) -> None:
    """Serve until a signal asks to stop; what is being served then is still answered."""
    configure_logs()
    settings = house.settings
    app = create_app(house, projecting="process")
    protocol = type(
        "Connections",
        (CountedConnections,),
        {"connection_limit": _connections(settings.connection_limit)},
    )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol,
        ws="none",
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _Server(config, app.state.services).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks to stop, a second SIGINT to stop at once. Neither kills us afterwards.

        uvicorn would raise the signal again once it has stopped, before the ledger could be closed.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        # What start-up made stays: the collector need not look through it with every request.
        gc.collect()
        gc.freeze()
        listening = [
            "{}:{}".format(*found.getsockname()[:2])
            for server in self.servers
            for found in server.sockets
        ]
        _log.info("listening", addresses=listening)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams would otherwise be waited for as long as their clients like to listen.
        self._services.watch.close()
        await super().shutdown(sockets)
        _log.info("stopped")


def _connections(asked: int) -> int:
    """How many connections may be open, once as many files are allowed as the system gives us.

    Twice what is served at once: the rest are idle ones that clients keep, and ones that are told to
    come again.
    """
    wanted = 2 * asked
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + FILES_BESIDE_CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < need:
        soft = need if hard == resource.RLIM_INFINITY else min(need, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wanted = min(wanted, max(1, soft - FILES_BESIDE_CONNECTIONS))
    return wanted
