"""CloudEvents JSON Lines and CSV: a line for each entry, exact or made safe to look at."""

from __future__ import annotations

import csv
import io

from ledger.ledger import Ledger
from replay.exports.cloudevents import cloudevents
from replay.exports.comma_separated import comma_separated
from replay.exports.selection import Selection
from tests.replay.exports.given_exports import (
    BIG,
    FIRST,
    FORMULA,
    NASTY,
    lines,
    selection,
)


def rows(chosen: Selection, *, exact: bool = False) -> list[dict[str, str]]:
    text = b"".join(comma_separated(chosen, exact=exact)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_cloudevents_are_the_stored_bytes_of_each_entry(trapped: Ledger) -> None:
    """Commitments and all, whoever reads: their hashes are the leaves."""
    chosen = selection(trapped, personal=True)

    written = b"".join(cloudevents(chosen))

    stored = [entry.raw for entry in trapped.entries(0, 1_000_000)]
    assert written.split(b"\n") == [*stored, b""]
    assert chosen.counts.events == len(stored)


def test_cloudevents_of_a_family_and_a_period_are_the_lines_of_those(trapped: Ledger) -> None:
    size = trapped.head().size

    written = b"".join(cloudevents(selection(trapped, "incident", after=3, up_to=size - 1)))

    stored = list(trapped.entries(3, size, size - 1))
    wanted = [entry.raw for entry in stored if entry.subject.startswith("incident/")]
    assert 0 < len(wanted) < len(stored)
    assert written.splitlines() == wanted


def test_csv_has_a_row_for_each_entry_with_its_envelope_and_its_scalars(trapped: Ledger) -> None:
    found = rows(selection(trapped))

    entries = lines(trapped)
    assert [int(row["position"]) for row in found] == list(range(1, len(entries) + 1))
    for row, entry in zip(found, entries, strict=True):
        for name in ("time", "recordedtime", "subject", "type", "authid", "id", "decision"):
            assert row[name] == entry[name]
        stated = {name: value for name, value in entry["data"].items() if isinstance(value, int)}
        assert {name: row[f"data.{name}"] for name in stated} == {
            name: str(value).lower() for name, value in stated.items()
        }
    (first,) = [row for row in found if row["subject"] == FIRST and row["version"] == "1"]
    assert first["data.source.big"] == str(BIG)
    assert first["data.source.text"] == NASTY
    assert first["data.title"] == "[personal]"


def test_a_formula_in_a_cell_is_defused(trapped: Ledger) -> None:
    """Whoever names a ticket `=HYPERLINK(…)` runs nothing on the analyst's machine. Numbers stay numbers."""
    found = rows(selection(trapped))

    statuses = {row["data.source_status"] for row in found}
    cells = {cell for row in found for cell in row.values()}
    assert f"'{FORMULA}" in statuses
    assert "'@x" in statuses
    assert [cell for cell in cells if cell[:1] in set("=+@\t\r\n")] == []
    assert {cell for cell in cells if cell.startswith("-")} == {str(-(2**31) - 5)}


def test_exact_cells_are_left_as_they_are(trapped: Ledger) -> None:
    found = rows(selection(trapped), exact=True)

    assert {FORMULA, "@x"} <= {row["data.source_status"] for row in found}


def test_a_period_without_events_is_a_header(trapped: Ledger) -> None:
    after = trapped.head().size

    assert rows(selection(trapped, after=after)) == []
    assert b"".join(comma_separated(selection(trapped, after=after))).startswith(b"position,time,")
    assert b"".join(cloudevents(selection(trapped, after=after))) == b""
