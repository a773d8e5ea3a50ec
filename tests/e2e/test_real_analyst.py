"""What an analyst does with the imported ServiceNow year, at the command line and over HTTP, to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from api.compose import open_house
from api.importing.run import run_import
from tests.api.importing_house import ACTOR
from tests.api.shell import Shell
from tests.e2e.servers import Server, server
from tests.replay.exports import read_back
from tests.shared import shared_path

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOMENTS = ("2016-04-01T00:00:00Z", "2016-06-01T12:00:00Z", "2016-12-24T18:00:00Z")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The year recorded, archived, and served."""
    directory = tmp_path_factory.mktemp("year")
    with server(directory, archive=str(directory / "archive")) as running:
        house = open_house(running.settings)
        path = shared_path("data", "uci_incident_event_log.csv.gz")
        run_import(house, path, "servicenow-incidents", ACTOR, rejects=directory / "rejects.jsonl")
        house.close()
        shell_on(running).ok("archive", "-o", str(directory / "archive"))
        running.start()
        yield running


@pytest.fixture(scope="module")
def shell(year: Server) -> Shell:
    return shell_on(year)


def shell_on(running: Server) -> Shell:
    settings = running.settings
    environment = {
        "ITSM_LEDGER_DATABASE_URL": settings.database_url,
        "ITSM_LEDGER_ARCHIVE": str(settings.archive),
    }
    return Shell(running.log.parent, environment)


def over_http(year: Server, path: str, **query: Any) -> dict[str, dict[str, Any]]:
    """All of it, by subject, on lines or page by page."""
    address = f"http://127.0.0.1:{year.port}{path}"
    headers = {**year.headers, "Accept": "application/x-ndjson"}
    with httpx.Client(headers=headers, timeout=120, trust_env=False) as client:
        answer = client.get(address, params=query).raise_for_status()
        if answer.headers["content-type"] == "application/x-ndjson":
            return by_subject(map(json.loads, answer.text.splitlines()))
        items = answer.json()["items"]
        while after := answer.json()["next"]:
            answer = client.get(address, params={**query, "after": after}).raise_for_status()
            items += answer.json()["items"]
        return by_subject(items)


def by_subject(rows: Any) -> dict[str, dict[str, Any]]:
    return {row["subject"]: row for row in rows}


@pytest.mark.parametrize("basis", ["effect", "known"])
def test_the_estate_at_three_moments_is_the_same_by_both_ways(
    year: Server, shell: Shell, basis: str
) -> None:
    """Each row says its basis. What the ledger said in 2016 is nothing, since it was imported years later."""
    seen: list[int] = []
    for moment in MOMENTS:
        arguments = ["--at", moment, "--basis", basis, "--family", "incident"]

        said = by_subject(map(json.loads, shell.ok("state", *arguments, "--json").out.splitlines()))
        served = over_http(year, "/v1/replay/state", at=moment, basis=basis, family="incident")

        assert {name: (row["version"], row["state"]) for name, row in said.items()} == {
            name: (row["version"], row["state"]) for name, row in served.items()
        }
        assert {row["basis"] for row in said.values()} <= {basis}
        seen.append(len(said))

    if basis == "known":
        assert seen == [0, 0, 0]
    else:
        assert all(fewer < more for fewer, more in pairwise(seen)), seen


def test_the_difference_between_two_of_them_is_told_with_its_entries(
    year: Server, shell: Shell
) -> None:
    arguments = ["--from", "2016-12-24T00:00:00Z", "--to", MOMENTS[2], "--family", "incident"]

    said = by_subject(map(json.loads, shell.ok("diff", *arguments, "--json").out.splitlines()))
    served = over_http(
        year, "/v1/replay/diff", **{"from": "2016-12-24T00:00:00Z", "to": MOMENTS[2], "family": "incident", "limit": 5},
    )  # fmt: skip

    assert said
    for name, row in said.items():
        assert served[name]["fields"] == row["fields"]
        assert {one["why"] for one in row["entries"]} == {"in-time"}
        assert row["fields"] or row["became"] == "added"


def test_pm4py_opens_the_ocel_file(shell: Shell) -> None:
    path = shell.directory / "march.jsonocel"
    first = json.loads(shell.ok("events", "--after", "300").out.splitlines()[0])

    shell.ok("export", "-o", str(path), "--family", "incident", "--up-to", "20000")

    found = read_back.read_ocel_json(path)
    assert len(found.events) > 15_000
    assert first["subject"] in set(found.objects["ocel:oid"])


def test_the_graph_is_a_picture(year: Server, shell: Shell) -> None:
    path = shell.directory / "graph.svg"

    shell.ok("process", "graph", "--family", "incident", "--by", "status", "-o", str(path))
    served = httpx.get(
        f"http://127.0.0.1:{year.port}/v1/process/graph.svg",
        params={"family": "incident", "by": "status"}, headers=year.headers, timeout=120, trust_env=False,
    ).raise_for_status()  # fmt: skip

    for text in (path.read_text(), served.text):
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert all(status in text for status in ("resolved", "closed", "on_hold"))


def test_an_answer_is_accepted_and_with_one_byte_changed_refused(shell: Shell) -> None:
    """By the stand-alone script, which finds no package of ours."""
    answer, changed = shell.directory / "answer.json", shell.directory / "changed.json"
    vkey = shell.ok("vkey").out.strip()

    shell.ok("show", "incident/INC0000045", "--at", MOMENTS[1], "--proof", str(answer))
    raw = bytearray(answer.read_bytes())
    raw[raw.index(b"Group 56")] ^= 1
    changed.write_bytes(raw)

    accepted, refused = (checked(path, vkey) for path in (answer, changed))
    assert accepted.returncode == 0, accepted.stderr
    assert accepted.stdout.startswith("accepted: the answer about incident/INC0000045 is what ")
    assert refused.returncode == 1
    assert refused.stderr.startswith("REFUSED: ")


def checked(path: Path, vkey: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", DOCS / "check_answer.py", path, vkey],
        capture_output=True,
        text=True,
        check=False,
    )
