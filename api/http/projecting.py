"""The read models and the examiner beside a server, in a process of their own.

Python runs one thread at a time: in the server's process the projections would take a third of what
appends can have. A server that is killed takes this process with it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Final

import structlog

from api.compose import open_house
from api.examining import Examiner
from api.http.background import Vitals
from api.http.logs import configure_logs
from api.settings import Settings
from domain.errors import LedgerError
from projections.runner import Runner
from projections.views import Views
from projections.violations import Violations

START_SECONDS: Final = 1.0
"""A server that has just started is to answer first of all."""
LOOK_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 5.0
END_SECONDS: Final = 5.0
NICENESS: Final = 5
STOPPED: Final = "projections-stopped"

_log = structlog.get_logger(__name__)
_processes = multiprocessing.get_context("spawn")


class ProjectionProcess:
    """Starts the process, and starts it again when it ended; `/readyz` tells meanwhile."""

    def __init__(self, settings: Settings, vitals: Vitals) -> None:
        self._settings, self._vitals = settings, vitals

    async def run(self, stop: asyncio.Event) -> None:
        await _pause(stop, START_SECONDS)
        while not stop.is_set():
            process = _processes.Process(target=project, args=(self._settings,), daemon=True)
            await asyncio.to_thread(process.start)
            await self._watch(process, stop)
            await asyncio.to_thread(_end, process)
            if not stop.is_set():
                _log.error("projections-stopped", exit_code=process.exitcode)
                self._vitals.projection_failure = STOPPED
                await _pause(stop, AGAIN_SECONDS)

    async def _watch(self, process: BaseProcess, stop: asyncio.Event) -> None:
        while process.is_alive() and not stop.is_set():
            await _pause(stop, LOOK_SECONDS)
            if process.is_alive():
                self._vitals.projection_failure = None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def project(settings: Settings) -> None:
    """The process: follow the log until the server ends."""
    configure_logs()
    # Ctrl-C reaches every process of a terminal; the server says when this one is to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    stop = threading.Event()
    threading.Thread(target=_stop_with_server, args=(stop,), daemon=True).start()
    try:
        house = open_house(settings)
    except LedgerError as error:
        _log.error("projections-cannot-start", code=error.code, detail=error.message)
        sys.exit(1)
    views = Views(settings.resolved_views_url)
    examiner = Examiner(house.ledger, Violations(views))
    examining = threading.Thread(target=_examine, args=(examiner, stop), name="examiner")
    try:
        examining.start()
        Runner(house.ledger, views).run_forever(stop)
    except LedgerError as error:
        _log.error("projections-stopped", code=error.code, detail=error.message)
        sys.exit(1)
    finally:
        stop.set()
        examining.join()
        views.close()
        house.close()


def _examine(examiner: Examiner, stop: threading.Event) -> None:
    """A fault that nobody foresaw ends the process: the server says so, and starts it again."""
    try:
        examiner.run(stop)
    finally:
        stop.set()


def _stop_with_server(stop: threading.Event) -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        multiprocessing.connection.wait([server.sentinel])
    stop.set()
