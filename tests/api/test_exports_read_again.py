"""What is exported as XES can be imported again, by a mapping of its own."""

from __future__ import annotations

from pathlib import Path

from api.compose import House
from api.exporting import Exporting, Period
from api.identity import LOCAL_OPERATOR
from domain.fold import fold
from tests.api.importing_house import counts, opened, row, take, tickets, types, write

PER_EVENT = {
    "reported": "priority: {column: data.priority, as: integer}",
    "assigned": "assignment_group: data.assignment_group, assigned_to: "
    "{column: data.assigned_to, extract: '^principal/(.*)$'}",
    "work-started": "",
    "resolved": "",
    "reprioritised": "priority: {column: data.priority, as: integer}",
}
"""Each event becomes itself. What names people names somebody of another ledger, so their numbers become names."""

RULES = "".join(
    f"""
  - event: itsm.incident.{name}.v1
    when: {{is: {{concept:name: [itsm.incident.{name}]}}}}
    members: {{{members}}}"""
    for name, members in PER_EVENT.items()
)
MAPPING = f"""
mapping: another-ledger
source: another-ledger
file: {{format: xes}}
number: case:number
family: {{column: case:family, table: {{incident: incident}}}}
time: {{column: time:timestamp, formats: [iso]}}
events:{RULES}
keep:
  status: data.source_status
  columns: {{position: {{column: position, as: integer}}}}
"""


def states(house: House) -> dict[str, dict[str, object]]:
    kept = ("status", "assignment_group", "priority", "source_status")
    found: dict[str, dict[str, object]] = {}
    for number in (1, 2, 3):
        subject = f"incident/INC{number}"
        state = fold(entry.data for entry in house.ledger.entries_of(subject))
        found[subject] = {name: state.get(name) for name in kept}
    return found


def test_our_own_xes_is_imported_into_another_ledger(tmp_path: Path) -> None:
    """Types, times to the microsecond, order and values are the same; so is what they come to."""
    here, there, log = tmp_path / "here", tmp_path / "there", tmp_path / "log.xes.gz"
    here.mkdir()
    there.mkdir()
    at = "2026-03-02T09:00:00.{:06d}"
    rows = [
        row("INC1", "New", group="mail & <news>", saved_at=at.format(1)),
        row("INC2", "New", saved_at=at.format(2)),
        row("INC1", "Active", group="mail & <news>", owner="Ada", saved_at=at.format(3)),
        row("INC3", 'Odd "state"', saved_at=at.format(4)),
        row("INC1", "Resolved", group="mail & <news>", owner="Ada", saved_at=at.format(5)),
    ]
    with opened(here) as house:
        take(house, write(tmp_path, rows), tickets())
        Exporting(house.ledger, LOCAL_OPERATOR, ["incident"], Period()).write("xes", log)
        told = {name: (types(house, name), state) for name, state in states(house).items()}
        times = [entry.time for entry in house.ledger.entries_of("incident/INC1")]

    with opened(there) as house:
        done = take(house, log, tickets(MAPPING.encode()))
        again = {name: (types(house, name), state) for name, state in states(house).items()}
        times_again = [entry.time for entry in house.ledger.entries_of("incident/INC1")]

    assert counts(done)[4] == 0
    assert again == told
    assert times_again == times
