"""The demo's broken rules: raised with the fact, told to a receiver, followed to their end, and there again from nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.shell import ITSM_LEDGER, Shell

PLANTED = {
    "lone-self-approval",
    "lapsed-retro-approval",
    "unmatched-deployment",
    "leaver-with-live-grants",
    "conflicting-grants",
}
DAYS = 22
"""Until somebody has left."""
PATIENCE_SECONDS = 120


@dataclass
class Demo:
    shell: Shell
    received: list[dict[str, Any]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """What its receiver was told until all that is planted had ended, with the demo stopped by Ctrl-C."""
    directory = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen(
        [ITSM_LEDGER, "demo", "--days", str(DAYS)],
        cwd=directory,
        env={**os.environ, "ITSM_LEDGER_PORT": str(_two_free_ports())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        received = _until_ended(directory / "demo" / "received.jsonl", process)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    where = f"sqlite:///{directory / 'demo' / 'ledger.db'}"
    return Demo(Shell(directory, {"ITSM_LEDGER_DATABASE_URL": where}), received)


def _two_free_ports() -> int:
    """The first of two that follow each other."""
    while True:
        with socket.socket() as one, socket.socket() as next_one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _until_ended(file: Path, process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        received = [json.loads(line) for line in lines if line.endswith("\n")]
        ended = _subjects(received, "itsm.finding.remediated.v1")
        if {rule for rule, subject in _planted(received).items() if subject in ended} == PLANTED:
            return received
        assert process.poll() is None, "the demo ended"
        assert time.monotonic() < deadline, "not all that is planted was told"
        time.sleep(0.1)


def _entries(demo: Demo) -> list[dict[str, Any]]:
    return [json.loads(line) for line in demo.shell.ok("events").out.splitlines()]


def _subjects(received: list[dict[str, Any]], event_type: str) -> set[str]:
    return {one["subject"] for one in received if one["type"] == event_type}


def _planted(received: list[dict[str, Any]]) -> dict[str, str]:
    """Rule → the finding that is followed to its end: for one rule there may be more."""
    ended = _subjects(received, "itsm.finding.remediated.v1")
    raised = [one for one in received if one["type"] == "itsm.finding.raised.v1"]
    return {
        one["data"]["rule"]: one["subject"]
        for one in raised
        if one["data"]["rule"] in PLANTED and one["subject"] in ended
    }


def test_each_is_raised_within_a_second_of_the_fact_that_shows_it(demo: Demo) -> None:
    entries = _entries(demo)
    recorded = {
        int(one["sequence"]): datetime.fromisoformat(one["recordedtime"]) for one in entries
    }
    raised = [one for one in entries if one["type"] == "itsm.finding.raised.v1"]

    assert {one["data"]["rule"] for one in raised} >= PLANTED
    for one in raised:
        fact = recorded[one["data"]["first_position"]]
        lag = recorded[int(one["sequence"])] - fact
        assert timedelta(0) <= lag <= timedelta(seconds=1), one


def test_the_receiver_was_told_once_in_order_and_of_all_until_then(demo: Demo) -> None:
    entries = _entries(demo)
    told = [one for one in entries if one["subject"].startswith("finding/")]

    assert demo.received == told[: len(demo.received)]


def test_each_ends_with_an_entry_that_shows_that_it_is_whole(demo: Demo) -> None:
    for rule, subject in _planted(demo.received).items():
        state = demo.shell("show", subject, "--json").json["state"]

        assert (state["rule"], state["status"]) == (rule, "remediated")
        assert state["evidence_position"] > state["first_position"]


def test_all_are_there_again_when_everything_but_the_log_is_lost(demo: Demo) -> None:
    before = demo.shell("findings", "--json", "--limit", "500").json["items"]
    for file in (demo.shell.directory / "demo").glob("ledger.views.db*"):
        file.unlink()

    again = demo.shell("findings", "--json", "--limit", "500").json["items"]
    verified = demo.shell("verify", "--deep", "--json")

    assert {one["rule"] for one in before} >= PLANTED
    assert again == before
    assert verified.code == 0, verified.out
