"""A fresh ledger to import into, and a small mapping of tickets that the tests of the importer share."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.compose import House, open_house
from api.importing.mapping import Loaded, parse_mapping
from api.importing.result import ImportResult
from api.importing.run import run_import
from api.settings import Settings
from ledger.entry import Entry
from ledger.genesis import OPERATOR
from ledger.govern import Actor
from tests.staffing import init

ACTOR = Actor(OPERATOR, "system")

HEADER = ("number", "state", "priority", "group", "owner", "saved_at", "saved_by")

TICKETS = b"""\
mapping: tickets
source: desk
file: {format: csv, missing: ["?"]}
number: number
family: incident
time: {column: saved_at, formats: [iso], zone: UTC}
actor: saved_by
tables:
  priority: {High: 1, Low: 4}
skip:
  - when: {is: {state: [Draft]}}
    reason: a draft is nothing yet
reject:
  - when: {is: {state: [null]}}
    reason: a ticket has a state
events:
  - event: itsm.incident.reported.v1
    when: {first: true}
    members:
      priority: {column: priority, table: priority}
      reported_by: saved_by
  - event: itsm.incident.assigned.v1
    when: {changed: [group, owner]}
    members: {assignment_group: group, assigned_to: owner}
  - event: itsm.incident.work-started.v1
    when: {changed: [state, group, owner], is: {state: [Active]}}
  - event: itsm.incident.resolved.v1
    when: {changed: [state], is: {state: [Resolved]}}
  - event: itsm.incident.reprioritised.v1
    when: {first: false, changed: [priority]}
    members:
      priority: {column: priority, table: priority}
keep:
  status: state
"""


def tickets(text: bytes = TICKETS) -> Loaded:
    return parse_mapping(text, "tickets.yaml")


@contextmanager
def opened(directory: Path) -> Iterator[House]:
    """The ledger in the directory; made if there is none."""
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    if not (directory / "ledger.db").exists():
        init(settings, origin="ledger.example.com/imports", administrator="Ada")
    house = open_house(settings)
    try:
        yield house
    finally:
        house.close()


def csv_text(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def row(
    number: str,
    state: str,
    *,
    priority: str = "Low",
    group: str = "?",
    owner: str = "?",
    saved_at: str = "2026-03-02T09:00:00",
    saved_by: str = "Eve",
) -> tuple[str, ...]:
    return (number, state, priority, group, owner, saved_at, saved_by)


def write(directory: Path, rows: Sequence[Sequence[str]], name: str = "tickets.csv") -> Path:
    path = directory / name
    path.write_text(csv_text(rows), encoding="utf-8")
    return path


def take(house: House, path: Path | str, mapping: Loaded | None = None) -> ImportResult:
    return run_import(house, path, mapping or tickets(), ACTOR)


def entries(house: House, subject: str) -> list[Entry]:
    return house.ledger.entries_of(subject)


def types(house: House, subject: str) -> list[str]:
    """The short names of a subject's events, in order."""
    return [entry.type.split(".")[2] for entry in entries(house, subject)]


def counts(result: ImportResult) -> tuple[int, int, int, int, int]:
    told = result.as_dict()
    names = ("rows", "recorded", "merged", "skipped", "rejected")
    return tuple(told[name] for name in names)  # type: ignore[return-value]  # five names, five counts


def runs(house: House) -> list[dict[str, object]]:
    """What each import run said of itself."""
    log = house.ledger.entries(0, 1_000_000)
    return [entry.data for entry in log if entry.type == "itsm.ledger.import-run.v1"]
