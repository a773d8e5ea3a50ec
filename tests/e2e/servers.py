"""Servers as processes of their own, started fast enough to be killed many times.

They are forked from one process that has imported everything already, so a start costs what opening
the ledger costs.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from api.compose import NewLedger, open_house
from api.settings import Settings
from tests.staffing import init

START_SECONDS = 30.0
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.e2e.servers", "api.http.serve"])


@dataclass
class Server:
    """`port` stays the same over restarts; `log` takes what every start of it writes to stderr."""

    settings: Settings
    made: NewLedger
    log: Path
    process: BaseProcess | None = field(default=None)

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.made.token}", "Content-Type": "application/json"}

    def start(self) -> None:
        """Returns once it answers."""
        self.process = _forks.Process(target=_serve, args=(self.settings, self.log))
        self.process.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.is_alive(), f"the server ended with {self.process.exitcode}"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.01)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.join()

    def stop(self) -> int | None:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        self.process.join(START_SECONDS)
        return self.process.exitcode


@contextmanager
def server(directory: Path, **settings: Any) -> Iterator[Server]:
    """A fresh ledger behind a server that is not started yet, and is gone afterwards."""
    using = Settings.model_validate(
        {
            "database_url": f"sqlite:///{directory / 'ledger.db'}",
            "port": _free_port(),
            "checkpoint_copies": directory / "copies",
            **settings,
        }
    )
    running = Server(
        using, init(using, origin="ledger.example.com/e2e", administrator="Ada"), directory / "log"
    )
    try:
        yield running
    finally:
        if running.process is not None and running.process.is_alive():
            running.kill()


def _serve(settings: Settings, log: Path) -> None:
    from api.http.serve import serve

    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    house = open_house(settings)
    try:
        serve(house)
    finally:
        house.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
