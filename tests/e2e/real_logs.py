"""The real logs, read anew and by other means than the importer's, as what a ledger has to agree with.

Nothing here imports the importer: two readings that share a mistake would agree on it.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
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
