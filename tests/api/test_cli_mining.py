"""How cases went, from the command line: for people, as JSON, and as a picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from domain.acts import LEDGER
from domain.reading import LedgerRead
from tests.api.mined import TITLE, mined
from tests.api.shell import Shell, house_of
from tests.replay.process.given_cases import when

VIEWS = (
    ("times",),
    ("handovers",),
    ("ping-pong",),
    ("reopenings",),
    ("push-to-front", "--front", "desk"),
    ("graph",),
    ("variants",),
    ("conformance",),
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return mined(tmp_path_factory.mktemp("mined")).shell


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_each_view_answers_people_and_programs_and_shows_no_text(
    shell: Shell, view: tuple[str, ...]
) -> None:
    said = shell.ok("process", *view).out
    told = shell.ok("process", *view, "--json").json

    assert said.startswith("4 incident cases, 16 events; effect at ")
    assert (told["cases"], told["events"], told["basis"]) == (4, 16, "effect")
    assert told["definition"]
    assert TITLE not in said
    assert TITLE not in str(told)
    assert "sd:sha-256" not in str(told)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view[0])
def test_a_name_moves_no_cursor_and_begins_no_line(shell: Shell, view: tuple[str, ...]) -> None:
    by = ("--by", "group") if view[0] in {"graph", "variants"} else ()

    said = shell.ok("process", *view, *by).out

    assert "\x1b" not in said
    assert ("<script>" in said) == (view[0] in {"handovers", "ping-pong", "graph", "variants"})


def test_period_moment_and_basis_are_asked_as_everywhere(shell: Shell) -> None:
    period = ("--from", when(0), "--to", when(60), "--at", when(35))
    told = shell.ok("process", "times", *period, "--json").json
    position = shell.ok("process", "times", "--position", "30", "--json").json

    assert (told["cases"], told["from"], told["to"], told["at"]) == (2, when(0), when(60), when(35))
    rows = {row["status"]: row for row in told["items"]}
    assert rows["resolved"]["open"] == {
        "visits": 2, "total_seconds": 600, "mean_seconds": 300, "median_seconds": 300,
        "p90_seconds": 300, "max_seconds": 300,
    }  # fmt: skip
    assert (position["basis"], position["position"]) == ("known", 30)
    said = shell.ok("process", "times", *period).out
    assert f"begun from {when(0)} to {when(60)}" in said


def test_the_table_of_times_tells_median_and_what_runs_on(shell: Shell) -> None:
    lines = shell.ok("process", "times").out.splitlines()

    assert lines[2].split() == [
        "status", "cases", "visits", "median", "mean", "p90", "longest", "not", "ended",
    ]  # fmt: skip
    new = next(line for line in lines if line.startswith("new"))
    assert new.split() == [
        "new",
        "4",
        "3",
        "10",
        "min",
        "8",
        "min",
        "20",
        "s",
        "10",
        "min",
        "10",
        "min",
        "1",
    ]


def test_the_graph_is_written_as_a_picture_and_whole(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "groups.svg"

    done = shell.ok("process", "graph", "--by", "group", "-o", str(path))

    picture = ET.parse(path).getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert done.out == ""
    assert "2 nodes, 2 edges" in done.err
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("times", "--family", "unicorn"), "malformed"),
        (("times", "--from", when(9), "--to", when(1)), "moment-refused"),
        (("times", "--from", "yesterday"), "malformed"),
        (("times", "--known-at", when(1)), "moment-refused"),
        (("times", "--position", "999999"), "beyond-head"),
        (("handovers", "--held-by", "title"), "malformed"),
        (("push-to-front",), "no-support-levels"),
        (("conformance", "--family", "deployment"), "no-state-machine"),
        (("conformance", "--kind", "unicorn"), "malformed"),
        (("graph", "-o", "graph.png"), "malformed"),
        (("graph", "--most-edges", "301", "-o", "graph.svg"), "malformed"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(
    shell: Shell, arguments: tuple[str, ...], code: str
) -> None:
    done = shell("process", *arguments)

    assert done.code == 2
    assert f"[{code}]" in done.err
    assert done.out == ""


def test_a_family_is_named_in_the_singular_or_the_plural(shell: Shell) -> None:
    told = shell.ok("process", "times", "--family", "incidents", "--json").json

    assert told["family"] == "incident"


def test_pages_say_where_they_go_on(shell: Shell) -> None:
    first = shell.ok("process", "variants", "--limit", "2")
    rest = shell.ok("process", "variants", "--limit", "2", "--after", "2", "--json").json

    assert "4 rows in all: --after 2" in first.err
    assert (len(rest["items"]), rest["next"]) == (2, None)


def test_asking_is_recorded_as_a_reading_of_the_past(tmp_path: Path) -> None:
    shell = mined(tmp_path).shell
    shell.ok("process", "handovers")

    house = house_of(shell)
    (entry,) = house.ledger.entries_of(LEDGER, LedgerRead)
    house.close()

    reading = entry.data["reading"]
    assert isinstance(reading, dict)
    assert (reading["what"], reading["entries"]) == ("past-state", 2)
