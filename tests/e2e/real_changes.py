"""The reviewed code changes, read anew and by other means than the importer's, as what a ledger has to agree with.

Nothing here imports the importer: two readings that share a mistake would agree on it.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.real_logs import Expected, Row


def change_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def approvers(row: Row) -> list[str]:
    return row["approved_by"].split(";")


def utc(cell: str) -> str:
    return datetime.fromisoformat(cell).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def reverted_by(rows: Sequence[Row]) -> dict[str, Row]:
    """Change-Id → the row that reverts it: the nearest one before it that has the commit or the number."""
    found: dict[str, Row] = {}
    for at, row in enumerate(rows):
        name = row["reverts"]
        if name:
            (target, *_) = (
                one for one in reversed(rows[:at]) if name in (one["commit"], one["review_no"])
            )
            found[target["change_id"]] = row
    return found


def change_states(rows: Sequence[Row]) -> Iterator[tuple[str, Expected]]:
    """Change-Id and what its state must tell at the end; people by their names."""
    undone = reverted_by(rows)
    does_undo = {row["change_id"]: target for target, row in undone.items()}
    for row in rows:
        number = row["change_id"]
        revert = undone.get(number)
        yield (
            number,
            {
                "status": "rolled_back" if revert else "implemented",
                "title": row["subject"],
                "requested_by": row["author"],
                "requested_at": utc(row["author_at"]),
                "services": {row["repo"]: True},
                "source": {"review": row["review_no"]},
                "commits": {
                    row["commit"]: {
                        "author": row["author"],
                        "committed_at": utc(row["author_at"]),
                        "repository": row["repo"],
                    }
                },
                "tests": [{"by": row["test_result_by"], "verdict": "passed"}]
                if row["test_result_by"]
                else [],
                "approvals": [{"by": name, "verdict": "granted"} for name in approvers(row)],
                "implemented_by": row["submitter"],
                "implemented_at": utc(row["submitted_at"]),
                "rolled_back_by": revert["submitter"] if revert else None,
                "rolled_back_at": utc(revert["submitted_at"]) if revert else None,
                "links": _links(row, revert, does_undo.get(number)),
            },
        )


def _links(row: Row, revert: Row | None, undoes: str | None) -> set[tuple[str, str]]:
    issues = {("related", issue) for issue in row["issues"].split(";") if issue}
    back = {("reverted_by", f"change/{revert['change_id']}")} if revert else set()
    return issues | back | ({("reverts", f"change/{undoes}")} if undoes else set())
