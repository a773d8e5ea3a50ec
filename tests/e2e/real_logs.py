"""The real logs, read anew and by other means than the importer's, as what a ledger has to agree with.

Nothing here imports the importer: two readings that share a mistake would agree on it.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

Row = Mapping[str, str]
Expected = dict[str, object]

STATES = {
    "Active": "in_progress",
    "Awaiting User Info": "on_hold",
    "Awaiting Vendor": "on_hold",
    "Awaiting Problem": "on_hold",
    "Awaiting Evidence": "on_hold",
    "Resolved": "resolved",
    "Closed": "closed",
}
PLAIN = {
    "category": "category",
    "subcategory": "subcategory",
    "location": "location",
    "contact_type": "contact_type",
    "configuration_item": "cmdb_ci",
    "assignment_group": "assignment_group",
}
PEOPLE = {"assigned_to": "assigned_to", "opened_by": "opened_by", "reported_by": "caller_id", "source_created_by": "sys_created_by"}  # fmt: skip
COUNTS = ("reassignment_count", "reopen_count")
LEVELS = ("impact", "urgency", "priority")
MOVES = ("incident_state", "assignment_group", "assigned_to", "reassignment_count", "reopen_count")
"""A row in which one of them differs begins a pause, if it waits."""
TARGETS = {
    "1 - Critical": timedelta(hours=4),
    "2 - High": timedelta(hours=8),
    "3 - Moderate": timedelta(hours=24),
    "4 - Low": timedelta(hours=72),
}
JUST_BEFORE = timedelta(minutes=30)
FLAGS = ("active", "made_sla", "knowledge", "u_priority_confirmation")
WORDS = ("u_symptom", "notify", "vendor")


def rows_by_number(path: Path, number: str) -> dict[str, list[Row]]:
    """Every row under its number, in the order of the file."""
    found: dict[str, list[Row]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row[number]].append(row)
    return found


def chosen(numbers: Iterator[str] | list[str], count: int) -> list[str]:
    """The numbers with the lowest hashes: a choice that nobody made."""
    return sorted(numbers, key=lambda number: hashlib.sha256(number.encode()).digest())[:count]


def said(cell: str) -> str | None:
    return None if cell in ("", "?") else cell


def incident_states(rows: list[Row]) -> Iterator[Expected]:
    """What the state must tell after each row; people by their names."""
    status, was_assigned = "new", False
    for row in rows:
        state = row["incident_state"]
        if said(row["assignment_group"]) or said(row["assigned_to"]):
            was_assigned = True
        if state == "New":
            status = "assigned" if was_assigned else "new"
        elif state != "-100":
            status = STATES[state]
        yield {
            "status": status,
            "source_status": state,
            **{member: said(row[column]) for member, column in {**PLAIN, **PEOPLE}.items()},
            **{column: int(row[column]) for column in COUNTS},
            **{column: int(row[column][0]) for column in LEVELS},
            "source": {
                **{column: row[column] == "true" for column in FLAGS},
                **{column: word for column in WORDS if (word := said(row[column])) is not None},
            },
            "links": {
                cell
                for column in ("problem_id", "rfc", "caused_by")
                if (cell := said(row[column])) is not None
            },
        }


def broken_rules(numbers: Mapping[str, list[Row]]) -> dict[str, set[str]]:
    """Rule → the incidents whose rows show that it was broken.

    No row says what shows that a ticket waits. Times are minutes of one zone, so that they can be compared.
    """
    found: dict[str, set[str]] = {
        "pause-without-proof": set(),
        "pause-before-breach": set(),
        "priority-lowered-alone": set(),
    }
    for number, rows in numbers.items():
        opened, setter = _minute(rows[0]["opened_at"]), rows[0]["sys_updated_by"]
        for before, row in pairwise([rows[0], *rows]):
            is_first, actor = row is rows[0], row["sys_updated_by"]
            moved = is_first or any(row[column] != before[column] for column in MOVES)
            if row["incident_state"].startswith("Awaiting") and moved:
                found["pause-without-proof"].add(number)
                left = opened + TARGETS[before["priority"]] - _minute(row["sys_updated_at"])
                if timedelta(0) < left <= JUST_BEFORE:
                    found["pause-before-breach"].add(number)
            if not is_first and any(row[column] != before[column] for column in LEVELS):
                is_lower = row["priority"] > before["priority"]
                if is_lower and said(actor) and actor == setter:
                    found["priority-lowered-alone"].add(number)
                setter = actor
    return found


def _minute(cell: str) -> datetime:
    return datetime.strptime(cell, "%d/%m/%Y %H:%M")  # noqa: DTZ007 - the log names no zone


def problem_states(rows: list[Row]) -> Iterator[Expected]:
    """The same for a VINST problem. `owner` and `assignment_group` are those of the last acceptance."""
    status, taken, before = "new", {"owner": None, "assignment_group": rows[0]["org:group"]}, ""
    for row in rows:
        word = row["concept:name"]
        if word == "Accepted":
            status = "investigating"
            taken = {"owner": row["org:resource"], "assignment_group": row["org:group"]}
        elif word == "Completed":
            status = "rejected" if row["lifecycle:transition"] == "Cancelled" else "closed"
        elif word == "Queued" and before == "Completed":
            status = "investigating"
        before = word
        yield {
            "status": status,
            **taken,
            "impact": {"Major": 1, "High": 2, "Medium": 3, "Low": 4}[row["impact"]],
            "source_status": f"{word}/{row['lifecycle:transition']}",
            "source_owner": row["org:resource"],
            "source": _problem_source(row),
        }


def _problem_source(row: Row) -> dict[str, str]:
    told = {
        "group": row["org:group"],
        "role": row["org:role"],
        "organization": row.get("organization involved", ""),
        "organization_country": row.get("organization country") or row["oranization country"],
        "resource_country": row["resource country"],
        "product": row["product"],
    }
    return {name: cell for name, cell in told.items() if cell}
