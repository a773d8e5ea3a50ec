"""`serve` from the shell: up, answering, and down again when it is asked to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.shell import Shell, shell_with_ledger

START_SECONDS = 30


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


@contextmanager
def served(shell: Shell) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The running server and its address."""
    port = free_port()
    there = Shell(shell.directory, {**shell.env, "ITSM_LEDGER_PORT": str(port)})
    process = there.process("serve", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        address = f"http://127.0.0.1:{port}"
        until_it_answers(address, process)
        yield process, address
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not come up: {process.poll()}")


def test_it_serves_until_it_is_asked_to_stop(shell: Shell) -> None:
    shell.report("Mail is slow")
    token = shell.ok("token", "issue", "principal/PRN0000002", "--scope", "*:read").out.strip()
    with served(shell) as (process, address):
        request = urllib.request.Request(
            f"{address}/v1/incidents/INC0010001", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            told = json.load(answer)

        process.send_signal(signal.SIGINT)

        assert process.wait(20) == 0
    assert told["state"]["title"] == "[personal]"


def test_what_the_shell_records_meanwhile_the_server_tells(shell: Shell) -> None:
    with served(shell) as (_, address):
        shell.report("Mail is slow")

        with urllib.request.urlopen(f"{address}/log/checkpoint", timeout=10) as answer:
            before = int(answer.read().splitlines()[1])

    assert before <= shell.genesis + 1
    shell.ok("verify")


def test_a_taken_port_is_told(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        done = shell("serve", ITSM_LEDGER_PORT=str(taken.getsockname()[1]))

    assert done.code == 6
    assert "ITSM_LEDGER_PORT" in done.err
