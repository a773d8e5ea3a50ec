"""A published log of some thousand rows, imported and exported again: pm4py counts what the ledger holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.importing.run import run_import
from ledger.ledger import Ledger
from replay.exports.ocel_json import ocel_json
from replay.exports.ocel_sqlite import write_ocel_sqlite
from replay.exports.xes import xes
from tests.api.importing_house import ACTOR, opened
from tests.replay.exports.given_exports import (
    activities,
    lines,
    named_in,
    related,
    selection,
    states,
    written,
)
from tests.replay.exports.read_back import counted, read_ocel_json, read_ocel_sqlite, read_xes
from tests.shared import shared_path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The closed problems of Volvo IT (BPI Challenge 2013)."""
    directory = tmp_path_factory.mktemp("problems")
    path = shared_path("data", "bpic2013_closed_problems.xes.gz")
    with opened(directory) as house:
        run_import(house, path, "vinst-problems", ACTOR, rejects=directory / "rejects")
        yield house.ledger


@pytest.fixture(scope="module")
def entries(problems: Ledger) -> list[dict[str, Any]]:
    return lines(problems)


def test_sqlite_holds_every_event_object_and_relation(
    problems: Ledger, entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "log.sqlite"
    write_ocel_sqlite(selection(problems), path)

    log = read_ocel_sqlite(path)

    relations = [(entry["type"], named) for entry in entries for named in related(entry)]
    ends = {name for _, (_, name) in relations}
    links = Counter(
        qualifier
        for subject, state in states(entries).items()
        for qualifier, name in set(named_in(state))
        if name != subject
    )
    assert counted(log.events["ocel:activity"]) == activities(entries)
    assert counted(log.objects["ocel:type"]) == Counter(name.split("/")[0] for name in ends)
    assert counted(log.relations["ocel:qualifier"]) == Counter(q for _, (q, _) in relations)
    assert counted(log.relations["ocel:type"]) == Counter(
        name.split("/")[0] for _, (_, name) in relations
    )
    assert counted(log.o2o["ocel:qualifier"]) == links
    assert counted(log.objects["ocel:type"])["problem"] == 1_487


def test_json_holds_every_event_object_and_relation(
    problems: Ledger, entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    """pm4py keeps one relation between an event and an object when it reads JSON."""
    log = read_ocel_json(written(ocel_json(selection(problems)), tmp_path / "log.jsonocel"))

    pairs = [
        (name, entry["subject"]) for entry in entries for name in {n for _, n in related(entry)}
    ]
    assert counted(log.events["ocel:activity"]) == activities(entries)
    assert set(log.objects["ocel:oid"]) == {name for name, _ in pairs}
    assert counted(log.relations["ocel:oid"]) == Counter(name for name, _ in pairs)
    assert counted(log.relations["ocel:qualifier"])["subject"] == len(entries)


def test_xes_holds_every_trace_and_event(
    problems: Ledger, entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    log = read_xes(written(xes(selection(problems, "problem")), tmp_path / "log.xes"))

    told = [entry for entry in entries if entry["subject"].startswith("problem/")]
    assert counted(log["concept:name"]) == activities(told)
    assert counted(log["case:concept:name"]) == Counter(entry["subject"] for entry in told)
    assert counted(log["org:resource"]) == Counter(entry["authid"] for entry in told)
