"""What is wrong with a file or a row is told, kept apart, and harms nothing else."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from api.importing import taking
from api.importing.faults import CannotRead, ColumnsDiffer, InputTruncated, StrictStop
from api.importing.run import run_import
from domain.incident_commands import ReportIncident
from ledger.govern import Order
from tests.api.importing_house import (
    ACTOR,
    TICKETS,
    counts,
    csv_text,
    entries,
    opened,
    row,
    runs,
    take,
    tickets,
    types,
    write,
)


def test_a_bad_row_is_told_and_kept_and_stops_nothing(tmp_path: Path) -> None:
    rows = [
        row("T1", "New"),
        row("T1", "Active", priority="Middling"),
        row("T1", "Active", saved_at="yesterday"),
        ("T1", "Active"),
        row("?", "New"),
        row("T 1", "New"),
        row("T1", "?"),
        row("T1", "Resolved", saved_at="2026-03-02T10:00:00"),
    ]
    path = write(tmp_path, rows)
    os.umask(0o022)
    (tmp_path / "tickets.csv.rejects.jsonl").write_text("old\n")

    with opened(tmp_path) as house:
        result = take(house, path)

        assert counts(result) == (8, 2, 0, 0, 6)
        assert types(house, "incident/T1") == ["reported", "resolved"]
        assert entries(house, "incident/T1")[-1].attributes["id"] == "T1:6:1"
    kept = tmp_path / "tickets.csv.rejects.jsonl"
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [each["line"] for each in told] == [3, 4, 5, 6, 7, 8]
    assert [each["reason"].split(",")[0] for each in told] == [
        "priority: 'Middling' is not in the table priority",
        "expected a time like iso",
        "expected 7 fields",
        "the row has no number",
        "expected a subject id such as incident/INC0010001",
        "a ticket has a state",
    ]
    assert told[2]["row"] == "T1,Active"
    assert [(line, reason) for line, reason in result.bad_lines] == [
        (each["line"], each["reason"]) for each in told
    ]
    assert result.rejects_file == kept
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_a_bad_row_said_is_said_by_the_next_good_one(tmp_path: Path) -> None:
    rows = [
        row("T1", "New"),
        row("T1", "Active", group="Desk", saved_at="?"),
        row("T1", "Active", group="Desk"),
    ]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows))

        state = house.ledger.subject("incident/T1").state
        assert (state["status"], state["assignment_group"]) == ("in_progress", "Desk")


def test_a_row_that_was_mended_is_taken_by_the_next_run(tmp_path: Path) -> None:
    broken = [row("T1", "New"), row("T2", "New", saved_at="?"), row("T1", "Active")]
    mended = [row("T1", "New"), row("T2", "New"), row("T1", "Active")]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, broken))
        result = take(house, write(tmp_path, mended))

        assert counts(result) == (3, 1, 0, 2, 0)
        assert types(house, "incident/T2") == ["reported"]


def test_a_row_about_a_subject_of_another_recorder_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, [row("INC0010001", "New"), row("T1", "New")])

    with opened(tmp_path) as house:
        report = ReportIncident(**ReportIncident.example)
        house.ledger.execute(Order(report, ACTOR))
        result = take(house, path)

        assert counts(result) == (2, 1, 0, 0, 1)
        assert result.reasons == {"not-the-owner": 1}
        assert types(house, "incident/INC0010001") == ["reported"]


def test_what_a_refused_row_said_is_compared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 1)
    huge = row("T1", "Resolved", group="x" * 70_000)
    text = TICKETS.replace(b"assignment_group: group, ", b"") + b"  columns: {notes: group}\n"

    with opened(tmp_path) as house:
        path = write(tmp_path, [row("T1", "New"), huge, row("T1", "Resolved", group="Desk")])
        result = take(house, path, tickets(text))

        assert result.reasons == {"entry-too-large": 1}
        state = house.ledger.subject("incident/T1").state
        assert (state["status"], state["source"]["notes"]) == ("resolved", "Desk")


def test_strict_stops_at_the_first_bad_row_and_keeps_what_was_before(tmp_path: Path) -> None:
    path = write(tmp_path, [row("T1", "New"), row("T2", "New", saved_at="?"), row("T3", "New")])

    with opened(tmp_path) as house:
        with pytest.raises(StrictStop, match="line 3: the row has no time") as stop:
            run_import(house, path, tickets(), ACTOR, strict=True)

        assert counts(stop.value.result) == (2, 1, 0, 0, 1)
        assert types(house, "incident/T1") == ["reported"]
        assert runs(house)[0]["stopped"] == "bad-row at line 3"


@pytest.mark.parametrize("cut", ["gzip", "plain"])
def test_a_truncated_file_gives_what_was_whole_and_continues_later(
    tmp_path: Path, cut: str
) -> None:
    rows = [row(f"T{n}", "New", saved_by=f"Person {n * n}") for n in range(400)]
    whole = csv_text(rows).encode()
    path = tmp_path / "cut.csv"
    path.write_bytes(gzip.compress(whole)[:-2_000] if cut == "gzip" else whole[:-30])

    with opened(tmp_path) as house:
        with pytest.raises(InputTruncated) as error:
            take(house, path)
        taken = error.value.result.recorded
        path.write_bytes(whole)
        result = take(house, path)

        assert 0 < taken < 400
        assert error.value.facts["line"] == taken + 2
        assert f"line {taken + 2}" in error.value.message
        assert str(runs(house)[0]["stopped"]) == f"input-truncated at line {taken + 2}"
        assert counts(result) == (400, 400 - taken, 0, taken, 0)


def test_a_file_of_another_shape_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("number,colour\nT1,red\n")

    with opened(tmp_path) as house:
        head = house.ledger.head().size

        with pytest.raises(ColumnsDiffer, match=r"reads .*state"):
            take(house, path)
        path.write_text(csv_text([]).replace("saved_by", "saved_by,colour"))
        with pytest.raises(ColumnsDiffer, match="does not name colour"):
            take(house, path)
        with pytest.raises(CannotRead):
            take(house, tmp_path / "nowhere.csv")

        assert house.ledger.head().size == head
